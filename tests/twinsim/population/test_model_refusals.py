"""What is wrong in a model file is told all at once, each fault with its key path and a remedy."""

import copy

import pytest

from twinsim.errors import ModelError
from twinsim.population.model import population_model

GOOD = {
    "title": "test",
    "source": "Nobody 2024",
    "structure": "pk/two_compartment_iv",
    "covariates": {"ward": {"levels": {"general": 0, "icu": 1}}},
    "parameters": {
        "cl": {
            "value": "4.5 L/h",
            "relations": [
                {"power": {"covariate": "crcl", "reference": "120 mL/min", "exponent": 0.8}},
                {"categorical": {"covariate": "ward", "factors": {"icu": 1.2}}},
            ],
        },
        "v1": {"value": "58 L"},
        "q": {"value": "6.5 L/h"},
        "v2": {"value": "38 L"},
    },
    "between_patients": [
        {"parameters": ["cl", "v1"], "variances": [0.1, 0.2], "covariances": {"cl": {"v1": 0.05}}},
        {"parameter": "v2", "cv": "57 %"},
    ],
    "between_occasions": [{"parameter": "cl", "sd": 0.1}],
    "residual": {"concentration": {"model": "combined2", "additive": {"sd": "3 mg/L"}, "proportional": {"sd": "20 %"}}},
    "regimen": {"route": "iv", "amount": "1 g", "interval": "12 h", "count": 6},
}
POWER = ("parameters", "cl", "relations", 0, "power")
BLOCK, SINGLE = ("between_patients", 0), ("between_patients", 1)
ERROR = ("residual", "concentration")
GONE = object()


def changed(*changes):
    document = copy.deepcopy(GOOD)
    for path, value in changes:
        place = document
        for key in path[:-1]:
            place = place[key]
        if value is GONE:
            del place[path[-1]]
        else:
            place[path[-1]] = value
    return document


def test_the_model_itself_is_good():
    assert population_model(GOOD).regimen["amount"] == 1000.0


CASES = [
    (("colour",), "red", "colour: is not a key here"),
    (("parametres",), {}, "parametres: is not a key here (did you mean parameters"),
    (("title",), GONE, "title: is missing"),
    (("structure",), "pk/two_compartment_i", "structure: no structure 'pk/two_compartment_i' (did you mean"),
    (("structure",), GONE, "structure: is missing"),
    (("parameters",), GONE, "parameters: is missing"),
    (("parameters", "vd"), {"value": "3 L"}, "parameters.vd: is not a key here"),
    (("parameters", "cl", "value"), GONE, "parameters.cl.value: is missing"),
    (("parameters", "cl", "value"), "4.5 L", "parameters.cl.value: L does not fit L/h"),
    (("parameters", "cl", "value"), "4.5 furlongs", "'furlongs' is not a unit"),
    (("parameters", "cl", "value"), 4.5, "parameters.cl.value: 4.5 has no unit (write 4.5 L/h)"),
    (("parameters", "cl", "value"), "about 4 L/h", "is no number with a unit"),
    (("parameters", "cl", "value"), True, "True is no number"),
    (("parameters", "cl", "value"), float("nan"), "is not finite"),
    (("parameters", "cl", "vlaue"), "4 L/h", "parameters.cl.vlaue: is not a key here (did you mean value"),
    (("parameters", "v1", "value"), "0 L", "parameters.v1.value: 0 L lies outside"),
    (("parameters", "v1", "value"), "-3 L", "parameters.v1.value: -3 L lies outside"),
    (("parameters", "v1", "bounds"), ["9 L"], "parameters.v1.bounds: is no pair"),
    (("parameters", "v1", "bounds"), ["90 L", "10 L"], "90 is not below 10"),
    (("parameters", "v1", "half_life"), "3 h", "stands in place of the value of a rate constant"),
    (("parameters", "v1", "fixed"), "maybe", "neither true nor false"),
    (("parameters", "v1"), 3, "parameters.v1: 3 is no mapping"),
    (("parameters", "v1", "relations"), {"power": {}}, "parameters.v1.relations: is no list"),
    (("parameters", "v1", "relations"), [{"powr": {}}], "relations[1]: powr is not one relation (known: power"),
    ((*POWER, "reference"), GONE, "parameters.cl.relations[1].power.reference: is missing"),
    ((*POWER, "reference"), "120 kg", "power.reference: kg does not fit mL/min"),
    ((*POWER, "reference"), 0, "power.reference: 0 is not above zero"),
    ((*POWER, "exponent"), GONE, "power.exponent: is missing"),
    ((*POWER, "covariate"), "crlc", "crlc is not declared (did you mean crcl"),
    ((*POWER, "covariate"), GONE, "power.covariate: is missing"),
    ((*POWER, "slope"), 1, "power.slope: is not a key here"),
    (("parameters", "cl", "relations", 1, "categorical", "factors", "icu"), 0, "factors.icu: 0 is not above zero"),
    (("parameters", "cl", "relations", 1, "categorical", "factors"), {"ICU": 2}, "factors.ICU: is not a key here"),
    (("parameters", "cl", "relations", 1), {"categorical": {"covariate": "crcl", "factors": {}}}, "crcl has no levels"),
    (
        ("parameters", "cl", "relations", 1),
        {"genotype": {"covariate": "ward", "factors": {"icu": 2}}},
        "general: is missing",
    ),
    (("parameters", "cl", "relations", 1), {"threshold": {"covariate": "age", "factor": 2}}, "one of below and above"),
    (("parameters", "cl", "relations", 1), {"cap": {}}, "say at_least, at_most or both"),
    (("parameters", "cl", "relations", 1), {"cap": {"at_least": "3 L/h", "at_most": "2 L/h"}}, "is not below at_most"),
    (("parameters", "cl", "relations", 1), {"additive": {"terms": []}}, "holds no terms"),
    (("parameters", "cl", "relations", 1), {"maturation": {"tm50": 47, "hill": 3}}, "pma is not declared"),
    (("covariates", "ward", "levels"), {"general": 0}, "covariates.ward.levels: needs at least two words"),
    (("covariates", "ward", "typical"), "theatre", "covariates.ward.typical: 'theatre' is not known"),
    (("covariates", "crcl"), {"unit": "kg"}, "covariates.crcl.unit: kg does not fit mL/min"),
    (("covariates", "apgar"), {"unit": "1"}, "covariates.apgar: is used by no relation"),
    (("covariates", "apgar"), {}, "covariates.apgar.unit: is missing"),
    (("covariates", "size"), {"formula": "lean"}, "covariates.size.formula: 'lean' is not known"),
    ((*SINGLE, "parameter"), "v3", "between_patients[2].parameter: there is no parameter 'v3' (known: cl, duration, q"),
    ((*SINGLE, "parameter"), "cl", "cl varies twice"),
    ((*SINGLE, "cv"), GONE, "between_patients[2]: say which: variance, sd or cv"),
    ((*SINGLE, "sd"), 0.3, "between_patients[2]: say which: variance, sd or cv"),
    ((*SINGLE, "cv"), 57, "a cv of 57 is 5700%"),
    ((*SINGLE, "cv"), 0, "0 is not above zero"),
    ((*SINGLE, "distribution"), "log-normal", "'log-normal' is not known (did you mean lognormal"),
    ((*SINGLE, "distribution"), "normal", "a cv says nothing about a normal effect"),
    (SINGLE, {"parameter": "v2", "distribution": "normal", "sd": 3}, "sd: 3 has no unit (write 3 L)"),
    (SINGLE, {"parameter": "v2", "distribution": "logit", "sd": 0.3}, "the logit of v2 needs bounds"),
    (SINGLE, {"sd": 0.3}, "between_patients[2]: names no parameter"),
    (
        (*BLOCK, "covariances"),
        {"cl": {"v1": 0.2}},
        "between_patients[1].covariances: the covariance matrix is not positive",
    ),
    ((*BLOCK, "covariances"), {"cl": {"v3": 0.01}}, "covariances.cl.v3: is not a key here"),
    ((*BLOCK, "covariances"), {"cl": {"v1": 0.05}, "v1": {"cl": 0.05}}, "is given twice"),
    ((*BLOCK, "covariances"), GONE, "covariances or correlations"),
    ((*BLOCK, "variances"), [0.1], "is no list of 2 numbers"),
    ((*BLOCK, "variances"), [0.1, -0.2], "-0.2 is not above zero"),
    ((*BLOCK, "parameters"), ["cl", "cl"], "names one parameter twice"),
    (("between_occasions", 0, "distribution"), "normal", "between_occasions[1].sd: 0.1 has no unit"),
    (
        ("between_occasions", 0),
        {"parameter": "cl", "distribution": "normal", "sd": "1 L/h"},
        "lognormal between patients",
    ),
    (("residual", "effect"), {"model": "additive"}, "residual.effect: is not a key here"),
    ((*ERROR, "model"), "combined", "residual.concentration.model: 'combined' is not known (did you mean combined"),
    ((*ERROR, "additive"), GONE, "residual.concentration.additive: is missing"),
    ((*ERROR, "additive"), {"sd": "3 mg"}, "residual.concentration.additive.sd: mg does not fit mg/L"),
    ((*ERROR, "additive"), {"variance": "9 mg/L"}, "additive.variance: mg/L does not fit"),
    ((*ERROR, "additive"), {"sd": "3 mg/L", "variance": "9 mg2/L2"}, "say which: sd or variance"),
    ((*ERROR, "additive"), {"sd": "0 mg/L"}, "additive.sd: 0 is not above zero"),
    ((*ERROR, "proportional"), 0.2, "residual.concentration.proportional: 0.2 is no mapping"),
    ((*ERROR, "exponent"), 0.2, "residual.concentration.exponent: is not a key here"),
    (("parameterisation",), "micro_constant", "'micro_constant' is not known (did you mean micro_constants"),
    (("parameterisation",), "elimination_rate", "elimination_rate needs a structure with v, cl"),
    (("parameterisation",), "micro_constants", "parameters.q: follows from k12, k21"),
    (("regimen", "route"), "oral", "regimen.route: 'oral' is not known"),
    (("regimen", "amount"), "1 L", "regimen.amount: L does not fit mg"),
    (("regimen", "count"), 2.5, "regimen.count: 2.5 is no whole number"),
]


@pytest.mark.parametrize(
    ("path", "value", "words"), CASES, ids=[f"{'.'.join(map(str, c[0]))}-{i}" for i, c in enumerate(CASES)]
)
def test_refusal(path, value, words):
    with pytest.raises(ModelError) as caught:
        population_model(changed((path, value)))
    assert words in str(caught.value)
    assert caught.value.do


def test_all_faults_are_told_at_once():
    document = changed(
        (("parameters", "v1", "value"), "0 L"),
        (("parameters", "q", "value"), "6.5 L"),
        ((*POWER, "reference"), GONE),
        ((*SINGLE, "parameter"), "v3"),
        (("colour",), "red"),
    )
    with pytest.raises(ModelError) as caught:
        population_model(document)
    assert caught.value.what == "5 faults in the model"
    for key in ("parameters.v1.value", "parameters.q.value", "power.reference", "between_patients[2]", "colour"):
        assert key in caught.value.why


def test_nothing_is_evaluated():
    with pytest.raises(ModelError, match="is no number with a unit"):
        population_model(changed((("parameters", "cl", "value"), "__import__('os').getcwd() L/h")))
    with pytest.raises(ModelError, match="is no number with a unit"):
        population_model(changed((("parameters", "cl", "value"), "theta1 * 3 L/h")))
