"""Patients per second on one pharmacokinetic job: the two-compartment problem of `python -m benchmarks`.

`python -m benchmarks.cohort_pk --size 1000000 --peers diffrax,numba,scipy --json speed.json`
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from benchmarks.__main__ import main as all_benchmarks

PROBLEM = "two_compartment_oral"


def words_for_all(words: Sequence[str], problem: str = PROBLEM) -> list[str]:
    """The words of the command for all benchmarks: `--only` means tiers here.

    >>> words_for_all(["--only", "closed", "--size=8"])
    ['--only', 'two_compartment_oral', '--tiers', 'closed', '--size=8']
    """
    return ["--only", problem, *("--tiers" + word[6:] if word.startswith("--only") else word for word in words)]


def main(words: Sequence[str] | None = None) -> int:
    """Runs every chosen row, prints the table, writes the JSON file; 1 if a row failed."""
    return all_benchmarks(words_for_all(sys.argv[1:] if words is None else words))


if __name__ == "__main__":
    sys.exit(main())
