#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The JSON Schema accepts the shipped recipes and refuses bad ones, by another program's judgement
# (python3-jsonschema; skipped where that is missing).
: "${top_srcdir:=.}" "${top_builddir:=.}"
python=
for p in python3 /usr/bin/python3; do
	if $p -c 'import jsonschema, yaml; jsonschema.Draft202012Validator' 2>/dev/null; then
		python=$p
		break
	fi
done
if [ -z "$python" ]; then
	echo 'ok 1 - schema # SKIP no python3 with jsonschema and yaml'
	echo 1..1
	exit 0
fi
"$top_builddir/advntk" schema | $python -c '
import glob, json, sys, yaml
from jsonschema import Draft202012Validator
top = sys.argv[1]
schema = json.load(sys.stdin)
Draft202012Validator.check_schema(schema)
check = Draft202012Validator(schema)
count = failed = 0

def ok(passed, name):
    global count, failed
    count += 1
    failed += not passed
    print("%sok %d - %s" % ("" if passed else "not ", count, name))

for file in sorted(glob.glob(top + "/experiments/**/*.yaml", recursive=True)):
    faults = list(check.iter_errors(yaml.safe_load(open(file))))
    for fault in faults:
        print("#", list(fault.path), fault.message[:200])
    ok(not faults, file[len(top) + 1:] + " is accepted")
good = """advntk: 1
data: {dataset: digits, train: 2*50, center: 1/2}
let: {r: 8/255}
model: {architecture: {plugin: mlp, depth: 2+1}, kernel: {plugin: ntk}}
method: {plugin: advntk, attack: {plugin: pgd, radius: r, steps: null}}
evaluate:
- {name: a, attack: {ref: method.attack, steps: 20}}
- {name: b, attack: {plugin: pgd, radius: [4/255, 0.1]}}
sweep: {zip: {seed: [1, 2]}, when: [{if: {seed: 1}, then: {list: [{seed: 3}]}}]}
"""
ok(check.is_valid(yaml.safe_load(good)), "expressions, references, radii and sweeps are accepted")
for was, now in [("advntk: 1", "advntk: 2"), ("dataset: digits", "dataset: nothing"), ("depth: 2+1", "dept: 3"),
                 ("depth: 2+1", "depth: -1"), ("depth: 2+1", "depth: [3]"), ("plugin: mlp", "plugin: ntk"),
                 ("train: 2*50", "train: 1.5"), ("center: 1/2", "center: {}"), ("evaluate:", "evaluates:"),
                 ("name: a,", ""), ("zip:", "zipped:"), ("seed: [1, 2]", "seed: 3"),
                 (", then: {list: [{seed: 3}]}", ""), ("radius: r", "radius: -1")]:
    bad = good.replace(was, now, 1)
    ok(bad != good and not check.is_valid(yaml.safe_load(bad)), "%r for %r is refused" % (now, was))
print("1..%d" % count)
sys.exit(failed > 0)
' "$top_srcdir"
