"""The problems by name, in the order in which they run."""

from __future__ import annotations

from benchmarks.problem import Case
from benchmarks.problems import (
    hires,
    lorenz,
    myelosuppression,
    one_compartment_28_days,
    pbpk16,
    pbpk_cohort,
    pollu,
    random_draws,
    robertson,
    two_compartment_oral,
)

PROBLEMS: dict[str, Case] = {
    case.name: case
    for case in (
        two_compartment_oral.problem,
        one_compartment_28_days.problem,
        lorenz.fixed,
        lorenz.adaptive,
        lorenz.gradients,
        robertson.problem,
        hires.problem,
        pollu.problem,
        pbpk16.problem,
        pbpk_cohort.midazolam,
        pbpk_cohort.theophylline,
        myelosuppression.problem,
        random_draws.problem,
    )
}
