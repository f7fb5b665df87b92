#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A study of 54 runs on Fashion-MNIST as somebody would live through it: planned, run, killed five times at random
# points and resumed, compared bit by bit with the uninterrupted one, and measured against runs that share
# nothing. STUDY_OPTIONS="-s data.train=300 -s sweep.product.seed=[1]" makes a small one of it: what the clock says is
# then only printed. Needs a quiet machine, the data set, and half an hour.
# shellcheck source=tests/cli/lib.sh
. "$top_srcdir/tests/cli/lib.sh"

recipe=$top_srcdir/experiments/ablations/advntk-radius-depth.yaml
options=${STUDY_OPTIONS:-}
python=/usr/bin/python3
[ -x "$python" ] || python=python3
# shellcheck disable=SC2086
if ! "$advntk" check "$recipe" $options >out 2>err; then
	sed 's/^/# /' err
	if grep -q -e 'cannot open' -e 'is not there' -e 'No such file' -e 'not installed' -e 'no such' err; then
		skip "the study on Fashion-MNIST" "the data set is not installed"
	else
		ok 1 "the recipe is good"
	fi
	done_testing
fi
if ! $python -c '' 2>/dev/null; then
	skip "the study on Fashion-MNIST" "no python3"
	done_testing
fi

# seconds.py FILE COMMAND...: runs it; wall and processor seconds into the file
cat >seconds.py <<'END'
import resource, subprocess, sys, time
began = time.monotonic()
code = subprocess.run(sys.argv[2:], stdout=subprocess.DEVNULL, stderr=open('err', 'w')).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(time.monotonic() - began, used.ru_utime + used.ru_stime, file=open(sys.argv[1], 'w'))
sys.exit(code)
END
# total KEY: of the last plan
total() { $python -c 'import json, sys; print(json.load(open("plan.json"))["totals"][sys.argv[1]])' "$1"; }
study() { # RESULTS OPTIONS...
	results=$1
	shift
	# shellcheck disable=SC2086
	"$advntk" run "$recipe" --results "$results" -q $options "$@"
}

# shellcheck disable=SC2086
"$advntk" plan "$recipe" --results whole --format json $options >plan.json 2>err
is $? 0 "planned"
# NTK under several radii is one fit
runs=$($python -c 'import json; print(len({run["id"] for run in json.load(open("plan.json"))["runs"]}))')
# shellcheck disable=SC2086
$python seconds.py whole.time "$advntk" run "$recipe" --results whole -q $options
is $? 0 "run without interruption"
is "$(find whole/runs -name run.json | grep -c .)" "$runs" "all $runs fits are there"
if [ "$failures" -gt 0 ]; then
	sed 's/^/# /' err
	done_testing
fi
read -r wall processor <whole.time
predicted=$(total processor_seconds)
echo "# planned $predicted processor seconds, took $processor; wall $wall"

# five kills at random points of what is left, then the end
seed=${STUDY_SEED:-$(date +%s)}
echo "# STUDY_SEED=$seed"
points=$(awk -v seed="$seed" -v wall="$wall" 'BEGIN { srand(seed); for (i = 0; i < 5; i++) print 0.02 * wall + rand() * wall / 6 }')
killed=0
for point in $points; do
	study killed >out 2>err &
	pid=$!
	sleep "$point"
	kill -KILL "$pid" 2>/dev/null && killed=$((killed + 1))
	wait "$pid" 2>/dev/null
	echo "# after $point s: $(find killed/runs -name run.json 2>/dev/null | grep -c .) runs are finished"
done
[ "$killed" -ge 1 ]
ok $? "killed while it ran ($killed times of five)"
study killed >out 2>err
is $? 0 "resumed to the end"
same_results whole killed
ok $? "to the same bits"
"$advntk" compare advntk-radius-depth --results whole >one 2>err
"$advntk" compare advntk-radius-depth --results killed >two 2>err
# the last column is seconds, and the others are as wide as it lets them be
sed -e 's/  */ /g' -e 's/ [0-9.]* *$//' one >one.cut
sed -e 's/  */ /g' -e 's/ [0-9.]* *$//' two >two.cut
diff one.cut two.cut | sed 's/^/# /'
cmp -s one.cut two.cut
ok $? "and the same comparison"
"$advntk" report advntk-radius-depth --results whole -o report.html -q >out 2>err
is $? 0 "a report of it"

# what sharing saves, against what plan says of it now that it knows all costs
mkdir -p known/cache && cp whole/cache/costs.jsonl known/cache
# shellcheck disable=SC2086
"$advntk" plan "$recipe" --results known --format json $options >plan.json 2>err
promised=$(awk -v a="$(total seconds_alone)" -v b="$(total seconds)" 'BEGIN { print a / b }')
# shellcheck disable=SC2086
$python seconds.py alone.time "$advntk" run "$recipe" --results alone -q --no-share $options
is $? 0 "run with nothing shared"
same_results whole alone
ok $? "to the same bits"
read -r alone _ <alone.time
# The trainings and evaluations of Adv-NTK are the same work in both, and nearly all of it; a machine that does them
# some percent faster the second time would hide what sharing saves. So it is measured by the rest of the time, the
# second run's at the pace of the first one, which the same work tells; two standard errors of that pace are how far
# the seconds that are saved may be off.
cat >saved.py <<'END'
import json, math, pathlib, sys
def same_work(results):
    times = {}
    for run in pathlib.Path(results, 'runs').iterdir():
        trains = json.loads((run / 'run.json').read_text())['method'] == 'advntk'
        rows = [json.loads(line) for line in (run / 'timing.jsonl').read_text().splitlines()]
        times[run.name] = sum(row['seconds'] for row in rows if 'evaluation' in row or (trains and 'step' in row))
    return times
first, second = same_work('whole'), same_work('alone')
wall, alone = float(sys.argv[1]), float(sys.argv[2])
logs = [math.log(second[name] / first[name]) for name in first]
mean = sum(logs) / len(logs)
spread = math.sqrt(sum((x - mean) ** 2 for x in logs) / max(len(logs) - 1, 1) / len(logs))
rest = (alone - sum(second.values())) / math.exp(mean)
saved, error = rest - (wall - sum(first.values())), 2 * spread * rest
print(f'{math.exp(mean):.4f} {saved:.3f} {error:.3f} {(wall + saved) / wall:.4f} {(wall + saved + error) / wall:.4f}')
END
# shellcheck disable=SC2046
set -- $($python saved.py "$wall" "$alone")
echo "# all took $wall s, with nothing shared $alone s; the same work took $1 of its first time there"
echo "# sharing saves $2 s +- $3, a factor of $4; plan promised $promised"
if [ -z "$options" ]; then
	awk -v saved="$2" -v error="$3" -v f="$5" -v p="$promised" 'BEGIN { exit !(error < saved / 2 && f >= p) }'
	ok $? "sharing saves what plan promised, as far as two standard errors tell"
	awk -v a="$predicted" -v b="$processor" 'BEGIN { exit !(a > 0.7 * b && a < 1.3 * b) }'
	ok $? "plan was right within 30 %"
fi
done_testing
