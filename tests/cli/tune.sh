#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# tune: the value and its gradient against numpy's, from kernel matrices that the kernel command gives at
# neighbouring parameters; what cannot be tuned is refused in a line.
# shellcheck source=tests/cli/lib.sh
. "$top_srcdir/tests/cli/lib.sh"

cat >tune.yaml <<'END_OF_RECIPE'
advntk: 1
data: {dataset: {plugin: npy, train_images: x.npy, train_labels: y.npy, test_images: x.npy, test_labels: y.npy}, train: 40, test: 1, subset: first}
model: {architecture: {plugin: mlp, depth: 3}, kernel: ntk}
method: ntk
evaluate: [{name: clean}]
END_OF_RECIPE
python=/usr/bin/python3
[ -x "$python" ] || python=python3
if $python -c 'import numpy' 2>/dev/null; then
	cat >look.py <<'END_OF_PYTHON'
# look.py ADVNTK BY OPTION...: compares `tune` after one step with numpy
import json, subprocess, sys
import numpy as np
advntk, by, options = sys.argv[1], sys.argv[2], sys.argv[3:]
ridge, n, h = 0.01, 40, 1e-4
x, y = np.load("x.npy"), np.load("y.npy")
Y = np.eye(3)[y]
def value(w, b):
    np.save("in.npy", x)
    subprocess.run([advntk, "kernel", "tune.yaml", "in.npy", "-o", "k.npy", "-s", "precision=float64", *options,
                    "-s", f"model.architecture.w_std={w!r}", "-s", f"model.architecture.b_std={b!r}"], check=True)
    K = np.load("k.npy") + ridge * np.eye(n)
    A, inverse = np.linalg.solve(K, Y), np.linalg.inv(K)
    if by == "likelihood":
        return (np.sum(Y * A) + 3 * (np.linalg.slogdet(K)[1] + n * np.log(2 * np.pi))) / 2 / n
    # left out for good, one after the other: nothing of the closed form
    residual = []
    for i in range(n):
        rest = [j for j in range(n) if j != i]
        residual.append(Y[i] - K[i, rest] @ np.linalg.solve(K[np.ix_(rest, rest)], Y[rest]))
    return np.sum(np.square(residual)) / n
out = subprocess.run([advntk, "tune", "tune.yaml", "--by", by, "--ridge", str(ridge), "--iterations", "1",
                      "--format", "json", *options], check=True, capture_output=True).stdout
got = json.loads(out)
w, b = (got["parameters"][k]["end"] for k in ("w_std", "b_std"))
good = abs(got["value"] - value(w, b)) < 1e-9 * abs(got["value"])
slopes = [(value(w * np.exp(h), b) - value(w * np.exp(-h), b)) / (2 * h),
          (value(w, b * np.exp(h)) - value(w, b * np.exp(-h))) / (2 * h)]
print("#", got, slopes)
for k, want in zip(("w_std", "b_std"), slopes):
    # differences of h = 1e-4: truncation h^2, rounding 1e-16 / h, of values of about 1
    good = good and abs(got["parameters"][k]["gradient"] - want) < 1e-6 * max(1, abs(want))
sys.exit(not good)
END_OF_PYTHON
	$python -c '
import numpy as np
r = np.random.default_rng(1)
y = np.arange(40) % 3
np.save("y.npy", y)
np.save("x.npy", 0.4 * r.random((40, 4, 4, 1)) + 0.2 * y.reshape(-1, 1, 1, 1))'
	for by in likelihood leave-one-out; do
		$python look.py "$advntk" $by
		ok $? "dense network, $by"
		$python look.py "$advntk" $by -s 'model.architecture={plugin: cnn, depth: 2}' -s model.kernel=nngp
		ok $? "convolutions, nngp, $by"
	done
	$python look.py "$advntk" likelihood -s 'model.architecture={plugin: cnn, depth: 2, pooling: average}'
	ok $? "convolutions and a global pool"
else
	skip "values and gradients" "no numpy"
fi

"$advntk" tune small.yaml --images 60 --ridge 0.1 >out 2>err
is $? 0 "tune"
has out "-s model.architecture.w_std=" "ends with what to put into a command"
"$advntk" tune small.yaml --images 60 --ridge 0.1 --threads 1 >out1 2>err
is "$(cat out1)" "$(cat out)" "the same for one thread"
"$advntk" tune small.yaml --images 4000 >out 2>err
is $? 1 "more images than there are"
has err "--images 4000: expected 10 (the classes) to 200" "is refused with the numbers"
"$advntk" tune small.yaml -s 'model={kernel: laplace}' >out 2>err
is $? 1 "a kernel without a network"
has err "kernel laplace has no gradient by w_std and b_std" "is refused"
"$advntk" tune small.yaml --by chance >out 2>err
is $? 2 "an objective that is none"
"$advntk" tune small.yaml --ridge -1 >out 2>err
is $? 2 "a negative ridge"
done_testing
