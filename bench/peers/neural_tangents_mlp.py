#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""neural-tangents on the work of bench/mlp_kernel.c: relu MLPs of depth 3, 5, 10 on 32x32x3 images, float32.

A tile of n x n entries of the NTK, and for a panel of 128 images the kernel against n others with the
gradient of a weighted sum of it with respect to the panel. Best of 3 after compilation.

usage: neural_tangents_mlp.py [n [threads]]      prints rows for bench/run.sh, ns an entry
"""
import os
import sys
import time

N = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
THREADS = int(sys.argv[2]) if len(sys.argv) > 2 else os.cpu_count()
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])  # before jax makes its threads

import jax
import numpy as np
from neural_tangents import stax

D, PANEL = 32 * 32 * 3, 128
TARGETS = {3: ">= 2.5", 10: ">= 8"}


def kernel(depth):
    layers = [stax.Dense(512, W_std=1.76, b_std=0.18)]
    for _ in range(depth - 1):
        layers += [stax.Relu(), stax.Dense(512, W_std=1.76, b_std=0.18)]
    fn = stax.serial(*layers)[2]
    return lambda x, z: fn(x, z, "ntk")


def best(f, *arguments):
    jax.block_until_ready(f(*arguments))
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        jax.block_until_ready(f(*arguments))
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def main():
    x = (0.3 * np.sin(12.9898 * np.arange(2 * N * D)) + 0.2).astype(np.float32).reshape(2 * N, D)
    g = np.random.default_rng(1).standard_normal((PANEL, N)).astype(np.float32)
    for depth in (3, 5, 10):
        theta = kernel(depth)
        seconds = best(jax.jit(theta), x[:N], x[N:])
        print(f"peer\tgram-{depth}\tneural-tangents\t{1e9 * seconds / N**2:.6g}\t{TARGETS.get(depth, '')}", flush=True)
        both = jax.jit(lambda a, b, w: jax.vjp(lambda v: theta(v, b), a)[1](w))
        seconds = best(both, x[:PANEL], x[N:], g)
        print(f"peer\tgradient-{depth}\tneural-tangents\t{1e9 * seconds / (PANEL * N):.6g}\t", flush=True)


main()
