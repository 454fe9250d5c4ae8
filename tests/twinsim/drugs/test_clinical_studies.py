"""The drugs that come with twinsim in virtual adults beside published areas, peaks and half-lives.

The equations are solved by the eigenvectors of each patient's, without the solver that a run uses; one drug is run too.
"""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import twinsim
from kernels import endpoints
from twinsim.drugs.clinical import Clinical, pool
from twinsim.population.fields import Number

DRUGS = [name for name in twinsim.drug_names() if twinsim.drug(name).reference is not None]
TRACE = 1e-9  # mg: so little that nothing saturates


@pytest.fixture(scope="module")
def adults():
    return twinsim.sample_cohort(300, "adults_anatomy", seed=1)


@pytest.fixture(scope="module")
def half_life():
    return jax.jit(endpoints.half_life)


def solved(model, adults, dose, route, times):
    """Concentrations (time, patient) and areas to infinity (patient)."""
    structure, count = model.structure, adults.size
    given = model.individual(adults.covariates)
    p = SimpleNamespace(**{name: jnp.broadcast_to(jnp.asarray(value), (count,)) for name, value in given.items()})
    names = structure.state_names

    @jax.jit
    def slopes(amounts):
        rates = structure.rates(0.0, SimpleNamespace(**dict(zip(names, amounts, strict=True))), p, SimpleNamespace())
        return jnp.stack([jnp.broadcast_to(rates[name], (count,)) for name in names])

    unit = TRACE * np.eye(len(names))
    columns = [np.asarray(slopes(jnp.broadcast_to(row[:, None], (len(names), count)))) / TRACE for row in unit]
    rates, vectors = np.linalg.eig(np.stack(columns, axis=-1).transpose(1, 0, 2))
    start = dose * (np.array(names) == structure.route(route).to)
    parts = np.linalg.solve(vectors, np.broadcast_to(start[:, None].astype(complex), (count, len(names), 1)))[:, :, 0]
    parts = parts * vectors[:, names.index("venous"), :] / np.asarray(p.v_venous * p.bp)[:, None]
    curve = np.real(np.einsum("ps,pst->tp", parts, np.exp(rates[:, :, None] * times)))
    still = np.abs(rates) < 1e-9  # what only collects
    return curve, np.real(np.sum(np.where(still, 0.0, -parts / np.where(still, 1.0, rates)), axis=1))


def mean(values):
    return float(np.exp(np.mean(np.log(values))))


@pytest.mark.parametrize("name", DRUGS)
def test_within_1_5_fold_of_studies(name, adults, half_life):
    drug = twinsim.drug(name)
    model, reference = twinsim.whole_body_model(drug), drug.reference
    grid = np.linspace(0.0, reference.until, 241)
    times = np.unique(np.concatenate([grid, np.linspace(0.0, 6.0, 241)]))
    pooled = pool(drug.clinical, reference.dose)
    assert {("oral", quantity) for quantity in ("auc", "cmax", "half_life")} <= {(p.route, p.quantity) for p in pooled}
    for route in ("oral", "iv"):
        curve, area = solved(model, adults, reference.dose, route, times)
        seen = curve[np.searchsorted(times, grid)]
        last = half_life(jnp.asarray(seen), jnp.asarray(grid), jnp.asarray(0.0 if route == "oral" else -1.0))
        found = {"auc": area, "cmax": curve.max(axis=0), "half_life": np.asarray(last)}
        for each in pooled:
            if each.route == route:
                ratio = mean(found[each.quantity]) / each.value
                assert 1.0 / 1.5 < ratio < 1.5, f"{name} {route} {each.quantity}: {ratio:.2f}"


def test_a_run_finds_what_eigenvectors_find(adults):
    drug = twinsim.drug("propranolol")
    model, dose = twinsim.whole_body_model(drug), drug.reference.dose
    times = np.linspace(0.0, 24.0, 241)
    events, asked = twinsim.regimen(dose, route="oral"), ("auc_inf", "cmax", "half_life")
    found = twinsim.simulate(model, adults, events, times=times, endpoints=asked, outputs=["concentration"])
    assert (found.status == 0).all()
    fine = np.linspace(0.0, 24.0, 4801)
    curve, area = solved(model, adults, dose, "oral", fine)
    np.testing.assert_allclose(found["endpoints/auc_inf"], area, rtol=5e-3)  # a line beyond 24 h is no sum of many
    np.testing.assert_allclose(found["endpoints/cmax"], curve.max(axis=0), rtol=2e-3)
    last = endpoints.half_life(jnp.asarray(curve[::20]), jnp.asarray(times), jnp.asarray(0.0))
    np.testing.assert_allclose(found["endpoints/half_life"], last, rtol=1e-2)


def study(route, dose, quantity, value):
    numbers = [Number(name, each, "1", name, "paper") for name, each in (("dose", dose), (quantity, value))]
    return Clinical(route, numbers[0], quantity, numbers[1])


def test_studies_are_brought_to_one_dose_and_halved():
    studies = [study("oral", 10, "auc", 2.0), study("oral", 20, "auc", 36.0), study("oral", 5, "auc", 4.0)]
    (area, half) = pool([*studies, study("oral", 1, "half_life", 3.0), study("oral", 9, "half_life", 12.0)], 10.0)
    assert (area.value, area.values) == (8.0, (2.0, 18.0, 8.0))
    assert half.value == pytest.approx(6.0) and half.values == (3.0, 12.0)


def test_kidney_disease_and_children_stay_where_studies_are():
    """Metformin's clearance by mouth falls by 74 to 78 % in moderate to severe disease (Sambol et al. 1995, J Clin
    Pharmacol 35:1094, abstract): areas 3.8 to 4.5 times. Paracetamol 0.27 to 0.34 L/h/kg from 2 to 18 years (Ofirmev,
    prescribing information, read from memory)."""
    times = np.array([0.0, 1.0])
    model, areas = twinsim.whole_body_model("metformin"), []
    for stage in (0, 4):
        who = twinsim.sample_cohort(200, twinsim.population.with_anatomy("adults", ckd=stage), seed=3)
        areas.append(mean(solved(model, who, 500.0, "oral", times)[1]))
    assert 3.8 / 1.25 < areas[1] / areas[0] < 4.5 * 1.25
    children = twinsim.sample_cohort(300, "children_anatomy", seed=1)
    age, weight = (np.asarray(children.covariates[key]) for key in ("age", "weight"))
    area = solved(twinsim.whole_body_model("paracetamol"), children, 1.0, "iv", times)[1]
    assert 0.27 / 1.25 < mean((1.0 / area / weight)[age > 2.0]) < 0.34


def test_sotalol_stays_in_end_stage_kidney_disease(half_life):
    """Half-life 42 h between dialyses (Tjandramaga et al. 1976, Br J Clin Pharmacol 3:259), 69 h without any urine
    (Berglund et al. 1980, Eur J Clin Pharmacol 18:321); 7 to 15 h in the healthy (Sotalex, Swiss label)."""
    model, times = twinsim.whole_body_model("sotalol"), np.linspace(0.0, 240.0, 241)
    found = []
    for stage in (0, 5):
        who = twinsim.sample_cohort(100, twinsim.population.with_anatomy("adults", ckd=stage), seed=3)
        curve = solved(model, who, 160.0, "oral", times)[0]
        found.append(mean(np.asarray(half_life(jnp.asarray(curve), jnp.asarray(times), jnp.asarray(0.0)))))
    assert 7.0 < found[0] < 15.0 and 42.0 / 1.25 < found[1] < 69.0
