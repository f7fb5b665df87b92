#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# compare and runs over a study: its figures against numpy and closed formulas (the t distribution with two
# degrees of freedom, the binomial sum), one fit under two radii, every format, filters, dates.
# shellcheck source=tests/cli/lib.sh
. "$top_srcdir/tests/cli/lib.sh"

cat >study.yaml <<'END'
advntk: 1
name: study
let: {radius: 0.1}
data: {dataset: digits, train: 150, validation: 60, test: 200, center: 0.5}
model: {architecture: {plugin: mlp, depth: 3}, kernel: ntk}
method: ntk
evaluate:
  - {name: clean}
  - {name: pgd, attack: {plugin: pgd, norm: linf, radius: radius, steps: 3, step: radius/2, loss: mse}}
sweep:
  product:
    let.radius: [8/255, 0.15]
    method: [ntk, {plugin: advntk, steps: 3, batch: 30, optimizer: {plugin: gradnorm_sgd, rate: 3},
      attack: {plugin: pgd, norm: linf, radius: radius, steps: 3}}]
    seed: [1, 2, 3]
END
"$advntk" run study.yaml -q >out 2>err
is $? 0 "a study of twelve runs, nine fits"
is "$(find results/runs -mindepth 1 -maxdepth 1 | grep -c .)" 9 "a fit under two radii is one fit"
# a slot swept with parameters of its own: one of them tells the variants apart, and all that vary are shown
"$advntk" run study.yaml --results slots -q -s name=slots -s sweep=null -s let.radius=0.1 \
	--sweep 'method=[{plugin: ntk, ridge: 0.1}, {plugin: ntk, ridge: 3}, {plugin: ntk, time: 0.01}]' >out 2>err
"$advntk" compare slots --results slots --format csv >out 2>err
is "$(head -n 1 out | cut -d, -f1,2)" "ridge,time" "what was swept inside a slot has columns"

"$advntk" compare study --format json >comparison.json 2>err
is $? 0 "compare"
"$advntk" compare study >text 2>err
has text "not distinguishable" "says so where that is the truth"
has text "radius  method" "has a column a swept key"
has err "pgd is not the same attack" "and notes that one name is two attacks"

cat >truth.py <<'END'
import json, sys
from math import comb, sqrt
import numpy as np

c = json.load(open("comparison.json"))
study = json.load(open("results/studies/study.json"))
count = failed = 0
def check(good, name):
    global count, failed
    count += 1
    failed += not good
    if not good:
        print("# wrong:", name)

def right(entry, name):
    return np.load("results/runs/%s/evaluations/%s.npz" % (entry["id"], entry["evaluations"][name]))["robust"]
def near(a, b):
    return (a is None) == (b is None) and (a is None or abs(a - b) <= 1e-10 * max(1, abs(b)))
groups = {}
for e in study["runs"]:
    o = e["overrides"]
    m = o["method"] if isinstance(o["method"], str) else o["method"]["plugin"]
    groups.setdefault((str(o["let.radius"]), m), {})[o["seed"]] = e
order = list(groups)
check(len(c["variants"]) == 4, "four variants")
for v, key in zip(c["variants"], order):
    check((v["values"]["let.radius"], v["values"]["method"]) == key, "order of %s" % (key,))
    for name in "clean", "pgd":
        a = np.array([right(groups[key][s], name).mean() for s in (1, 2, 3)])
        f = v["metrics"][name]
        check(near(f["mean"], a.mean()) and near(f["sd"], a.std(ddof=1)) and f["n"] == 3, "mean of %s" % name)
        z, n, p = 1.959963984540054, 200, a.mean()
        for x in f["low"], f["high"]:   # where |x - p| = z sqrt(x (1 - x) / n)
            check(abs(abs(x - p) - z * sqrt(x * (1 - x) / n)) < 1e-9, "Wilson's interval of %s" % name)
check(len(c["differences"]) == 4 and c["by"] == "method", "along method by itself")
ps = {}
for d in c["differences"]:
    a, b = order[d["base"]], order[d["variant"]]
    check(a[0] == b[0] and a[1] == "ntk" and b[1] == "advntk", "alike in all else")
    name = d["metric"]
    pairs = [(right(groups[a][s], name).astype(int), right(groups[b][s], name).astype(int)) for s in (1, 2, 3)]
    gap = np.array([y.mean() - x.mean() for x, y in pairs])
    check(near(d["mean"], gap.mean()) and near(d["sd"], gap.std(ddof=1)) and d["pairs"] == 3, "difference of %s" % name)
    if gap.std() > 1e-12:
        t = abs(gap.mean()) / (gap.std(ddof=1) / sqrt(3))
        p = 1 - t / sqrt(2 + t * t)    # two degrees of freedom
        check(near(d["p_seeds"], p), "p over seeds of %s" % name)
        ps.setdefault(name, []).append((p, d))
    signs = [abs(sum(s * g for s, g in zip((i, j, k), gap))) for i in (1, -1) for j in (1, -1) for k in (1, -1)]
    check(near(d["p_sign_flips"], sum(s >= abs(gap.sum()) - 1e-12 for s in signs) / 8), "sign flips of %s" % name)
    check(d["only_base"] == sum(int(((x == 1) & (y == 0)).sum()) for x, y in pairs) and
          d["only_variant"] == sum(int(((x == 0) & (y == 1)).sum()) for x, y in pairs), "counts of %s" % name)
for name, list_ in ps.items():
    if len(list_) == 2:
        (small, d1), (large, d2) = sorted(list_, key=lambda e: e[0])
        check(near(d1["p_adjusted"], min(1, 2 * small)) and near(d2["p_adjusted"], max(min(1, 2 * small), large)), "Holm")
if len(sys.argv) > 1:      # one seed: McNemar
    c = json.load(open(sys.argv[1]))
    for d in c["differences"]:
        b, n = d["only_base"], d["only_base"] + d["only_variant"]
        k = min(b, n - b)
        check(near(d["p"], min(1, 2 * sum(comb(n, i) for i in range(k + 1)) / 2 ** n)), "McNemar of %s" % d["metric"])
        check(d["p_seeds"] is None and d["test"] == "McNemar over images", "one seed says nothing of seeds")
print(count)
sys.exit(failed > 0)
END
"$advntk" compare study seed=2 let.radius=0.15 --format json >one.json 2>err
is $? 0 "conditions take runs out of a study"
python=
for p in python3 /usr/bin/python3; do
	$p -c 'import numpy' 2>/dev/null && python=$p && break
done
if [ -n "$python" ]; then
	$python truth.py one.json >out 2>&1
	code=$?
	grep '^#' out
	ok $code "means, intervals, tests and corrections are numpy's ($(tail -n 1 out) figures)"
else
	skip "means, intervals and tests" "no numpy"
fi

for format in markdown latex csv; do
	"$advntk" compare study --format $format >out 2>err
	is $? 0 "compare --format $format"
done
has out "radius,method,runs,clean,clean_sd,clean_seeds,clean_low,clean_high,pgd" "CSV has a column a number"
"$advntk" compare study --by let.radius >out 2>err
is $? 0 "compare along another key"
has out "lower" "where the greater radius is the worse"
"$advntk" compare study --by rate >out 2>err
is $? 1 "and along none that they differ in"
has err "these runs differ in let.radius, method" "is told which there are"
"$advntk" compare method=ntk seed=1 --results none >out 2>err
is $? 1 "nothing to compare"
has err "no finished runs" "says so"
# shellcheck disable=SC2046
"$advntk" compare $(ls results/runs | head -n 2) >out 2>err
is $? 0 "two runs by their ids"

# the same run, listed beside runs of another study with other keys
sed '/^sweep/,$d' study.yaml >other.yaml
"$advntk" run other.yaml -q -s name=other --sweep 'method.ridge=[0.1, 1]' >out 2>err
is $? 0 "a study with another key"
"$advntk" runs >out 2>err
has out "ridge" "its column is there"
has out "radius" "beside the first study's"
"$advntk" runs method.ridge=0.1 --format csv >out 2>err
is "$(grep -c . out)" 2 "a parameter that one study set and the other did not, as a condition"
"$advntk" runs 'method.attack.radius<=8/255' --format csv >out 2>err
is "$(grep -c . out)" 4 "a number may be an expression"
"$advntk" runs other 'method.ridge>=0.1' --sort -method.ridge --format csv >out 2>err
is "$(sed -n 2p out | cut -d , -f 4)" 1 "sorted, falling"
"$advntk" runs --sort pgd --format csv >out 2>err
is "$(sed 1d out | cut -d , -f 10 | sort -g | tr '\n' ' ')" "$(sed 1d out | cut -d , -f 10 | tr '\n' ' ')" "sorted by a metric"
"$advntk" runs --since 1h --format csv >out 2>err
is "$(grep -c . out)" 12 "finished in the last hour: all"
"$advntk" runs --since 2199-01-01 >out 2>err
is "$(cat out)" "" "finished in the future: none"
"$advntk" runs --since yesterday >out 2>err
is $? 1 "a date that is none"
has err "expected a date" "is told what one is"

# a damaged record is told of and does not hide the others
run=$(ls results/runs | head -n 1)
echo '{' >"results/runs/$run/run.json"
"$advntk" runs --format csv >out 2>err
is "$(grep -c . out)" 11 "a damaged record does not hide the others"
has err "$run/run.json" "and is named"
done_testing
