"""Patients per second on one pharmacokinetic job: twinsim's tiers and their peers, one after the other.

`python -m benchmarks.cohort_pk --size 1000000 --peers diffrax,numba,scipy --json speed.json`
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from benchmarks import twinsim_rows
from benchmarks.measure import Row, machine, peer_row, table, write_json
from benchmarks.problems.two_compartment_oral import Problem, make_problem

TIERS = ("closed", "linear", "explicit", "stiff")
OUR_TIERS = ("closed", "explicit")
PEERS = ("diffrax", "numba", "scipy")


@dataclass(frozen=True)
class Producer:
    """Where one row comes from.

    Args:
        name: of the row
        tier: what it is compared with: closed, linear, explicit or stiff
        produce: runs the problem and returns the row
    """

    name: str
    tier: str
    produce: Callable[[Problem], Row]


# --- twinsim -----------------------------------------------------------------------------------------------------


def twinsim_producers(repeats: int) -> list[Producer]:
    """Rows of this package, run in this process."""
    from twinsim.run.devices import configure

    configure(fast=True)
    return [Producer(f"twinsim {tier}", tier, partial(twinsim_rows.row, tier, repeats)) for tier in OUR_TIERS]


# --- peers -------------------------------------------------------------------------------------------------------

# peer -> rows of (module in benchmarks/peers, its variant, name of the row, tier)
PEER_ROWS = {
    "numba": (
        ("numba_peer", "closed", "numba closed", "closed"),
        ("numba_peer", "closed_uniform", "numba closed uniform", "closed"),
        ("numba_peer", "tsit5", "numba tsit5", "explicit"),
    ),
    "diffrax": (("diffrax_peer", "vmap", "diffrax vmap", "explicit"),),
    "scipy": (("scipy_peer", "odeint", "scipy odeint", "explicit"),),
}


def _peer(module: str, variant: str, name: str, repeats: int, problem: Problem) -> Row:
    return peer_row(module, variant, name, problem.size, problem.seed, repeats)


def peer_producers(peers: Sequence[str], repeats: int) -> list[Producer]:
    """Rows of other packages, each in a process of its own."""
    return [
        Producer(name, tier, partial(_peer, module, variant, name, repeats))
        for peer in peers
        for module, variant, name, tier in PEER_ROWS[peer]
    ]


# --- command line ------------------------------------------------------------------------------------------------


def _names(allowed: Sequence[str]) -> Callable[[str], list[str]]:
    """Parser of a comma-separated choice from `allowed`."""

    def parse(text: str) -> list[str]:
        names = [name.strip() for name in text.split(",") if name.strip()]
        for name in names:
            if name not in allowed:
                raise argparse.ArgumentTypeError(f"{name!r} is not one of {', '.join(allowed)}")
        return names

    return parse


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Parsed command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=100_000, help="patients (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of their parameters (default: %(default)s)")
    parser.add_argument("--peers", type=_names(PEERS), default=[], help=f"any of {','.join(PEERS)}; default: none")
    parser.add_argument("--only", type=_names(TIERS), default=list(TIERS), help=f"tiers, any of {','.join(TIERS)}")
    parser.add_argument("--repeats", type=int, default=5, help="timed runs, the median counts (default: %(default)s)")
    parser.add_argument("--json", metavar="FILE", help="also write machine and rows as JSON")
    chosen = parser.parse_args(words)
    if chosen.size < 1 or chosen.repeats < 1:
        parser.error("--size and --repeats must be at least 1")
    return chosen


def describe(found: dict) -> str:
    """The machine in two lines."""
    versions = " ".join(f"{name} {version}" for name, version in found["versions"].items() if version)
    flags = " ".join(f"{name}={value}" for name, value in found["flags"].items()) or "none"
    accelerators = ", ".join(found["accelerators"]) or "no GPU"
    return (
        f"{found['cpu']}, {found['cores']} cores, {found['memory_gib']} GiB, {accelerators}, "
        f"load {found['load_1min']}\npython {found['python']} {versions}; flags: {flags}"
    )


def main(words: Sequence[str] | None = None) -> int:
    """Runs every chosen row, prints the table, writes the JSON file; 1 if a row failed."""
    chosen = arguments(words)
    found = machine()
    problem = make_problem(chosen.size, chosen.seed)
    producers = twinsim_producers(chosen.repeats) + peer_producers(chosen.peers, chosen.repeats)
    rows = []
    for producer in producers:
        if producer.tier in chosen.only:
            print(f"running {producer.name} ...", file=sys.stderr, flush=True)
            rows.append(producer.produce(problem))
    print(describe(found))
    print("two-compartment oral, 3 doses, 100 outputs to 72 h; error is the largest of any output, of 512 patients,")
    print("as a fraction of the patient's Cmax\n")
    print(table(rows))
    if chosen.json:
        write_json(chosen.json, found, rows)
    return int(any(row.note.startswith("failed") for row in rows))


if __name__ == "__main__":
    sys.exit(main())
