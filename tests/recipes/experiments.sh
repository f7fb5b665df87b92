#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Every recipe in experiments/, found by itself: all are good (on the digits, where their own data are not
# there), those of the paper and the ablations say which question they answer, and the tutorials run.
# shellcheck source=tests/cli/lib.sh
. "$top_srcdir/tests/cli/lib.sh"
experiments=$top_srcdir/experiments
ADVNTK_DATA=$scratch # no data there: only that the variable is read
export ADVNTK_DATA

find "$experiments" -name '*.yaml' | sort >recipes
while read -r recipe; do
	grep -q '^advntk: 1' "$recipe" || continue # to be extended
	"$advntk" check "$recipe" -s data.dataset=digits -s data.train=200 -s data.validation=200 -s data.test=100 \
		>out 2>err
	code=$?
	cat err | sed 's/^/# /'
	ok $code "${recipe#"$experiments"/} is good"
done <recipes
[ "$(grep -c /tutorial/0 recipes)" -ge 8 ]
ok $? "there are eight lessons"
[ "$(grep -c /ablations/ recipes)" -ge 8 ]
ok $? "and eight ablations"
for recipe in "$experiments"/ablations/*.yaml; do
	sed -n 2p "$recipe" | grep -q '^# .*?$'
	ok $? "${recipe##*/} begins with its question"
	grep -qF "question: \"$(sed -n '2s/^# //p' "$recipe")\"" "$recipe"
	ok $? "which its report shows"
done

for recipe in "$experiments"/tutorial/0*.yaml; do
	"$advntk" run "$recipe" -q --results tutorial --format json >out 2>err
	is $? 0 "${recipe##*/} runs"
	name=$(sed -n 's/^name: *\([a-z0-9-]*\).*/\1/p' "$recipe")
	[ -f "tutorial/studies/$name.json" ]
	ok $? "and is the study $name"
done
# what the lessons say of themselves
"$advntk" runs --results tutorial conditions >out 2>err
is "$(grep -c advntk out)" 4 "lesson 6 has the runs that it says"
for key in method.weights=per_class method.time=0.01 method.time=1; do
	"$advntk" runs --results tutorial ablation $key --format csv >out 2>err
	is "$(grep -c "done" out)" 1 "lesson 7 ran $key"
done
"$advntk" compare sweeps --by depth --results tutorial >out 2>err
is $? 0 "lesson 5: compare --by depth"
"$advntk" runs network-and-curve --results tutorial --format csv >out 2>err
has out "pgd@0.15" "lesson 8 has a radius an evaluation"
done_testing
