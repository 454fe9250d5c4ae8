"""Stiff problems with published end points, for blocks of equal patients.

Source: Mazzia and Magherini, Test Set for Initial Value Problem Solvers, release 2.4, University of Bari 2008:
rober.f, hires.f, pollu.f, vdpol.f; end points computed there with RADAU5 in true double precision, tolerance 1.1e-18.
"""

from typing import NamedTuple

import numpy as np


class Stiff(NamedTuple):
    """An initial value problem and where it ends."""

    rates_of: object
    start: tuple
    time: float
    end: tuple
    pattern: frozenset


def robertson_rates(t, x, p):
    slow, fast, quadratic = p if p else (0.04, 1e4, 3e7)
    first, second, third = slow * x[0], fast * x[1] * x[2], quadratic * x[1] * x[1]
    return second - first, first - second - third, third


def van_der_pol_rates(t, x, p):
    return x[1], 1e3 * (1.0 - x[0] * x[0]) * x[1] - x[0]


def hires_rates(t, x, p):
    bound = 280.0 * x[5] * x[7]
    return (
        -1.71 * x[0] + 0.43 * x[1] + 8.32 * x[2] + 0.0007,
        1.71 * x[0] - 8.75 * x[1],
        -10.03 * x[2] + 0.43 * x[3] + 0.035 * x[4],
        8.32 * x[1] + 1.71 * x[2] - 1.12 * x[3],
        -1.745 * x[4] + 0.43 * x[5] + 0.43 * x[6],
        -bound + 0.69 * x[3] + 1.71 * x[4] - 0.43 * x[5] + 0.69 * x[6],
        bound - 1.81 * x[6],
        -bound + 1.81 * x[6],
    )


# Reactions of POLLU: rate constant, reactants, products (numbers of species, as in the test set).
REACTIONS = (
    (0.35, (1,), (2, 3)), (26.6, (2, 4), (1,)), (1.23e4, (5, 2), (1, 6)), (8.6e-4, (7,), (5, 5, 8)),
    (8.2e-4, (7,), (8,)), (1.5e4, (7, 6), (5, 8)), (1.3e-4, (9,), (5, 8, 10)), (2.4e4, (9, 6), (11,)),
    (1.65e4, (11, 2), (1, 10, 12)), (9e3, (11, 1), (13,)), (0.022, (13,), (1, 11)), (1.2e4, (10, 2), (1, 14)),
    (1.88, (14,), (5, 7)), (1.63e4, (1, 6), (15,)), (4.8e6, (3,), (4,)), (3.5e-4, (4,), (16,)),
    (0.0175, (4,), (3,)), (1e8, (16,), (6, 6)), (4.44e11, (16,), (3,)), (1.24e3, (17, 6), (5, 18)),
    (2.1, (19,), (2,)), (5.78, (19,), (1, 3)), (0.0474, (1, 4), (19,)), (1.78e3, (19, 1), (20,)),
    (3.12, (20,), (1, 19)),
)  # fmt: skip


def pollu_rates(t, x, p):
    total = [0.0 * x[0]] * 20
    for constant, reactants, products in REACTIONS:
        rate = constant * x[reactants[0] - 1]
        rate = rate * x[reactants[1] - 1] if len(reactants) > 1 else rate
        for i in reactants:
            total[i - 1] = total[i - 1] - rate
        for i in products:
            total[i - 1] = total[i - 1] + rate
    return tuple(total)


def pollu_pattern():
    return frozenset((i - 1, j - 1) for _, own, products in REACTIONS for j in own for i in (*own, *products))


def dense(size):
    return frozenset((i, j) for i in range(size) for j in range(size))


ROBERTSON = Stiff(
    robertson_rates, (1.0, 0.0, 0.0), 1e11,
    (0.2083340149701255e-07, 0.8333360770334713e-13, 0.9999999791665050), dense(3) - {(2, 0), (2, 2)},
)  # fmt: skip
HIRES = Stiff(
    hires_rates, (1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0057), 321.8122,
    (0.7371312573325668e-3, 0.1442485726316185e-3, 0.5888729740967575e-4, 0.1175651343283149e-2,
     0.2386356198831331e-2, 0.6238968252742796e-2, 0.2849998395185769e-2, 0.2850001604814231e-2),
    frozenset({(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (2, 2), (2, 3), (2, 4), (3, 1), (3, 2), (3, 3), (4, 4), (4, 5),
               (4, 6), (5, 3), (5, 4), (5, 5), (5, 6), (5, 7), (6, 5), (6, 6), (6, 7), (7, 5), (7, 6), (7, 7)}),
)  # fmt: skip
POLLU = Stiff(
    pollu_rates,
    tuple({2: 0.2, 4: 0.04, 7: 0.1, 8: 0.3, 9: 0.01, 17: 0.007}.get(i + 1, 0.0) for i in range(20)), 60.0,
    (0.5646255480022769e-01, 0.1342484130422339, 0.4139734331099427e-08, 0.5523140207484359e-02, 0.2018977262302196e-06,
     0.1464541863493966e-06, 0.7784249118997964e-01, 0.3245075353396018, 0.7494013383880406e-02, 0.1622293157301561e-07,
     0.1135863833257075e-07, 0.2230505975721359e-02, 0.2087162882798630e-03, 0.1396921016840158e-04,
     0.8964884856898295e-02, 0.4352846369330103e-17, 0.6899219696263405e-02, 0.1007803037365946e-03,
     0.1772146513969984e-05, 0.5682943292316392e-04),
    pollu_pattern(),
)  # fmt: skip
VAN_DER_POL = Stiff(
    van_der_pol_rates, (2.0, 0.0), 2000.0, (0.1706167732170469e1, -0.8928097010248125e-3), dense(2) - {(0, 0)}
)


def largest_error(problem, states):
    """Largest relative error of any state and patient."""
    found = np.stack([np.asarray(x, np.float64) for x in states])
    return np.max(np.abs(found / np.array(problem.end)[:, None] - 1.0))
