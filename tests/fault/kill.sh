#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs that are killed, interrupted, or met by another process go on to the same bits.
# shellcheck source=tests/cli/lib.sh
. "$top_srcdir/tests/cli/lib.sh"

# training long enough to be interrupted in its midst, however fast the machine is
sed 's/steps: 6/steps: 120/; s/evaluate_every: 3/evaluate_every: 60/' small.yaml >long.yaml
mv long.yaml small.yaml
"$advntk" run small.yaml --results whole >out 2>err
is $? 0 "an uninterrupted run"
id=$(ls whole/runs)

# waits until a file holds a text, at most about 60 s
wait_for() {
	tries=0
	until [ -e "$1" ] && grep -qs -- "$2" "$1"; do
		tries=$((tries + 1))
		[ "$tries" -gt 1200 ] && return 1
		sleep 0.05
	done
}
# the same for the one run of a results folder
wait_in() {
	tries=0
	until grep -qs -- "$2" "$1"/runs/*/metrics.jsonl; do
		tries=$((tries + 1))
		[ "$tries" -gt 1200 ] && return 1
		sleep 0.05
	done
}
folder=killed/runs/$id
for step in 1 4; do
	"$advntk" run small.yaml --results killed >out 2>err &
	pid=$!
	wait_for "$folder/metrics.jsonl" "\"step\": $step,"
	ok $? "reached step $step"
	kill -9 "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	# a line that was being written; once the model is stored there is none
	[ -f "$folder/predictor.npz" ] || printf '{"step": 9' >>"$folder/metrics.jsonl"
	: >"$folder/checkpoint/state.npz.1.tmp" 2>/dev/null
	: >"$folder/evaluations/0.npz.1.tmp.a1B2c3" 2>/dev/null
done
# then after ever more of the time that is left: in the kernel matrix, steps, evaluations, the last files
tries=0
for delay in 0.02 0.05 0.08 0.11 0.14 0.17 0.2 0.24 0.28 0.32 0.37 0.42; do
	[ -f "$folder/run.json" ] && break
	"$advntk" run small.yaml --results killed >out 2>err &
	pid=$!
	sleep "$delay"
	kill -9 "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	tries=$((tries + 1))
done
ok 0 "killed $tries more times"
"$advntk" run small.yaml --results killed >out 2>err
is $? 0 "it is finished"
same_results whole killed
ok $? "with the bits of the uninterrupted one"
is "$(find killed/runs -name '*.tmp*' -o -name lock -o -name checkpoint | grep -c .)" 0 "and nothing half-written is left"

# an evaluation that was interrupted goes on with its journal, panel by panel
slow='-s evaluate.pgd5.attack.steps=300 -s data.test=500'
# shellcheck disable=SC2086
"$advntk" run small.yaml --results whole $slow >out 2>err
is $? 0 "a long evaluation"
cp -r killed journal
kept=0
for delay in 0.3 0.6 1.2 2.4 4.8; do
	# shellcheck disable=SC2086
	"$advntk" run small.yaml --results journal $slow >out 2>err &
	pid=$!
	sleep "$delay"
	kill -TERM "$pid" 2>/dev/null
	wait "$pid"
	code=$?
	kept=$(find journal -name 'evaluation-*.npz' | grep -c .)
	[ "$code" -ne 130 ] || [ "$kept" -gt 0 ] && break
done
if [ "$kept" -eq 1 ]; then
	ok 0 "is interrupted, with a journal"
	cp -r journal torn
	# shellcheck disable=SC2086
	"$advntk" run small.yaml --results journal $slow >out 2>err
	is $? 0 "it goes on"
	head -c 200 "$(find journal -name 'metrics.jsonl')" >"$(find torn -name 'evaluation-*.npz')"
	# shellcheck disable=SC2086
	"$advntk" run small.yaml --results torn $slow >out 2>err
	is $? 0 "a torn journal is no obstacle"
	# the signal may have met the evaluation of clean images already
	grep -q 'evaluation \(clean\|pgd5\) begins again' err
	ok $? "and said"
	same_results whole torn
	ok $? "to the same bits"
else
	skip "is interrupted, with a journal" "it was over before it could be"
fi
same_results whole journal
ok $? "to the same bits"

"$advntk" run small.yaml --results stopped >out 2>err &
pid=$!
wait_for "stopped/runs/$id/metrics.jsonl" '"step": 2,'
kill -TERM "$pid"
wait "$pid"
is $? 130 "SIGTERM ends with 130"
has err "To go on: advntk run small.yaml --results stopped" "and says how to go on"
"$advntk" runs --results stopped >out 2>err
has out interrupted "runs lists it as interrupted"
has out "small  advntk" "with name and method"
"$advntk" show "$id" --results stopped >out 2>err
is $? 0 "show of it"
has out "steps " "says how far it is"
has out "To go on: advntk run stopped/runs/$id/recipe.yaml" "and how to go on"
cp -r stopped damaged
cp -r stopped damaged2
"$advntk" run small.yaml --results stopped >out 2>err
is $? 0 "it goes on"
"$advntk" run small.yaml --results whole --fresh >out 2>err
same_results whole stopped
ok $? "to the same bits"

# plan that is stopped while it measures: all it may leave are whole lines of costs
cat >slow.yaml <<'END'
advntk: 1
name: slow
data: {dataset: digits, train: 1000, validation: 80, test: 300, center: 0.5}
model: {architecture: {plugin: cnn, depth: 20}, kernel: ntk}
method: {plugin: advntk, steps: 100, batch: 64, attack: {plugin: pgd, norm: linf, radius: 8/255, steps: 20}}
evaluate: [{name: pgd, attack: {plugin: pgd, norm: linf, radius: 8/255, steps: 200}}]
END
for signal in INT TERM KILL; do
	timeout --preserve-status -s $signal 0.7 "$advntk" plan slow.yaml --results planned >out 2>err
	code=$?
	if [ $signal = KILL ]; then
		is $code 137 "plan, killed"
	else
		is $code 130 "SIG$signal while plan measures ends with 130"
	fi
	is "$(cat out)" "" "and prints no half of a plan"
	is "$(find planned -type f ! -name costs.jsonl 2>/dev/null)" "" "nothing is left but costs"
done
[ ! -e planned/cache/costs.jsonl ] || ! grep -qv '^{.*}$' planned/cache/costs.jsonl
ok $? "in whole lines"

"$advntk" run small.yaml --results shared >out 2>err &
pid=$!
wait_in shared '"step": 1,'
"$advntk" run small.yaml --results shared -v --format json >out2 2>err2
is $? 0 "a second process waits for a run that is being computed"
has err2 "is being computed by process $pid" "says by whom"
has out2 '"state": "skipped"' "and does not do it twice"
wait "$pid"
is $? 0 "the first is not disturbed"

# what others did to the files
one() { # WANT NAME: the last command's code was 1, and err has the text
	has err "$1" "$2"
	is "$(grep -c 'run small' err)" 1 "in one line with the run's name"
}
held=damaged/runs/$id
head -c 300 "$held/checkpoint/state.npz" >part && mv part "$held/checkpoint/state.npz"
"$advntk" run small.yaml -q --results damaged >out 2>err
is $? 1 "a checkpoint cut short"
one "checkpoint (--fresh begins again)" "is refused with what to do"
has err "its log: damaged/runs/$id/log.txt" "and where the log is"
has "$held/log.txt" "error: " "which has the error too"
"$advntk" run small.yaml -q --results damaged --fresh >out 2>err
is $? 0 "--fresh begins again"
same_results whole damaged
ok $? "to the same bits"
: >"damaged2/runs/$id/metrics.jsonl"
"$advntk" run small.yaml -q --results damaged2 >out 2>err
is $? 1 "metrics.jsonl shorter than its checkpoint says"
one "metrics.jsonl: has 0 bytes" "is refused with the numbers"

echo '{"id": ' >"$held/run.json"
"$advntk" runs --results damaged >out 2>err
has err "run.json:" "runs: a run.json that is no JSON is named"
"$advntk" show "$id" --results damaged >out 2>err
is $? 1 "show of it"
has err "run.json:" "names it too"
"$advntk" run small.yaml --results damaged >out 2>err
is $? 0 "run writes it again"
has err "it is written again" "and says so"
"$advntk" show "$id" --results damaged >out 2>err
is $? 0 "it can be read again"
same_results whole damaged
ok $? "the results are as they were"
cp "$held/run.json" good.json
sed "s/$id/0123456789abcdef/" good.json >other.json
head -c 300 good.json >cut.json
: >empty.json
for what in cut empty other; do
	cp $what.json "$held/run.json"
	"$advntk" plan small.yaml --quick --results damaged >out 2>err
	has out "1 run: 0 done, 1 partly" "plan does not call a run done whose run.json is $what"
	has out "0 trainings, 0 evaluations" "and sees that only that is missing"
	"$advntk" run small.yaml --results damaged >out 2>err
	is $? 0 "run writes it again"
	is "$(grep -c 'it is written again' err)" 1 "and says so, once"
	"$advntk" plan small.yaml --quick --results damaged >out 2>err
	has out "1 run: 1 done" "then plan calls it done"
	same_results whole damaged
	ok $? "and nothing else has changed"
done
keeping='-s evaluate.pgd5.attack.keep=true'
# shellcheck disable=SC2086
"$advntk" plan small.yaml --quick --results damaged $keeping >out 2>err
has out "1 run: 0 done, 1 partly" "nor one whose points are to be kept now, and are not there"
# shellcheck disable=SC2086
"$advntk" run small.yaml --results damaged $keeping >out 2>err
# shellcheck disable=SC2086
"$advntk" plan small.yaml --quick --results damaged $keeping >out 2>err
has out "1 run: 1 done" "until they are"
rm "$(find "$held/evaluations" -name '*.adversarial.npz')"
echo '[' >"$(find "$held/evaluations" -name '*.json' | head -n 1)"
"$advntk" run small.yaml -q --results damaged >out 2>err
is $? 1 "an evaluation that is no JSON"
has err "evaluations/" "is named"
head -c 1000 "$held/predictor.npz" >part && mv part "$held/predictor.npz"
echo 'no numbers' >x.npy
"$advntk" predict "$id" x.npy -o f.npy --results damaged >out 2>err
is $? 1 "predict with what is no array"
has err "x.npy" "names it"

"$advntk" run small.yaml --results gone -s method.steps=2000 -s evaluate_every=0 >out 2>err &
pid=$!
wait_in gone '"step": 1,'
until rm -rf gone/runs 2>/dev/null; do :; done
wait "$pid"
is $? 1 "a run folder that is removed meanwhile"
has err "cannot" "is told"

# results that may be read and not written
if [ "$(id -u)" -ne 0 ]; then
	as_user=
elif command -v setpriv >/dev/null; then
	as_user='setpriv --reuid=65534 --regid=65534 --clear-groups'
else
	as_user=none
fi
chmod -R a+rX . && chmod -R a-w whole 2>/dev/null
# shellcheck disable=SC2086
if [ "$as_user" != none ] && $as_user test -x "$top_builddir/.libs/advntk" && ! $as_user test -w whole; then
	$as_user "$advntk" run small.yaml --results whole --format json >out 2>err
	is $? 0 "a finished run in a folder that may only be read"
	has out '"state": "skipped"' "is skipped"
	$as_user "$advntk" show "$id" --results whole >out 2>err
	is $? 0 "and shown"
	$as_user "$advntk" run small.yaml -q --results whole -s seed=7 >out 2>err
	is $? 1 "a new one"
	has err "Permission denied" "cannot be written, and is told"
else
	skip "results that may only be read" "no other user to be"
fi
chmod -R u+w whole
done_testing
