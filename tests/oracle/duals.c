/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Dual moments of every activation and their partials against 50 digits (data/duals/make_duals.py),
 * for every instruction set of this machine in both precisions. The tolerances come with the data:
 * 8 eps of a value's scale plus what the value moves when the correlation moves by 4 eps.
 */
#include "config.h"
#include "tap.h"

#include "engine.h"
#include "isa.h"

enum { ACTIVATIONS = 6, VALUES = 7, ROW = 4 + 2 * VALUES, PAIRS = 512 };

static const char *const names[ACTIVATIONS] = {"relu",     "leaky_relu", "abs",
                                               "identity", "erf",        "sigmoid_like"};
static const char *const values[VALUES] = {"k", "kd", "k_q", "k_r", "kd_s", "kd_q", "kd_r"};

static double got[VALUES][PAIRS];

static void duals32(const struct advntk_slot *slot, int isa, ptrdiff_t n, const double *rows)
{
    static float in[5][PAIRS], out[VALUES][PAIRS];
    const struct advntk_activation_ops *ops = slot->plugin->ops;
    struct advntk_pairs32 pairs = {n, in[0], in[1], in[2], in[3], in[4]};
    struct advntk_duals32 duals = {out[0], out[1], out[2], out[3], out[4], out[5], out[6]};

    for (ptrdiff_t i = 0; i < n; i++) {
        for (int v = 0; v < 3; v++) {
            in[v][i] = (float)rows[i * ROW + 1 + v];
        }
        in[3][i] = 1 / in[1][i];
        in[4][i] = 1 / in[2][i];
    }
    ops->dual32[isa](slot->config, &pairs, &duals);
    for (int v = 0; v < VALUES; v++) {
        for (ptrdiff_t i = 0; i < n; i++) {
            got[v][i] = (double)out[v][i];
        }
    }
}

static void duals64(const struct advntk_slot *slot, int isa, ptrdiff_t n, const double *rows)
{
    static double in[5][PAIRS];
    const struct advntk_activation_ops *ops = slot->plugin->ops;
    struct advntk_pairs64 pairs = {n, in[0], in[1], in[2], in[3], in[4]};
    struct advntk_duals64 duals = {got[0], got[1], got[2], got[3], got[4], got[5], got[6]};

    for (ptrdiff_t i = 0; i < n; i++) {
        for (int v = 0; v < 3; v++) {
            in[v][i] = rows[i * ROW + 1 + v];
        }
        in[3][i] = 1 / in[1][i];
        in[4][i] = 1 / in[2][i];
    }
    ops->dual64[isa](slot->config, &pairs, &duals);
}

static void compare(const char *name, int bits, int isa, ptrdiff_t n, const double *rows)
{
    for (int v = 0; v < VALUES; v++) {
        double worst = 0; /* error by tolerance; 0 by 0 is right */
        ptrdiff_t at = 0;
        for (ptrdiff_t i = 0; i < n; i++) {
            const double *row = rows + i * ROW;
            double gap = fabs(got[v][i] - row[4 + v]);
            double ratio = gap == 0 ? 0 : gap / row[4 + VALUES + v];
            if (!(ratio <= worst)) {
                worst = ratio;
                at = i;
            }
            if (isnan(ratio)) {
                break;
            }
        }
        if (!(worst <= 1)) {
            const double *row = rows + at * ROW;
            printf("# s %.17g, a %.17g, b %.17g: got %.17g, want %.17g, tolerance %.3g\n", row[1],
                   row[2], row[3], got[v][at], row[4 + v], row[4 + VALUES + v]);
        }
        ok(worst <= 1, "%s, %s, float%d, %s: %.2f of the tolerance", name, values[v], bits,
           advntk__isa_name(isa), worst);
    }
}

int main(void)
{
    struct advntk_host *host = host_open(1, -1);

    for (int bits = 32; bits <= 64; bits += 32) {
        ptrdiff_t count, first = 0;
        double *rows = array_read(bits == 32 ? "duals/duals32" : "duals/duals64", &count);
        for (int a = 0; a < ACTIVATIONS; a++) {
            char identity[64];
            struct advntk_slot slot;
            ptrdiff_t n = 0;
            snprintf(identity, sizeof(identity), "activation/%s", names[a]);
            slot = slot_open(identity);
            if (a == 1) {
                slot_real(&slot, "negative_slope", 0.1);
            }
            while (first + n < count / ROW && n < PAIRS && rows[(first + n) * ROW] == a) {
                n++;
            }
            ok(n > 100, "%s has %td points", names[a], n);
            for (int isa = test_first_isa(host->isa); isa <= host->isa; isa++) {
                (bits == 32 ? duals32 : duals64)(&slot, isa, n, rows + first * ROW);
                compare(names[a], bits, isa, n, rows + first * ROW);
            }
            first += n;
            slot_close(&slot);
        }
        free(rows);
    }
    host_close(host);
    return done_testing();
}
