#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Studies: what is shared is computed once, whatever kills, disturbs or meets them, to the same bits.
# shellcheck source=tests/cli/lib.sh
. "$top_srcdir/tests/cli/lib.sh"

cat >study.yaml <<'END'
advntk: 1
name: study
data: {dataset: digits, train: 600, validation: 64, test: 100, center: 0.5}
let: {radius: 0.1}
model: {architecture: {plugin: mlp, depth: 2}, kernel: ntk}
method: ntk
evaluate:
  - {name: clean}
  - {name: pgd3, attack: {plugin: pgd, norm: linf, radius: radius, steps: 3}}
sweep:
  product:
    model.architecture.depth: [2, 3]
    let.radius: [0.1, 0.2]
    method: [ntk, {plugin: advntk, steps: 4, batch: 32, attack: {plugin: pgd, norm: linf, radius: radius, steps: 3}}]
END
timings() { cat "$1"/runs/*/timing.jsonl | grep -c "$2"; }

"$advntk" run study.yaml --results whole --format json >out 2>err
is $? 0 "a study"
is "$(find whole/runs -mindepth 1 -maxdepth 1 | grep -c .)" 6 "plain NTK has one model for all radii"
is "$(timings whole '"kernel_matrix"')" 1 "the kernel matrices of both depths are computed in one pass"
is "$(timings whole kernel_matrix_read)" 1 "from which the other run reads its own"
is "$(cat whole/cache/*/about.json | grep -c 'kernel matrix')" 2 "and kept"
cp out first
"$advntk" run study.yaml --results whole --format json >out 2>err
is "$(grep -c skipped out)" 8 "all is skipped the second time"

"$advntk" run study.yaml --results jobs --jobs 2 --threads 2 -q >out 2>err
is $? 0 "two jobs"
same_results whole jobs
ok $? "give the same bits"
is "$(timings jobs '"kernel_matrix"')" 1 "and share as well"
"$advntk" run study.yaml --results alone --no-share -q >out 2>err
is $? 0 "--no-share"
same_results whole alone
ok $? "gives the same bits"
is "$(timings alone '"kernel_matrix"')" 8 "computes a kernel matrix for each run"
[ ! -e alone/cache ]
ok $? "keeps nothing"

# killed at random points, of the work that is left each time
seed=$(date +%s)
echo "# seed $seed"
kills=0
while [ "$kills" -lt 8 ]; do
	delay=$(awk -v s="$seed$kills" 'BEGIN {srand(s); printf "%.2f", 0.05 + 0.6 * rand()}')
	"$advntk" run study.yaml --results killed --jobs 2 -q >out 2>err &
	pid=$!
	sleep "$delay"
	kill -9 "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	kills=$((kills + 1))
done
# a file that is written again is another file: its number changes
finished() { find killed/runs \( -name predictor.npz -o -path '*/evaluations/*.json' \) -exec ls -i {} + | sort; }
finished >before
"$advntk" run study.yaml --results killed -q >out 2>err
is $? 0 "killed $kills times, then finished"
same_results whole killed
ok $? "with the bits of the uninterrupted study"
finished >after
is "$(comm -23 before after)" "" "what was finished was not done twice ($(grep -c . before) files)"

# the cache: gone on from, damaged, used again
rm -rf killed/runs
"$advntk" run study.yaml --results killed -q -v >out 2>err
is "$(timings killed kernel_matrix_read)" 2 "runs that were removed are computed again"
same_results whole killed
ok $? "from the cached matrices, to the same bits"
for tiles in killed/cache/*/tiles; do
	printf 'damage' | dd of="$tiles" bs=1 seek=4096 conv=notrunc 2>/dev/null
done
cp -r killed/cache damaged-cache
rm -rf killed/runs
"$advntk" run study.yaml --results killed -q >out 2>err
is $? 0 "a damaged cache is no obstacle"
has err "damaged; it is computed again" "and said"
same_results whole killed
ok $? "to the same bits"
"$advntk" cache verify --results killed >out 2>err
is $? 0 "what was computed again is good"
rm -rf killed/cache && mv damaged-cache killed/cache
"$advntk" cache verify --results killed >out 2>err
is $? 1 "cache verify finds the damage"
has out "damaged tile" "and names it"
"$advntk" cache list --results killed >out 2>err
is "$(cat out)" "" "and removed it"
"$advntk" cache prune --results whole >out 2>err
has out "entries removed" "cache prune"
"$advntk" run study.yaml --results small --cache 1M -q >out 2>err
is $? 0 "a cache that is too small for them"
has err "more than the cache may hold" "is said"
same_results whole small
ok $? "and does no harm"

# killed in the midst of a pass for several depths: what was kept of any is not computed again
cat >depths.yaml <<'END'
advntk: 1
name: depths
precision: float64
data: {dataset: digits, train: 1200, test: 50, center: 0.5}
model: {architecture: {plugin: cnn, depth: 1}, kernel: ntk}
method: ntk
evaluate: [{name: clean}]
sweep: {product: {model.architecture.depth: [1, 3, 6]}}
END
depths() { # RESULTS OPTIONS...
	results=$1
	shift
	"$advntk" run depths.yaml --results "$results" "$@" -q >out 2>err
}
kept() { # bytes in the indices of kernel matrices, 32 a tile
	grep -l 'kernel matrix' "$1"/cache/*/about.json 2>/dev/null | sed 's/about.json/index/' | xargs -r cat | wc -c
}
depths apart --no-share
is $? 0 "three depths, each alone"
depths passed &
pid=$!
while [ "$(kept passed)" -lt 160 ] && kill -0 "$pid" 2>/dev/null; do
	:
done
kill -9 "$pid" 2>/dev/null
wait "$pid" 2>/dev/null
echo "# killed with $(kept passed) bytes in the indices"
ok "$(($(kept passed) >= 576))" "killed before all tiles were there"
depths passed
is $? 0 "then finished"
same_results apart passed
ok $? "with the bits of each depth alone"
is "$(kept passed)" 576 "no tile was written twice: 3 matrices of 6"
is "$(timings passed '"kernel_matrix"')" 1 "one pass was left"

# two processes on one folder, and folders of two machines
"$advntk" run study.yaml --results both -q >out 2>err &
pid=$!
"$advntk" run study.yaml --results both -q --format json >out2 2>err2
is $? 0 "two processes on one folder: the second"
wait "$pid"
code=$?
[ $code -eq 0 ] || sed 's/^/# /' err
is $code 0 "the first"
same_results whole both
ok $? "the same bits"
is "$(timings both '"step": 4')" 4 "no step was computed twice"
"$advntk" run study.yaml --results left -q -s model.architecture.depth=2 >out 2>err
"$advntk" run study.yaml --results right -q -s model.architecture.depth=3 >out 2>err
cp -r right/runs/* left/runs/
"$advntk" run study.yaml --results left --format json >out 2>err
is "$(grep -c skipped out)" 8 "folders of two machines merge by copying"

# a run that fails in the midst of others
sweep='let.radius=[0.01,0.02,0.03,0.04,0.05,0.06,0.07,0.08,0.09,0.1]'
mkdir -p plugins/attack
sed 's/(void)err;//; s/drift/frail/g; s|ask->gradient = true;|if (view->radius > 0.065 \&\& view->radius < 0.075) {\
        return ADVNTK_FAIL(err, ENUMERIC, "frail at %g", view->radius);\
    }\
    ask->gradient = true;|' "$top_srcdir/docs/examples/attack/drift.c" >frail.c
sed -i 's/    (void)view;/    (void)view;\n    (void)err;/' frail.c
# shellcheck disable=SC2086
${CC:-cc} -O1 -fPIC -fvisibility=hidden -I"$top_srcdir/core/include" -shared -o plugins/attack/frail.so frail.c \
	"$top_builddir/.libs/libadvntk.so" 2>cc.err || cat cc.err
cat >frail.yaml <<'END'
advntk: 1
name: frail
data: {dataset: digits, train: 100, test: 50, center: 0.5}
let: {radius: 0.1}
model: {architecture: {plugin: mlp, depth: 2}, kernel: ntk}
method: ntk
evaluate: [{name: frail, attack: {plugin: frail, norm: linf, radius: radius}}]
END
"$advntk" run frail.yaml --plugin-path plugins --sweep "$sweep" --sweep 'seed=[1,2]' --results frail >out 2>err
is $? 1 "a plugin that fails in two runs of 20"
is "$(grep -c 'failed: .*frail at 0.07' err)" 2 "each failure is told at once"
has err "its log: frail/runs/" "with the place of its log"
is "$(grep -c ' done$' out)" 18 "the other runs are done"
has err "2 of 20 runs failed" "and counted"
"$advntk" run frail.yaml --plugin-path plugins --sweep "$sweep" --results fast --fail-fast >out 2>err
is $? 1 "--fail-fast"
is "$(grep -c ' done$' out)" 6 "stops there"

# a plugin that is another one now
sed -i 's/radius \/ 10/radius \/ 9/' frail.c
${CC:-cc} -O1 -fPIC -fvisibility=hidden -I"$top_srcdir/core/include" -shared -o plugins/attack/frail.so frail.c \
	"$top_builddir/.libs/libadvntk.so"
"$advntk" run frail.yaml --plugin-path plugins --sweep "$sweep" --results fast >out 2>err
has err "computed by another build (attack/frail)" "a plugin that changed in mid-study is noticed"

# a data set that changed on disk
python=/usr/bin/python3
if $python -c 'import numpy' 2>/dev/null; then
	make_data() {
		$python -c "
import numpy, sys
r = numpy.random.default_rng(1)
x = r.random((120, 4, 4, 1)); y = (x.mean((1, 2, 3)) > 0.5).astype('i4')
if len(sys.argv) > 1: x[7, 0, 0, 0] = 0.25
numpy.save('x.npy', x); numpy.save('y.npy', y)" "$@"
	}
	make_data
	cat >npy.yaml <<'END'
advntk: 1
name: npy
data: {dataset: {plugin: npy, train_images: x.npy, train_labels: y.npy, test_images: x.npy, test_labels: y.npy}, train: 100}
model: {architecture: {plugin: mlp, depth: 2}, kernel: ntk}
method: ntk
evaluate: [{name: clean}]
END
	"$advntk" run npy.yaml --results data -q >out 2>err
	is $? 0 "a data set of one's own"
	make_data changed
	"$advntk" run npy.yaml --results data --format json >out 2>err
	has out '"state": "done"' "changed on disk, it makes another run"
	has err "data set" "which is said"
	is "$(find data/runs -mindepth 1 -maxdepth 1 | grep -c .)" 2 "and the first is as it was"
else
	skip "a data set that changed on disk" "no numpy"
fi

# a line of metrics cut short, a clock that went back, a file system that ran full
cp -r whole cut
run=$(grep -l advntk cut/runs/*/recipe.yaml | head -n 1)
run=${run%/recipe.yaml}
rm -f "$run"/run.json
head -c 20 "$run/metrics.jsonl" >part && mv part "$run/metrics.jsonl"
"$advntk" run study.yaml --results cut -q >out 2>err
is $? 1 "a finished training whose metrics are cut short"
has err "metrics.jsonl" "is named"
find whole -exec touch -d '2030-01-01' {} +
"$advntk" run study.yaml --results whole --format json >out 2>err
is "$(grep -c skipped out)" 8 "files from the future are as good"
(
	ulimit -f 60
	"$advntk" run study.yaml --results full -q >out 2>err
)
is $? 1 "no room for some files"
"$advntk" run study.yaml --results full -q >out 2>err
same_results whole full
ok $? "with room again it ends in the same bits"

"$advntk" rm "$(basename "$(find whole/runs -mindepth 1 -maxdepth 1 | head -n 1)")" --results whole >out 2>err
is $? 0 "rm"
is "$(find whole/runs -mindepth 1 -maxdepth 1 | grep -c .)" 5 "removes a run"
"$advntk" run study.yaml --results whole -q >out 2>err
same_results whole jobs
ok $? "which comes back to the same bits"
done_testing
