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

# a norm and a loss of a stranger's, each with a parameter of its own, in an attack of the house
mkdir -p "$work/mine/norm" "$work/mine/loss"
cat >"$work/mine/striped.c" <<'NORM'
#include <advntk/plugin.h>
#include <math.h>
/* l-infinity in which only every `every`-th value may move */
struct striped { int64_t every; };
static const struct advntk_param params[] = {
    ADVNTK_INT(struct striped, every, 2, 1, 1000, .help = "which values may move: every so many"), ADVNTK_PARAM_END};
static int may(const void *c, ptrdiff_t k) { return k % ((const struct striped *)c)->every == 0; }
static double distance(const void *c, ptrdiff_t d, const double *a, const double *b)
{
    double worst = 0;
    for (ptrdiff_t k = 0; k < d; k++) {
        double gap = may(c, k) || a[k] == b[k] ? fabs(a[k] - b[k]) : INFINITY;
        worst = gap > worst ? gap : worst;
    }
    return worst;
}
static void steepest(const void *c, ptrdiff_t d, const double *g, double sparsity, double *direction)
{
    (void)sparsity;
    for (ptrdiff_t k = 0; k < d; k++) {
        direction[k] = may(c, k) ? (g[k] > 0) - (g[k] < 0) : 0;
    }
}
static void project(const void *c, ptrdiff_t d, const double *centre, double radius, const double *lo,
                    const double *hi, double *point)
{
    for (ptrdiff_t k = 0; k < d; k++) {
        double r = may(c, k) ? radius : 0;
        point[k] = fmin(fmin(fmax(fmax(point[k], centre[k] - r), lo[k]), centre[k] + r), hi[k]);
    }
}
static const struct advntk_norm_ops ops = {.unit = "pixel value", .radius_max = 1, .distance = distance,
                                           .steepest = steepest, .project_ball_box = project};
ADVNTK_PLUGIN(NORM, ops, .name = "striped", .version = "1.0.0", .licence = "MIT", .summary = "stripes",
              .params = params, .config_bytes = sizeof(struct striped));
NORM
cat >"$work/mine/power.c" <<'LOSS'
#include <advntk/plugin.h>
#include <math.h>
/* -f_label^exponent, sign kept */
struct power { double exponent; };
static const struct advntk_param params[] = {
    ADVNTK_REAL(struct power, exponent, 1, 1, 9, .help = "power of the label's output"), ADVNTK_PARAM_END};
static void value(const void *c, ptrdiff_t n, ptrdiff_t classes, const double *f, const int32_t *labels,
                  const int32_t *targets, double *loss, double *df)
{
    double p = ((const struct power *)c)->exponent;
    (void)targets;
    for (ptrdiff_t i = 0; i < n; i++) {
        double y = f[i * classes + labels[i]];
        loss[i] = -copysign(pow(fabs(y), p), y);
        for (ptrdiff_t k = 0; df && k < classes; k++) {
            df[i * classes + k] = k == labels[i] ? -p * pow(fabs(y), p - 1) : 0;
        }
    }
}
static const struct advntk_loss_ops ops = {.min_classes = 2, .value = value};
ADVNTK_PLUGIN(LOSS, ops, .name = "power", .version = "1.0.0", .licence = "MIT", .summary = "power of an output",
              .params = params, .config_bytes = sizeof(struct power));
LOSS
for part in norm/striped loss/power; do
	# shellcheck disable=SC2046,SC2086
	check "build $part outside the tree" ${CC:-cc} -O2 -fPIC -fvisibility=hidden $(pkg-config --cflags advntk) -shared \
		-o "$work/mine/$part.so" "$work/mine/${part#*/}.c" $(pkg-config --libs advntk) -lm
done
sed '/name: drift/d' "$work/recipe.yaml" >"$work/both.yaml"
echo '  - {name: pgd, attack: {plugin: pgd, norm: {plugin: striped, every: 3}, radius: 0.2, steps: 10, random_start: false, loss: {plugin: power, exponent: 1}}}' >>"$work/both.yaml"
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
		"cd '$work/package' && autoconf && ! ./configure -q 2>err && grep 'advntk >= 99' err"
else
	n=$((n + 1))
	echo "ok $n - configure with ADVNTK_PLUGIN_CHECK # SKIP no autoconf here"
fi
check 'and nothing was built again' test "$before" = "$(cksum "$top_builddir/.libs/advntk" "$top_builddir"/.libs/libadvntk.so)"
echo "1..$n"
exit "$failed"
