#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Square in l-infinity with the draws of the public code (PyTorch's generator on the CPU: mt19937, 53 bits of two words), in numpy.

    python square_seeds.py QUERIES SEEDS [OUT.npy]        in this folder; model10 is attacked, radius 0.1

Prints the robust accuracy of each seed. It gives what the public code gave: all ten of square/Linf-1000-accuracy.npy, and seed 0 with
5000 queries image by image (end/Linf-alone-flags.npy, last row). Windows and signs are drawn once for the whole batch, as there.
"""
import sys

import numpy as np

RADIUS, SIDE = 0.1, 8
weights = {k: np.load(f"model10/{k}.npy") for k in ("w1", "b1", "w2", "b2", "w3", "b3")}
images, labels = np.load("model10/x.npy").reshape(-1, SIDE * SIDE), np.load("model10/y.npy")


class Draws:
    def __init__(self, seed):
        self.words = np.random.RandomState(seed)

    def uniform(self, count):
        w = self.words.randint(0, 2**32, size=2 * count, dtype=np.uint64)
        return ((w[0::2] << np.uint64(32) | w[1::2]) & np.uint64(2**53 - 1)).astype(np.float64) * 2.0**-53

    def below(self, n):
        return int(self.uniform(1)[0] * n)

    def sign(self, count):
        return np.sign(2 * self.uniform(count) - 1)


def margin(x, y):
    h = np.maximum(x @ weights["w1"].T + weights["b1"], 0)
    h = np.maximum(h @ weights["w2"].T + weights["b2"], 0)
    z = h @ weights["w3"].T + weights["b3"]
    own = z[np.arange(len(y)), y].copy()
    z[np.arange(len(y)), y] = -np.inf
    return own - z.max(1)


def side_at(query):
    halvings = sum(query > h for h in (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000))
    return max(int(round(np.sqrt(0.8 / 2**halvings * SIDE * SIDE))), 1)


def stands(seed, queries):
    draws, right = Draws(seed), np.where(margin(images, labels) > 0)[0]
    x, y = images[right], labels[right]
    stripes = draws.sign(len(x) * SIDE).reshape(-1, 1, SIDE).repeat(SIDE, 1).reshape(len(x), -1)
    best = np.clip(x + RADIUS * stripes, 0, 1)
    least = margin(best, y)
    for query in range(queries):
        rows, side = np.where(least > 0)[0], side_at(query)
        top, left = draws.below(SIDE - side), draws.below(SIDE - side)
        window = np.zeros((SIDE, SIDE))
        window[top:top + side, left:left + side] = 2 * RADIUS * draws.sign(1)[0]
        new = np.clip(np.clip(best[rows] + window.reshape(-1), x[rows] - RADIUS, x[rows] + RADIUS), 0, 1)
        found = margin(new, y[rows])
        better = (found < least[rows]) | (found <= 0)
        least[rows[better]], best[rows[better]] = found[better], new[better]
    flags = np.zeros(len(images), bool)
    flags[right] = least > 0
    return flags


if __name__ == "__main__":
    accuracies = []
    for seed in range(int(sys.argv[2])):
        accuracies.append(stands(seed, int(sys.argv[1])).mean())
        print(seed, accuracies[-1], flush=True)
    if len(sys.argv) > 3:
        np.save(sys.argv[3], np.array(accuracies))
