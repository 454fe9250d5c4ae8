"""The file format: layout, shards, results, and how they are read back."""

from twinsim.store.folder import config_hash
from twinsim.store.layout import Layout
from twinsim.store.read import open_results
from twinsim.store.results import Contents, write_results
from twinsim.store.variable import NOT_COMPUTED, Coordinate, Variable, status_variable

__all__ = [
    "NOT_COMPUTED",
    "Contents",
    "Coordinate",
    "Layout",
    "Variable",
    "config_hash",
    "open_results",
    "status_variable",
    "write_results",
]
