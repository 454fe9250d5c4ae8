"""Virtual patients: sampled from a described population, or taken from a table."""

from twinsim.population.bodies import add_anatomy
from twinsim.population.cohort import Cohort, sample_cohort
from twinsim.population.covariates import COVARIATES, Covariate
from twinsim.population.derived import DERIVED, Derived, derive
from twinsim.population.source import SOURCES, Source, find_source, with_anatomy
from twinsim.population.timed import TimedCovariate

__all__ = [
    "COVARIATES",
    "DERIVED",
    "SOURCES",
    "Cohort",
    "Covariate",
    "Derived",
    "Source",
    "TimedCovariate",
    "add_anatomy",
    "derive",
    "sample_cohort",
    "find_source",
    "with_anatomy",
]
