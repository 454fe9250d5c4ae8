"""Fits the coefficients of `population.adults` to the survey table; run again only when the table or a formula changes.

    python -m twinsim.population.data.fit_adults

Per stratum, five numbers make the log of weight and of creatinine a monotone function of a normal score
(`adults.log_quantile`). Mean and SD of the log are met exactly, the 5, 50 and 95 % points by least squares, with a
mild pull of the outer slopes towards the inner ones. The correlations of the scores are then chosen so that the
variables themselves have the printed product-moment correlations, and stored as the rows of a Cholesky factor.
"""

from __future__ import annotations

import csv
from importlib import resources

import numpy as np
from scipy.integrate import trapezoid
from scipy.optimize import brentq, least_squares
from scipy.stats import norm

SURVEY, FIT = "adults_nhanes_2007_2012.csv", "adults_fit.csv"
HEADER = "# Fitted by fit_adults.py to adults_nhanes_2007_2012.csv; meanings in population/adults.py.\n"
# The outer slopes start beyond the 5 and 95 % points and end where the survey has hardly anybody left.
TAIL_FROM, TAIL_TO, TAIL_WIDTH = 1.7, 3.2, 0.15
# A pull of 0.5 % point per unit keeps the tails of strata whose five figures contradict each other (rounding,
# weighting) plausible: no adult in ten million below 20 kg, above 500 kg or above 10 mg/dL.
PULL, SLOPE_LIMITS = 0.5, (0.5, 9.0)
SCORES = np.linspace(-8.0, 8.0, 3201)
POINTS = norm.ppf([0.05, 0.50, 0.95])
VARIABLES = ("height", "weight", "creatinine", "haematocrit")


def hinge(z: np.ndarray) -> np.ndarray:
    """A smooth max(z, 0)."""
    return TAIL_WIDTH * np.logaddexp(0.0, z / TAIL_WIDTH)


def log_quantile(z: np.ndarray, five: np.ndarray) -> np.ndarray:
    """The function of `adults.log_quantile`, in NumPy."""
    median, left, right, low_tail, high_tail = five
    inner = median + 0.5 * (right + left) * z + 0.5 * (right - left) * (np.sqrt(1.0 + z * z) - 1.0)
    high = hinge(z - TAIL_FROM) - hinge(z - TAIL_TO)
    low = hinge(-z - TAIL_FROM) - hinge(-z - TAIL_TO)
    return inner + right * (high_tail - 1.0) * high - left * (low_tail - 1.0) * low


def moments(values: np.ndarray) -> tuple[float, float]:
    """Mean and SD of a function of a normal score, given on SCORES."""
    weight = norm.pdf(SCORES)
    mean = trapezoid(values * weight, SCORES)
    return mean, np.sqrt(trapezoid((values - mean) ** 2 * weight, SCORES))


def fit_marginal(mean: float, sd: float, points: np.ndarray) -> np.ndarray:
    """The five numbers of one variable in one stratum."""

    def misses(five: np.ndarray) -> np.ndarray:
        fitted = moments(log_quantile(SCORES, five))
        exact = [(fitted[0] - mean) / 1e-4, (fitted[1] / sd - 1.0) / 1e-4]
        return np.concatenate([(log_quantile(POINTS, five) - np.log(points)) * 100.0, exact, PULL * (five[3:] - 1.0)])

    low, high = SLOPE_LIMITS
    bounds = ([-9.0, 0.01, 0.01, low, low], [9.0, 1.0, 1.0, 2.0, high])
    return least_squares(misses, [np.log(points[1]), sd, sd, 1.0, 1.1], bounds=bounds, xtol=1e-13, ftol=1e-13).x


def score_correlation(target: float, first: np.ndarray, second: np.ndarray) -> float:
    """The correlation of two scores that gives their functions the correlation `target`.

    Hermite series: E[f(z1) g(z2)] = sum_k f_k g_k r^k / k!, with f_k = E[f(z) He_k(z)].
    """
    orders = np.arange(1, 21)
    weight = norm.pdf(SCORES)
    polynomials = [np.polynomial.hermite_e.hermeval(SCORES, np.eye(21)[k]) for k in orders]
    series = np.ones(20)
    for values in (first, second):
        mean, sd = moments(values)
        series = series * [trapezoid((values - mean) / sd * p * weight, SCORES) for p in polynomials]
    series = series / np.array([float(np.prod(np.arange(1.0, k + 1))) for k in orders])
    return float(brentq(lambda r: float(np.sum(series * r**orders)) - target, -0.95, 0.95))  # pyright: ignore


def fit_stratum(row: dict[str, str]) -> dict[str, float | str]:
    """All coefficients of one row of the survey table."""
    figure = {name: float(value) for name, value in row.items() if name != "sex"}
    fives = {}
    for name, unit in (("weight", "_kg"), ("creatinine", "")):
        points = np.array([figure[f"{name}_p{point}{unit}"] for point in ("05", "50", "95")])
        fives[name] = fit_marginal(figure[f"log_{name}_mean"], figure[f"log_{name}_sd"], points)
    functions = [SCORES, *(log_quantile(SCORES, fives[name]) for name in ("weight", "creatinine")), SCORES]
    printed = ("height", "logweight", "logcreatinine", "haematocrit")
    correlation = np.eye(4)
    for i in range(4):
        for j in range(i):
            target = figure[f"corr_{printed[j]}_{printed[i]}"]
            correlation[i, j] = correlation[j, i] = score_correlation(target, functions[j], functions[i])
    factor = np.linalg.cholesky(correlation)
    result: dict[str, float | str] = {"sex": row["sex"], "age_from": row["age_from"], "age_to": row["age_to"]}
    for name, five in fives.items():
        parts = ("median", "left", "right", "low_tail", "high_tail")
        result |= {f"{name}_{part}": round(value, 6) for part, value in zip(parts, five, strict=True)}
    for i, name in enumerate(VARIABLES[1:], start=1):
        result |= {f"{name}_on_{VARIABLES[j]}": round(factor[i, j], 6) for j in range(i)}
        result[f"{name}_own"] = round(factor[i, i], 6)
    return result


def main() -> None:
    """Writes the table of coefficients beside the survey table."""
    folder = resources.files("twinsim.population") / "data"
    lines = [line for line in (folder / SURVEY).read_text().splitlines() if not line.startswith("#")]
    rows = [fit_stratum(row) for row in csv.DictReader(lines)]
    with open(str(folder / FIT), "w", newline="") as file:
        file.write(HEADER)
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
