"""Pictures and the HTML report of a run."""

from twinsim.report.html import Picture, Section, Table, write_report
from twinsim.report.parameters import parameter_section
from twinsim.report.results import sections_of

__all__ = ["Picture", "Section", "Table", "parameter_section", "sections_of", "write_report"]
