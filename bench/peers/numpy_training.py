#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does advntk train as an independent program does? The same steps, on the same images, in numpy.

Needs a training without chance: one validation batch (data.validation = batch) and no random start; bench/run.sh
makes one.

usage: numpy_training.py CIFAR_DIR RUN_FOLDER    prints each step's loss, ours and numpy's, then how far apart
                                                 the weights and coefficients are in the end; status 1 if far
"""
import json
import os
import sys

import numpy as np

from numpy_cell import BATCH, CLASSES, RATE, attack, coefficients, gram, training_gradient, training_set, variances

# float32 kernels of two programs differ by about 1e-6 of an entry; twelve steps carry that to about 1e-5
TOLERANCE = 1e-4


def distance(a, b):
    return np.linalg.norm(a - b) / np.linalg.norm(b)


def main():
    cifar, run = sys.argv[1:]
    stored = np.load(os.path.join(run, "predictor.npz"))
    with open(os.path.join(run, "metrics.jsonl")) as lines:
        ours = [json.loads(line) for line in lines]
    X, L = training_set(cifar)
    z, l = X[stored["train_index"]] - np.float32(0.5), L[stored["train_index"]]
    xv, lv = X[stored["validation_index"]], L[stored["validation_index"]]
    if len(xv) != BATCH:
        sys.exit(f"this run has {len(xv)} validation images; wanted one batch, {BATCH}")
    y, qz = np.eye(CLASSES)[l], variances(z)
    theta = gram(z, qz)
    w, alpha, space = np.zeros(len(z)), np.zeros((len(z), CLASSES)), None
    for step in ours:
        a32 = alpha.astype(np.float32)
        x = attack(xv, lv, z, qz, a32, None, start=False)
        loss, g = training_gradient(theta, w, y, space, x, lv, z, qz, a32)
        print(f"step {step['step']:3}  loss {step['loss']:.7f}  numpy {loss:.7f}", flush=True)
        w = w - RATE * g / np.linalg.norm(g)
        alpha, space = coefficients(theta, w, y)
    far = distance(stored["weights"], w), distance(stored["alpha"], alpha)
    print(f"relative distance of the weights {far[0]:.1e}, of the coefficients {far[1]:.1e}; at most {TOLERANCE:.0e}")
    sys.exit(int(max(far) > TOLERANCE))


main()
