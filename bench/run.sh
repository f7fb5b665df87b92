#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# make bench: our figures beside the machine's own and, where they are installed, beside other
# programs'. Ratios are ours / beside for parts of our own work (target: at most), and theirs / ours for
# other programs (target: at least).
#
#   PYTHON=python3       an interpreter with neural_tangents, or numpy and scipy
#   THREADS=             processors by default
#   BENCH_CELL=1         one whole cell of the paper, and its training step by step beside numpy's (minutes);
#                        needs ADVNTK_DATA, the CIFAR-10 files
#   BENCH_N=10000        images of the linear algebra and of the cell
set -u
top_srcdir=${top_srcdir:-$(cd "$(dirname "$0")/.." && pwd)}
top_builddir=${top_builddir:-$top_srcdir/build}
python=${PYTHON:-python3}
threads=${THREADS:-$(getconf _NPROCESSORS_ONLN)}
n=${BENCH_N:-10000}
peers=$top_srcdir/bench/peers
rows=$(mktemp -d) || exit 1
trap 'rm -rf "$rows"' EXIT
trap 'exit 130' INT TERM
status=0

say() { printf 'bench: %s\n' "$*" >&2; }

# keep NAME COMMAND...: rows of a program; a failure is told and the rest goes on
keep()
{
    say "$1"
    shift
    "$@" >>"$rows/all" || { say "failed: $*"; status=1; }
}

can_import() { "$python" -c "import $1" >/dev/null 2>&1; }

keep 'PGD-10' "$top_builddir/bench/attack.bench" "$n" "$threads"
keep 'linear algebra' "$top_builddir/bench/linear.bench" "$n" "$threads"
keep 'kernels of MLPs' "$top_builddir/bench/mlp_kernel.bench" 4000 "$n" "$threads"
keep 'kernels of networks of convolutions' "$top_builddir/bench/conv_kernel.bench"
keep 'stored runs' "$top_srcdir/bench/stored.sh"
if can_import neural_tangents; then
    keep 'neural-tangents' "$python" "$peers/neural_tangents_mlp.py" 1000 "$threads"
    keep 'neural-tangents, convolutions' "$python" "$peers/neural_tangents_conv.py" 16 1
else
    say "no neural_tangents in $python: PYTHON names an interpreter that has it"
fi

seconds_since() { awk -v a="$1" -v b="$(date +%s.%N)" 'BEGIN { printf "%.2f", b - a }'; }

pgd10='{plugin: pgd, norm: linf, radius: radius, steps: 10, step: radius/5, loss: mse, random_start: true}'

# ours NAME [OPTION...]: the paper's recipe at seed 1, evaluated once, with PGD-10, as the numpy program is
ours()
{
    name=$1
    shift
    "$top_builddir/advntk" run "$top_srcdir/experiments/paper/cifar10-mlp3-r8.yaml" --results "$rows/$name" \
        --plugin-path "$top_builddir/plugins" -s data.train="$n" -s 'sweep.product.seed=[1]' -s evaluate_every=0 \
        -s "evaluate=[{name: pgd10, samples: 1000, attack: $pgd10}]" "$@" >&2
}

# The cell: kernel matrix, 50 steps, PGD-10 on 1,000 images, then plain kernel regression too.
cell()
{
    begin=$(date +%s.%N)
    ours cell || return 1
    printf 'ours\tcell\twhole cell of the paper, MLP-3, n %s, NTK and Adv-NTK\ts\t%s\t\t\t\n' "$n" \
        "$(seconds_since "$begin")"
    can_import 'numpy, scipy' || { say "no numpy and scipy in $python"; return 0; }
    begin=$(date +%s.%N)
    "$python" "$peers/numpy_cell.py" "$cifar" "$n" >&2 || return 1
    printf 'peer\tcell\tnumpy program\t%s\t>= 1.8\n' "$(seconds_since "$begin")"
}

# Twelve steps without chance, then the same steps by the numpy program: the same losses and weights?
same_training()
{
    can_import 'numpy, scipy' || { say "no numpy and scipy in $python"; return 0; }
    attack="${pgd10%true\}}false}"
    method="{plugin: advntk, steps: 12, batch: 128, attack: $attack, optimizer: {plugin: gradnorm_sgd, rate: 0.1}}"
    ours training -s data.validation=128 -s "sweep.product.method=[$method]" || return 1
    "$python" "$peers/numpy_training.py" "$cifar" "$rows"/training/runs/* >&2
}
if [ "${BENCH_CELL:-0}" = 1 ]; then
    if [ -n "${ADVNTK_DATA:-}" ]; then
        # the files, or the folder above theirs
        cifar=$(dirname "$(find -L "$ADVNTK_DATA" -maxdepth 2 -name data_batch_1.bin | head -n 1)")
        keep 'the same training in numpy' same_training
        keep 'whole cell' cell
    else
        say 'BENCH_CELL=1 needs ADVNTK_DATA, the folder of the CIFAR-10 files'
        status=1
    fi
fi

awk -F '\t' '
function figure(value, unit) { return sprintf(value < 10 ? "%.2f %s" : "%.0f %s", value, unit) }
function add(work, ours, beside, ratio, target,    k, cell) {
    cell[1] = work; cell[2] = ours; cell[3] = beside; cell[4] = ratio; cell[5] = target
    count++
    for (k = 1; k <= 5; k++) {
        text[count, k] = cell[k]
        if (length(cell[k]) > width[k]) width[k] = length(cell[k])
    }
}
BEGIN { add("work", "ours", "beside", "ratio", "target") }
$1 == "ours" {
    work[$2] = $3; unit[$2] = $4; ours[$2] = $5
    if ($7 != "") add($3, figure($5, $4), $6 ": " figure($7, $4), sprintf("%.2f", $5 / $7), $8)
    else add($3, figure($5, $4), "", "", "")
}
$1 == "peer" && ($2 in ours) {
    add(work[$2], figure(ours[$2], unit[$2]), $3 ": " figure($4, unit[$2]), sprintf("%.1f", $4 / ours[$2]), $5)
}
END {
    for (i = 1; i <= count; i++) {
        line = ""
        for (k = 1; k <= 5; k++) line = line sprintf("%-*s", width[k] + 2, text[i, k])
        sub(/ +$/, "", line)
        print line
    }
}' "$rows/all"
exit $status
