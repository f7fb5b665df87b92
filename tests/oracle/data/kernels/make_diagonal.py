# SPDX-License-Identifier: GPL-3.0-or-later
"""Exact kernels of images with themselves: usage: make_diagonal.py, in the folder of x1.npy; writes diagonal.npy.

neural-tangents takes the diagonal from products like any other entry, so that its correlation is 1 only
up to rounding: eps there is an angle of sqrt(2 eps) = 2e-8, which the tangent kernel shows. Here the
recursion runs in 50 digits, with correlation 1. Prints how far the stored diagonals are off.
mpmath 1.3.0, numpy 1.24.2."""
import mpmath as mp
import numpy as np

mp.mp.dps = 50
W2, B2 = mp.mpf(1.76) ** 2, mp.mpf(0.18) ** 2


def ab_relu(a, b):
    half = (mp.mpf(a) ** 2 + mp.mpf(b) ** 2) / 2
    return lambda q: (half * q, half)


def erf(a, b, c):
    a, b, c = mp.mpf(a), mp.mpf(b), mp.mpf(c)

    def moments(q):
        q = b * b * q
        return a * a * 2 / mp.pi * mp.asin(2 * q / (1 + 2 * q)) + c * c, a * a * b * b * 4 / mp.pi / mp.sqrt(1 + 4 * q)
    return moments


def by_quadrature(phi, dphi):
    def moments(q):
        def mean(f):
            with mp.workdps(25):
                return mp.quad(lambda z: f(mp.sqrt(q) * z) ** 2 * mp.npdf(z), [-16, -8, -4, -2, 0, 2, 4, 8, 16])
        return mean(phi), mean(dphi)
    return moments


RELU, ERF = ab_relu(0, 1), erf(1, 1, 0)
MLPS = [("mlp2-relu", 2, RELU), ("mlp3-relu", 3, RELU), ("mlp5-relu", 5, RELU), ("mlp10-relu", 10, RELU),
        ("mlp3-leaky_relu", 3, ab_relu(0.1, 1)), ("mlp3-abs", 3, ab_relu(-1, 1)), ("mlp3-identity", 3, ab_relu(1, 1)),
        ("mlp3-erf", 3, ERF), ("mlp3-sigmoid_like", 3, erf(0.5, 1 / mp.mpf(2.4020563531719796), 0.5)),
        ("mlp3-tanh", 3, by_quadrature(mp.tanh, lambda x: mp.sech(x) ** 2)),
        ("mlp3-softplus", 3, by_quadrature(lambda x: mp.log1p(mp.exp(x)), lambda x: 1 / (1 + mp.exp(-x))))]


def dense(k, t):
    k = W2 * k + B2
    return k, k + W2 * t


def activation(phi, k, t):
    k, kd = phi(k)
    return k, t * kd


def mlp(q, depth, phi):
    k, t = dense(q, 0)
    for _ in range(depth - 1):
        k, t = dense(*activation(phi, k, t))
    return k, t


def residual_dense(q):
    k, t = dense(q, 0)
    k1, t1 = dense(*activation(ERF, *dense(*activation(RELU, k, t))))
    return dense(*activation(RELU, k + k1, t + t1))


x = np.load("x1.npy").reshape(6, -1)
variances = [mp.fsum(mp.mpf(float(v)) ** 2 for v in row) / len(row) for row in x]
out = []
for name, *rest in MLPS[:-2] + [("residual-dense",)] + MLPS[-2:]:
    values = [mlp(q, *rest) if rest else residual_dense(q) for q in variances]
    for which, kernel in enumerate(("nngp", "ntk")):
        stored = np.diag(np.load(f"{name}-{kernel}_self.npy"))
        off = max(abs(mp.mpf(float(s)) / v[which] - 1) for s, v in zip(stored, values))
        print(f"{name}-{kernel}: neural-tangents' diagonal is off by {mp.nstr(off, 2)}")
    out.append([[float(v[which]) for v in values] for which in (0, 1)])
np.save("diagonal.npy", np.array(out))
