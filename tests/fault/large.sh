#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A kernel matrix larger than the memory that is allowed: it stays on the disk, and nothing else changes.
# shellcheck source=tests/cli/lib.sh
. "$top_srcdir/tests/cli/lib.sh"

cat >large.yaml <<'END_OF_RECIPE'
advntk: 1
name: large
precision: float64
data: {dataset: digits, train: 1200, validation: 60, test: 40, center: 0.5}
let: {radius: 0.1}
model: {architecture: {plugin: mlp, depth: 2}, kernel: ntk}
method: {plugin: advntk, steps: 2, batch: 30, blocks_max: 8, attack: {plugin: pgd, norm: linf, radius: radius, steps: 2}}
evaluate: [{name: clean}]
END_OF_RECIPE
run() { # RESULTS OPTIONS...
	results=$1
	shift
	"$advntk" run large.yaml --results "$results" --threads 1 -v "$@" >out 2>err
}

# 4 MiB less than all that it would take: the matrix is 12 MiB, its tiles at work are 4.
"$advntk" plan large.yaml --results none --threads 1 --quick --format json >out 2>err
limit=$(sed -n '/"totals"/,$s/.*"bytes": \([0-9]*\).*/\1/p' out)
limit=$(((limit >> 20) - 4))
"$advntk" plan large.yaml --results none --threads 1 --quick --memory "${limit}M" >out 2>err
has out "and disk" "plan leaves the matrix on the disk, of $limit MiB"
run memory
is $? 0 "with memory for all"
is "$(grep -c "stays on the disk" err)" 0 "the matrix is in memory"
run disk --memory "${limit}M"
is $? 0 "with less"
has err "stays on the disk" "it is not, and that is said"
same_results memory disk
ok $? "the same bits"
run disk2 --memory "${limit}M" --no-share
is $? 1 "without a cache it cannot be there"
has err "allowed by --memory" "which is refused with the numbers"

tiles=$(find disk/cache -name tiles | head -n 1)
printf 'damage' | dd of="$tiles" bs=1 seek=3000000 conv=notrunc 2>/dev/null
rm -r disk/runs
run disk --memory "${limit}M"
is $? 0 "a damaged tile"
has err "damaged; it is computed again" "is computed again"
same_results memory disk
ok $? "to the same bits"
done_testing
