"""NumPy's random numbers: `Generator.standard_normal` of PCG64, on one core.

`python -m benchmarks.peers.numpy_peer --problem random_draws --variant standard_normal` prints one row as JSON.
"""

from __future__ import annotations

import numpy as np

from benchmarks.measure import Request, Row, median_run, peer_main
from benchmarks.problems.random_draws import CHECKED, COUNT, distance


def row(request: Request) -> Row:
    """One row, into fresh memory as all of these."""
    generator, dtype = np.random.default_rng(request.seed), np.dtype(request.precision).type

    def draw() -> np.ndarray:
        return generator.standard_normal((COUNT, request.size), dtype)

    error = distance(draw()[:, :CHECKED])
    run_s = median_run(draw, request.repeats)
    note = "one stream: draws depend on the size; one core"
    return request.row(f"numpy {request.variant}", "cpu x1", run_s=run_s, error=error, note=note)


if __name__ == "__main__":
    peer_main("numpy", row)
