#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""neural-tangents on the work of bench/conv_kernel.c: networks of 3x3 convolutions on 32x32x3 images, float32,
and on few images with a global average in place of flatten.

A tile of n x n entries of the NTK, and for n images the kernel against n others with the gradient of a
weighted sum of it with respect to the first. Best of 3 after compilation.

usage: neural_tangents_conv.py [n [threads]]      prints rows for bench/run.sh, ns a number and layer
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


def kernel(depth, head=stax.Flatten):
    layers = []
    for _ in range(depth):
        layers += [stax.Conv(256, (3, 3), padding="SAME", W_std=1.76, b_std=0.18), stax.Relu()]
    fn = stax.serial(*layers, head(), stax.Dense(10, W_std=1.76, b_std=0.18))[2]
    return lambda x, z: fn(x, z, "ntk")


def best(f, *arguments):
    jax.block_until_ready(f(*arguments))
    seconds = []
    for _ in range(3):
        start = time.process_time() if THREADS == 1 else time.perf_counter()
        jax.block_until_ready(f(*arguments))
        seconds.append((time.process_time() if THREADS == 1 else time.perf_counter()) - start)
    return min(seconds)


def images(count, side):
    d = side * side * 3
    return (0.3 * np.sin(12.9898 * np.arange(count * d)) + 0.2).astype(np.float32).reshape(count, side, side, 3)


def rows(name, theta, x, z, numbers, wanted):
    """name: the keys of the kernel and of its gradient; numbers: of all pairs of images and layers."""
    g = np.random.default_rng(1).standard_normal((len(x), len(z))).astype(np.float32)
    seconds = best(jax.jit(theta), x, z)
    print(f"peer\t{name[0]}\tneural-tangents\t{1e9 * seconds / numbers:.6g}\t{wanted}", flush=True)
    both = jax.jit(lambda a, b, w: jax.vjp(lambda v: theta(v, b), a)[1](w))
    seconds = best(both, x, z, g)
    print(f"peer\t{name[1]}\tneural-tangents\t{1e9 * seconds / numbers:.6g}\t>= 50", flush=True)


def main():
    x = images(2 * N, SIDE)
    for depth in (3, 5):
        numbers = N * N * SIDE * SIDE * depth
        rows((f"conv-{depth}", f"conv-gradient-{depth}"), kernel(depth), x[:N], x[N:], numbers, ">= 80")
    for side in (SIDE // 2, SIDE):
        few = images(4, side)
        theta = kernel(3, stax.GlobalAvgPool)
        rows((f"pool-{side}", f"pool-gradient-{side}"), theta, few[:2], few[2:], 4 * side**4 * 3, ">= 100")


main()
