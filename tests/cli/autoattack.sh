#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# AutoAttack from the command line, all of it, on models of the digits; and each of the audit's verdicts.
. "$top_srcdir/tests/cli/lib.sh"

# A loss whose gradient is zero everywhere: attacks with it are blind, and the audit has to say so.
mkdir -p mine/loss
cat >blind.c <<'LOSS'
#include <advntk/plugin.h>
#include <string.h>
static void value(const void *c, ptrdiff_t n, ptrdiff_t classes, const double *f, const int32_t *labels,
                  const int32_t *targets, double *loss, double *df)
{
    (void)c;
    (void)targets;
    for (ptrdiff_t i = 0; i < n; i++) {
        loss[i] = -f[i * classes + labels[i]];
    }
    if (df) {
        memset(df, 0, (size_t)(n * classes) * sizeof(double));
    }
}
static const struct advntk_loss_ops ops = {.min_classes = 2, .value = value};
ADVNTK_PLUGIN(LOSS, ops, .name = "blind", .version = "1.0.0", .licence = "MIT", .summary = "no gradient");
LOSS
${CC:-cc} -fPIC -fvisibility=hidden -I"$top_srcdir/core/include" -shared -o mine/loss/blind.so blind.c \
	"$top_builddir/.libs/libadvntk.so" >out 2>&1
is $? 0 "a blind loss is built"

cat >digits.yaml <<'RECIPE'
advntk: 1
name: digits
seed: 1
data: {dataset: digits, train: 600, test: 100}
model:
  architecture: {plugin: mlp, depth: 3, w_std: 1.76, b_std: 0.18, activation: relu}
  kernel: ntk
method: ntk
evaluate:
  - {name: clean}
  - {name: autoattack, attack: {plugin: autoattack, norm: linf, radius: 0.1}}
  - {name: short, attack: {plugin: pgd, norm: linf, radius: 0.1, steps: 2, step: 0.01, random_start: false}}
  - {name: blind, attack: {plugin: pgd, norm: linf, radius: 0.1, random_start: false, loss: blind}}
RECIPE
"$advntk" run digits.yaml --plugin-path mine --results out.digits --format json >run.json 2>err
is $? 0 "autoattack on ten classes"
tr -d ' \n' <run.json >run.flat
has run.flat '"autoattack":"trusted"' "autoattack's verdict: trusted"
has run.flat '"short":"suspect"' "two short steps: suspect"
has run.flat '"blind":"failed"' "a blind loss: failed"
"$advntk" run digits.yaml --plugin-path mine --results out.digits >table 2>err
has table failed "the table shows the worst"


# two and three classes, where the public code ends in an error
sed '/name: short/d; /name: blind/d; s/train: 600, test: 100/train: 200, test: 60/' digits.yaml >few.yaml
for classes in '[3, 8]' '[1, 4, 7]'; do
	"$advntk" run few.yaml -s "data.classes=$classes" --results few --format json >out 2>err
	is $? 0 "autoattack on classes $classes"
done

python=
for candidate in python3 /usr/bin/python3; do
	[ -z "$python" ] && $candidate -c '' 2>/dev/null && python=$candidate
done
if [ -n "$python" ]; then
	$python - <<'PYTHON' >said 2>&1
import glob, json
targets = {10: 9, 3: 2, 2: 1}
for path in glob.glob("out.digits/runs/*/evaluations/*.json") + glob.glob("few/runs/*/evaluations/*.json"):
    e = json.load(open(path))
    if e["name"] != "autoattack":
        continue
    classes, parts = len(e["per_class"]), e["parts"]
    loss = "dlr_targeted" if classes > 3 else "margin"
    assert [p["name"] for p in parts] == ["apgd cross_entropy", f"apgd {loss} targeted", "fab margin targeted",
                                          "square margin"], parts
    right = round(e["clean_accuracy"] * e["images"])
    for p in parts:  # each on what the earlier ones left, and on nothing else
        assert p["attacked"] == right and p["robust"] == right - p["fell"], p
        right = p["robust"]
    assert right == round(e["accuracy"] * e["images"])
    # whoever stands to the end paid in full: 100 gradients, for each target again, and 5000 windows
    standing = parts[-1]["robust"]
    assert parts[0]["gradients"] >= 100 * parts[0]["robust"]
    assert parts[1]["gradients"] >= 100 * targets[classes] * parts[1]["robust"]
    assert parts[3]["gradients"] == 0 and parts[3]["outputs"] >= 5000 * standing
    del targets[classes]
assert not targets, targets
PYTHON
	ok $? "each part attacks what the earlier ones left, towards each wrong class, and pays for it"
	sed 's/^/# /' said
else
	skip "each part attacks what the earlier ones left" "no python"
fi
done_testing
