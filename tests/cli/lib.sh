# SPDX-License-Identifier: GPL-3.0-or-later
# For shell tests: TAP, a scratch folder, and a small recipe. Sourced; needs top_builddir.
# shellcheck shell=sh
set -u
# shellcheck disable=SC2034
advntk=$top_builddir/advntk
scratch=$(mktemp -d "${TMPDIR:-/tmp}/advntk-test.XXXXXX") || exit 99
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
cd "$scratch" || exit 99
unset ADVNTK_RESULTS ADVNTK_PLUGIN_PATH ADVNTK_DATA NO_COLOR
count=0
failures=0

# ok STATUS NAME: 0 passes
ok() {
	count=$((count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $count - $2"
	else
		failures=$((failures + 1))
		echo "not ok $count - $2"
	fi
}

# is GOT WANT NAME
is() {
	if [ "$1" = "$2" ]; then
		ok 0 "$3"
	else
		printf '# got:  %s\n# want: %s\n' "$1" "$2"
		ok 1 "$3"
	fi
}

# has FILE TEXT NAME: the file holds the text
has() {
	if grep -qF -- "$2" "$1"; then
		ok 0 "$3"
	else
		sed 's/^/# /' "$1"
		echo "# want: $2"
		ok 1 "$3"
	fi
}

skip() {
	count=$((count + 1))
	echo "ok $count - $1 # SKIP $2"
}

done_testing() {
	echo "1..$count"
	exit $((failures != 0))
}

# the results of two results folders, times and talk left out
same_results() {
	for part in recipe.yaml metrics.jsonl predictor.npz evaluations; do
		for run in "$1"/runs/*; do
			diff -r "$run/$part" "$2/runs/${run##*/}/$part" >/dev/null || return 1
		done
	done
	[ "$(ls "$1/runs")" = "$(ls "$2/runs")" ]
}

# the one line of an error, and nothing else of it
one_line() {
	[ "$(grep -c . "$1")" -eq 1 ]
}

cat >small.yaml <<'END'
advntk: 1
name: small
seed: 1
data: {dataset: digits, train: 200, validation: 80, test: 150, center: 0.5}
model: {architecture: {plugin: mlp, depth: 3}, kernel: ntk}
method:
  plugin: advntk
  steps: 6
  batch: 40
  attack: {plugin: pgd, norm: linf, radius: 8/255, steps: 3}
evaluate_every: 3
evaluate:
  - {name: clean}
  - {name: pgd5, attack: {plugin: pgd, norm: linf, radius: 16/255, steps: 5}}
END
