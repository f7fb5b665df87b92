#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A finished run's model attacked with something else, and on one's own images.
. "$top_srcdir/tests/cli/lib.sh"

cat >run.yaml <<'RECIPE'
advntk: 1
name: small
seed: 1
data: {dataset: digits, train: 300, test: 40, center: 0.5}
model:
  architecture: {plugin: mlp, depth: 2, activation: relu}
  kernel: ntk
method: ntk
evaluate:
  - {name: clean}
  - {name: pgd, attack: {plugin: pgd, norm: linf, radius: 0.1, steps: 5, loss: margin}}
RECIPE
"$advntk" run run.yaml --results one >out 2>err
is $? 0 "a run"
id=$(ls one/runs)
model=$(cksum <"one/runs/$id/predictor.npz")

"$advntk" eval "$id" -a fgsm -a '{plugin: ensemble, attacks: [{plugin: fgsm}, {plugin: pgd, steps: 20, loss: margin}, {plugin: square, queries: 20}]}' \
	--results one --format json >out 2>err
is $? 0 "eval with two attacks"
has out '"fgsm":' "has a figure for the first"
has out '"ensemble":' "and for the second"
has out '"state": "done"' "which were computed"
is "$(cksum <"one/runs/$id/predictor.npz")" "$model" "the model was not trained again"
has "one/runs/$id/run.json" '"ensemble"' "run.json lists it"
has "one/runs/$id/run.json" '"pgd"' "beside the first ones"
grep -h '"radius"' one/runs/"$id"/evaluations/*.json | tr -d ' ,' | sort -u >radii
is "$(grep -c . radii)" 1 "norm and radius are the run's, within a composite too"
grep -lF '"name": "square margin"' one/runs/"$id"/evaluations/*.json >file
is "$(grep -c . file)" 1 "each part of the composite has its figures"
"$advntk" show "$id" --results one >out 2>err
is "$(sed -n '/fell, missed before/,/^  [a-z]/p' out | grep -cE '^    (fgsm|pgd|square) margin|^    fgsm ')" 3 "show says what each part found that the earlier ones missed"
"$advntk" eval "$id" -a '{plugin: ensemble, each_alone: true, attacks: [{plugin: fgsm}, {plugin: pgd, steps: 20, loss: margin}]}' \
	--results one >out 2>err
is $? 0 "eval with each attack alone"
"$advntk" show "$id" --results one >out 2>err
has out "found only by it" "show has who fells what alone"
grep -A2 'found only by it' out | grep -c '[0-9] *[01]\.[0-9]* *[0-9]*$' >lines
is "$(cat lines)" 2 "in a table"
grep -h '"only"' one/runs/"$id"/evaluations/*.json | grep -c . >lines
is "$(cat lines)" 2 "and so has the evaluation's file"
is "$(grep -c '"only"' one/runs/"$id"/run.json)" 2 "and run.json"
"$advntk" report "$id" --results one -o page.html >out 2>err
has page.html "What each attack found" "the report has the table"
has page.html ">found only by it<" "with what nobody else finds"
"$advntk" eval "$id" -a fgsm --results one --format json >out 2>err
has out '"state": "skipped"' "what is there is not computed again"
"$advntk" eval "$id" -a '{plugin: pgd, steps: 3, keep: true, record: true}' -n 20 --results one >out 2>err
is $? 0 "eval that keeps points and steps"
is "$(find one -name '*.adversarial.npz' -o -name '*.record.npz' | grep -c .)" 2 "leaves both files"
rm one/runs/"$id"/evaluations/*.record.npz
"$advntk" eval "$id" -a '{plugin: pgd, steps: 3, keep: true, record: true}' -n 20 --results one >out 2>err
is "$(find one -name '*.record.npz' | grep -c .)" 1 "a file that is gone is made again"
"$advntk" eval "$id" -a '{plugin: ensemble, attacks: [{plugin: pgd, norm: linf, radius: 0.05, steps: 3}]}' \
	-a '{ "plugin" : "fgsm" , "norm" : l2 , "radius" : 0.5 }' -n 10 --results one >out 2>err
is $? 0 "norm and radius of a part are not those of the whole; keys in quotes are keys"
adversarial=$(find one -name '*.adversarial.npz')
"$advntk" eval "$id" -a "{plugin: transfer, points: $PWD/$adversarial, loss: margin}" -n 20 --results one --format json >out 2>err
is $? 0 "transfer from the points that an evaluation kept"
"$advntk" eval "$id" --results one >out 2>err
is $? 2 "eval without an attack is a misuse"
"$advntk" eval "$id" -s seed=2 --results one >out 2>err
is $? 2 "eval changes nothing but what is evaluated"
"$advntk" eval "$id" -a nothing --results one >out 2>err
is $? 1 "an unknown attack"
has err "nothing" "is named"

# what cannot work is told before anything is computed
refused() {
	sed "s|^  - {name: pgd.*|  - {name: a, attack: $1}|" run.yaml >bad.yaml
	"$advntk" check bad.yaml >out 2>err
	is $? 1 "refused by check: $1"
	has err "$2" "with the reason"
}
: >no-points.npz
refused '{plugin: pgd, norm: linf, radius: 0.1, each_alone: true}' "each_alone is for the outermost attack of several parts"
refused '{plugin: ensemble, norm: linf, radius: 0.1, attacks: [{plugin: autoattack, each_alone: true}]}' "attack autoattack: each_alone"
refused '{plugin: autoattack, norm: linf, radius: 0.1, each_alone: true, budget_seconds: 5}' "each_alone with budget_seconds"
refused '{plugin: transfer, norm: linf, radius: 0.1, points: nowhere.npz}' "nowhere.npz: No such file"
refused '{plugin: ensemble, norm: linf, radius: 0.1, attacks: [{plugin: transfer, points: one}]}' "one is not a file"
refused '{plugin: pgd, norm: {plugin: mahalanobis, mask: nowhere.npy}, radius: 0.1}' "nowhere.npy: No such file"
"$advntk" eval "$id" -a '{plugin: transfer, points: no-points.npz}' --results one >out 2>err
is $? 1 "points in a file that is none"
has err "no-points.npz" "are told by the file's name"

# nothing to do: no step, no room
"$advntk" eval "$id" -a '{plugin: pgd, steps: 0, radius: 0.1, loss: margin}' --results one >out 2>err
is $? 0 "an attack without a step"
has out suspect "is not trusted where a few steps of the audit's own do more"
"$advntk" eval "$id" -a '{plugin: pgd, radius: 0}' --results one --format json >out 2>err
has out '"state": "done"' "a radius of nothing"
"$advntk" eval "$id" -a '{plugin: pgd, radius: 1, steps: 10, loss: margin}' -n 10 --results one --format json >out 2>err
has out '"pgd": 0.0' "the largest radius leaves none"

# a list of radii: one run of an attack for the nearest point says all of them
cat >radii.yaml <<'RECIPE'
extends: run.yaml
advntk: 1
name: radii
evaluate:
  - {name: near, attack: {plugin: fmn, norm: linf, radius: [0.05, 0.1, 0.15], steps: 30}}
  - {name: one, attack: {plugin: fmn, norm: linf, radius: 0.15, steps: 30, early_stop: false}}
  - {name: pgd, attack: {plugin: pgd, norm: linf, radius: [0.02, 0.05], steps: 5, loss: margin}}
RECIPE
"$advntk" plan radii.yaml --quick --results many >out 2>err
has out "6 evaluations (1 clean pass; 2 follow from another radius)" "plan knows what they share"
"$advntk" run radii.yaml --results many --format json >out 2>err
is $? 0 "evaluations at a list of radii"
# spent NAME: the gradients that the stored evaluation of this name cost
spent() {
	for file in many/runs/*/evaluations/*.json; do
		tr -d ' \n' <"$file" | grep -F "\"name\":\"$1\",\"attack\"" | sed 's/.*"spent":{[^}]*"gradients":\([0-9]*\).*/\1/'
	done
}
[ "$(spent near@0.05)" -gt 0 ]
ok $? "the first radius costs gradients ($(spent near@0.05))"
is "$(spent near@0.1) $(spent near@0.15)" "0 0" "the others none"
is "$(grep -l '"shared_with": "near@0.05"' many/runs/*/evaluations/*.json | grep -c .)" 2 "and say where they come from"
[ "$(spent pgd@0.05)" -gt 0 ]
ok $? "an attack inside the radius does not share"
tr -d ' \n' <out >flat
value() { sed "s|.*\"metrics\":{[^}]*\"$1\":\([0-9.]*\).*|\1|" flat; }
is "$(value near@0.15)" "$(value one)" "the largest radius: as an evaluation of its own finds"
awk "BEGIN { exit !($(value near@0.05) > $(value near@0.1) && $(value near@0.1) > $(value near@0.15)) }"
ok $? "robust accuracy falls with the radius: $(value near@0.05) $(value near@0.1) $(value near@0.15)"

python=
for candidate in python3 /usr/bin/python3; do
	[ -z "$python" ] && $candidate -c 'import numpy' 2>/dev/null && python=$candidate
done
if [ -n "$python" ]; then
	$python - <<'PYTHON'
import glob
import numpy as np
a = np.load(glob.glob("one/runs/*/evaluations/*.adversarial.npz")[0])
images = a["adversarial"][..., 0]
np.save("x.npy", images)
np.save("y.npy", a["labels"])
np.save("short.npy", a["labels"][:3])
r = np.load(glob.glob("one/runs/*/evaluations/*.record.npz")[0])
first = r["index"] == r["index"][0]
# one restart of three steps of a quarter of the radius each, inside the ball
assert list(r["step"][first]) == list(range(first.sum())) and first.sum() <= 4
assert np.all(r["moved"] <= 0.025 * (1 + 1e-9)) and np.all(r["distance"] <= 0.1 * (1 + 1e-9))
assert np.all(np.abs(r["turn"][~np.isnan(r["turn"])]) <= 1 + 1e-12)
assert np.all(r["moved"][r["step"] == 0] == 0)
open("good", "w").write("yes")
PYTHON
	is "$(cat good)" yes "numpy opens points and steps, and the steps are as long as they should be"
	"$advntk" attack "$id" x.npy y.npy -s 'attack={plugin: pgd, norm: linf, radius: 0.05, loss: margin}' \
		-o adv.npz --png grid.png --results one >out 2>err
	is $? 0 "attack on one's own images"
	$python - <<'PYTHON'
import struct, zlib
import numpy as np
a = np.load("adv.npz")
assert np.array_equal(a["clean"][..., 0], np.load("x.npy")) and np.array_equal(a["labels"], np.load("y.npy"))
gap = np.abs(a["adversarial"] - a["clean"]).max(axis=(1, 2, 3))
assert gap.max() <= 0.05 + 1e-12 and np.allclose(gap, a["distance"], rtol=0, atol=1e-12)
assert a["adversarial"].min() >= 0 and a["adversarial"].max() <= 1
fooled = a["clean_right"] & ~a["robust"]
assert fooled.any() and np.all(a["outputs"].argmax(1)[fooled] != a["labels"][fooled])
# the picture: 3 cells of 96 and 2 gaps of 2, 8-bit grey, whole
b = open("grid.png", "rb").read()
width, height, depth, colour = struct.unpack(">IIBB", b[16:26])
assert b[:8] == b"\x89PNG\r\n\x1a\n" and (width, depth, colour) == (292, 8, 0)
data, at = b"", 8
while at < len(b):
    size, kind = struct.unpack(">I4s", b[at:at + 8])
    data += b[at + 8:at + 8 + size] if kind == b"IDAT" else b""
    at += 12 + size
assert len(zlib.decompress(data)) == height * (width + 1)
open("better", "w").write("yes")
PYTHON
	is "$(cat better)" yes "points lie in ball and box, and the picture is whole"
	"$advntk" attack "$id" x.npy short.npy -s 'attack={plugin: fgsm, norm: linf, radius: 0.05}' -o adv.npz --results one >out 2>err
	is $? 1 "three labels for twenty images"
	has err "expected 20 labels, one an image" "are refused"
else
	skip "attack on one's own images" "no numpy"
fi
"$advntk" attack "$id" x.npy y.npy -o adv.npz --results one >out 2>err
is $? 2 "attack without an attack is a misuse"
done_testing
