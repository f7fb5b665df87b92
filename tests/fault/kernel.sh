#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# `kernel` that is killed, interrupted or disturbed goes on where it was: the same bits, and no block
# computed twice but those in flight.
# shellcheck source=tests/cli/lib.sh
. "$top_srcdir/tests/cli/lib.sh"

npy() { # SHAPE: the head of an array of bytes, 128 of them
	printf '\223NUMPY\001\000\166\000%-117s\n' "{'descr': '|u1', 'fortran_order': False, 'shape': $1, }"
}
bytes() { # COUNT: compressed, so that no two images are alike
	cat "$top_srcdir"/core/*/*.c "$top_builddir/.libs/libadvntk.so" | gzip -nc1 | head -c "$1"
}
# 2100 images of 3 x 3: 5 x 6 / 2 blocks. The first 1100: 3 x 4 / 2. The first 700 with 300 others: 2, and 6 panels
# of the gradient
{ npy "(2100, 3, 3, 1)"; bytes 18900; } >many.npy
{ npy "(1100, 3, 3, 1)"; bytes 9900; } >x.npy
{ npy "(300, 3, 3, 1)"; bytes 2800 | tail -c 2700; } >z.npy
{ npy "(700, 3, 3, 1)"; bytes 6300; } >few.npy
{ npy "(700, 300)"; bytes 210000; } >g.npy
is "$(wc -c <g.npy | tr -d ' ')" $((128 + 210000)) "images and weights"
cat >net.yaml <<'END'
advntk: 1
name: net
model: {architecture: {plugin: cnn, depth: 2}, kernel: ntk}
END
kernel() { "$advntk" kernel net.yaml "$@"; }
records() { # FILE: blocks that its part holds
	index=$(echo "$1".part/*/index)
	if [ -f "$index" ]; then echo $(($(wc -c <"$index") / 32)); else echo 0; fi
}
twice() { # FILE: blocks that were computed more than once
	od -An -v -w32 -tu8 "$1".part/*/index | awk '{print $1}' | sort -n | uniq -d | grep -c .
}
gone() { # FILE: there, and nothing beside it
	[ -f "$1" ] && [ ! -e "$1.part" ] && [ -z "$(find . -name "$1.*tmp*")" ]
}
killed=0
# stops a command by a signal as soon as $file's part holds a further block; 1: it was over before
stop() { # SIGNAL FILE COMMAND...
	signal=$1
	file=$2
	shift 2
	before=$(records "$file")
	"$@" >out 2>err &
	pid=$!
	while [ "$(records "$file")" -le "$before" ] && kill -0 $pid 2>/dev/null; do
		sleep 0.01
	done
	kill -"$signal" $pid 2>/dev/null
	wait $pid 2>/dev/null
	code=$?
	[ $code -ne 0 ]
}

kernel many.npy -o all.npy 2>err
is $? 0 "an uninterrupted matrix"
gone all.npy
ok $? "is a file, and nothing is left beside it"
while [ $killed -lt 5 ] && [ ! -f k.npy ]; do
	stop KILL k.npy "$advntk" kernel net.yaml many.npy -o k.npy --threads 1
	killed=$((killed + 1))
done
if [ -f k.npy.part/lock ]; then
	there=$(records k.npy)
	is "$(twice k.npy)" 0 "no block is computed twice in $killed kills"
	kernel many.npy -o k.npy --threads 1 2>err
	is $? 0 "it is finished"
	has err "goes on: $there of 15 blocks of k.npy.part are there" "says what was there"
else
	skip "killed $killed times" "it was over before"
fi
cmp all.npy k.npy
ok $? "the same bits"
gone k.npy
ok $? "and nothing is left beside it"

# a state to disturb, and to go on with once more: killed with some blocks, not all
kernel x.npy -o whole.npy 2>err
tries=0
there=0
while [ "$there" -eq 0 ] && [ $tries -lt 20 ]; do # it may be over before
	stop KILL part.npy "$advntk" kernel net.yaml x.npy -o part.npy --threads 1
	there=$(records part.npy)
	tries=$((tries + 1))
done
[ "$there" -gt 0 ] && [ "$there" -lt 6 ]
ok $? "a part with $there of 6 blocks"
again() { # FILE: a copy of that state
	rm -rf "$1" "$1.part"
	cp -r part.npy.part "$1.part"
}
same() { # NAME: k.npy is right, and alone
	cmp whole.npy k.npy && gone k.npy
	ok $? "$1"
}

again k.npy
stop INT k.npy "$advntk" kernel net.yaml x.npy -o k.npy --threads 1
if [ $code -ne 0 ]; then
	is $code 130 "Ctrl-C ends with 130"
	has err "of 6 blocks in k.npy.part. To go on: the same command" "says in a line how to go on"
	is "$(twice k.npy)" 0 "and computed nothing that was there"
	[ ! -e k.npy.part/unfinished.npy ]
	ok $? "the unfinished file is gone"
fi
kernel x.npy -o k.npy 2>err
same "it goes on to the same bits"

again k.npy
tile=$(od -An -v -tu8 -N8 k.npy.part/*/index | tr -d ' ')
printf 'damage' | dd of="$(echo k.npy.part/*/tiles)" bs=1 seek=$((tile * 512 * 512 * 4 + 100)) conv=notrunc 2>/dev/null
printf 'torn' >>"$(echo k.npy.part/*/index)"
kernel x.npy -o k.npy 2>err
has err "tile $tile is damaged; it is computed again" "a damaged block is computed again"
same "to the same bits"

again k.npy
kernel few.npy -o k.npy 2>err
is "$(grep -c 'k.npy.part: is of other images, another network or another build; begins again' err)" 1 \
	"blocks of other images are not used, which is said"
kernel few.npy -o other.npy 2>err
cmp other.npy k.npy && gone k.npy
ok $? "to the bits of a file of its own"
again k.npy
kernel z.npy -o k.npy --kernel nngp 2>err
has err "begins again" "nor those of another network, for a matrix of one block"
gone k.npy
ok $? "which leaves nothing either"

# two at once: the first is held in its midst
"$advntk" kernel net.yaml x.npy -o two.npy >out 2>err &
pid=$!
while [ "$(records two.npy)" -lt 1 ] && kill -0 $pid 2>/dev/null; do sleep 0.01; done
if kill -STOP $pid 2>/dev/null && [ -e two.npy.part/lock ]; then
	kernel x.npy -o two.npy >out2 2>err2
	is $? 1 "a second process that writes the same file"
	has err2 "two.npy: is being computed by process $pid" "is told by whom"
	one_line err2
	ok $? "in one line"
fi
kill -CONT $pid 2>/dev/null
wait $pid
cmp whole.npy two.npy && gone two.npy
ok $? "the first is not disturbed"

# what is not ours
again k.npy
echo mine >k.npy.part/notes.txt
kernel x.npy -o k.npy 2>err
is $? 1 "a part with something else in it"
has err "k.npy.part: holds 'notes.txt'" "is named"
one_line err && [ "$(cat k.npy.part/notes.txt)" = mine ] && [ "$(records k.npy)" -eq "$there" ]
ok $? "in one line, and left as it was"
rm -r k.npy.part
echo mine >k.npy.part
kernel x.npy -o k.npy 2>err
is $? 1 "a part that is a file"
has err "k.npy.part: is no folder" "is named"
one_line err && [ "$(cat k.npy.part)" = mine ] && [ ! -e k.npy ]
ok $? "in one line, and left as it was"
rm k.npy.part

again k.npy
kernel x.npy -o k.npy --threads 1 >out 2>err &
pid=$!
while [ "$(records k.npy)" -le "$there" ] && kill -0 $pid 2>/dev/null; do sleep 0.01; done
kill -STOP $pid
rm -rf k.npy.part
kill -CONT $pid
if wait $pid; then
	skip "a part that is taken away" "it was over before"
else
	grep -q "k.npy.part: was taken away while k.npy was computed\|k.npy.part/unfinished.npy: cannot rename" err
	ok $? "a part that is taken away is told"
	[ ! -e k.npy ] && [ ! -e k.npy.part ]
	ok $? "and nothing is left"
fi

# disks: no room for the file (4.8 MB); room for it, none for its blocks (6.3 MB)
(ulimit -f 8192 && kernel x.npy -o k.npy 2>err)
is $? 1 "no room for the file"
has err "k.npy: no room for 4840128 bytes" "is told before anything is computed"
[ ! -e k.npy ] && [ ! -e k.npy.part ]
ok $? "and leaves nothing"
again k.npy
(ulimit -f 8192 && kernel x.npy -o k.npy 2>err)
is $? 1 "no room to go on"
has err "kept: $there of 6 blocks in k.npy.part. To go on: the same command" "keeps what is there"
rm -r k.npy.part
(ulimit -f 11000 && kernel x.npy -o k.npy 2>err)
is $? 0 "no room for its blocks"
has err "the kernel matrix is not cached: " "is told"
same "and all the rest goes on"
mkdir closed
chmod a-w closed
if [ "$(id -u)" -ne 0 ]; then
	kernel x.npy -o closed/k.npy 2>err
	is $? 1 "a folder that may not be written"
	has err "closed/k.npy: cannot write: Permission denied" "is told"
else
	skip "a folder that may not be written" "the superuser may write anywhere"
fi

# two sets of images and the gradient: 2 blocks and 6 panels
both() { kernel few.npy z.npy -o "$1k.npy" --gradient g.npy -O "$1d.npy" --threads 1; }
both a 2>err
is $? 0 "values and gradient"
gone ak.npy && gone ad.npy
ok $? "and nothing beside them"
stop KILL bk.npy "$advntk" kernel few.npy z.npy -o bk.npy --gradient g.npy -O bd.npy --threads 1
for panel in 1 2 3; do
	echo "# panel $panel"
	stop KILL bd.npy "$advntk" kernel net.yaml few.npy z.npy -o bk.npy --gradient g.npy -O bd.npy --threads 1
done
if [ -e bd.npy.part ]; then
	there=$(records bd.npy)
	is "$(twice bd.npy)" 0 "no panel is computed twice"
	is "$(twice bk.npy)" 0 "nor is a block, where the gradient was under way"
	both b 2>err
	has err "goes on: 2 of 2 blocks of bk.npy.part are there" "killed in the gradient, the values are there"
	has err "goes on: $there of 6 blocks of bd.npy.part are there" "and so are finished panels"
fi
cmp ak.npy bk.npy && cmp ad.npy bd.npy
ok $? "the same bits"
gone bk.npy && gone bd.npy
ok $? "and nothing is left"
done_testing
