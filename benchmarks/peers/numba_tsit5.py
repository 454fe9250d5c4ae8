"""Adaptive Tsit5 in Numba for the two-compartment oral model: one SIMD lane and one step size per patient.

A block of patients lands together on every stop (doses and outputs, shared by all); between two stops every patient
takes as many steps as its own error allows, and those that have arrived wait. Two stops are mostly one step apart, so
this was faster than free steps with the interpolant of the method and refilled lanes (half the steps, but the output
of each is scattered), see benchmarks/README.md.

Source: Tsitouras 2011, Table 1, doi:10.1016/j.camwa.2011.06.002.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from benchmarks.peers.numba_math import tenth_root_inverse

F = np.float32
A21 = F(0.161)
A31, A32 = F(-0.008480655492356989), F(0.335480655492357)
A41, A42, A43 = F(2.8971530571054935), F(-6.359448489975075), F(4.3622954328695815)
A51, A52, A53, A54 = F(5.325864828439257), F(-11.748883564062828), F(7.4955393428898365), F(-0.09249506636175525)
A61, A62, A63 = F(5.86145544294642), F(-12.92096931784711), F(8.159367898576159)
A64, A65 = F(-0.071584973281401), F(-0.028269050394068383)
A71, A72, A73 = F(0.09646076681806523), F(0.01), F(0.4798896504144996)
A74, A75, A76 = F(1.379008574103742), F(-3.290069515436081), F(2.324710524099774)
E1, E2, E3 = F(-0.00178001105222577714), F(-0.0008164344596567469), F(0.007880878010261995)
E4, E5, E6, E7 = F(-0.1447110071732629), F(0.5823571654525552), F(-0.45808210592918697), F(1 / 66)
LANES = 128  # patients to a block: 15 rows of 128 float32 stay in the L1 cache
DOSE, FIRST_STEP = F(100), F(0.3)  # mg, h
ZERO, ONE, THIRD, SAFETY, SHRINK, GROW = F(0), F(1), F(1 / 3), F(0.9), F(0.2), F(5)
ARRIVED, LEAST = F(0.99999), F(1e-12)
FAST = {"fastmath": True, "error_model": "numpy"}


@njit(inline="always", **FAST)
def flow(d, c, p, ka, kout, k12, k21):
    """d depot/dt, d central/dt, d peripheral/dt [mg/h]."""
    return -ka * d, ka * d - kout * c + k21 * p, k12 * c - k21 * p


@njit(inline="always", **FAST)
def combine(x, h, w1, k1, w2, k2, w3, k3, w4, k4, w5, k5, w6, k6):
    """x + h sum w k."""
    return x + h * (w1 * k1 + w2 * k2 + w3 * k3 + w4 * k4 + w5 * k5 + w6 * k6)


@njit(inline="always", **FAST)
def step(d, c, p, d1, c1, p1, h, ka, kout, k12, k21):
    """One step from (d, c, p) with slope (d1, c1, p1): new state, its slope, error estimate."""
    s = h * A21
    d2, c2, p2 = flow(d + s * d1, c + s * c1, p + s * p1, ka, kout, k12, k21)
    x = d + h * (A31 * d1 + A32 * d2)
    y = c + h * (A31 * c1 + A32 * c2)
    z = p + h * (A31 * p1 + A32 * p2)
    d3, c3, p3 = flow(x, y, z, ka, kout, k12, k21)
    x = d + h * (A41 * d1 + A42 * d2 + A43 * d3)
    y = c + h * (A41 * c1 + A42 * c2 + A43 * c3)
    z = p + h * (A41 * p1 + A42 * p2 + A43 * p3)
    d4, c4, p4 = flow(x, y, z, ka, kout, k12, k21)
    x = d + h * (A51 * d1 + A52 * d2 + A53 * d3 + A54 * d4)
    y = c + h * (A51 * c1 + A52 * c2 + A53 * c3 + A54 * c4)
    z = p + h * (A51 * p1 + A52 * p2 + A53 * p3 + A54 * p4)
    d5, c5, p5 = flow(x, y, z, ka, kout, k12, k21)
    x = d + h * (A61 * d1 + A62 * d2 + A63 * d3 + A64 * d4 + A65 * d5)
    y = c + h * (A61 * c1 + A62 * c2 + A63 * c3 + A64 * c4 + A65 * c5)
    z = p + h * (A61 * p1 + A62 * p2 + A63 * p3 + A64 * p4 + A65 * p5)
    d6, c6, p6 = flow(x, y, z, ka, kout, k12, k21)
    x = combine(d, h, A71, d1, A72, d2, A73, d3, A74, d4, A75, d5, A76, d6)
    y = combine(c, h, A71, c1, A72, c2, A73, c3, A74, c4, A75, c5, A76, c6)
    z = combine(p, h, A71, p1, A72, p2, A73, p3, A74, p4, A75, p5, A76, p6)
    d7, c7, p7 = flow(x, y, z, ka, kout, k12, k21)
    ed = combine(h * E7 * d7, h, E1, d1, E2, d2, E3, d3, E4, d4, E5, d5, E6, d6)
    ec = combine(h * E7 * c7, h, E1, c1, E2, c2, E3, c3, E4, c4, E5, c5, E6, c6)
    ep = combine(h * E7 * p7, h, E1, p1, E2, p2, E3, p3, E4, p4, E5, p5, E6, p6)
    return x, y, z, d7, c7, p7, ed, ec, ep


@njit(inline="always", **FAST)
def advance(s, rtol, atol):
    """One attempted step of every lane of s (13, LANES); lanes that have arrived take a step of length zero."""
    ka, kout, k12, k21, ds, cs, ps = s[0], s[1], s[2], s[3], s[4], s[5], s[6]
    sd, sc, sp, own, left = s[7], s[8], s[9], s[10], s[11]
    for i in range(LANES):
        rest = left[i]
        wanted = own[i]
        lands = wanted >= rest * ARRIVED
        h = rest if lands else wanted
        d, c, p = ds[i], cs[i], ps[i]
        x, y, z, dx, dy, dz, ed, ec, ep = step(d, c, p, sd[i], sc[i], sp[i], h, ka[i], kout[i], k12[i], k21[i])
        ed = ed / (atol + rtol * max(abs(d), abs(x)))
        ec = ec / (atol + rtol * max(abs(c), abs(y)))
        ep = ep / (atol + rtol * max(abs(p), abs(z)))
        error = (ed * ed + ec * ec + ep * ep) * THIRD
        good = error <= ONE
        following = h * min(max(SAFETY * tenth_root_inverse(max(error, LEAST)), SHRINK), GROW)
        # A step cut short by the stop must not shorten the patient's own step.
        following = max(wanted, following) if (lands and good) else following
        own[i] = following if rest > ZERO else wanted
        ds[i] = x if good else d
        cs[i] = y if good else c
        ps[i] = z if good else p
        sd[i] = dx if good else sd[i]
        sc[i] = dy if good else sc[i]
        sp[i] = dz if good else sp[i]
        left[i] = (ZERO if lands else rest - h) if good else rest


@njit(**FAST)
def block_curves(parameters, spans, outputs, rtol, atol, out, start, end):
    """Curves of one block, the patients from start to end: at most LANES."""
    s = np.zeros((13, LANES), np.float32)
    for i in range(LANES):
        patient = min(start + i, end - 1)  # idle lanes repeat the last patient
        cl, v1, q, v2 = parameters[0, patient], parameters[1, patient], parameters[2, patient], parameters[3, patient]
        s[0, i], s[1, i], s[2, i], s[3, i] = parameters[4, patient], (cl + q) / v1, q / v1, q / v2
        s[10, i], s[12, i] = FIRST_STEP, 1 / v1
    for stop in range(spans.size):
        s[11, :] = spans[stop]
        busy = spans[stop] > ZERO
        while busy:
            advance(s, rtol, atol)
            furthest = ZERO
            for i in range(LANES):
                furthest = max(furthest, s[11, i])
            busy = furthest > ZERO
        index = outputs[stop]
        if index < 0:
            for i in range(LANES):
                s[4, i] += DOSE
                s[7, i] -= s[0, i] * DOSE
                s[8, i] += s[0, i] * DOSE
                s[10, i] = min(s[10, i], FIRST_STEP)
        else:
            row = out[index, start:end]
            for i in range(end - start):
                row[i] = s[5, i] * s[12, i]


@njit(parallel=True, **FAST)
def curves(parameters, spans, outputs, rtol, atol, out):
    """Fills out (time, patient) [mg/L].

    Args:
        parameters: cl, v1, q, v2, ka, float64 (5, patient)
        spans: time from each stop to the one before [h], float32 (stop,)
        outputs: index of the output at each stop, -1 for a dose (stop,)
    """
    size = parameters.shape[1]
    for block in prange((size + LANES - 1) // LANES):
        start, end = block * LANES, min(size, (block + 1) * LANES)
        block_curves(parameters, spans, outputs, rtol, atol, out, start, end)
