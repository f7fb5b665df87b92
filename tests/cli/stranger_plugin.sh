#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A stranger's attack: built outside the tree with what `make install` leaves behind and nothing else,
# then found, described and used in a recipe by a program that was not built again.
set -u
n=0 failed=0
check() { # NAME COMMAND...: passes when the command succeeds
	name=$1
	shift
	n=$((n + 1))
	if "$@" >"$work/out" 2>&1; then
		echo "ok $n - $name"
	else
		sed 's/^/# /' "$work/out"
		echo "not ok $n - $name"
		failed=1
	fi
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
advntk=$top_builddir/advntk
unset ADVNTK_PLUGIN_PATH MAKEFLAGS MAKELEVEL
umask 022
before=$(cksum "$top_builddir/.libs/advntk" "$top_builddir"/.libs/libadvntk.so)

check 'install' make -s -C "$top_builddir" install DESTDIR="$work/root"
pc=$(find "$work/root" -name advntk.pc)
check 'advntk.pc is installed' test -f "$pc"
check 'the m4 macro is installed' test -n "$(find "$work/root" -name advntk.m4)"

PKG_CONFIG_PATH=${pc%/*} PKG_CONFIG_SYSROOT_DIR=$work/root
export PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR
check 'pkg-config knows the folder of plugins' test -n "$(pkg-config --variable=plugindir advntk)"
mkdir -p "$work/mine/attack"
cp "$top_srcdir/docs/examples/attack/drift.c" "$work/mine"
# shellcheck disable=SC2046,SC2086
check 'build outside the tree' ${CC:-cc} -O2 -fPIC -fvisibility=hidden $(pkg-config --cflags advntk) -shared \
	-o "$work/mine/attack/drift.so" "$work/mine/drift.c" $(pkg-config --libs advntk) -lm
check 'found' sh -c "'$advntk' list attack --plugin-path '$work/mine' | grep '^attack/drift '"
check 'described' sh -c "'$advntk' describe attack/drift --plugin-path '$work/mine' | grep '^Parameters'"
cat >"$work/recipe.yaml" <<'RECIPE'
advntk: 1
name: stranger
seed: 1
data: {dataset: digits, train: 200, test: 50, center: 0.5}
model:
  architecture: {plugin: mlp, depth: 2, activation: relu}
  kernel: ntk
method: ntk
evaluate:
  - {name: clean}
  - {name: drift, attack: {plugin: drift, norm: linf, radius: 8/255}}
RECIPE
check 'checked in a recipe' "$advntk" check "$work/recipe.yaml" --plugin-path "$work/mine"
check 'used in a recipe' "$advntk" run "$work/recipe.yaml" --plugin-path "$work/mine" --results "$work/results" --format json
cp "$work/out" "$work/run.json"
check 'with a result' grep '"drift": *[01]' "$work/run.json"

# what `advntk new plugin` writes, kind by kind: builds with what is installed, and its own test passes
cd "$work" || exit 1
mkdir -p mine/norm mine/loss
kinds=$("$advntk" new plugin backend x 2>&1 | sed 's/.*there are //; s/,//g')
check 'there are starts for nine kinds' test "$(echo "$kinds" | wc -w)" -eq 9
for kind in $kinds; do
	check "new plugin $kind" "$advntk" new plugin "$kind" "my_$kind"
	check "make of it" make -s -C "my_$kind" CC="${CC:-cc}" CFLAGS='-std=c11 -O2 -Wall -Wextra -Wpedantic -Werror'
	check "its test" make -s -C "my_$kind" check ADVNTK="$advntk"
	cp "$work/out" "$work/test"
	check 'passes everything' sh -c "! grep '^not ok' '$work/test' && grep -c '^ok' '$work/test' | grep -x 8"
done
check 'nothing is written over' sh -c "! '$advntk' new plugin attack my_attack 2>'$work/err' && grep 'is there already' '$work/err'"
check 'a name of the house is refused' sh -c "! '$advntk' new plugin attack pgd 2>'$work/err' && grep 'attack/pgd already' '$work/err'"
check 'a name that C does not take is refused' sh -c "! '$advntk' new plugin attack 7up 2>'$work/err' && grep 'no name for a plugin' '$work/err'"
check 'an unknown kind is refused' sh -c "! '$advntk' new plugin atack x 2>'$work/err' && grep \"did you mean 'attack'\" '$work/err'"
cp my_norm/my_norm.so mine/norm
cp my_loss/my_loss.so mine/loss

# a norm and a loss of a stranger's, each with a parameter of its own, in an attack of the house
sed '/name: drift/d' "$work/recipe.yaml" >"$work/both.yaml"
echo '  - {name: pgd, attack: {plugin: pgd, norm: {plugin: my_norm, every: 3}, radius: 0.2, steps: 10, random_start: false, loss: {plugin: my_loss, exponent: 1}}}' >>"$work/both.yaml"
check 'both in pgd' "$advntk" run "$work/both.yaml" --plugin-path "$work/mine" --results "$work/results" --format json
cp "$work/out" "$work/run.json"
check 'with a figure below the clean one' sh -c "tr -d ' ' <'$work/run.json' | sed 's/.*\"clean\":\([0-9.]*\),\"pgd\":\([0-9.]*\).*/\1 \2/' | awk '{ exit !(\$2 < \$1) }'"
check 'and an audit that trusts them' sh -c "tr -d ' ' <'$work/run.json' | grep '\"audit\":{[^}]*\"pgd\":\"trusted\"'"
sed 's/every: 3/every: 0/' "$work/both.yaml" >"$work/wrong.yaml"
check "a value out of the stranger's range is refused with its place" sh -c \
	"! '$advntk' check '$work/wrong.yaml' --plugin-path '$work/mine' 2>'$work/err' && grep 'wrong.yaml:11:.*every' '$work/err'"

# a stranger's package with a configure script of its own
if command -v autoconf >/dev/null && command -v aclocal >/dev/null; then
	mkdir "$work/package"
	printf '%s\n' 'AC_INIT([mine], [1])' 'AC_PROG_CC' 'ADVNTK_PLUGIN_CHECK([0.1])' \
		'AC_CONFIG_FILES([flags])' 'AC_OUTPUT' >"$work/package/configure.ac"
	printf '%s\n' '@ADVNTK_CFLAGS@ @ADVNTK_LIBS@' '@ADVNTK_PLUGINDIR@' >"$work/package/flags.in"
	macros=$(find "$work/root" -name advntk.m4)
	check 'configure with ADVNTK_PLUGIN_CHECK' sh -c \
		"cd '$work/package' && aclocal -I '${macros%/*}' && autoconf && ./configure -q"
	check 'finds the library' grep -e -ladvntk "$work/package/flags"
	check 'and the folder of plugins' grep '/advntk$' "$work/package/flags"
	sed 's/\[0\.1\]/[99]/' "$work/package/configure.ac" >"$work/package/newer" && mv "$work/package/newer" "$work/package/configure.ac"
	check 'and stops where advntk is older than wanted' sh -c \
		"cd '$work/package' && autoconf --force && ! ./configure -q 2>err && grep 'advntk >= 99' err"
else
	n=$((n + 1))
	echo "ok $n - configure with ADVNTK_PLUGIN_CHECK # SKIP no autoconf here"
fi
check 'and nothing was built again' test "$before" = "$(cksum "$top_builddir/.libs/advntk" "$top_builddir"/.libs/libadvntk.so)"
echo "1..$n"
exit "$failed"
