"""Random draws: eight standard normal numbers for each patient.

Ours depend on (seed, stream, patient) alone, whatever stands beside a patient; of the peers only JAX with a key folded
for each patient promises that. The error is the largest distance between the distribution function of the draws of the
checked patients and the normal one; by chance it is about 0.8 over the square root of their number.

Source: of the distance, Kolmogorov 1933, Giorn Ist Ital Attuari 4:83.
"""

import math

import numpy as np

from benchmarks.problem import Case, Ours, Peer

COUNT = 8  # draws per patient
CHECKED = 20_000


def distance(draws: np.ndarray) -> float:
    """Largest distance of the empirical distribution function of `draws` to the normal one.

    >>> round(distance(np.zeros(10)), 2)
    0.5
    """
    ordered = np.sort(draws.astype(np.float64).ravel())
    expected = np.array([0.5 * math.erfc(-x / math.sqrt(2.0)) for x in ordered])
    steps = np.arange(len(ordered) + 1) / len(ordered)
    return float(max(np.abs(expected - steps[:-1]).max(), np.abs(expected - steps[1:]).max()))


problem = Case(
    name="random_draws",
    title=f"{COUNT} normal numbers per patient",
    size=1_000_000,
    ours=(Ours("draws"), Ours("draws", "float64")),
    peers=(
        Peer("jax", "normal"),
        Peer("jax", "normal", "float64"),
        Peer("jax", "normal_folded"),
        Peer("jax", "normal_folded", "float64"),
        Peer("numpy", "standard_normal"),
        Peer("numpy", "standard_normal", "float64"),
    ),
    allowed=0.01,
    error_is="largest distance to the normal distribution function",
)
