#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Each public header compiles alone, as C11 and as C++17, without a warning.
set -u
: "${top_srcdir:?}"
cxx=
for c in "${CXX:-c++}" g++ clang++; do
	command -v "$c" >/dev/null && cxx=$c && break
done
count=0 failures=0
for header in "$top_srcdir"/core/include/advntk/*.h; do
	name=advntk/${header##*/}
	for language in c c++; do
		count=$((count + 1))
		if [ "$language" = c ]; then
			set -- "${CC:-cc}" -std=c11 -Wall -Wextra -Wpedantic -Wstrict-prototypes
		elif [ -n "$cxx" ]; then
			set -- "$cxx" -std=c++17 -Wall -Wextra -Wpedantic
		else
			echo "ok $count - $name as C++17 # SKIP no C++ compiler"
			continue
		fi
		# CC may hold options
		# shellcheck disable=SC2048
		if out=$(printf '#include <%s>\nint translation_unit_is_not_empty;\n' "$name" |
			$* -Werror -I"$top_srcdir/core/include" -x "$language" -fsyntax-only - 2>&1); then
			echo "ok $count - $name as $language"
		else
			echo "$out" | sed 's/^/# /'
			echo "not ok $count - $name as $language"
			failures=$((failures + 1))
		fi
	done
done
echo "1..$count"
[ "$failures" -eq 0 ]
