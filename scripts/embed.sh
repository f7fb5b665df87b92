#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Files as C arrays with a table of them, on stdout: embed.sh FOLDER FILE..., the files relative to FOLDER.
# Bytes, as string literals this long are not portable.
set -eu
folder=$1
shift
echo '/* Made by scripts/embed.sh from docs/examples. */'
n=0
for file; do
	echo "static const unsigned char embedded_${n}[] = {"
	od -An -v -tu1 "$folder/$file" | sed -e 's/\([0-9]\)  */\1, /g' -e 's/$/,/'
	echo '};'
	n=$((n + 1))
done
echo 'static const struct embedded_file embedded_files[] = {'
n=0
for file; do
	echo "    {\"$file\", sizeof(embedded_$n), embedded_$n},"
	n=$((n + 1))
done
echo '};'
