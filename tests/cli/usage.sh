#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Wrong use of the command line, help of every command, and what needs no run.
# shellcheck source=tests/cli/lib.sh
. "$top_srcdir/tests/cli/lib.sh"

misuse() {
	want=$1
	shift
	"$advntk" "$@" >out 2>err
	is $? 2 "advntk $* is wrong use"
	has err "$want" "and told so: $want"
}
misuse "expected a command"
misuse "did you mean 'list'" lsit
misuse "did you mean '--results'" run --reslts x small.yaml
misuse "expected RECIPE" run
misuse "one word too many" run small.yaml another.yaml
misuse "expected KEY=VALUE behind it" run small.yaml -s
misuse "from 1 to 4096" run small.yaml --threads 0
misuse "expected text or json" list --format xml
misuse "expected a size" run small.yaml --memory lots
misuse "--quiet takes no value" list --quiet=yes
misuse "expected -o F.npy" predict 1234 x.npy
misuse "expected recipe or plugin" new thing
misuse "expected plugin KIND NAME" new plugin attack
misuse "expected bash or zsh" completion fish
misuse "expected text, markdown, latex, csv or json" runs --format xml

for command in $("$advntk" help | awk '/^commands:/ { on = 1; next } /^$/ { on = 0 } on { print $1 }'); do
	[ "$command" = help ] && continue
	"$advntk" "$command" --help >out 2>err
	code=$?
	grep -q "^usage: advntk $command" out && grep -q '^example:' out && ! [ -s err ] && [ $code -eq 0 ]
	ok $? "advntk $command --help has usage and an example"
	"$advntk" help "$command" | cmp -s - out
	ok $? "advntk help $command is the same"
done

"$advntk" list attack >out 2>err
is $? 0 "list attack"
has out "attack/pgd" "names pgd"
cp "$top_builddir/.libs/advntk" alone
LD_LIBRARY_PATH=$top_builddir/.libs XDG_DATA_HOME=$scratch ./alone list >out 2>err
is $? 1 "a program without plugins"
has err "no plugins: those installed would be in " "says where they would be"
"$advntk" list atack >out 2>err
is $? 1 "an unknown kind fails"
has err "did you mean 'attack'" "with the nearest"
"$advntk" describe attack/pgd >out 2>err
is $? 0 "describe attack/pgd"
has out "steps" "shows its parameters"
"$advntk" describe attack/pdg >out 2>err
is $? 1 "an unknown plugin fails"
has err "did you mean 'pgd'" "with the nearest"
"$advntk" describe ntk >out 2>err
is $? 1 "a name that two kinds have"
has err "kernel/ntk and method/ntk" "is told by both"
"$advntk" describe --graph small.yaml >out 2>err
is $? 0 "describe --graph"
has out "one step of an attack on 128 images" "with times"
# 200 images: one tile, 20100 pairs on one thread; 128 images: each, and each of its pairs
awk -v ok=0 '
	/^time, measured/ { for (i = 1; i < NF; i++) if ($(i + 1) == "us") us[++k] = $i }
	/^time for/ { for (i = 1; i < NF; i++) if ($(i + 1) ~ /^s;?$/) s[++m] = $i }
	function near(a, b) { return a > 0 && a < 1.02 * b && a > 0.98 * b }
	END { exit !(k == 3 && near(s[1], us[1] * 20100e-6) && near(s[2], 128e-6 * (us[3] + 200 * us[2]))) }' out
ok $? "that are the sums of their parts"
has out "flatten" "shows the layers"
"$advntk" describe --graph small.yaml -s model.architecture='{plugin: cnn, depth: 2}' >out 2>err
is $? 0 "describe --graph of a changed recipe"
is "$(grep -c ' conv ' out)" 2 "has the layers of the change"
"$advntk" describe recipe evaluate.attack data.train seed >out 2>err
is $? 0 "describe recipe KEY"
has out "without it: accuracy on clean images" "says what a key is"
has out "radius: " "a slot's common keys too"
has out "training images, drawn after the validation images" "each of several"
has out "seed of every random draw" "one of the top"
"$advntk" describe recipe method.attack.steps >out 2>err
has out "of attack/pgd" "keys of plugins, with whose they are"
"$advntk" describe recipe sweep >out 2>err
has out "every combination, the first key slowest" "sweeps"
"$advntk" describe recipe data.trian >out 2>err
is $? 1 "a key that is not there"
has err "no key 'data.trian'" "is named"
has err "did you mean 'train'?" "with the nearest"
"$advntk" describe recipe seed.train >out 2>err
is $? 1 "nor is anything below a number"
one_line err
ok $? "in one line"
cat >model.yaml <<'END'
advntk: 1
model: {architecture: {plugin: cnn, depth: 2}, kernel: ntk}
END
"$advntk" describe --graph model.yaml --shape 8x8x3 --format json >out 2>err
is $? 0 "describe --graph of a model without data"
python=/usr/bin/python3
[ -x "$python" ] || python=python3
if $python -c '' 2>/dev/null; then
	# by hand: three channels of 64 pixels; of two activations a pixel's standard deviation and its
	# inverse, while a panel is at work
	$python -c '
import json
g = json.load(open("out"))
names = [l["layer"] for l in g["layers"]]
assert names == ["input", "conv", "activation", "conv", "activation", "flatten", "dense"], names
assert g["images"] == [8, 8, 3] and g["layers"][1]["shape"] == [8, 8, None]
assert g["layers"][6]["from"] == [5] and g["layers"][6]["layout"] == "flat"
assert g["layers"][1]["parameters"]["filter"] == [3, 3] and g["layout"] == "diagonal"
assert g["flops_of_a_pair"]["product"] == 2 * 64 * 3
total = g["flops_of_a_pair"]["product"] + g["flops_of_a_pair"]["layers"]
assert sum(l["flops"] for l in g["layers"]) == total
assert g["bytes"]["image"]["float32"] == 4 * 64 * 3
assert g["bytes"]["image_at_work"]["float64"] == 8 * (64 * 3 + 2 * 2 * 64)
assert len(g["content"]) == 32 and g["seconds"]["pair_on_each_thread"] > 0
'
	ok $? "as JSON: layers, shapes, layout, cost, memory"
else
	skip "describe --graph --format json" "no python3"
fi
"$advntk" describe --graph model.yaml >out 2>err
is $? 1 "without data or --shape it fails"
has err "--shape 32x32x3" "and says what to do"
"$advntk" describe --graph model.yaml --shape 8x >out 2>err
is $? 1 "a shape that is none"
has err "--shape 8x: expected height x width x channels" "is named"
"$advntk" describe attack/pgd --set a=1 >out 2>err
is $? 2 "a change without a recipe is misuse"
has err "--graph RECIPE" "and says what it is for"
"$advntk" check small.yaml >out 2>err
is $? 0 "check of a good recipe"
has out "small.yaml: good, 1 run" "says so"
"$advntk" check small.yaml -s 'model.architecture={plugin: custom, layers: [flatten, {dense: {w_sdt: 2}}]}' >out 2>err
is $? 1 "a mistake in a layer on the command line"
has err "error: model.architecture: layers.1: layer dense has no parameter 'w_sdt'; did you mean 'w_std'?" \
	"is told with the layer, the key and the nearest"
"$advntk" check small.yaml -s 'model.architecture={plugin: custom, layers: [flatten, dense, {activation: rleu}]}' >out 2>err
has err "error: model.architecture: layers.2: no activation plugin 'rleu'; did you mean 'relu'?" "an activation too"
"$advntk" check small.yaml --sweep 'model.architecture=[mlp, {plugin: cnn, detph: 3}]' >out 2>err
has err "error: model.architecture.detph: unknown key; did you mean 'depth'?" "so is one in a sweep"
"$advntk" check small.yaml -s data.train=5000 >out 2>err
is $? 1 "check of more images than there are"
has err "5000 training" "gives the numbers"
"$advntk" check small.yaml -s method.stepz=3 >out 2>err
is $? 1 "check of an unknown key"
has err "steps" "offers the nearest"
"$advntk" new recipe start.yaml 2>err
is $? 0 "new recipe"
has err "start.yaml" "says what it wrote"
"$advntk" check start.yaml >out 2>err
is $? 0 "it is good"
"$advntk" run start.yaml -q >out 2>err
is $? 0 "and runs"
has out "advntk" "to a table"
"$advntk" new recipe start.yaml 2>err
is $? 1 "new recipe does not overwrite"
has err "start.yaml is there already" "and says so"
"$advntk" new recipe >out 2>err
is $? 0 "new recipe without a file"
"$advntk" new recipe other.yaml -q
sed 's/other.yaml/FILE/' other.yaml | cmp -s - out
ok $? "prints the same"
if command -v bash >/dev/null; then
	"$advntk" completion bash >advntk.bash
	mkdir -p folder/runs/0123456789abcdef
	# complete WORD...: what the last of the words may become
	cat >complete.bash <<'END'
. ./advntk.bash
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_advntk "$1" "${*: -1}" "${COMP_WORDS[COMP_CWORD - 1]}"
echo "${COMPREPLY[*]}"
END
	completed() { ADVNTK_RESULTS=folder bash complete.bash "$advntk" "$@"; }
	is "$(completed comp)" "compare completion" "completion of a command"
	is "$(completed list ker)" "kernel" "of a kind"
	is "$(completed describe attack/pg)" "attack/pgd" "of a plugin"
	is "$(completed runs --so)" "--sort" "of an option"
	is "$(completed runs --format m)" "markdown" "of an option's value"
	is "$(completed show 01)" "0123456789abcdef" "of a run"
	is "$(completed check sta)" "start.yaml" "of a recipe"
	is "$(completed new plugin op)" "optimizer" "of a kind in new plugin"
else
	skip "completion" "no bash"
fi
if command -v zsh >/dev/null && zsh -fc 'zmodload zsh/zpty' 2>/dev/null; then
	# a terminal in which a line is typed, then TAB, then a key that writes down what it has become
	mkdir -p zsh bin
	ln -sf "$advntk" bin/advntk
	cat >zsh/.zshrc <<'END'
PATH=$PWD/bin:$PATH
autoload -U +X compinit && compinit -u -D && autoload -U +X bashcompinit && bashcompinit
advntk completion zsh >advntk.zsh
source ./advntk.zsh
keep() { print -r -- "$BUFFER" >>lines; BUFFER= }
zle -N keep
bindkey '^Xs' keep
: >lines
END
	cat >type.zsh <<'END'
zmodload zsh/zpty
zpty shell "ZDOTDIR=$PWD/zsh zsh -i"
for i in {1..100}; do [[ -e lines ]] && break; sleep 0.1; done
for line in "$@"; do
	before=$(wc -l <lines)
	zpty -n -w shell "$line"$'\t\C-xs'
	for i in {1..100}; do [[ $(wc -l <lines) -gt $before ]] && break; sleep 0.1; zpty -r -t shell x; done >/dev/null
done
zpty -d shell
END
	zsh -f type.zsh 'advntk run --mem' 'advntk describe attack/pg' 'advntk check star' >out 2>err
	is "$(sed 's/ *$//' lines)" "advntk run --memory
advntk describe attack/pgd
advntk check start.yaml" "completion in zsh"
else
	skip "completion in zsh" "no zsh"
fi
"$advntk" version --verbose >out 2>err
is $? 0 "version --verbose"
has out "OpenBLAS" "names the BLAS"
"$advntk" list >/dev/full 2>err
is $? 1 "results that cannot be written are a failure"
done_testing
