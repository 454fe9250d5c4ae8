"""A planned study is the study that its doses and times say."""

import numpy as np
import pytest

import twinsim
from twinsim.errors import UsageError
from twinsim.events import Events
from twinsim.population.cohort import Cohort
from twinsim.records.planned import planned_records

TIMES = [0.0, 1.0, 6.0, 30.0]


@pytest.fixture(scope="module")
def cohort():
    return Cohort([4, 9], {"weight": [50.0, 80.0]}, {"weight": "kg"})


def planned(structure, cohort, doses, outputs=("concentration",), times=TIMES):
    return planned_records(twinsim.structure(structure), cohort, doses, times, outputs)


def test_it_is_predicted_as_the_regimen_is_simulated(cohort):
    """A loading infusion per kg and doses by mouth: predictions of the table against a simulation of the events."""
    doses = twinsim.regimen(2.0, per="kg", route="iv", duration=0.5)
    doses = doses + twinsim.regimen(300.0, interval=6.0, count=4, start=2.0)
    records = planned("pk/one_compartment_oral", cohort, doses)
    assert records.n_patients == 2 and records.observations.sum() == 8 and records.ids.tolist() == [4, 9]
    model = twinsim.population_model("theophylline").without_random_effects()
    table = twinsim.predict(model, records)
    seen = table[(table["EVID"] == 0)]["PRED"].to_numpy().reshape(2, 4)
    results = twinsim.simulate(model, cohort, doses, times=TIMES, precision="float64")
    assert seen == pytest.approx(results.to_xarray()["concentration"].to_numpy(), rel=1e-9)


def test_every_output_is_observed_at_every_time(cohort):
    doses = twinsim.regimen(1.5, per="kg")
    records = planned("pkpd/one_compartment_oral_turnover", cohort, doses, ("concentration", "pca"))
    assert records.dvids == ("concentration", "pca") and records.observations.sum() == 16
    assert records.units["DV"] == {"concentration": "mg/L", "pca": "%"}
    assert records.amt[records.doses].tolist() == [75.0, 120.0]
    assert np.all(records.dv[records.observations] == 1.0)


def test_what_a_table_cannot_hold(cohort):
    reset = Events.of([{"time": 1.0, "kind": "reset"}])
    with pytest.raises(UsageError, match="not 'reset'"):
        planned("pk/one_compartment_oral", cohort, reset)
    nameless = Cohort([1], {"age": [40.0]}, {"age": "y"})
    with pytest.raises(UsageError, match="doses per kg need weight"):
        planned("pk/one_compartment_oral", nameless, twinsim.regimen(1.0, per="kg"))
