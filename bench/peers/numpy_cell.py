#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""One cell of the paper in numpy, as a user would write it by hand: the thing to beat.

CIFAR-10, relu MLP of depth 3, n training and 2,000 validation images; kernel matrix, 50 Adv-NTK steps
(block Lanczos for the coefficients and the gradient, PGD-10 inside), then PGD-10 at 8/255 on 1,000 test
images for Adv-NTK and plain kernel regression. float32 kernels, float64 factorisation.

usage: numpy_cell.py CIFAR_DIR [n [steps [seed]]]      prints a JSON line a stage, seconds and accuracies
"""
import json
import os
import sys
import time

import numpy as np
import scipy.linalg

W2, B2, DEPTH, CLASSES = 1.76**2, 0.18**2, 3, 10
RADIUS, PGD_STEPS, BATCH, RATE = 8 / 255, 10, 128, 0.1


def load(folder, name):
    a = np.fromfile(os.path.join(folder, name), np.uint8).reshape(-1, 3073)
    x = a[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).reshape(len(a), -1)
    return x.astype(np.float32) / np.float32(255), a[:, 0].astype(int)


def training_set(folder):
    return map(np.concatenate, zip(*[load(folder, f"data_batch_{i}.bin") for i in range(1, 6)]))


def variances(x):
    """q of each layer's input: dense(x), then dense(relu) DEPTH-2 times; and dq/dq0."""
    q = (x.astype(np.float64) ** 2).mean(1)
    qs = []
    for layer in range(DEPTH - 1):
        q = W2 * q + B2 if layer == 0 else W2 * q / 2 + B2
        qs.append(q.astype(np.float32))
    return qs


def kernel(x, qx, z, qz, gradient=False):
    """Theta(x, z); with gradient also its derivatives by s = <x, z>/d and by q = |x|^2/d."""
    s = x @ z.T / np.float32(x.shape[1])
    k = W2 * s + B2
    theta, one = k.copy(), np.float32(1)
    if gradient:
        k_s, k_q = np.full_like(s, W2), np.zeros_like(s)
        t_s, t_q = k_s.copy(), k_q.copy()
        dq = np.float32(W2)
    for a, b in zip(qx, qz):
        p = np.sqrt(a)[:, None] * np.sqrt(b)[None]
        c = np.clip(k / p, -1, 1)
        root = np.sqrt(np.maximum(one - c * c, np.float32(1e-7)))
        angle = np.float32(np.pi) - np.arccos(c)
        kd = angle / np.float32(2 * np.pi)
        relu = p / np.float32(2 * np.pi) * (root + angle * c)
        if gradient:
            kd_s = one / (np.float32(2 * np.pi) * p * root)
            kd_q = -c / (np.float32(4 * np.pi) * a[:, None] * root)
            r_q = np.sqrt(b)[None] / np.sqrt(a)[:, None] * root / np.float32(4 * np.pi)
            t_s, t_q = t_s * kd + theta * kd_s * k_s, t_q * kd + theta * (kd_s * k_q + kd_q * dq)
            k_s, k_q = kd * k_s, kd * k_q + r_q * dq
            k_s, k_q, dq = W2 * k_s, W2 * k_q, np.float32(W2 / 2) * dq
        theta = theta * kd
        k = W2 * relu + B2
        theta = k + W2 * theta
        if gradient:
            t_s, t_q = k_s + W2 * t_s, k_q + W2 * t_q
    return (theta, t_s, t_q) if gradient else theta


def gram(z, qz):
    return np.vstack([kernel(z[i : i + 500], [q[i : i + 500] for q in qz], z, qz) for i in range(0, len(z), 500)])


def input_gradient(x, z, t_s, t_q, g):
    d = np.float32(x.shape[1])
    return (g * t_s) @ z / d + (2 / d) * (g * t_q).sum(1, keepdims=True) * x


def lanczos(theta, h, start, tolerance=1e-8, blocks=20):
    """Orthonormal basis V of the block Krylov space of S = h theta h from `start`, and V' S V."""
    v, r = np.linalg.qr(start)
    basis, images = [v], []
    last = None
    for _ in range(blocks):
        u = h[:, None] * (theta @ (h[:, None] * basis[-1]).astype(np.float32))
        images.append(u)
        V, SV = np.hstack(basis), np.hstack(images)
        T = V.T @ SV
        l, U = np.linalg.eigh((T + T.T) / 2)
        phi = np.where(l > 1e-12, -np.expm1(-np.maximum(l, 1e-300)) / np.maximum(l, 1e-300), 1)
        y = (U * phi) @ (U.T[:, : r.shape[0]] @ r)
        if last is not None:
            gap = np.linalg.norm(y[: len(last)] - last) / np.linalg.norm(y)
            if gap < tolerance:
                break
        last = y
        w = u - V @ (V.T @ u)
        w -= V @ (V.T @ w)
        basis.append(np.linalg.qr(w)[0])
    m = V.shape[1]
    return V, l, U, r, y[:m]


def coefficients(theta, w, y):
    h = np.sqrt(np.abs(w))
    space = lanczos(theta, h, h[:, None] * y)
    return h[:, None] * (space[0] @ space[4]), space


def weight_gradient(theta, w, y, g, space):
    h = np.sqrt(np.abs(w))
    if not h.any():
        return (g * y).sum(1)
    V, l, U, r, _ = space
    A = np.linalg.multi_dot([V, U])
    a = U.T[:, : r.shape[0]] @ r
    V2, l2, U2, r2, _ = lanczos(theta, h, h[:, None] * g)
    B, b = V2 @ U2, U2.T[:, : r2.shape[0]] @ r2
    gap = l2[:, None] - l[None]
    e = np.where(np.abs(gap) > 1e-9, (np.exp(-l)[None] - np.exp(-l2)[:, None]) / np.where(gap == 0, 1, gap), np.exp(-l)[None])
    C = (b @ a.T) * e
    grad = ((B @ C) * A).sum(1) / np.where(h > 0, h * h, 1)
    return np.where(h > 0, grad, 0) if (h > 0).all() else np.where(h > 0, grad, (g * y).sum(1))


def attack(x0, labels, z, qz, alpha, rng, start=True):
    y = np.eye(CLASSES, dtype=np.float32)[labels]
    x = np.clip(x0 + rng.uniform(-RADIUS, RADIUS, x0.shape).astype(np.float32), 0, 1) if start else x0.copy()
    for _ in range(PGD_STEPS):
        xc = x - np.float32(0.5)
        theta, t_s, t_q = kernel(xc, variances(xc), z, qz, True)
        g = ((theta @ alpha - y) @ alpha.T).astype(np.float32)
        x = x + np.float32(RADIUS / 5) * np.sign(input_gradient(xc, z, t_s, t_q, g))
        x = np.clip(np.clip(x, x0 - np.float32(RADIUS), x0 + np.float32(RADIUS)), 0, 1)
    return x


def training_gradient(theta, w, y, space, x, labels, z, qz, alpha):
    """Mean loss of the adversarial batch x under alpha = alpha(w), and its gradient by w."""
    xc = x - np.float32(0.5)
    k = kernel(xc, variances(xc), z, qz)
    off = k @ alpha - np.eye(CLASSES)[labels]
    g = weight_gradient(theta, w, y, (k.T @ (off / len(x))).astype(np.float64), space)
    return (off**2).sum(1).mean() / 2, np.where(w < 0, -g, g)


def evaluate(x, labels, z, qz, alpha, rng):
    clean = robust = 0
    for i in range(0, len(x), BATCH):
        xb, lb = x[i : i + BATCH], labels[i : i + BATCH]
        xc = xb - np.float32(0.5)
        right = (kernel(xc, variances(xc), z, qz) @ alpha).argmax(1) == lb
        adv = attack(xb, lb, z, qz, alpha, rng) - np.float32(0.5)
        clean += right.sum()
        robust += (right & ((kernel(adv, variances(adv), z, qz) @ alpha).argmax(1) == lb)).sum()
    return clean / len(x), robust / len(x)


def main():
    folder = sys.argv[1]
    n, steps, seed = [int(v) for v in (sys.argv[2:] + ["10000", "50", "1"][len(sys.argv) - 2 :])]
    rng = np.random.default_rng(seed)
    X, L = training_set(folder)
    xt, lt = load(folder, "test_batch.bin")
    xt, lt = xt[:1000], lt[:1000]
    pick = rng.permutation(len(X))[: n + 2000]
    xv, lv = X[pick[:2000]], L[pick[:2000]]
    z, l = X[pick[2000:]] - np.float32(0.5), L[pick[2000:]]
    y = np.eye(CLASSES)[l]
    total = clock = time.perf_counter()

    def say(stage, **more):
        nonlocal clock
        now = time.perf_counter()
        print(json.dumps({"stage": stage, "seconds": round(now - clock, 2), **more}), flush=True)
        clock = now

    qz = variances(z)
    theta = gram(z, qz)
    say("gram")
    w = np.zeros(n)
    order = []
    alpha, space = np.zeros((n, CLASSES)), None
    for _ in range(steps):
        if len(order) < BATCH:
            order = list(rng.permutation(len(xv)))
        b, order = np.array(order[:BATCH]), order[BATCH:]
        a32 = alpha.astype(np.float32)
        _, g = training_gradient(theta, w, y, space, attack(xv[b], lv[b], z, qz, a32, rng), lv[b], z, qz, a32)
        w = w - RATE * g / np.linalg.norm(g)
        alpha, space = coefficients(theta, w, y)
    say("training")
    clean, robust = evaluate(xt, lt, z, qz, alpha.astype(np.float32), rng)
    say("advntk", clean=clean, robust=robust)
    factor = scipy.linalg.cho_factor(theta.astype(np.float64), lower=True, overwrite_a=True)
    alpha = scipy.linalg.cho_solve(factor, y)
    say("cholesky")
    clean, robust = evaluate(xt, lt, z, qz, alpha.astype(np.float32), rng)
    say("ntk", clean=clean, robust=robust)
    print(json.dumps({"stage": "total", "seconds": round(time.perf_counter() - total, 2)}))


if __name__ == "__main__":
    main()
