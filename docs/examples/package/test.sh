#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# make check: what @KIND@/@NAME@ does in a recipe. TAP on stdout.
set -u
advntk=${ADVNTK:-advntk}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
count=0 failed=0

check() { # NAME COMMAND...: passes when the command succeeds
	name=$1
	shift
	count=$((count + 1))
	if "$@" >"$work/out" 2>&1; then
		echo "ok $count - $name"
	else
		sed 's/^/# /' "$work/out"
		echo "not ok $count - $name"
		failed=1
	fi
}
# a number that `run --format json` printed behind a key
figure() { tr -d ' ' <"$work/result" | sed -n "s/.*\"metrics\":{[^}]*\"$1\":\([0-9.]*\).*/\1/p"; }

check 'found' sh -c "'$advntk' list @KIND@ --plugin-path . | grep '^@KIND@/@NAME@ '"
check 'described' "$advntk" describe @KIND@/@NAME@ --plugin-path .
check 'the recipe is good' "$advntk" check recipe.yaml --plugin-path .
check 'runs' "$advntk" run recipe.yaml --plugin-path . --results "$work/results" --format json
cp "$work/out" "$work/result"
id=$(sed -n 's/.*"id": *"\([0-9a-f]*\)".*/\1/p' "$work/result")
check 'gives the same bits again' "$advntk" verify "$id" --plugin-path . --results "$work/results"
check 'learns: most clean images are right' awk -v clean="$(figure clean)" 'BEGIN { exit !(clean > 0.5) }'
check 'is fooled by the attack' awk -v clean="$(figure clean)" -v attacked="$(figure attacked)" 'BEGIN { exit !(attacked < clean) }'
# the audit compares gradients with differences and found points with ball and box; "suspect" is a weak attack
check 'the audit finds no fault' sh -c "tr -d ' ' <'$work/result' | grep '\"audit\":{[^}]*\"attacked\":\"\(trusted\|suspect\)'"
echo "1..$count"
exit "$failed"
