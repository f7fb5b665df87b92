#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""neural-tangents on the work of bench/conv_kernel.c: networks of 3x3 convolutions on 32x32x3 images, float32.

A tile of n x n entries of the NTK, and for n images the kernel against n others with the gradient of a
weighted sum of it with respect to the first. Best of 3 after compilation.

usage: neural_tangents_conv.py [n [threads]]      prints rows for bench/run.sh, ns a pixel and layer
"""
import os
import sys
import time

N = int(sys.argv[1]) if len(sys.argv) > 1 else 16
THREADS = int(sys.argv[2]) if len(sys.argv) > 2 else 1
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])  # before jax makes its threads

import jax
import numpy as np
from neural_tangents import stax

SIDE = 32


def kernel(depth):
    layers = []
    for _ in range(depth):
        layers += [stax.Conv(256, (3, 3), padding="SAME", W_std=1.76, b_std=0.18), stax.Relu()]
    fn = stax.serial(*layers, stax.Flatten(), stax.Dense(10, W_std=1.76, b_std=0.18))[2]
    return lambda x, z: fn(x, z, "ntk")


def best(f, *arguments):
    jax.block_until_ready(f(*arguments))
    seconds = []
    for _ in range(3):
        start = time.process_time() if THREADS == 1 else time.perf_counter()
        jax.block_until_ready(f(*arguments))
        seconds.append((time.process_time() if THREADS == 1 else time.perf_counter()) - start)
    return min(seconds)


def main():
    d = SIDE * SIDE * 3
    x = (0.3 * np.sin(12.9898 * np.arange(2 * N * d)) + 0.2).astype(np.float32).reshape(2 * N, SIDE, SIDE, 3)
    g = np.random.default_rng(1).standard_normal((N, N)).astype(np.float32)
    for depth in (3, 5):
        theta = kernel(depth)
        scale = 1e9 / (N * N * SIDE * SIDE * depth)
        seconds = best(jax.jit(theta), x[:N], x[N:])
        print(f"peer\tconv-{depth}\tneural-tangents\t{scale * seconds:.6g}\t>= 80", flush=True)
        both = jax.jit(lambda a, b, w: jax.vjp(lambda v: theta(v, b), a)[1](w))
        seconds = best(both, x[:N], x[N:], g)
        print(f"peer\tconv-gradient-{depth}\tneural-tangents\t{scale * seconds:.6g}\t>= 50", flush=True)


main()
