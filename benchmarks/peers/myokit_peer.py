"""Beats of the ventricular myocyte by myokit, in an interpreter that has it; knows nothing of twinsim.

    PYTHON benchmarks/peers/myokit_peer.py IN.json OUT.npz

IN.json is the problem (`benchmarks.myocyte`). OUT.npz holds `potential` (time, cell) at tolerance 1e-10, `seconds` of
the runs at its default tolerance of 1e-6 alone, `coarse` (time, cell), the potential of these, and `version`.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np


def beats(problem: dict[str, Any]) -> dict[str, Any]:
    """Cells one after the other; the simulation is compiled once."""
    import myokit  # pyright: ignore[reportMissingImports]

    model: Any = myokit.load(problem["model"])[0]
    model.get("cell.mode").set_rhs(0)  # endocardial
    protocol = myokit.Protocol()
    protocol.schedule(1, 0, problem["width"], problem["cycle"], 0)
    simulation = myokit.Simulation(model, protocol)
    published = {name: model.get(name).eval() for name in problem["factors"]}
    last = (problem["beats"] - 1) * problem["cycle"]
    times = np.asarray(problem["times"])

    def run(cell: int) -> np.ndarray:
        simulation.reset()
        for name, factors in problem["factors"].items():
            simulation.set_constant(name, factors[cell] * published[name])
        if last:
            simulation.run(last, log=[])
        log = simulation.run(problem["cycle"] + 1e-3, log=["membrane.V"], log_times=times)
        return np.asarray(log["membrane.V"])

    cells = range(problem["cells"])
    simulation.set_tolerance(1e-6, 1e-6)
    run(0)
    begin = time.perf_counter()
    coarse = np.array([run(cell) for cell in cells]).T
    spent = time.perf_counter() - begin
    simulation.set_tolerance(1e-10, 1e-10)
    fine = np.array([run(cell) for cell in cells]).T
    return {"potential": fine, "coarse": coarse, "seconds": spent, "version": myokit.__version__}


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as source:
        asked = json.load(source)
    np.savez(sys.argv[2], **beats(asked))
