"""Readers that turn a file from outside into checked tables."""

from twinsim.records.chosen import censored, without
from twinsim.records.nonmem import read_records
from twinsim.records.record import Baseline, Records, numbered
from twinsim.records.refusal import Refusal

__all__ = ["Baseline", "Records", "Refusal", "censored", "numbered", "read_records", "without"]
