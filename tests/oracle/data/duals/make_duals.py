# SPDX-License-Identifier: GPL-3.0-or-later
"""Dual moments of activations and their partial derivatives, in 50 digits: usage: make_duals.py, writes duals32.npy and duals64.npy here.
mpmath 1.3.0, numpy 1.24.2; no seed.

Closed forms (Cho and Saul 2009; Williams 1997) as functions of s, q = a^2, r = b^2. They are checked here: moments by two-dimensional
quadrature of phi itself, split at the kink, at a few points; partials by differences in 50 digits.

Row: activation (place in NAMES), s, a, b, seven values (k, kd, k_q, k_r, kd_s, kd_q, kd_r), their seven tolerances.
s, a, b are numbers of the type (float32 or float64), the values exact for them. Where the partials of the relu family are
singular, 1 - c^2 is 16 eps of the type, the documented clamp. Tolerance: 8 eps of the scale of the value (moments: geometric mean of
the two variances' own; partials: the value, there or where it is moved to), plus what the value moves when the correlation moves by 4 eps of the type (the
product s * 1/a * 1/b has five roundings of eps/2 each, a further one in 1 - c; s, a, b themselves are rounded anyway)."""
import math

import mpmath as mp
import numpy as np

mp.mp.dps = 50
S = 1 / mp.mpf(2.4020563531719796)
NAMES = ["relu", "leaky_relu", "abs", "identity", "erf", "sigmoid_like"]
AB = {"relu": (mp.mpf(0), mp.mpf(1)), "leaky_relu": (mp.mpf(0.1), mp.mpf(1)), "abs": (mp.mpf(-1), mp.mpf(1)), "identity": (mp.mpf(1), mp.mpf(1))}
ERF = {"erf": (mp.mpf(1), mp.mpf(1), mp.mpf(0)), "sigmoid_like": (mp.mpf(1) / 2, S, mp.mpf(1) / 2)}
T = mp.mpf(10)
CORRELATIONS = [mp.mpf(-1), -1 + T ** -12, -1 + T ** -6, mp.mpf("-0.9"), mp.mpf("-0.3"), mp.mpf(0), T ** -8, mp.mpf("0.4"), mp.mpf("0.99"),
                1 - T ** -6, 1 - T ** -10, mp.mpf(1)]
VARIANCES = [(1e-12, 1e-12), (1e-12, 1), (1e-12, 1e12), (1e-3, 2.5), (1, 1), (2.5, 1), (2.5, 1e6), (1e6, 1e6), (1e12, 1e12)]


def ab_relu(p, s, a, b, h2_min):
    n, w = p[0] * p[1], (p[1] - p[0]) ** 2 / (2 * mp.pi)
    c = s / (a * b)
    h2 = 1 - c * c
    h, u = mp.sqrt(h2), 1 / mp.sqrt(max(h2, h2_min))
    angle = mp.pi - mp.acos(c)
    return [n * s + w * (a * b * h + angle * s), n + w * angle, w / 2 * b / a * h, w / 2 * a / b * h, w * u / (a * b), -w / 2 * c * u / a ** 2,
            -w / 2 * c * u / b ** 2]


def erf(p, s, a, b):
    A, B, C = p
    B2 = B * B
    u, v = 1 + 2 * B2 * a * a, 1 + 2 * B2 * b * b
    w2 = u * v - 4 * (B2 * s) ** 2
    w = mp.sqrt(w2)
    o = A * A * 4 / mp.pi * B2
    return [A * A * 2 / mp.pi * mp.atan(2 * B2 * s / w) + C * C, o / w, -o * B2 * s / (u * w), -o * B2 * s / (v * w), o * 4 * B2 ** 2 * s / w ** 3,
            -o * B2 * v / w ** 3, -o * B2 * u / w ** 3]


def duals(name, s, a, b, h2_min=mp.mpf(0)):
    s = max(-a * b, min(a * b, s))
    return ab_relu(AB[name], s, a, b, h2_min) if name in AB else erf(ERF[name], s, a, b)


def check_partials(name, s, q, r):
    def f(i):
        return lambda s_, q_, r_: duals(name, s_, mp.sqrt(q_), mp.sqrt(r_))[i]
    want = [mp.diff(f(0), (s, q, r), n) for n in ((1, 0, 0), (0, 1, 0), (0, 0, 1))] + \
           [mp.diff(f(1), (s, q, r), n) for n in ((1, 0, 0), (0, 1, 0), (0, 0, 1))]
    got = duals(name, s, mp.sqrt(q), mp.sqrt(r))
    for g, w in zip(got[1:4] + got[4:], want):
        assert abs(g - w) <= mp.mpf(10) ** -12 * (abs(w) + mp.mpf(10) ** -12), (name, s, q, r, g, w)


def check_moments(name, c, a, b):
    """E over (z, w) independent, u = a z, v = b (c z + h w): Gauss-Legendre in float64 on both sides of the kinks u = 0 and v = 0."""
    h = np.sqrt(1 - c * c)
    if name in AB:
        n, p = (float(t) for t in AB[name])
        phi, dphi = (lambda x: np.where(x > 0, p, n) * x), (lambda x: np.where(x > 0, p, n))
    else:
        A, B, C = (float(t) for t in ERF[name])
        phi, dphi = (lambda x: A * np.vectorize(math.erf)(B * x) + C), (lambda x: A * B * 2 / np.sqrt(np.pi) * np.exp(-(B * x) ** 2))
    nodes, weights = np.polynomial.legendre.leggauss(80)

    def piece(lo, hi):
        return lo + (hi - lo) / 2 * (nodes + 1), weights * (hi - lo) / 2

    def density(t):
        return np.exp(-t * t / 2) / np.sqrt(2 * np.pi)

    got = [0.0, 0.0]
    for lo, hi in ((-9, 0), (0, 9)):
        for z, wz in zip(*piece(lo, hi)):
            kink = min(9, max(-9, -c * z / h))
            for ends in ((-9, kink), (kink, 9)):
                w, ww = piece(*ends)
                for i, f in enumerate((phi, dphi)):
                    got[i] += wz * density(z) * f(np.array(a * z)) * np.sum(ww * density(w) * f(b * (c * z + h * w)))
    for g, want in zip(got, duals(name, mp.mpf(c) * a * b, mp.mpf(a), mp.mpf(b))):
        assert abs(g - want) < 1e-12 * (1 + abs(want)), (name, c, a, b, g, want)


for name in NAMES:
    for c, a, b in ((0.4, 1.0, 1.5), (-0.9, 0.5, 1.0)):
        check_moments(name, c, a, b)
    for c, q, r in ((0.4, 1, 2.5), (-0.9, 0.3, 1), (0.999, 2, 2)):
        check_partials(name, c * mp.sqrt(mp.mpf(q) * r), mp.mpf(q), mp.mpf(r))

for bits, real in ((32, np.float32), (64, np.float64)):
    eps, rows = mp.mpf(float(np.finfo(real).eps)), []
    for number, name in enumerate(NAMES):
        for q, r in VARIANCES:
            a, b = (mp.mpf(float(real(np.sqrt(v)))) for v in (q, r))
            scales = [mp.sqrt(x * y) for x, y in zip(duals(name, a * a, a, a, eps)[:2], duals(name, b * b, b, b, eps)[:2])]
            for c in CORRELATIONS:
                s = mp.mpf(float(real(float(c * a * b))))
                if abs(s) > a * b:
                    s = mp.sign(s) * a * b
                values = duals(name, s, a, b, 16 * eps)
                moved = [duals(name, s + d * 4 * eps * a * b, a, b, 16 * eps) for d in (-1, 1)]
                spread = [max(abs(m[i] - values[i]) for m in moved) for i in range(7)]
                scale = scales + [max(abs(values[i]), abs(moved[0][i]), abs(moved[1][i])) for i in range(2, 7)]
                rows.append([number, s, a, b] + values + [8 * eps * scale[i] + spread[i] for i in range(7)])
    np.save(f"duals{bits}.npy", np.array([[float(v) for v in row] for row in rows]))
    print(bits, len(rows))
