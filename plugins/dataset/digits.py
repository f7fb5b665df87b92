#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes plugins/dataset/data/digits.idx.gz from scikit-learn's digits.csv.gz.

    python3 plugins/dataset/digits.py [digits.csv.gz] [digits.idx.gz]

The output is an idx array of bytes, 1797 x 65: 64 pixels of 0..16 row by row, then the label. It has no
date and no name inside, so the same input gives the same file.
"""
import csv
import gzip
import struct
import sys
from pathlib import Path

here = Path(__file__).resolve().parent
source = sys.argv[1] if len(sys.argv) > 1 else None
target = sys.argv[2] if len(sys.argv) > 2 else here / "data" / "digits.idx.gz"
if source is None:
    import sklearn.datasets

    source = Path(sklearn.datasets.__file__).parent / "data" / "digits.csv.gz"

with gzip.open(source, "rt") as f:
    rows = [[int(float(v)) for v in row] for row in csv.reader(f)]
assert len(rows) == 1797 and all(len(r) == 65 for r in rows)
assert all(0 <= v <= 16 for r in rows for v in r[:64]) and all(0 <= r[64] <= 9 for r in rows)
raw = struct.pack(">HBBII", 0, 8, 2, len(rows), 65) + b"".join(bytes(r) for r in rows)
with open(target, "wb") as f, gzip.GzipFile("", "wb", 9, f, 0) as z:
    z.write(raw)
