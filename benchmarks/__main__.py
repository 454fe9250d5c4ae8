"""All benchmarks, ours and the peers', one row after the other.

`python -m benchmarks --only lorenz,robertson --peers diffrax,numba,scipy,mrgsolve --json FILE --compare old.json`
"""

from __future__ import annotations

import argparse
import difflib
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks import twinsim_rows
from benchmarks.measure import Request, Row, machine, make_request, peer_row
from benchmarks.problem import Case, Ours, Peer
from benchmarks.problems import PROBLEMS
from benchmarks.report import against, describe, ratio, ratios, read_old, table, write_json

PEERS = ("diffrax", "numba", "scipy", "mrgsolve", "jax", "numpy")
TIERS = ("closed", "linear", "explicit", "stiff")
QUICK_SIZE, QUICK_PEER_SIZE = 2_048, 256


def one_of(allowed: Sequence[str]) -> Callable[[str], list[str]]:
    """Parser of a comma-separated choice from `allowed`; the beginning of a name stands for all that begin so."""

    def parse(text: str) -> list[str]:
        chosen: list[str] = []
        for word in (word.strip() for word in text.split(",") if word.strip()):
            found = [name for name in allowed if name == word] or [name for name in allowed if name.startswith(word)]
            if not found:
                close = difflib.get_close_matches(word, allowed, n=2)
                hint = f"; did you mean {' or '.join(close)}?" if close else ""
                raise argparse.ArgumentTypeError(f"{word!r} is not one of {', '.join(allowed)}{hint}")
            chosen += found
        return list(dict.fromkeys(chosen))

    return parse


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Parsed command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", type=one_of(tuple(PROBLEMS)), default=list(PROBLEMS), metavar="NAME,...")
    parser.add_argument("--peers", type=one_of(PEERS), default=[], metavar="NAME,...", help=f"of {','.join(PEERS)}")
    parser.add_argument("--tiers", type=one_of(TIERS), default=list(TIERS), help=f"rows of {','.join(TIERS)} and peers")
    parser.add_argument("--size", type=int, help="patients, instead of each problem's own number")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_SIZE} patients, one timed run: does it work?")
    parser.add_argument("--seed", type=int, default=0, help="of their parameters (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=5, help="timed runs, the median counts (default: %(default)s)")
    parser.add_argument("--json", metavar="FILE", help="also write machine and rows as JSON")
    parser.add_argument("--compare", metavar="FILE", help="an earlier JSON file: how many times its speed")
    parser.add_argument("--list", action="store_true", help="name the problems and their rows, run nothing")
    chosen = parser.parse_args(words)
    try:
        chosen.old = None if chosen.compare is None else read_old(chosen.compare)
    except ValueError as problem:
        parser.error(f"--compare: {problem}")
    if (chosen.size is not None and chosen.size < 1) or chosen.repeats < 1:
        parser.error("--size and --repeats must be at least 1")
    if chosen.quick:
        chosen.repeats = 1
    return chosen


def size_of(case: Case, chosen: argparse.Namespace) -> int:
    """Patients of our rows."""
    return chosen.size or (QUICK_SIZE if chosen.quick else case.size)


def peer_size(peer: Peer, size: int, chosen: argparse.Namespace) -> int:
    """Patients of a peer: as many as ours, unless it is slow."""
    limit = peer.size or size
    return min(size, limit, QUICK_PEER_SIZE if chosen.quick and peer.size else limit)


def rows_of(case: Case, chosen: argparse.Namespace) -> tuple[list[Ours], list[Peer]]:
    """The rows that were asked for: a tier not among TIERS (fixed, gradient, draws) is always wanted."""
    ours = [each for each in case.ours if each.name not in TIERS or each.name in chosen.tiers]
    return ours, [each for each in case.peers if each.name in chosen.peers and each.tier in chosen.tiers]


def run_case(case: Case, chosen: argparse.Namespace, folder: Path) -> list[Row]:
    """Every chosen row of one problem."""
    ours, peers = rows_of(case, chosen)
    if not ours and not peers:
        return []
    size = size_of(case, chosen)
    request = make_request(case, size, chosen.seed, chosen.repeats)

    def running(name: str, precision: str) -> None:
        print(f"running {case.name}: {name} {precision} ...", file=sys.stderr, flush=True)

    rows = []
    for each in ours:
        running(f"twinsim {each.name}", each.precision)
        rows.append(twinsim_rows.row(each, request))
    for peer in peers:
        running(f"{peer.name} {peer.variant}", peer.precision)
        rows.append(peer_row(peer, asked(request, peer, peer_size(peer, size, chosen)), folder))
    return rows


def asked(request: Request, peer: Peer, size: int) -> Request:
    """The request of a peer, whose size is its own."""
    return replace(request, size=size, variant=peer.variant, precision=peer.precision)


def listing(cases: Sequence[Case]) -> str:
    """Problems and their rows."""
    lines = []
    for case in cases:
        names = [f"twinsim {each.name} {each.precision}" for each in case.ours]
        names += [f"{each.name} {each.variant} {each.precision}" for each in case.peers]
        lines.append(f"{case.name}: {case.title}\n  {case.size:,} {case.counted}; {', '.join(names)}")
    return "\n".join(lines)


def main(words: Sequence[str] | None = None) -> int:
    """Runs every chosen row, prints the tables, writes the JSON file; 1 if a row failed."""
    chosen = arguments(words)
    cases = [PROBLEMS[name] for name in chosen.only]
    if chosen.list:
        print(listing(cases))
        return 0
    old = chosen.old
    from twinsim.run.devices import configure

    configure(fast=True)
    found = machine()
    print(describe(found))
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for case in cases:
            of_case = run_case(case, chosen, Path(folder))
            if of_case:
                print(f"\n{case.name}: {case.title}\nerror is the {case.error_is}\n")
                print("\n".join([table(of_case, case.counted, old), *ratios(of_case)]), flush=True)
            rows += of_case
            if chosen.json:  # after every problem, so that a run that is cut off leaves what it has
                write_json(chosen.json, found, rows)
    if old is not None:
        slower = [row for row in rows if (ratio(row, old) or 1.0) < 0.9]
        print(f"\n{len(slower)} of {len(rows)} rows are more than a tenth slower than in {chosen.compare}")
        print("\n".join(f"  {row.problem} {row.name} {row.dtype}: {against(row, old)}" for row in slower))
    return int(any(row.note.startswith("failed") for row in rows))


if __name__ == "__main__":
    sys.exit(main())
