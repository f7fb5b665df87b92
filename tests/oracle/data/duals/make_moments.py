# SPDX-License-Identifier: GPL-3.0-or-later
"""Dual moments of every activation by integration of the activation itself: usage: make_moments.py, writes moments.npy and series.npy here.
mpmath 1.4.1, gmpy2 2.3.2, numpy 2.4.6; no seed; a few minutes.

No closed form of a dual is used. By Price's theorem all seven are expectations of derivatives of phi,
    k = E phi phi, kd = E phi' phi', k_q = E phi'' phi / 2, kd_s = E phi'' phi'', kd_q = E phi''' phi' / 2 and alike for r.
Given u = a z, v is normal with mean c b z and variance b^2 (1 - c^2), so E g(v) given u is the heat kernel on g, known for each phi in one
line ("smooth"); what remains is one integral over z, done in 45 digits by Gauss-Legendre panels split at the kink 0 and ever finer towards
it, and compared here with mpmath's adaptive quad, and the heat kernels with quad too.
exp_normalized depends on its input's own standard deviation: there k_q has the explicit derivative too.
tanh, softplus, silu (series.npy) have no such line: two-dimensional trapezoidal sums in 80-bit reals, whose error for functions analytic in a
strip falls as exp(-2 pi d / step), compared with mpmath's quad at a few points.

Row of moments.npy: activation (place in ACTIVATIONS), bits (0: for both precisions), s, a, b, seven values (k, kd, k_q, k_r, kd_s, kd_q,
kd_r), their tolerances in float64, in float32. s, a, b are float32 numbers, or float64 ones where bits is 64.
Tolerance: 16 eps of the value's scale (moments: geometric mean of the two variances' own; partials: the largest of the value here, at c = 0,
+-0.7, 1; of the relu family here), plus what the value moves when the correlation moves by 4 eps (see make_duals.py), plus what the two standard deviations'
rounding to eps/2 moves it: twice the condition |d log value / d log a| eps, for functions like exp(x) at variance 20, plus 1e-24
(1 + the scale of k) for values that are 0 exactly and here to rounding.
Row of series.npy: place in SERIES, s, a, b, seven values, their scales (Cauchy-Schwarz: geometric means of the factors' second moments)."""
import sys

import gmpy2
import mpmath
import numpy as np

mpmath.mp.dps = 45
gmpy2.get_context().precision = 160


class mp:
    """MPFR's numbers and functions under mpmath's names: ten times as fast."""
    mpf, mpc, exp, sqrt, sin, cos, erf = gmpy2.mpfr, gmpy2.mpc, gmpy2.exp, gmpy2.sqrt, gmpy2.sin, gmpy2.cos, gmpy2.erf
    pi = gmpy2.const_pi()

    @staticmethod
    def ncdf(x):
        return gmpy2.erfc(-x / gmpy2.sqrt(gmpy2.mpfr(2))) / 2

    @staticmethod
    def sign(x):
        return gmpy2.mpfr((x > 0) - (x < 0))


def to_mpfr(x):  # exact
    sign, mantissa, exponent, _ = x._mpf_
    return gmpy2.mpfr(-mantissa if sign else mantissa) * gmpy2.exp2(exponent)


def to_mpf(x):
    n, d = x.as_integer_ratio()
    return mpmath.mpf(int(n)) / int(d)


def quad(f, ends):
    return to_mpfr(mpmath.quad(lambda x: to_mpf(f(to_mpfr(x))), [to_mpf(mp.mpf(e)) for e in ends]))


def difference(f, x):
    h = mp.mpf("1e-4")
    return (f(x - 2 * h) - 8 * f(x - h) + 8 * f(x + h) - f(x + 2 * h)) / (12 * h)


EPS = {64: mp.mpf(2) ** -52, 32: mp.mpf(2) ** -23}
CORRELATIONS = [mp.mpf(-1), mp.mpf("-0.999999"), mp.mpf("-0.7"), mp.mpf(0), mp.mpf("0.3"), mp.mpf("0.999"), 1 - mp.mpf(10) ** -9, mp.mpf(1)]
VARIANCES = [(1e-4, 1e-4), (1e-4, 2.5), (1, 1), (0.5, 1.75), (20, 20), (20, 0.25)]
PI, HALF = mp.pi, mp.mpf(1) / 2


def density(x):
    return mp.exp(-x * x / 2) / mp.sqrt(2 * PI)


class Smooth:
    """chain(u, a): phi and three derivatives; smooth(m, v, b): the same of E phi(m + sqrt(v) w)"""
    kink = False
    waves = 0  # frequency
    large = 1e4

    def chain(self, u, a):
        return self.smooth(u, mp.mpf(0), a)

    def variance_terms(self, u, a):  # dphi/dq, dphi'/dq at fixed u
        return 0, 0


class Polynomial(Smooth):
    def __init__(self, c):
        self.c = [mp.mpf(x) for x in c]

    def smooth(self, m, v, b):
        def heat(c):  # E (m + sqrt(v) w)^d = m e_{d-1} + (d-1) v e_{d-2}
            e = [mp.mpf(1), m]
            for d in range(2, len(c)):
                e.append(m * e[-1] + (d - 1) * v * e[-2])
            return sum(x * y for x, y in zip(c, e))
        out, c = [], self.c
        for _ in range(4):
            out.append(heat(c) if c else mp.mpf(0))
            c = [d * x for d, x in enumerate(c)][1:]
        return out


class Wave(Smooth):  # A sin(B x + C)
    large = 100

    def __init__(self, A, B, C):
        self.A, self.B, self.C = A, B, C
        self.waves = float(B)

    def smooth(self, m, v, b):
        A, B = self.A * mp.exp(-self.B ** 2 * v / 2), self.B
        s, c = mp.sin(B * m + self.C), mp.cos(B * m + self.C)
        return [A * s, A * B * c, -A * B ** 2 * s, -A * B ** 3 * c]


class Exponential(Smooth):  # A exp(B x)
    large = None

    def __init__(self, A, B):
        self.A, self.B = A, B

    def smooth(self, m, v, b):
        y = self.A * mp.exp(self.B * m + self.B ** 2 * v / 2)
        return [y * self.B ** i for i in range(4)]


class Normalized(Smooth):  # b exp(g x / b + h), b the input's own standard deviation
    def __init__(self, gamma, shift):
        self.g, self.h = mp.sqrt(gamma), gamma * (shift - 1) / 2

    def smooth(self, m, v, b):
        y = b * mp.exp(self.g * m / b + self.g ** 2 * v / (2 * b * b) + self.h)
        return [y * (self.g / b) ** i for i in range(4)]

    def variance_terms(self, u, a):  # d/dq = 1/(2a) d/da
        e = mp.exp(self.g * u / a + self.h)
        return e * (1 - self.g * u / a) / (2 * a), -self.g ** 2 * u * e / (2 * a ** 3)


class Gauss(Smooth):  # A exp(B x^2)
    def __init__(self, A, B):
        self.A, self.B = A, B

    def smooth(self, m, v, b):
        D = 1 - 2 * self.B * v
        t, y = self.B / D, self.A / mp.sqrt(D) * mp.exp(self.B * m * m / D)
        x = 2 * t * m
        return [y, x * y, (2 * t + x * x) * y, (6 * t * x + x ** 3) * y]


class Gabor(Smooth):  # Im exp(-x^2 + i x)
    def smooth(self, m, v, b):
        D = 1 + 2 * v
        y = mp.exp(mp.mpc(0, m / D)) * mp.exp((-m * m - v / 2) / D) / mp.sqrt(D)
        t, x = mp.mpf(-2) / D, mp.mpc(-2 * m, 1) / D
        return [z.imag for z in (y, x * y, (t + x * x) * y, (3 * t * x + x ** 3) * y)]


class Erf(Smooth):  # A erf(B x) + C
    def __init__(self, A, B, C):
        self.A, self.B, self.C = A, B, C

    def smooth(self, m, v, b):
        B = self.B / mp.sqrt(1 + 2 * self.B ** 2 * v)
        d = self.A * 2 * B / mp.sqrt(PI) * mp.exp(-(B * m) ** 2)
        t, x = -2 * B * B, -2 * B * B * m
        return [self.A * mp.erf(B * m) + self.C, d, x * d, (t + x * x) * d]


class Gelu(Smooth):  # x Phi(x)
    def smooth(self, m, v, b):
        t = mp.sqrt(1 + v)
        y = m / t
        P, p = mp.ncdf(y), density(y)
        return [m * P + v / t * p, P + y * p / t ** 2, p / t + p * (1 - y * y) / t ** 3, -y * p / t ** 2 + p * (y ** 3 - 3 * y) / t ** 4]


class Rectified(Smooth):  # x+^n, n >= 2; deltas of phi''' (n = 2) apart
    kink = True

    def __init__(self, n):
        self.n = n

    def chain(self, u, a):
        n, out, f = self.n, [], mp.mpf(1)
        for i in range(4):
            out.append(f * u ** (n - i) if u > 0 and n >= i else mp.mpf(0))
            f *= n - i
        return out

    def smooth(self, m, v, b):
        if v == 0:
            return self.chain(m, b)
        sd = mp.sqrt(v)
        e = [density(m / sd) / sd, mp.ncdf(m / sd)]  # of delta, of the step, of x+, ...
        e.append(m * e[1] + v * e[0])
        for d in range(2, self.n + 1):
            e.append(m * e[-1] + (d - 1) * v * e[-2])
        out, f = [], mp.mpf(1)
        for i in range(4):
            out.append(f * e[self.n - i + 1])
            f *= self.n - i if self.n > i else 1
        return out


class Broken(Smooth):  # N min(x,0) + P max(x,0); phi'' is a delta: only k and kd are integrated
    kink = True

    def __init__(self, N, P):
        self.N, self.P = mp.mpf(N), mp.mpf(P)

    def chain(self, u, a):
        t = self.P if u > 0 else self.N
        return [t * u, t, mp.mpf(0), mp.mpf(0)]

    def smooth(self, m, v, b):
        if v == 0:
            return self.chain(m, b)
        sd = mp.sqrt(v)
        step, delta = mp.ncdf(m / sd), density(m / sd) / sd
        return [self.N * m + (self.P - self.N) * (m * step + v * delta), self.N + (self.P - self.N) * step, mp.mpf(0), mp.mpf(0)]


class Sign(Smooth):  # its derivative is taken as 0
    kink = True

    def chain(self, u, a):
        return [mp.sign(u), mp.mpf(0), mp.mpf(0), mp.mpf(0)]

    def smooth(self, m, v, b):
        return self.chain(m, b) if v == 0 else [mp.erf(m / mp.sqrt(2 * v)), mp.mpf(0), mp.mpf(0), mp.mpf(0)]


D = mp.mpf  # parameters are the doubles that the program gets
S = 1 / mp.mpf(2.4020563531719796)
ACTIVATIONS = [
    ("relu", Broken(0, 1)), ("leaky_relu 0.1", Broken(D(0.1), 1)), ("ab_relu -0.5 1.2", Broken(D(-0.5), D(1.2))), ("abs", Broken(-1, 1)),
    ("identity", Polynomial([0, 1])), ("erf 1.5 0.6 0.2", Erf(D(1.5), D(0.6), D(0.2))), ("sigmoid_like", Erf(HALF, S, HALF)), ("gelu", Gelu()),
    ("sin 1.1 0.7 0.3", Wave(D(1.1), D(0.7), D(0.3))), ("cos 0.9 0.8 -0.2", Wave(D(0.9), D(0.8), D(-0.2) + PI / 2)),
    ("rbf 0.4", Wave(mp.sqrt(2), mp.sqrt(2 * D(0.4)), PI / 4)), ("gaussian 1.2 -0.3", Gauss(D(1.2), D(-0.3))),
    ("exp 0.5 0.3", Exponential(D(0.5), D(0.3))), ("gabor", Gabor()), ("sign", Sign()), ("monomial 5", Polynomial([0] * 5 + [1])),
    ("rectified_monomial 1", Broken(0, 1)), ("rectified_monomial 2", Rectified(2)), ("rectified_monomial 3", Rectified(3)),
    ("rectified_monomial 4", Rectified(4)),
    ("hermite 4", Polynomial([3 / mp.sqrt(24), 0, -6 / mp.sqrt(24), 0, 1 / mp.sqrt(24)])),
    ("polynomial 0.2 0.7 0.1 -0.05", Polynomial([D(0.2), D(0.7), D(0.1), D(-0.05)])), ("exp_normalized 0.6 -1", Normalized(D(0.6), D(-1)))]

NODES = [(to_mpfr(x), to_mpfr(w)) for x, w in mpmath.calculus.quadrature.GaussLegendre(mpmath.mp).calc_nodes(4, 180)]


def panels(scale, step):
    """Ends from 0 to 13: doubling from `scale`, then steps of at most `step`."""
    ends, x = [mp.mpf(0)], mp.mpf(scale)
    while ends[-1] < 13:
        ends.append(min(x, ends[-1] + step, mp.mpf(13)))
        x *= 2
    return ends


def integrands(phi, z, a, b, c, v):
    u, m = a * z, c * b * z
    f, g = phi.chain(u, a), phi.smooth(m, v, b)
    fq, f1q = phi.variance_terms(u, a)
    gq, g1q = (0, 0)
    if isinstance(phi, Normalized):  # the same for v: given u, E of dphi/dr and of dphi'/dr
        e = g[0] / b
        mean = (m + phi.g * v / b) / b  # of w/b under the tilted density
        gq, g1q = e * (1 - phi.g * mean) / (2 * b), -phi.g ** 2 * mean * e / (2 * b * b)
    return [f[0] * g[0], f[1] * g[1], (f[2] / 2 + fq) * g[0], f[0] * (g[2] / 2 + gq), f[2] * g[2], (f[3] / 2 + f1q) * g[1],
            f[1] * (g[3] / 2 + g1q)]


def shortest(phi, a, b, c, v):
    """The scale on which the integrand changes: that of the heat kernel at a kink, of a bump, of a wave."""
    if phi.kink:
        return mp.sqrt(v) / b if v > 0 else mp.mpf(1)
    return 1 / max(1, a, b)


def deltas(phi, a, b, c, v, bits, out):
    """What the deltas of phi'' and phi''' give; 1 - c^2 in singular ones not below 16 eps, as documented."""
    p0, sd = 1 / (mp.sqrt(2 * PI) * a), mp.sqrt(v)
    if isinstance(phi, Broken):
        jump, h = phi.P - phi.N, sd / b
        u = 1 / mp.sqrt(max(h * h, 16 * EPS[bits or 64]))
        root = 1 / mp.sqrt(2 * PI)
        out[2] = HALF * jump * p0 * jump * sd * root                      # E delta(u) phi(v)
        out[3] = HALF * jump * root / b * jump * a * h * root
        out[4] = jump ** 2 * p0 * u / b * root                            # density of (u,v) at 0
        out[5] = -HALF * jump ** 2 * p0 * c * u / a * root                # E delta'(u) phi'(v) = -p(0) d/du E phi'(v)
        out[6] = -HALF * jump ** 2 * root / b * c * u / b * root
    if isinstance(phi, Rectified) and phi.n == 2:                         # phi''' = 2 delta, E phi'(v) = 2 E v+
        out[5] = p0 * 2 * sd / mp.sqrt(2 * PI)
        out[6] = 2 / (mp.sqrt(2 * PI) * b) * a * (sd / b) / mp.sqrt(2 * PI)
    return out


def moments(phi, s, a, b, bits=64):
    c = max(mp.mpf(-1), min(mp.mpf(1), s / (a * b)))
    v = b * b * (1 - c) * (1 + c)
    step = mp.mpf(2) if not phi.waves else min(mp.mpf(2), 3 / (phi.waves * max(a, b)))
    ends = panels(shortest(phi, a, b, c, v) / 2, step)
    total = [mp.mpf(0)] * 7
    for lo, hi in zip(ends, ends[1:]):
        half, mid = (hi - lo) / 2, (hi + lo) / 2
        for x, w in NODES:
            z = mid + half * x
            weight = w * half * density(z)
            for side in (1, -1):
                for i, y in enumerate(integrands(phi, side * z, a, b, c, v)):
                    total[i] += weight * y
    return deltas(phi, a, b, c, v, bits, total)


def check(name, phi):
    """Heat kernels and the rule against mpmath's adaptive quad."""
    a, b = mp.mpf("0.8"), mp.mpf("1.3")
    m, v = mp.mpf("0.4"), mp.mpf("0.7")
    direct = quad(lambda w: density(w) * phi.chain(m + mp.sqrt(v) * w, b)[0], [-14, -4, -m / mp.sqrt(v), 4, 14])
    assert abs(direct - phi.smooth(m, v, b)[0]) < 1e-18 * (1 + abs(direct)), (name, direct)
    for i in range(3 if not phi.kink else 0):
        for j, f in enumerate((lambda x: phi.smooth(x, v, b)[i], lambda x: phi.chain(x, b)[i])):
            want = difference(f, m)
            assert abs(want - (phi.smooth(m, v, b) if j == 0 else phi.chain(m, b))[i + 1]) < 1e-12 * (1 + abs(want)), (name, i)
    for c in (mp.mpf("0.3"), mp.mpf("-0.999")):
        vv = b * b * (1 - c) * (1 + c)
        sd = mp.sqrt(vv) / b
        got = moments(phi, c * a * b, a, b)
        for i in range(2 if phi.kink else 7):
            want = quad(lambda z: density(z) * integrands(phi, z, a, b, c, vv)[i], [-13, -4, -1, -sd, 0, sd, 1, 4, 13])
            assert abs(got[i] - want) < 1e-18 * (1 + abs(want)), (name, c, i, got[i], want)


def rows_of(number, name, phi):
    pairs = VARIANCES + ([(phi.large, phi.large), (phi.large, 1)] if phi.large else [])
    two = isinstance(phi, Broken)  # the clamp differs
    for q, r in pairs:
        a, b = (mp.mpf(float(np.float32(np.sqrt(v)))) for v in (q, r))
        own = [moments(phi, x * x, x, x) for x in (a, b)]
        scales = [mp.sqrt(own[0][i] * own[1][i]) for i in range(2)]
        reference = [moments(phi, c * a * b, a, b) for c in (mp.mpf(0), mp.mpf("0.7"), mp.mpf("-0.7"), mp.mpf(1))] \
            if not two else []  # those of relu grow without bound towards c = +-1
        up = moments(phi, mp.mpf("0.3") * a * b * (1 + mp.mpf(10) ** -6), a * (1 + mp.mpf(10) ** -6), b)
        here = moments(phi, mp.mpf("0.3") * a * b, a, b)
        condition = [abs(x - y) / abs(y) * 10 ** 6 if y else mp.mpf(0) for x, y in zip(up, here)]
        for c in CORRELATIONS:
            s = mp.mpf(float(np.float32(float(c * a * b))))
            narrow = not 1 - mp.mpf(10) ** -7 < c < 1
            if not narrow:
                s = mp.mpf(float(c * a * b))
            s = max(-a * b, min(a * b, s))
            for bits in ((64, 32) if two and narrow else ((0,) if narrow else (64,))):
                values = moments(phi, s, a, b, bits)
                tolerances = []
                for width in (64, 32):
                    if bits not in (0, width):
                        tolerances += [mp.mpf(0)] * 7
                        continue
                    eps = EPS[width]
                    step = 4 * (eps if phi.kink else EPS[32])  # smooth ones move linearly
                    moved = [moments(phi, max(-a * b, min(a * b, s + d * step * a * b)), a, b, bits) for d in ((-1, 1) if phi.kink else (-1 if s > 0 else 1,))] \
                        if phi.kink or width == 64 else moved
                    for i in range(7):
                        spread = max(abs(m[i] - values[i]) for m in moved) * (1 if phi.kink else eps / EPS[32])
                        size = scales[i] if i < 2 else max([abs(values[i])] + [abs(m[i]) for m in moved] + [abs(t[i]) for t in reference])
                        tolerances.append(eps * (16 + 2 * condition[i]) * size + spread + mp.mpf(10) ** -24 * (1 + scales[0]))
                yield [number, bits, s, a, b] + values + tolerances


SERIES = [("tanh", lambda u: _tanh(u)), ("softplus", lambda u: _softplus(u)), ("silu", lambda u: _silu(u))]
LD = np.longdouble


def _tanh(u):
    t = np.tanh(u)
    d = 1 - t * t
    return t, d, -2 * t * d, d * (6 * t * t - 2)


def _sigmoid(u):
    p = 1 / (1 + np.exp(-u))
    d = p * (1 / (1 + np.exp(u)))
    return p, d, d * (1 - 2 * p), d * (1 - 6 * d)


def _softplus(u):
    p, d, dd, _ = _sigmoid(u)
    return np.where(u > 0, u, 0) + np.log1p(np.exp(-np.abs(u))), p, d, dd


def _silu(u):
    p, d, dd, ddd = _sigmoid(u)
    return u * p, p + u * d, 2 * d + u * dd, 3 * dd + u * ddd


def trapezoid(f, a, b, c, step):
    z = np.arange(-int(11 / step), int(11 / step) + 1).astype(LD) * LD(step)
    w = np.exp(-z * z / 2) * LD(step) / np.sqrt(2 * LD(np.pi))
    w /= w.sum()  # the normal weight itself to 80 bits
    c = LD(c)
    h = np.sqrt((1 - c) * (1 + c))
    F = f(LD(a) * z)
    G = [g @ w for g in f(LD(b) * (c * z[:, None] + h * z[None, :]))]
    pairs = ((0, 0, 1), (1, 1, 1), (2, 0, .5), (0, 2, .5), (2, 2, 1), (3, 1, .5), (1, 3, .5))
    return [LD(t) * np.sum(w * F[i] * G[j]) for i, j, t in pairs]


def series_rows():
    one = {"tanh": mpmath.tanh, "softplus": lambda x: mpmath.log1p(mpmath.exp(x)), "silu": lambda x: x / (1 + mpmath.exp(-x))}
    for number, (name, f) in enumerate(SERIES):
        mpmath.mp.dps = 15
        want = mpmath.quad(lambda z, w: mpmath.npdf(z) * mpmath.npdf(w) * one[name](z) * one[name](mpmath.mpf("1.2") * (z * .5 + w * mpmath.sqrt(.75))),
                       [-9, -3, 0, 3, 9], [-9, -3, 0, 3, 9])
        mpmath.mp.dps = 45
        got = trapezoid(f, 1, 1.2, .5, 1 / 16)[0]
        assert abs(float(got) - float(want)) < 1e-12, (name, got, want)
        for q, r in [(1e-4, 1e-4), (1e-4, 2.5), (1e-2, 1e-2), (1, 1), (0.5, 1.75), (10, 10), (30, 0.25), (30, 30), (100, 1), (100, 100)]:
            a, b = np.sqrt(q), np.sqrt(r)
            own = [trapezoid(f, x, x, 1, 1 / (16 * max(1, x / 5))) for x in (a, b)]
            for c in CORRELATIONS:
                fine = max(1, a / 5)  # poles are nearer the larger the variance
                values = trapezoid(f, a, b, float(c), 1 / (24 * fine))
                finer = trapezoid(f, a, b, float(c), 1 / (32 * fine))
                assert all(abs(x - y) < 1e-9 * (1 + abs(y)) for x, y in zip(values, finer)), (name, q, r, c, values, finer)
                scales = [np.sqrt(own[0][i] * own[1][i]) for i in range(2)]
                scales += [0.5 * np.sqrt(own[0][4]) / 1 * np.sqrt(own[1][0]), 0.5 * np.sqrt(own[0][0] * own[1][4]), np.sqrt(own[0][4] * own[1][4])]
                third = [np.sqrt(max(trapezoid(lambda u: (f(u)[3],) * 4, x, x, 1, 1 / (16 * max(1, x / 5)))[0], 0)) for x in (a, b)]
                scales += [0.5 * third[0] * np.sqrt(own[1][1]), 0.5 * third[1] * np.sqrt(own[0][1])]
                yield [number, float(c) * a * b, a, b] + finer + scales


if __name__ == "__main__":
    only = sys.argv[1:]
    if not only or "series" in only:
        rows = [[float(x) for x in row] for row in series_rows()]
        np.save("series.npy", np.array(rows))
        print("series", len(rows), flush=True)
    rows = []
    for number, (name, phi) in enumerate(ACTIVATIONS):
        if only not in ([], ["moments"]) and name.split()[0] not in only:
            continue
        check(name, phi)
        rows += [[float(x) for x in row] for row in rows_of(number, name, phi)]
        print(name, len(rows), flush=True)
    if not only or only == ["moments"]:
        np.save("moments.npy", np.array(rows))
