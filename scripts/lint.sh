#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# House rules that a grep can hold; run in the source folder: lint.sh BUILD_FOLDER. One line a finding.
set -u
build=${1:-build}
found=$(mktemp)
trap 'rm -f "$found"' EXIT

# report RULE: prints the lines on stdin and keeps them for the count
report() { sed "s|^|lint: $1: |" | tee -a "$found"; }
sources() { find "$@" -type f \( -name '*.c' -o -name '*.h' -o -name '*.inc' \) | sort; }
# code without comments that stand on a line of their own
search() { pattern=$1; shift; grep -nE "$pattern" "$@" /dev/null | grep -vE '^[^:]*:[0-9]+: *(/?\*|//)'; }

code=$(sources core plugins docs/examples)
all=$(sources core plugins tests docs/examples; find bench -name '*.c' 2>/dev/null)
scripts=$(find tests bench scripts experiments plugins docs/examples m4 .ci -type f \( -name '*.sh' -o -name '*.py' -o -name '*.mk' \
	-o -name '*.yaml' -o -name '*.m4' -o -name run \) 2>/dev/null | grep -vE '^m4/(libtool|lt).*\.m4$|recipes-bad/')
written="$all $scripts Makefile.am configure.ac bootstrap quickstart check"

blas='cblas_[a-z]+ *\(|\b[sd](gemm|gemv|syrk|symm|symv|trsm|potr[fsi]|syev[dr]?|geqrf|orgqr|ormqr|dot|axpy)_ *\('
# shellcheck disable=SC2046,SC2086
{
	search "$blas" $(echo "$all" | grep -vE '^plugins/backend/|^tests/|^bench/') | report "BLAS outside plugins/backend"
	search '\b(strcpy|strcat|sprintf|vsprintf|strtok|atoi|atof|rand|gets) *\(' $all | report "banned function"
	search '\b(exit|abort|_exit) *\(' $(echo "$code" | grep -v '^core/cli/') | report "exit outside core/cli"
	# base/try.h, macros of control flow and nothing else, is for plugins too
	search '#include "(base|registry|recipe|graph|infinite|finite|linalg|run|store|report|attack|cli)/' $(sources plugins docs/examples) |
		grep -v '#include "base/try.h"' | report "private header in a plugin"
	grep -nE '\b(TODO|FIXME|XXX|HACK)\b' $written /dev/null | grep -vE '^scripts/lint.sh:' | report "unfinished work"
	grep -nE "[\"'= ]/(work|home|root|tmp/[a-z])[/\"' ]" $written /dev/null | grep -vE '^scripts/lint.sh:' | report "absolute path"
	for f in $written; do
		head -n 3 "$f" | grep -q 'SPDX-License-Identifier: GPL-3.0-or-later' || echo "$f"
	done | report "no SPDX line"
	for f in $all; do
		n=$(wc -l <"$f")
		[ "$n" -le 900 ] || echo "$f: $n lines"
	done | report "over 900 lines"
	# what tests/run and make set in the environment is not assigned in the scripts (SC2154)
	if command -v shellcheck >/dev/null; then
		shellcheck -S warning -e SC2154 -x -P SCRIPTDIR -P . -f gcc $(echo "$scripts" | grep -E '\.sh$|/run$') quickstart check bootstrap |
			report "shellcheck"
	fi
	find "$build/plugins" -name '*.so' 2>/dev/null | while read -r so; do
		nm -D --defined-only "$so" | awk -v f="$so" '$3 != "advntk_plugin_entry" && $3 !~ /^__(asan|ubsan|odr_asan)/ { print f ": " $3 }'
	done | report "a plugin exports more than its entry"
}
[ -n "$(find "$build/plugins" -name '*.so' 2>/dev/null)" ] || echo "lint: no built plugins in $build, their exports were not looked at" >&2
command -v shellcheck >/dev/null || echo "lint: no shellcheck here, the scripts were not looked at" >&2
echo "lint: $(echo "$written" | wc -w) files, $(wc -l <"$found") findings"
[ ! -s "$found" ]
