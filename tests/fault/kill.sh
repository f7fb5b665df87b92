#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs that are killed, interrupted, or met by another process go on to the same bits.
# shellcheck source=tests/cli/lib.sh
. "$top_srcdir/tests/cli/lib.sh"

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
folder=killed/runs/$id
for step in 1 2 4 6; do
	"$advntk" run small.yaml --results killed >out 2>err &
	pid=$!
	wait_for "$folder/metrics.jsonl" "\"step\": $step,"
	ok $? "reached step $step"
	kill -9 "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	# a line that was being written; once the model is stored there is none
	[ -f "$folder/predictor.npz" ] || printf '{"step": 9' >>"$folder/metrics.jsonl"
	: >"$folder/checkpoint/state.npz.1.tmp" 2>/dev/null
done
"$advntk" run small.yaml --results killed >out 2>err
is $? 0 "a run killed four times is finished"
same_results whole killed
ok $? "with the bits of the uninterrupted one"
is "$(find killed -name '*.tmp' -o -name lock | grep -c .)" 0 "and nothing half-written is left"

"$advntk" run small.yaml --results stopped >out 2>err &
pid=$!
wait_for "stopped/runs/$id/metrics.jsonl" '"step": 2,'
kill -TERM "$pid"
wait "$pid"
is $? 130 "SIGTERM ends with 130"
has err "To go on: advntk run small.yaml --results stopped" "and says how to go on"
"$advntk" runs --results stopped >out 2>err
has out interrupted "runs lists it as interrupted"
"$advntk" run small.yaml --results stopped >out 2>err
is $? 0 "it goes on"
same_results whole stopped
ok $? "to the same bits"

"$advntk" run small.yaml --results shared >out 2>err &
pid=$!
wait_for "shared/runs/$id/metrics.jsonl" '"step": 1,'
"$advntk" run small.yaml --results shared >out2 2>err2
is $? 1 "a second process does not touch a run that is being computed"
has err2 "is being computed by process $pid" "and names the first"
wait "$pid"
is $? 0 "the first is not disturbed"
same_results whole shared
ok $? "and finishes as ever"
done_testing
