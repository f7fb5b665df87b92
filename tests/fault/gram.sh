#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A Gram computation that is killed ten times goes on where it was: the same bits in the end, and no
# tile computed twice but those that were in flight.
# shellcheck source=tests/cli/lib.sh
. "$top_srcdir/tests/cli/lib.sh"

# 3200 images of 6 x 6 bytes without a pattern: 7 x 8 / 2 tiles
npy() { # DESCRIPTION SHAPE: the head of an array, 128 bytes
	printf '\223NUMPY\001\000\166\000%-117s\n' "{'descr': '$1', 'fortran_order': False, 'shape': $2, }"
}
bytes() { # COUNT: compressed, so that no two images are alike
	i=0
	while [ "$i" -lt 40 ]; do
		cat "$top_builddir/.libs/libadvntk.so" "$top_srcdir"/core/*/*.c
		i=$((i + 1))
	done 2>/dev/null | gzip -nc1 | head -c "$1"
}
images=3200
{ npy '|u1' "($images, 6, 6, 1)"; bytes $((images * 36)); } >x.npy
{ npy '|u1' "($images,)"; yes 0123456789 | tr -d '\n' | head -c $images | tr 0-9 '\000-\011'; } >y.npy
is "$(wc -c <x.npy | tr -d ' ')" $((128 + images * 36)) "images"
cat >gram.yaml <<'END'
advntk: 1
name: gram
seed: 1
data:
  dataset: {plugin: npy, train_images: x.npy, train_labels: y.npy, test_images: x.npy, test_labels: y.npy}
  train: 3200
  test: 10
model: {architecture: {plugin: cnn, depth: 5}, kernel: ntk}
method: {plugin: ntk, ridge: 1}
evaluate: [{name: clean}]
END
tiles=28
threads=2
"$advntk" run gram.yaml -q --threads $threads --results whole >out 2>err
is $? 0 "an uninterrupted run"
[ -s err ] && sed 's/^/# /' err

entry() { # FOLDER: of the matrix in its cache, which holds a factor too
	about=$(grep -ls '"kernel matrix"' "$1"/cache/*/about.json)
	echo "${about%/about.json}"
}
records() { # FOLDER: tiles in the index
	index=$(entry "$1")/index
	if [ -f "$index" ]; then echo $(($(wc -c <"$index") / 32)); else echo 0; fi
}
kills=0
lost=0
seed=$$
echo "# seed $seed"
while [ "$kills" -lt 10 ]; do
	before=$(records killed)
	"$advntk" run gram.yaml -q --threads $threads --results killed >out 2>err &
	pid=$!
	# at least one more tile, then some part of the next
	tries=0
	while [ "$(records killed)" -le "$before" ] && kill -0 $pid 2>/dev/null && [ "$tries" -lt 6000 ]; do
		sleep 0.01
		tries=$((tries + 1))
	done
	seed=$(((seed * 75 + 74) % 65537))
	sleep "0.0$((seed % 9 + 1))"
	kill -9 $pid 2>/dev/null || lost=$((lost + 1))
	wait $pid 2>/dev/null
	kills=$((kills + 1))
done
done_before=$(records killed)
[ "$lost" -eq 0 ] && [ "$done_before" -lt $tiles ]
ok $? "killed ten times before its $tiles tiles were there ($done_before were)"
"$advntk" run gram.yaml -q --threads $threads --results killed >out 2>err
is $? 0 "it is finished"
# a tile has a record as soon as it is computed: a second one would be a second computation
od -An -v -w32 -tu8 "$(entry killed)/index" | awk '{print $1}' | sort -n >computed
is "$(awk -v n=$tiles '$1 < n' computed | wc -l | tr -d ' ')" $tiles "every tile was computed"
is "$(awk -v n=$tiles '$1 < n' computed | uniq -d | wc -l | tr -d ' ')" 0 "and none twice, but those in flight"
for part in whole killed; do
	cksum <"$(entry $part)/tiles" >"$part.sum"
done
is "$(cat killed.sum)" "$(cat whole.sum)" "the matrix has the bits of the uninterrupted one"
same_results whole killed
ok $? "and so have the results"
done_testing
