"""Pictures and the HTML report of a run."""

from twinsim.report.html import Picture, Section, Table, write_report
from twinsim.report.results import sections_of

__all__ = ["Picture", "Section", "Table", "sections_of", "write_report"]
