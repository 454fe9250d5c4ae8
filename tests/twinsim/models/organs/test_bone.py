"""Calcium and bone against libroadrunner on the published file, and against PTH in people whose calcium was changed.

FILE: rules, reactions and initial assignments of BIOMD0000000613_url.xml (sys-bio/temp-biomodels) written out in
Antimony, without its teriparatide event, with a factor on the loss of RANKL and one on the secretion of PTH, both 1;
antimony 3.3.0, libroadrunner 2.10.0, CVODE, relative tolerance 1e-11, absolute 1e-15. What was changed at time 0: gland
half of EPTH, rankl_loss three times koutL, gfr GFR = 1.8 L/h (30 mL/min), infusion IPTHinf = 385 pmol/h (what is
secreted at rest), calcium P + 5 mmol, gut T + 10 mmol, injection and teriparatide TERISC = 20e6/4117.8 pmol once and
every 24 h. Rows: MONTHS, HOURS for calcium and gut, INJECTION, INJECTED for teriparatide; columns: OUTPUTS.
"""

import numpy as np
import pytest

import twinsim
from twinsim.events import Events
from twinsim.models.balance import leaks, quantity_units

OUTPUTS = [
    "plasma_calcium", "plasma_phosphate", "plasma_pth", "plasma_calcitriol", "osteoblast_number", "osteoclast_number",
    "rankl_level", "bone_calcium",
]  # fmt: skip
MONTHS = [24.0, 168.0, 720.0, 2160.0, 4320.0, 8760.0]
HOURS = [1.0, 2.0, 4.0, 8.0, 24.0, 72.0]
INJECTION = [0.25, 0.5, 2.0, 4.0, 6.0, 10.0]
INJECTED = [0.5, 4.0, 169.0, 721.0, 1441.0, 2161.0]
FILE = {
    "rest": """
        2.3500954 1.1999748 3.8485952 89.999348 1 0.9999992 0.99999534 25000.003
        2.3500849 1.199978 3.8486998 89.998349 0.99999946 0.99993095 0.99996798 25000.025
        2.3500554 1.1999819 3.849153 89.99894 0.99997347 0.99965168 0.99994467 25000.138
        2.3500472 1.1999817 3.8492786 89.999108 0.99986942 0.99947877 0.9999408 25000.484
        2.3500449 1.1999812 3.8493142 89.999153 0.99977811 0.99936961 0.99992984 25001.019
        2.3500454 1.1999812 3.8493059 89.999143 0.99973652 0.99933272 0.99992267 25002.129
    """,
    "gland": """
        2.2955874 1.2008309 2.4061274 88.740845 1.0153223 0.99783074 0.99086214 24998.342
        2.2843288 1.2013037 2.7126289 87.989132 1.0746155 0.91122334 0.96075371 24990.939
        2.2629997 1.1996795 2.9669902 88.755609 1.0606959 0.69414666 0.94294856 24994.835
        2.2633069 1.1980455 2.9627095 88.755276 0.92144988 0.56607633 0.92899995 25030.369
        2.2668514 1.1986368 2.9177469 88.682241 0.79624415 0.48045177 0.90685226 25068.86
        2.2700936 1.1994632 2.8773291 88.615126 0.71796769 0.43560934 0.88935078 25107.207
    """,
    "rankl_loss": """
        2.3435563 1.1997872 3.9418032 90.01244 0.99999416 0.97293823 0.87325546 25000.192
        2.2579714 1.1966579 5.6393349 91.480993 0.98976838 0.34447273 0.4982262 25015.767
        2.2551949 1.1902595 5.72681 91.928555 0.82106608 0.12583985 0.3560223 25101.585
        2.297373 1.1895391 4.775692 91.032169 0.54153471 0.12049266 0.32201816 25291.746
        2.3146178 1.1931211 4.4437715 90.683596 0.39640162 0.11889337 0.3029732 25477.292
        2.3194176 1.1944485 4.3565761 90.587218 0.35614137 0.11829267 0.29680091 25767.588
    """,
    "gfr": """
        2.3500048 1.2057313 3.8580864 89.506171 1 0.99999977 1.000006 25000.003
        2.3488304 1.2159989 4.0764513 87.192434 1.0000135 1.0032995 1.0025664 24999.74
        2.3639474 1.2495365 4.4791787 80.052526 1.0050858 1.1150046 1.0238027 24991.729
        2.4040612 1.3081288 4.7153983 66.853836 1.0701778 1.471621 1.0506732 24906.973
        2.4254943 1.3511327 4.7979248 57.428948 1.1775041 1.7853074 1.0705779 24670.085
        2.4305798 1.3754749 4.8854194 52.379732 1.2491334 1.9476508 1.0851669 24044.284
    """,
    "infusion": """
        2.3927632 1.1992809 7.1094389 91.463505 1.0000004 1.0018965 1.0083742 25001.254
        2.4099317 1.1985142 6.647457 92.636022 1.0008216 1.104762 1.0447643 25009.256
        2.4817227 1.2009583 5.9753684 91.940372 1.0346278 1.6508242 1.0887757 25003.073
        2.5289808 1.2090912 5.748107 89.913015 1.1878829 2.236194 1.1071202 24860.835
        2.5379473 1.2116668 5.7246035 89.30204 1.3208932 2.5132085 1.1257913 24579.216
        2.5319197 1.2112238 5.7568873 89.42264 1.3404811 2.4927961 1.131316 23994.368
    """,
    "calcium": """
        2.6277844 1.1962521 1.7264911 89.992921 1.000002 0.9999997 0.9994213 25000.495
        2.5628486 1.1969899 1.9839885 89.969691 1.0001082 0.99999717 0.99883056 25000.876
        2.4752919 1.1980934 2.4983154 89.893926 1.0010566 0.9999779 0.99799203 25001.391
        2.3935826 1.1991178 3.2370343 89.718146 1.0034764 0.99986111 0.99718021 25001.877
        2.3489781 1.1996708 3.8205411 89.519337 1.0045395 0.99862514 0.99680843 25002.144
        2.3485995 1.1996794 3.8686078 89.936185 1.0043744 0.99454052 0.99735184 25002.222
    """,
    "gut": """
        2.4075374 1.1994035 3.2366954 89.999429 1 0.99999998 0.99994258 25000.047
        2.4479585 1.1988317 2.8210047 89.995182 1 0.9999997 0.99976139 25000.171
        2.4921423 1.1981548 2.4464034 89.967062 1.0001344 0.99999536 0.99916706 25000.556
        2.5016003 1.1978408 2.3449262 89.82869 1.0018512 0.99994308 0.99766525 25001.509
        2.3859662 1.1989396 3.2985653 89.134752 1.0098546 0.99850962 0.99399568 25003.815
        2.3468654 1.1993753 3.8862973 89.757913 1.0101153 0.98996234 0.99425462 25004.426
    """,
    "injection": """
        2.3525506 1.1999722 29.442851 90.001004 1 1 1.0001641 25000
        2.3551275 1.1999411 29.544672 90.004795 1 1.0000001 1.000353 25000.002
        2.3691705 1.1997572 12.872091 90.076083 1 1.0000037 1.0013636 25000.031
        2.3779314 1.1996137 5.7309115 90.22957 1 1.0000264 1.0021758 25000.109
        2.3738378 1.1996404 4.069531 90.374043 1 1.0000759 1.0024119 25000.191
        2.3604109 1.199799 3.7217633 90.549279 1 1.0002441 1.0023405 25000.294
    """,
    "teriparatide": """
        2.3551275 1.1999411 29.544672 90.004795 1 1.0000001 1.000353 25000.002
        2.3779314 1.1996137 5.7309115 90.22957 1 1.0000264 1.0021758 25000.109
        2.3633611 1.199727 22.366042 90.672425 1.0021683 1.0280121 1.0110137 25001.868
        2.3714843 1.2001759 22.253203 90.499826 1.0458487 1.1332921 1.020786 25000.521
        2.3747029 1.2007965 22.221106 90.331157 1.1257793 1.2370934 1.0289057 24992.969
        2.3778664 1.2013103 22.188776 90.182397 1.2007 1.3374001 1.0366249 24981.546
    """,
}
CASES = tuple(FILE)
CHANGED = {"gland": 0.5, "rankl_loss": 3.0}
EVENTS = (
    {"kind": "rate", "target": "iv_pth", "value": 385.0 * 8760.0, "rate": 385.0, "patient": CASES.index("infusion")},
    {"kind": "add", "target": "iv_calcium", "value": 5.0, "patient": CASES.index("calcium")},
    {"kind": "add", "target": "gut_calcium", "value": 10.0, "patient": CASES.index("gut")},
    {"kind": "add", "target": "teriparatide", "value": 20.0, "patient": CASES.index("injection")},
    {"kind": "add", "target": "teriparatide", "value": 20.0, "interval": 24.0, "additional": 90,
     "patient": CASES.index("teriparatide")},
)  # fmt: skip
# Brent et al. 1988, J Clin Endocrinol Metab 67:944, eight men: 23.2 ng/L, 6.4 and 5.6 under calcium, 95.0 and 99.9 with
# EDTA
SUPPRESSED, STIMULATED = (5.6 / 23.2, 6.4 / 23.2), (95.0 / 23.2, 99.9 / 23.2)


@pytest.fixture(scope="module")
def bone():
    return twinsim.structure("organs/bone")


@pytest.fixture(scope="module")
def found():
    """One patient for each case."""
    size = len(CASES)
    others = {"calcium": HOURS, "gut": HOURS, "injection": INJECTION, "teriparatide": INJECTED}
    times = [others.get(case, MONTHS) for case in CASES]
    document = {
        "name": "cases", "title": "cases", "source": "assumed", "structure": "organs/bone",
        "covariates": {name: {"unit": "1"} for name in CHANGED},
        "parameters": {
            name: {"value": "1", "relations": [{"proportional": {"covariate": name}}]} for name in CHANGED
        },
    }  # fmt: skip
    covariates = {name: [value if case == name else 1.0 for case in CASES] for name, value in CHANGED.items()}
    cohort = twinsim.Cohort(list(range(size)), covariates, dict.fromkeys(CHANGED, "1"))
    gfr = [[30.0] if case == "gfr" else [100.0 / 16.667 / 0.06] for case in CASES]  # the file's rounding
    found = twinsim.simulate(
        document, cohort, Events.of([{"time": 0.0, **row} for row in EVENTS]), times=times, outputs=OUTPUTS,
        inputs={"gfr": ([[0.0]] * size, gfr)}, precision="float64", solver="stiff", rtol=1e-9,
    )  # fmt: skip
    assert not np.asarray(found.status).any()
    return np.stack([np.asarray(found[name]) for name in OUTPUTS], axis=-1)


@pytest.mark.parametrize("case", CASES)
def test_the_published_file_is_met(found, case):
    wanted = np.array(FILE[case].split(), float).reshape(6, len(OUTPUTS))
    np.testing.assert_allclose(found[:, CASES.index(case)], wanted, rtol=1e-6)


@pytest.mark.parametrize("own", [{}, {"calcium0": 2.5, "pth0": 7.0, "calcitriol0": 50.0, "exchange": 150.0}])
def test_it_begins_at_rest(bone, own):
    """No state changes by more than 1e-4 of itself in an hour, whatever is measured at rest."""
    p = {item.name: item.default for item in bone.parameters} | own
    u = {port.name: port.default for port in bone.needs}
    x = bone.initial(p, u)
    for name, slope in bone.derivative(0.0, x, p, u).items():
        assert abs(float(slope)) <= 1e-4 * float(x[name]), name


def test_what_is_measured_is_normal(bone, found):
    """In the one in whom nothing is changed, for a year."""
    ports = [port for port in map(bone.output, OUTPUTS) if port.normal is not None]
    assert len(ports) == 4
    for port in ports:
        values = found[:, CASES.index("rest"), OUTPUTS.index(port.name)]
        assert port.normal.low < values.min() and values.max() < port.normal.high


def test_calcium_and_phosphate_stay(bone):
    assert set(quantity_units(bone)) == {"calcium", "phosphate"}
    assert leaks(bone) == ()


def held(bone, ratio):
    """PTH over rest where the gland secretes at this calcium over rest, before its pool changes."""
    p = {item.name: item.default for item in bone.parameters}
    u = {port.name: port.default for port in bone.needs}
    x = {**bone.initial(p, u), "pth": 0.0}
    x["calcium"] = x["calcium"] * ratio
    return float(bone.derivative(0.0, x, p, u)["pth"]) / (p["pth_clearance"] * p["pth0"])


def test_pth_answers_to_calcium_as_in_people(bone):
    """Schwarz et al. 1993, Eur J Clin Invest 23:546, 22 people: four to seven times as much PTH where ionised calcium
    is 0.21 mmol/L lower (17 % of 1.25), about a quarter where it is 0.20 mmol/L higher. High calcium suppresses as far
    in the end, but takes more of it here: 0.39 at 16 % above rest.
    """
    assert 4.0 < held(bone, 1.0 - 0.21 / 1.25) < 7.0
    assert held(bone, 1.5) == pytest.approx(np.mean(SUPPRESSED), rel=0.05)
    assert held(bone, 1.0 + 0.20 / 1.25) == pytest.approx(0.39, abs=0.01)
    # EDTA at its strongest: reached at 16 % less; with no calcium at all the source goes to 16 times, people do not
    assert held(bone, 0.85) == pytest.approx(np.mean(STIMULATED), rel=0.1)


def test_an_injection_of_teriparatide(found):
    """The European product information has peaks of teriparatide after half an hour, of calcium after 4 to 6 h (as in a
    table of Scientifica 2014:765629). How much calcium rises is another matter: 0.03 mmol/L here."""
    calcium, _, pth = found[:, CASES.index("injection"), :3].T
    assert INJECTION[int(pth.argmax())] == 0.5
    assert INJECTION[int(calcium.argmax())] in (4.0, 6.0)


def test_loss_of_rankl_rests_bone(found):
    """Denosumab: resorption falls at once and by most of it, formation follows more slowly and by less."""
    number = dict(zip(OUTPUTS, found[:, CASES.index("rankl_loss")].T, strict=True))
    assert np.all(np.diff(number["osteoclast_number"]) < 0.0) and number["osteoclast_number"][2] < 0.2
    assert number["osteoblast_number"][2] > 0.8 and 0.3 < number["osteoblast_number"][-1] < 0.5
    assert number["bone_calcium"][-1] > 1.02 * number["bone_calcium"][0]
