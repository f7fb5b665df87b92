/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every function of the backend against plain loops, on odd sizes and with room between rows. */
#include "config.h"
#include "tap.h"

#include "plugin.h"

#include <float.h>
#include <limits.h>

enum { MOST = 160, LD = MOST + 3 };

static double a[MOST * LD], b[MOST * LD], c[MOST * LD], want[MOST * LD], got[MOST * LD];
static float a32[MOST * LD], b32[MOST * LD], c32[MOST * LD];

static const ptrdiff_t sizes[][3] = {
    {1, 1, 1}, {3, 5, 7}, {17, 1, 33}, {64, 65, 63}, {129, 131, 127}};

static void fill(uint64_t seed, double *x, float *x32)
{
    test_normal(seed, MOST * LD, x);
    for (ptrdiff_t i = 0; i < MOST * LD; i++) {
        x32[i] = (float)x[i];
        x[i] = (double)x32[i]; /* so that both precisions have the same input */
    }
}

/* rows of x to (rows,columns) without gaps */
static void pack(ptrdiff_t rows, ptrdiff_t columns, const double *x, double *to)
{
    for (ptrdiff_t i = 0; i < rows; i++) {
        for (ptrdiff_t j = 0; j < columns; j++) {
            to[i * columns + j] = x[i * LD + j];
        }
    }
}

static void test_gemm(const struct advntk_backend_ops *ops, void *state)
{
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        ptrdiff_t m = sizes[s][0], n = sizes[s][1], k = sizes[s][2];
        for (int t = 0; t < 4; t++) {
            bool ta = t & 1, tb = t & 2;
            static double c64[MOST * LD];
            fill(1, a, a32);
            fill(2, b, b32);
            fill(3, c, c32);
            memcpy(c64, c, sizeof(c64));
            for (ptrdiff_t i = 0; i < m; i++) {
                for (ptrdiff_t j = 0; j < n; j++) {
                    double sum = 0;
                    for (ptrdiff_t l = 0; l < k; l++) {
                        sum += (ta ? a[l * LD + i] : a[i * LD + l]) *
                               (tb ? b[j * LD + l] : b[l * LD + j]);
                    }
                    want[i * n + j] = 1.5 * sum - 0.5 * c[i * LD + j];
                }
            }
            ops->gemm64(state, ta, tb, m, n, k, 1.5, a, LD, b, LD, -0.5, c64, LD);
            pack(m, n, c64, got);
            /* k products of numbers near 1, summed in some order */
            is_close(m * n, got, want, 4 * (double)k * DBL_EPSILON, "gemm64");
            ops->gemm32(state, ta, tb, m, n, k, 1.5f, a32, LD, b32, LD, -0.5f, c32, LD);
            for (ptrdiff_t i = 0; i < m * n; i++) {
                got[i] = (double)c32[i / n * LD + i % n];
            }
            is_close(m * n, got, want, 4 * (double)k * (double)FLT_EPSILON, "gemm32");
        }
    }
    c[0] = c[1] = (double)NAN;
    ops->gemm64(state, false, false, 1, 2, 1, 1.0, a, LD, b, LD, 0.0, c, LD);
    ok(c[0] == a[0] * b[0] && c[1] == a[0] * b[1], "gemm64 with beta 0 overwrites NaN");
    /* one row: its leading dimension is never used, but does not fit the BLAS's integer */
    ops->gemm64(state, false, false, 1, 2, 1, 1.0, a, (ptrdiff_t)INT_MAX + 1, b, LD, 0.0, c, LD);
    ok(c[0] == a[0] * b[0] && c[1] == a[0] * b[1], "gemm64 with a leading dimension over INT_MAX");
    ops->gemm64(state, false, false, 0, 2, 1, 1.0, a, LD, b, LD, 0.0, c, LD);
    ok(c[0] == a[0] * b[0], "gemm64 without rows does nothing");
}

static void test_syrk(const struct advntk_backend_ops *ops, void *state)
{
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        ptrdiff_t n = sizes[s][0], k = sizes[s][2];
        bool upper_kept = true;
        fill(1, a, a32);
        fill(3, c, c32);
        for (ptrdiff_t i = 0; i < n; i++) {
            for (ptrdiff_t j = 0; j < n; j++) {
                double sum = 0;
                for (ptrdiff_t l = 0; l < k; l++) {
                    sum += a[i * LD + l] * a[j * LD + l];
                }
                want[i * n + j] = j <= i ? 0.5 * sum + 2 * c[i * LD + j] : c[i * LD + j];
            }
        }
        ops->syrk64(state, n, k, 0.5, a, LD, 2, c, LD);
        ops->syrk32(state, n, k, 0.5f, a32, LD, 2, c32, LD);
        pack(n, n, c, got);
        is_close(n * n, got, want, 4 * (double)k * DBL_EPSILON, "syrk64: lower triangle");
        for (ptrdiff_t i = 0; i < n * n; i++) {
            got[i] = (double)c32[i / n * LD + i % n];
            upper_kept &= i % n <= i / n || got[i] == want[i];
        }
        is_close(n * n, got, want, 4 * (double)k * (double)FLT_EPSILON, "syrk32: lower triangle");
        ok(upper_kept, "syrk32 leaves the upper triangle alone");
    }
}

/* a well conditioned lower triangle in a, with rubbish above it */
static void lower(ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i++) {
        for (ptrdiff_t j = 0; j < n; j++) {
            a[i * LD + j] = j > i    ? (double)NAN
                            : i == j ? 4 + a[i * LD + j] / 8
                                     : a[i * LD + j] / sqrt((double)n);
        }
    }
}

static void test_trsm(const struct advntk_backend_ops *ops, void *state)
{
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        for (int t = 0; t < 4; t++) {
            bool right = t & 1, transpose = t & 2;
            ptrdiff_t m = sizes[s][0], n = sizes[s][1], order = right ? n : m;
            fill(1, a, a32);
            fill(2, b, b32);
            lower(order);
            pack(m, n, b, want);
            ops->trsm64(state, right, transpose, m, n, a, LD, b, LD);
            for (ptrdiff_t i = 0; i < m; i++) { /* multiply back */
                for (ptrdiff_t j = 0; j < n; j++) {
                    double sum = 0;
                    for (ptrdiff_t l = 0; l < order; l++) {
                        ptrdiff_t row = right ? l : i, column = right ? j : l;
                        ptrdiff_t r = transpose ? column : row, q = transpose ? row : column;
                        sum += q > r ? 0 : a[r * LD + q] * (right ? b[i * LD + l] : b[l * LD + j]);
                    }
                    got[i * n + j] = sum;
                }
            }
            is_close(m * n, got, want, 8 * (double)order * DBL_EPSILON, "trsm64");
        }
    }
    /* a single unknown a leading dimension too long apart: the plain loops, both sides */
    for (int t = 0; t < 4; t++) {
        a[0] = 4;
        b[0] = 8;
        ops->trsm64(state, t & 1, t & 2, 1, 1, a, (ptrdiff_t)INT_MAX + 1, b, LD);
        ok(b[0] == 2, "trsm64 with a leading dimension over INT_MAX");
    }
}

static void test_potrf(const struct advntk_backend_ops *ops, void *state)
{
    struct advntk_error err;
    ptrdiff_t bad = -2;
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        ptrdiff_t n = sizes[s][0];
        fill(1, a, a32);
        for (ptrdiff_t i = 0; i < n; i++) { /* a a' + 1 */
            for (ptrdiff_t j = 0; j < n; j++) {
                double sum = i == j;
                for (ptrdiff_t l = 0; l < n; l++) {
                    sum += a[i * LD + l] * a[j * LD + l];
                }
                b[i * LD + j] = j > i ? (double)NAN : sum;
                want[i * n + j] = sum;
            }
        }
        ok(ops->potrf64(state, n, b, LD, &bad, &err) == ADVNTK_OK && bad == -1, "potrf64");
        for (ptrdiff_t i = 0; i < n; i++) {
            for (ptrdiff_t j = 0; j < n; j++) {
                double sum = 0;
                for (ptrdiff_t l = 0; l <= i && l <= j; l++) {
                    sum += b[i * LD + l] * b[j * LD + l];
                }
                got[i * n + j] = sum;
            }
        }
        is_close(n * n, got, want, 8 * (double)n * DBL_EPSILON, "potrf64: l l' is the matrix");
    }
    memset(b, 0, sizeof(b));
    for (ptrdiff_t i = 0; i < 5; i++) {
        b[i * LD + i] = i == 3 ? -2 : 1;
    }
    ok(ops->potrf64(state, 5, b, LD, &bad, &err) == ADVNTK_ENUMERIC && bad == 3,
       "potrf64: negative pivot");
    is_text(err.text, "dpotrf: pivot 3 of 5 is -2, not positive", "and its message");
    b[0] = (double)NAN;
    ok(ops->potrf64(state, 5, b, LD, &bad, &err) == ADVNTK_ENUMERIC && bad == 0, "potrf64: NaN");
}

static void check_qr(const struct advntk_backend_ops *ops, void *state, ptrdiff_t n, ptrdiff_t k,
                     const char *zero_rows)
{
    struct advntk_error err;
    double *r = b;
    pack(n, k, a, want);
    if (!ok(ops->qr64(state, n, k, a, LD, r, LD, &err) == ADVNTK_OK, "qr64 of %td x %td", n, k)) {
        return;
    }
    for (ptrdiff_t i = 0; i < n; i++) {
        for (ptrdiff_t j = 0; j < k; j++) {
            got[i * k + j] = 0;
            for (ptrdiff_t l = 0; l < k; l++) {
                got[i * k + j] += a[i * LD + l] * r[l * LD + j];
            }
        }
    }
    is_close(n * k, got, want, 8 * (double)n * DBL_EPSILON, "q r is the matrix");
    for (ptrdiff_t i = 0; i < k; i++) {
        bool zero = true;
        for (ptrdiff_t j = 0; j < k; j++) {
            want[i * k + j] = i == j;
            got[i * k + j] = 0;
            zero &= r[i * LD + j] == 0;
            for (ptrdiff_t l = 0; l < n; l++) {
                got[i * k + j] += a[l * LD + i] * a[l * LD + j];
            }
        }
        ok(zero == (zero_rows[i] == '0'), "row %td of r is %szero", i, zero ? "" : "not ");
    }
    is_close(k * k, got, want, 8 * (double)n * DBL_EPSILON, "q's columns are orthonormal");
}

static void test_qr(const struct advntk_backend_ops *ops, void *state)
{
    fill(1, a, a32);
    check_qr(ops, state, 129, 10, "1111111111");
    fill(1, a, a32);
    check_qr(ops, state, 7, 7, "1111111");
    fill(1, a, a32);
    for (ptrdiff_t i = 0; i < 100; i++) {
        a[i * LD] = 0;                                         /* a zero column */
        a[i * LD + 3] = a[i * LD + 1] * 2 - a[i * LD + 2] / 3; /* a dependent one */
    }
    check_qr(ops, state, 100, 6, "011011");
    memset(a, 0, sizeof(a));
    check_qr(ops, state, 4, 4, "0000");
    ok(ops->qr64(state, 3, 4, a, LD, b, LD, NULL) == ADVNTK_ESHAPE,
       "qr64: fewer rows than columns");
}

static void test_syev(const struct advntk_backend_ops *ops, void *state)
{
    static double values[MOST];
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        ptrdiff_t n = sizes[s][0];
        bool ascending = true;
        fill(1, a, a32);
        for (ptrdiff_t i = 0; i < n; i++) {
            for (ptrdiff_t j = 0; j < n; j++) {
                want[i * n + j] = a[(i > j ? i : j) * LD + (i > j ? j : i)];
            }
        }
        ok(ops->syev64(state, n, a, LD, values, NULL) == ADVNTK_OK, "syev64");
        for (ptrdiff_t i = 0; i < n; i++) {
            ascending &= i == 0 || values[i - 1] <= values[i];
            for (ptrdiff_t j = 0; j < n; j++) {
                got[i * n + j] = 0;
                for (ptrdiff_t l = 0; l < n; l++) {
                    got[i * n + j] += a[l * LD + i] * values[l] * a[l * LD + j];
                }
            }
        }
        ok(ascending, "eigenvalues ascend");
        is_close(n * n, got, want, 16 * (double)n * DBL_EPSILON,
                 "syev64: the parts add up to the matrix");
    }
    ok(ops->syev64(state, 40000, a, 40000, values, NULL) == ADVNTK_ELIMIT,
       "syev64: workspace over INT_MAX refused");
}

int main(void)
{
    struct advntk_host *host = test_host(1);
    const struct advntk_backend_ops *ops = host->backend;
    void *state = host->backend_state;
    ok(strstr(ops->describe(state), "OpenBLAS") != NULL, "describe names the library: %s",
       ops->describe(state));
    test_gemm(ops, state);
    test_syrk(ops, state);
    test_trsm(ops, state);
    test_potrf(ops, state);
    test_qr(ops, state);
    test_syev(ops, state);
    test_host_free(host);
    return done_testing();
}
