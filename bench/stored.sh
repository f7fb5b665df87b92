#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Thousands of stored runs, listed, filtered and compared, and as many runs expanded and checked; a row each
# for bench/run.sh, beside the second that each of them may take. RUNS=5000
set -eu
top_srcdir=${top_srcdir:-$(cd "$(dirname "$0")/.." && pwd)}
top_builddir=${top_builddir:-$top_srcdir/build}
advntk=$top_builddir/advntk
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cd "$work"

"$advntk" new recipe start.yaml -q
"$advntk" run start.yaml -q --results one >/dev/null
set -- one/runs/*
eval "one=\${$#}"
"$top_builddir/bench/stored.bench" "$one" many "${RUNS:-5000}"

# timed KEY WORK COMMAND...: seconds of the fastest of three
timed()
{
	key=$1 work_name=$2
	shift 2
	best=
	for _ in 1 2 3; do
		begin=$(date +%s.%N)
		"$@" >/dev/null
		best=$(awk -v a="$begin" -v b="$(date +%s.%N)" -v best="$best" \
			'BEGIN { s = b - a; print best == "" || s < best ? s : best }')
	done
	printf 'ours\t%s\t%s\ts\t%s\tasked for\t1\t<= 1\n' "$key" "$work_name" "$best"
}
timed runs "${RUNS:-5000} stored runs listed" "$advntk" runs --results many
timed filter "filtered and sorted" "$advntk" runs 'metrics.pgd>0.2' --sort metrics.clean --results many
timed compare "compared: $((${RUNS:-5000} / 10)) variants of 10 seeds" "$advntk" compare many --results many
timed show "one of them shown" "$advntk" show 0000000000000000 --results many
awk 'BEGIN { for (i = 1; i <= 5000; i++) printf "%s%d", (i > 1 ? ", " : ""), i }' >seeds
sed -e "s/    # seed: .*/    seed: [$(cat seeds)]/" start.yaml >sweep.yaml
timed check "10,000 runs expanded and checked" "$advntk" check sweep.yaml
