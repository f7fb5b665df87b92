#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# plan: what would be run, what is shared, and what it costs, before and after runs have shown it.
# shellcheck source=tests/cli/lib.sh
. "$top_srcdir/tests/cli/lib.sh"

sweep='model.architecture.depth=[2,3]'
plan() { # RESULTS OPTIONS...
	results=$1
	shift
	"$advntk" plan small.yaml --results "$results" --sweep "$sweep" --sweep 'method.steps=[6,12]' "$@" >out 2>err
}
plan r
is $? 0 "plan of what was never run"
has out "4 runs: 0 done, 0 partly, 4 to do, 0 impossible" "counts the runs"
has out "to compute: 2 kernel matrices in 1 pass, 4 trainings, 8 evaluations" "and what is to be computed"
has out "matrix of 1" "names what is shared"
has out "matrix with 1" "and what comes from one pass"
has out "time: about" "and says how long it takes"
[ ! -e r/runs ]
ok $? "nothing was run"
plan none --quick
has out "time: not known of 4 runs" "--quick measures nothing"
has out "run 1 and 3 more: no estimate: no earlier run says what it costs, and nothing is measured" "and says so"
[ ! -e none ]
ok $? "and writes nothing"
plan r --memory 1M
has out "4 impossible" "too little memory"
has out "or a larger --memory" "and what to do"
plan none --quick -s data.validation=30
has out "run 1 and 3 more: method advntk: method.batch is 40, but there are 30 validation images" \
	"settings that do not suit the images"
has out "4 runs: 0 done, 0 partly, 0 to do, 4 impossible" "are found before anything starts"

"$advntk" run small.yaml --results r --sweep "$sweep" -s method.steps=6 -q >out 2>err
is $? 0 "half of it is run"
first=$(find r/runs -mindepth 1 -maxdepth 1 | head -n 1)
rm "$first/run.json" "$first/predictor.npz"
plan r
has out "4 runs: 1 done, 1 partly, 2 to do" "done, partly, to do"
has out "to compute: 0 kernel matrices (2 more are in the cache)" "a matrix in the cache is read"
index=$(find r/cache -name index | head -n 1)
truncate -s 0 "$index" # no tile of it is there any more
plan r
has out "to compute: 1 kernel matrix (1 more is in the cache)" "one whose tiles are gone is computed"

cat >regression.yaml <<'END'
advntk: 1
name: regression
data: {dataset: digits, train: 200, test: 50, center: 0.5}
model: {architecture: {plugin: mlp, depth: 2}, kernel: ntk}
method: {plugin: ntk, ridge: 0.5}
evaluate: [{name: clean}]
END
# a linear network: the matrix of 200 images of 64 pixels has no full rank
"$advntk" plan regression.yaml --results none -s method.ridge=0 \
	--sweep 'model.architecture.activation=[identity,relu]' >out 2>err
has out "run 1: no estimate: a trial failed: the kernel matrix plus ridge 0 is not positive definite" \
	"why a run has no estimate"
is "$(grep -c 'to do .* s ' out)" 1 "the other has one"
"$advntk" run regression.yaml --results kept -q >out 2>err
is $? 0 "a regression"
rm -r kept/runs
"$advntk" plan regression.yaml --quick --format json --results kept >out 2>err
has out '"reads_factor": true' "its factor in the cache is read"
"$advntk" plan regression.yaml --quick --format json -s method.ridge=0.25 --results kept >out 2>err
has out '"reads_factor": false' "that of another ridge is computed"
has out '"reads_matrix": true' "from the same matrix"

# Two seeds draw the same images, so they have one matrix, and one factor for each ridge.
factors() { # RESULTS OPTIONS...
	results=$1
	shift
	"$advntk" plan regression.yaml --quick --format json --results "$results" -s data.seed=1 \
		--sweep 'seed=[1,2]' --sweep 'method.ridge=[0.5,0.25]' "$@" >out 2>err
	is "$(grep -o '"factor_of": [0-9]*\|"reads_factor": [a-z]*' out | sed 's/.*: //' | xargs)" \
		"$want" "factors of four runs $*"
}
want='1 false 2 false 1 true 2 true'
factors none
want='1 false 2 false 3 false 4 false'
factors none --no-share
factors none --cache 1K # none is kept
"$advntk" run regression.yaml --results factors -q -s data.seed=1 --sweep 'seed=[1,2]' \
	--sweep 'method.ridge=[0.5,0.25]' >out 2>err
is "$(grep -l '"kind": "factor"' factors/cache/*/about.json | wc -l)" 2 "two are what was computed"
"$advntk" plan regression.yaml --quick --results none --sweep 'data.label_noise=[0,0.5]' >out 2>err
has out "factor of 1" "the table names the run that computes it"

# What a pass for several matrices takes says nothing of what one of them takes alone.
"$advntk" run small.yaml --results pass --sweep "$sweep" -s method.steps=6 -q >out 2>err
plan pass -s seed=2 --quick
grep -q 'time: about.*threads\{0,1\}$' out
ok $? "the pass of earlier runs tells what the next one takes, and not what there would be without it"
plan pass -s seed=2
has out "without sharing" "that is measured"

python=/usr/bin/python3
[ -x "$python" ] || python=python3
if ! $python -c '' 2>/dev/null; then
	skip "the rest" "no python3"
	done_testing
fi
# The estimate from what was measured in runs against the processor time of a run. The aim is 30 %; the
# factor two here is for test machines on which other work comes and goes.
cat >compare.py <<'END'
import json, resource, subprocess, sys
plan = json.load(open('out'))['totals']
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
took, said = used.ru_utime + used.ru_stime, plan['processor_seconds']
print(f'# predicted {said:.2f}, took {took:.2f} processor seconds')
sys.exit(not 0.5 < said / took < 2)
END
large='-s method.steps=40 -s data.train=500'
# shellcheck disable=SC2086
"$advntk" run small.yaml --results r $large -q >out 2>err
# shellcheck disable=SC2086
"$advntk" plan small.yaml --results r $large -s seed=2 --format json >out 2>err
is $? 0 "plan --format json"
# shellcheck disable=SC2086
$python compare.py "$advntk" run small.yaml --results r $large -s seed=2 -q
ok $? "what runs have shown tells what the next one takes"
done_testing
