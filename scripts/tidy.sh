#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# clang-tidy over core and plugins, as many at a time as there are cores; run in the source folder:
# tidy.sh COMPILER_FLAGS. FILES="core/a.c core/b.c" looks at these only.
set -eu
files=${FILES:-$(find core plugins -type f -name '*.c' | sort)}
# shellcheck disable=SC2086
printf '%s\n' $files | xargs -P "$(getconf _NPROCESSORS_ONLN)" -I '{}' "${CLANG_TIDY:-clang-tidy}" --quiet '{}' -- "$@"
echo "tidy: $(echo "$files" | wc -w) files"
