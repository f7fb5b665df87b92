#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Fails where clang-format would change a file; run in the source folder. Public headers are laid out by
# hand, as tables. FIX=1 changes the files instead.
set -eu
find core plugins tests bench docs/examples -type f \( -name '*.c' -o -name '*.h' \) ! -path 'core/include/*' | sort >"${TMPDIR:-/tmp}/format.$$"
trap 'rm -f "${TMPDIR:-/tmp}/format.$$"' EXIT
if [ "${FIX:-0}" = 1 ]; then
	xargs "${CLANG_FORMAT:-clang-format}" --style=file -i <"${TMPDIR:-/tmp}/format.$$"
else
	xargs "${CLANG_FORMAT:-clang-format}" --style=file --dry-run -Werror <"${TMPDIR:-/tmp}/format.$$"
fi
echo "format: $(wc -l <"${TMPDIR:-/tmp}/format.$$") files"
