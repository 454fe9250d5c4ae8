"""Two-compartment oral closed forms in Numba: blocks of patients, one SIMD lane each, both loops in L1/L2 cache.

    concentration(t) = a exp(-alpha t) + b exp(-beta t) + g exp(-ka t)        t since the last dose

A dose adds its own (A, B, G) to the (a, b, g) that the past has left; nothing is summed over past doses.
`curves` takes any output times, shared by all patients; `uniform_curves` replaces exponentials by products on a
uniform grid. Coefficients are float64, the output loops float32. Where ka comes near alpha or beta the terms grow and
cancel: those few patients are done again in float64.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from benchmarks.peers.numba_math import LOG2_E, exp2_32, exp64

DOSE = 100.0  # mg
BLOCK = 1024  # patients; LLVM leaves the vector loop for fewer than some hundreds, because it checks for overlap first
NEAR = 1e-2  # relative distance of ka from alpha or beta below which float32 is not enough
APART = 1e-7  # nearer than this, ka is moved by this much, so that float64 is enough
TINY, ZERO = np.float32(1e-25), np.float32(0)  # a product below this becomes zero: denormal numbers are slow
FAST = {"fastmath": True, "error_model": "numpy"}


@njit(inline="always", **FAST)
def modes(cl, v1, q, v2, ka):
    """alpha, beta, ka [1/h], and the concentration's coefficients A, B, G [mg/L] after one dose at time 0."""
    k10, k12, k21 = cl / v1, q / v1, q / v2
    total = k10 + k12 + k21
    alpha = 0.5 * (total + np.sqrt(total * total - 4 * k10 * k21))
    beta = k10 * k21 / alpha
    ka = ka * (1 + APART) if min(abs(ka - alpha), abs(ka - beta)) < 0.5 * APART * ka else ka
    scale = DOSE * ka / v1 / (alpha - beta)
    a = scale * (alpha - k21) / (ka - alpha)
    b = scale * (k21 - beta) / (ka - beta)
    return alpha, beta, ka, a, b, -(a + b)


@njit(inline="always", **FAST)
def rows(parameters, start, end):
    """The five parameters of one block; slices of rows, because LLVM must know that they are contiguous."""
    p = parameters
    return p[0, start:end], p[1, start:end], p[2, start:end], p[3, start:end], p[4, start:end]


@njit(**FAST)
def one_curve(cl, v1, q, v2, ka, times, dose_times, first, out):
    """One patient in float64, for those near a coincidence of rates; out (time,)."""
    alpha, beta, ka, da, db, dg = modes(cl, v1, q, v2, ka)
    a = b = g = 0.0
    for dose in range(dose_times.size):
        gap = dose_times[dose] - dose_times[max(dose - 1, 0)]
        a = da + a * np.exp(-alpha * gap)
        b = db + b * np.exp(-beta * gap)
        g = dg + g * np.exp(-ka * gap)
        for k in range(first[dose], first[dose + 1]):
            t = times[k] - dose_times[dose]
            out[k] = a * np.exp(-alpha * t) + b * np.exp(-beta * t) + g * np.exp(-ka * t)


@njit(**FAST)
def redo_near(parameters, times, dose_times, first, out, start, end):
    """Overwrites the curves of those patients of a block whose ka is near alpha or beta."""
    cl, v1, q, v2, ka = rows(parameters, start, end)
    near = np.empty(cl.size, np.float32)
    for i in range(cl.size):
        alpha, beta, k, a, b, g = modes(cl[i], v1[i], q[i], v2[i], ka[i])
        near[i] = min(abs(k - alpha), abs(k - beta)) - NEAR * k
    for i in range(cl.size):
        if near[i] < 0:
            one_curve(cl[i], v1[i], q[i], v2[i], ka[i], times, dose_times, first, out[:, start + i])


@njit(**FAST)
def block_curves(parameters, times, dose_times, first, out, start, end):
    """Curves of one block at any shared times."""
    cl, v1, q, v2, ka = rows(parameters, start, end)
    size = cl.size
    wide = np.zeros((3, BLOCK))
    narrow = np.empty((6, BLOCK), np.float32)
    a64, b64, g64 = wide[0], wide[1], wide[2]
    a, b, g, ra, rb, rg = narrow[0], narrow[1], narrow[2], narrow[3], narrow[4], narrow[5]
    for dose in range(dose_times.size):
        gap = dose_times[dose] - dose_times[max(dose - 1, 0)]
        for i in range(size):
            alpha, beta, k, da, db, dg = modes(cl[i], v1[i], q[i], v2[i], ka[i])
            x = da + a64[i] * exp64(-alpha * gap)
            y = db + b64[i] * exp64(-beta * gap)
            z = dg + g64[i] * exp64(-k * gap)
            a64[i], b64[i], g64[i] = x, y, z
            a[i], b[i], g[i] = x, y, z
            ra[i], rb[i], rg[i] = -alpha * LOG2_E, -beta * LOG2_E, -k * LOG2_E
        for index in range(first[dose], first[dose + 1]):
            row = out[index, start:end]
            t = np.float32(times[index] - dose_times[dose])
            for i in range(size):
                row[i] = a[i] * exp2_32(ra[i] * t) + b[i] * exp2_32(rb[i] * t) + g[i] * exp2_32(rg[i] * t)


@njit(**FAST)
def four_rows(a, b, g, ea, eb, eg, row0, row1, row2, row3):
    """Four outputs for every patient, so that the state is loaded and stored once for all four."""
    for i in range(row0.size):
        x, y, z = a[i], b[i], g[i]
        fx, fy, fz = ea[i], eb[i], eg[i]
        row0[i] = x + y + z
        x, y, z = x * fx, y * fy, z * fz
        row1[i] = x + y + z
        x, y, z = x * fx, y * fy, z * fz
        row2[i] = x + y + z
        x, y, z = x * fx, y * fy, z * fz
        row3[i] = x + y + z
        x, y, z = x * fx, y * fy, z * fz
        a[i] = x if abs(x) > TINY else ZERO
        b[i] = y
        g[i] = z if abs(z) > TINY else ZERO


@njit(**FAST)
def block_uniform_curves(parameters, times, dose_times, first, out, start, end):
    """Curves of one block on a uniform grid: three products per output."""
    cl, v1, q, v2, ka = rows(parameters, start, end)
    size = cl.size
    step = times[1] - times[0]
    state = np.zeros((6, BLOCK), np.float32)
    a, b, g, ea, eb, eg = state[0], state[1], state[2], state[3], state[4], state[5]
    for i in range(size):
        alpha, beta, k, da, db, dg = modes(cl[i], v1[i], q[i], v2[i], ka[i])
        ea[i], eb[i], eg[i] = exp64(-alpha * step), exp64(-beta * step), exp64(-k * step)
    for dose in range(dose_times.size):
        index, after = first[dose], first[dose + 1]
        since = times[index] - dose_times[dose]
        for i in range(size):
            alpha, beta, k, da, db, dg = modes(cl[i], v1[i], q[i], v2[i], ka[i])
            a[i] += da * exp64(-alpha * since)
            b[i] += db * exp64(-beta * since)
            g[i] += dg * exp64(-k * since)
        while index + 4 <= after:
            row0, row1 = out[index, start:end], out[index + 1, start:end]
            row2, row3 = out[index + 2, start:end], out[index + 3, start:end]
            four_rows(a, b, g, ea, eb, eg, row0, row1, row2, row3)
            index += 4
        while index < after:
            row = out[index, start:end]
            for i in range(size):
                x, y, z = a[i], b[i], g[i]
                row[i] = x + y + z
                a[i], b[i], g[i] = x * ea[i], y * eb[i], z * eg[i]
            index += 1


@njit(parallel=True, **FAST)
def curves(parameters, times, dose_times, first, out):
    """Fills out (time, patient) [mg/L].

    Args:
        parameters: cl, v1, q, v2, ka, float64 (5, patient)
        first: index of the first output after each dose, then the number of outputs (dose + 1,)
    """
    size = parameters.shape[1]
    for block in prange((size + BLOCK - 1) // BLOCK):
        start, end = block * BLOCK, min(size, (block + 1) * BLOCK)
        block_curves(parameters, times, dose_times, first, out, start, end)
        redo_near(parameters, times, dose_times, first, out, start, end)


@njit(parallel=True, **FAST)
def uniform_curves(parameters, times, dose_times, first, out):
    """`curves` for uniform times."""
    size = parameters.shape[1]
    for block in prange((size + BLOCK - 1) // BLOCK):
        start, end = block * BLOCK, min(size, (block + 1) * BLOCK)
        block_uniform_curves(parameters, times, dose_times, first, out, start, end)
        redo_near(parameters, times, dose_times, first, out, start, end)
