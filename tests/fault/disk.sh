#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Folders that cannot be written, disks that are full: one clear line, nothing half-written.
# shellcheck source=tests/cli/lib.sh
. "$top_srcdir/tests/cli/lib.sh"

: >file
"$advntk" run small.yaml -q --results file >out 2>err
is $? 1 "a results folder that is a file"
has err "file" "is named"
"$advntk" run small.yaml -q --results /proc/advntk >out 2>err
is $? 1 "a results folder that cannot be made"
has err "/proc/advntk: cannot create the folder" "is named"

# a limit on the size of files: the first that grows past it fails as on a full disk
(
	ulimit -f 4
	"$advntk" run small.yaml -q --results full >out 2>err
)
is $? 1 "a file that cannot grow"
has err "cannot write" "is told"
is "$(find full -name '*.tmp*' | grep -c .)" 0 "no temporary file is left"
is "$(find full -name run.json | grep -c .)" 0 "and no finished run"
"$advntk" run small.yaml -q --results full >out 2>err
is $? 0 "with room again the run is finished"
"$advntk" run small.yaml -q --results whole >out 2>err
same_results whole full
ok $? "as if nothing had been"

if [ "$(id -u)" -ne 0 ]; then
	mkdir closed && chmod a-w closed
	"$advntk" run small.yaml -q --results closed >out 2>err
	is $? 1 "a results folder without the right to write"
	has err "Permission denied" "is told"
else
	skip "a results folder without the right to write" "the superuser may write anywhere"
fi
done_testing
