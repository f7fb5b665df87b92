#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# --memory is a limit on the whole process: the kernel's count of its largest size (VmHWM) stays below, with one
# job and with two, in memory and on the disk; what cannot fit is refused with the numbers.
# shellcheck source=tests/cli/lib.sh
. "$top_srcdir/tests/cli/lib.sh"

python=/usr/bin/python3
[ -x "$python" ] || python=python3
if ! $python -c '' 2>/dev/null; then
	skip "peak memory" "no python3"
	done_testing
fi
if ldd "$top_builddir/.libs/advntk" | grep -q -e libasan -e libtsan -e libubsan; then
	skip "peak memory" "a sanitizer takes memory of its own"
	done_testing
fi
cat >memory.yaml <<'END'
advntk: 1
name: memory
seed: 1
data: {dataset: digits, train: 1100, validation: 150, test: 130, center: 0.5}
model: {architecture: {plugin: mlp, depth: 3}, kernel: ntk}
method: ntk
evaluate: [{name: pgd, attack: {plugin: pgd, norm: linf, radius: 16/255, steps: 3}}]
sweep: {product: {model.architecture.depth: [2, 3]}}
END
# peak.py LIMIT COMMAND...: whether the command ends well, never larger than the limit in bytes
cat >peak.py <<'END'
import os, resource, subprocess, sys
child = subprocess.Popen(sys.argv[2:], stdout=subprocess.DEVNULL, stderr=open('err', 'w'))
_, status, used = os.wait4(child.pid, 0)
peak, limit = used.ru_maxrss * 1024, int(sys.argv[1])
print(f'# peak {peak / 2**20:.1f} of {limit / 2**20:.1f} MiB')
sys.exit(status != 0 or peak > limit)
END
planned() { # OPTIONS...: bytes that plan says, and a MiB, as two processes are never quite alike
	"$advntk" plan memory.yaml --quick --format json --results none "$@" 2>err |
		$python -c 'import json, sys; print(json.load(sys.stdin)["totals"]["bytes"] + 2**20)'
}
advntk_method='{plugin: advntk, steps: 3, batch: 64, attack: {plugin: pgd, norm: linf, radius: 8/255, steps: 2}}'
number=0
for method in ntk '{plugin: ntk, time: 10}' "$advntk_method"; do
	one=$(planned -s method="$method")
	two=$(planned -s method="$method" --jobs 2)
	# the last: two jobs, and room for one of them at a time
	for case in "1 $one" "2 $two" "2 $((one + (two - one) / 2))"; do
		number=$((number + 1))
		$python peak.py "${case#* }" "$advntk" run memory.yaml --results "r$number" -q -s method="$method" \
			--jobs "${case% *}" --memory "${case#* }"
		ok $? "$method, jobs and bytes $case: never above --memory"
	done
done
one=$(planned -s precision=float64)
$python peak.py "$one" "$advntk" run memory.yaml --results r64 -q -s precision=float64 --memory "$one"
ok $? "float64"
"$advntk" run memory.yaml --results small --memory 20M -q >out 2>err
is $? 1 "what cannot fit is refused"
has err "20.0 MiB are allowed by --memory" "with the numbers"
[ ! -e small/runs ]
ok $? "before anything is computed"
done_testing
