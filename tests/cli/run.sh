#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A run from recipe to stored result: skipped the second time, the same bits with one and two threads,
# more evaluations without training, and the commands that read what was stored.
# shellcheck source=tests/cli/lib.sh
. "$top_srcdir/tests/cli/lib.sh"

"$advntk" run small.yaml --threads 1 --results one >out 2>err
is $? 0 "a run with one thread"
has out "pgd5" "ends with a table"
has out "one/runs/" "and the folder"
id=$(ls one/runs)
is "$(ls one/runs/"$id" | tr '\n' ' ')" \
	"evaluations log.txt metrics.jsonl predictor.npz recipe.yaml run.json timing.jsonl " "what a run leaves behind"
is "$(grep -c . "one/runs/$id/metrics.jsonl")" 6 "metrics.jsonl has a line a step"
"$advntk" run small.yaml --threads 2 --results two >out 2>err
is $? 0 "the same with two threads"
same_results one two
ok $? "gives the same bits"

cp -r one copy
"$advntk" run small.yaml --results one --format json >out 2>err
is $? 0 "a second call"
has out '"state": "skipped"' "is skipped"
diff -r one copy >/dev/null
ok $? "and changes no file"
"$advntk" run one/runs/"$id"/recipe.yaml --results one --format json >out 2>err
has out "\"id\": \"$id\", \"name\": \"small\", \"state\": \"skipped\"" "the stored recipe is the same run"

"$advntk" run small.yaml --results one -s evaluate.pgd5.attack.steps=2 --format json >out 2>err
is $? 0 "another attack on a finished run"
has out "\"id\": \"$id\"" "is the same fit"
grep -q training err && ok 1 "which is not trained again" || ok 0 "which is not trained again"
is "$(find "one/runs/$id/evaluations" -name '*.json' | grep -c .)" 3 "its result stands beside the others"
cmp -s "one/runs/$id/predictor.npz" "two/runs/$id/predictor.npz"
ok $? "the model is as it was"
"$advntk" run small.yaml --results one --fresh >out 2>err
is $? 0 "run --fresh"
same_results one two
ok $? "gives the same again"

"$advntk" run small.yaml --results three -s method=ntk -s evaluate_every=0 --sweep 'seed=[1,2]' >out 2>err
is $? 0 "a sweep"
is "$(find three/runs -mindepth 1 -maxdepth 1 | grep -c .)" 2 "has a folder a run"
[ -f three/studies/small.json ]
ok $? "and a file of the study"
"$advntk" runs --results two 'metrics.clean>0' method=advntk >out 2>err
is $? 0 "runs WHERE"
has out "$(printf '%.8s' "$id")" "finds the run"
"$advntk" runs --results two 'metrics.clean>1' --format json >out 2>err
is "$(cat out)" "" "and not where the condition does not hold"
"$advntk" runs --results two 'metrics.claen>1' >out 2>err
is $? 1 "a key that no run has is a mistake"
"$advntk" runs --results two method >out 2>err
is $? 1 "a word that is neither a run nor a condition"
has err "no study or run of that name in two; a condition is KEY=VALUE" "is told both"
short=$(printf '%.4s' "$id")
"$advntk" show "$short" --results two >out 2>err
is $? 0 "show by the beginning of an id"
has out "residual" "prints the numerical figures"
"$advntk" show two/runs/"$id" >out 2>err
is $? 0 "show by folder"
"$advntk" show zzzz --results two >out 2>err
is $? 1 "show of what is not there"
has err "no run 'zzzz'" "says so"

for fact in program threads instruction_set backend compiler digest version; do
	grep -q "\"$fact\": *[\"0-9]" two/runs/"$id"/run.json
	ok $? "run.json records: $fact"
done
for phase in open kernel_matrix step evaluation; do
	has two/runs/"$id"/timing.jsonl "{\"$phase\": " "timing.jsonl has the phase $phase"
done

# the best step by validation accuracy under attack, the first of equals; then its model is kept. A line's
# accuracy is that of the model which the step before left.
"$advntk" run small.yaml -q --results best -s method.select=best_validation_robust >out 2>err
is $? 0 "select: best_validation_robust"
best=$(echo best/runs/*)
[ "${best##*/}" != "$id" ]
ok $? "is another run"
step=$(sed -e 1d -e 's/.*"step": \([0-9]*\).*"validation_robust": \([0-9.e-]*\).*/\2 \1/' "$best/metrics.jsonl" |
	sort -k1,1gr -k2,2n | head -n 1 | cut -d ' ' -f 2)
step=$((step - 1))
"$advntk" run small.yaml -q --results cut -s method.steps="$step" >out 2>err
cat >same.py <<'END'
import sys, zipfile
a, b = (zipfile.ZipFile(p).read("alpha.npy") for p in sys.argv[1:])
sys.exit(a != b)
END
python=python3
if $python -c 'import zipfile' 2>err; then
	$python same.py "$best/predictor.npz" "$(echo cut/runs/*/predictor.npz)"
	ok $? "has the coefficients of step $step"
else
	skip "has the coefficients of the best step" "no python3"
fi

"$advntk" run small.yaml --results one -s data.classes='[3]' >out 2>err
is $? 1 "one class cannot be told apart"
has err "expected at least 2" "and is refused"
"$advntk" run small.yaml --results one -s data.test=0 >out 2>err
is $? 1 "no test images"
has err "no test images" "are refused"
for method in advntk ntk; do
	"$advntk" run small.yaml --results memory --memory 1M -s method=$method >out 2>err
	is $? 1 "$method with a memory limit"
	has err "1.0 MiB are allowed by --memory" "is refused with the numbers"
	has err "or a larger --memory" "and what to do"
	is "$(ls memory/runs 2>/dev/null)" "" "before anything is written"
	"$advntk" check small.yaml --memory 1M -s method=$method >out 2>err
	is $? 1 "check of it"
	has err "1.0 MiB are allowed by --memory" "says the same"
	"$advntk" check small.yaml --memory 1G -s method=$method >out 2>err
	is $? 0 "with room it is good: $method"
done
"$advntk" check small.yaml --memory 1M -s method=ntk -s evaluate_every=0 >out 2>err
has err "method ntk 2." "the factor is counted too"
"$advntk" check small.yaml --memory 1M -s method='{plugin: ntk, time: 1}' -s evaluate_every=0 >out 2>err
has err "method ntk 250 KiB" "and not where there is none"
done_testing
