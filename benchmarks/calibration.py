"""How long fits take: populations by each method and tier, and individual parameters of thousands.

    python -m benchmarks.calibration --json calibration.json

120 people, 58 observations each over 12 days of dosing, one compartment with absorption, three random effects and a
proportional error: the design of the ACOP 2016 sets, simulated here, or the published set itself where
TWINSIM_REFERENCE_DATA names the folder with it. Published times for that set, on other machines: NONMEM 7.4.3 FOCEI
41 s by ADVAN2 and 660 s by ADVAN13, nlmixr2est 4.0.0 FOCEI by equations 28 s.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import twinsim
from benchmarks.measure import Row, machine, median_run
from benchmarks.report import describe, table, write_json
from twinsim.population.model import PopulationModel
from twinsim.records import Records

UNITS = {"AMT": "mg", "DV": "mg/L"}
NONMEM = 62205.879  # objective of runN026
FIRST = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 20.0, 23.99)
LAST = (36.0, 48.0, 60.0, 71.99)
PEOPLE = 4_000


def model(cl: float = 5.0, v: float = 90.0, ka: float = 1.5, variance: float = 0.1, sd: float = 0.3) -> PopulationModel:
    """One compartment with absorption; by default where fits start."""
    values = {"cl": f"{cl} L/h", "v": f"{v} L", "ka": f"{ka} 1/h"}
    return twinsim.population_model(
        {
            "title": "ACOP 2016, one compartment with absorption",
            "structure": "pk/one_compartment_oral",
            "parameters": {name: {"value": value} for name, value in values.items()},
            "between_patients": [{"parameter": name, "variance": variance} for name in values],
            "residual": {"concentration": {"model": "proportional", "proportional": {"sd": sd}}},
        }
    )


def published() -> Records | None:
    """The set itself."""
    path = Path(os.environ.get("TWINSIM_REFERENCE_DATA", "")) / "pk" / "oral_1cpt.csv"
    if not path.is_file():
        return None
    rows: Any = pd.read_csv(path)
    rows = rows[rows["EVID"] != 2][["ID", "TIME", "DV", "MDV", "AMT", "EVID", "CMT"]]
    return twinsim.read_records(rows.assign(DV=rows["DV"].where(rows["EVID"] == 0)), units=UNITS)


def simulated(people: int, seed: int = 0) -> Records:
    """A set of the same design."""
    truth = model(4.0, 70.0, 1.0, 0.09, 0.2)
    doses = [0.0, *(72.0 + 24.0 * k for k in range(7))]
    times = [*FIRST, *LAST, *(144.0 + t for t in FIRST), 95.99, 119.99, 143.99, 191.99, 215.99]
    times += [216.0 + t for t in (*FIRST, *LAST)]
    one = pd.DataFrame({"TIME": [*doses, *sorted(times)], "EVID": [1] * len(doses) + [0] * len(times)})
    one = one.sort_values(["TIME", "EVID"], ascending=[True, False])
    rows = pd.concat(
        [one.assign(ID=i + 1, AMT=(10_000.0, 30_000.0, 60_000.0, 120_000.0)[i % 4]) for i in range(people)]
    )
    rows["AMT"] = rows["AMT"].where(rows["EVID"] == 1, 0.0)
    blank = twinsim.read_records(rows.assign(EVID=rows["EVID"].replace(0, 2)), units=UNITS)
    etas = np.asarray(truth.draw_etas(seed, blank.ids))
    own = twinsim.predict(truth, blank, etas=etas)["IPRED"].to_numpy()
    noise = 1.0 + 0.2 * np.random.default_rng(seed).standard_normal(len(rows))
    return twinsim.read_records(rows.assign(DV=np.where(rows["EVID"] == 0, own * noise, np.nan)), units=UNITS)


def row(name: str, size: int, run: Callable[[], Any], error: Callable[[Any], float] | None, note: str = "") -> Row:
    """The first run, which compiles, and the median of others."""
    begun = time.perf_counter()
    found = run()
    first = time.perf_counter() - begun
    spent = median_run(run, 3)
    away = None if error is None else error(found)
    return Row(name, "cpu x2", "float64", size, first - spent, spent, size / spent, away, note, "calibration")


def measured() -> list[Row]:
    """All rows."""
    real = published()
    records, start = real or simulated(120), model()
    size = records.n_patients
    least = NONMEM if real is not None else twinsim.fit(start, records, standard_errors=None).objective
    above = lambda found: found.objective - least  # noqa: E731
    rows = []
    for tier in ("closed", "explicit"):
        run = lambda tier=tier: twinsim.fit(start, records, solver=tier)  # noqa: E731
        rows.append(row(f"twinsim focei {tier}", size, run, above, "with standard errors"))
    run = lambda: twinsim.fit(start, records, "saem", standard_errors=None)  # noqa: E731
    rows.append(row("twinsim saem closed", size, run, None, "800 iterations; its objective is the marginal's"))
    many, truth = simulated(PEOPLE), model(4.0, 70.0, 1.0, 0.09, 0.2)
    rows.append(row("twinsim individualise", PEOPLE, lambda: twinsim.individualise(truth, many), None, "4 starts"))
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    chosen = parser.parse_args(arguments)
    described = machine()
    print(describe(described))
    rows = measured()
    print(table(rows))
    print("error: objective above NONMEM's (or, of simulated sets, above focei's own minimum)")
    if chosen.json:
        write_json(chosen.json, described, rows)


if __name__ == "__main__":
    main()
