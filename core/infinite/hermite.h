/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Hermite series of an activation without dual moments of its own (advntk/activation.h).
 *
 * With h_n the normalised Hermite polynomials and z standard normal, (u,v) normal with standard
 * deviations a, b and correlation c,
 *     E phi(u) phi(v) = sum_n c_n(a) c_n(b) c^n,   c_n(a) = E phi(a z) h_n(z),
 * and alike for phi' with d_n. Stein: the coefficients of phi'' are sqrt(n+1) d_{n+1}/a, those of
 * phi''' sqrt((n+1)(n+2)) d_{n+2}/a^2, so that phi and phi' give all partials.
 * Sources: Daniely, Frostig, Singer 2016, section 4.2; O'Donnell 2014, chapter 11 (Hermite).
 */
#ifndef ADVNTK_INFINITE_HERMITE_H
#define ADVNTK_INFINITE_HERMITE_H

#include <advntk/activation.h>
#include <advntk/host.h>
#include <advntk/status.h>

enum {
    ADVNTK__TERMS = 128,                   /* of each series */
    ADVNTK__SERIES = 2 * ADVNTK__TERMS + 2 /* numbers an image: c_0.., then d_0.. and two more */
};

/* E phi^2, E phi'^2, d(E phi^2)/dq; tail: the larger part, relative, that the series leave out of
 * the first two; tail_second: of E phi''^2, by the decay of the last terms (1: they do not decay).
 * By Cauchy and Schwarz a pair's moments miss at most the geometric mean of its two tails, its
 * partials that of the two tail_second. */
struct advntk__hermite_moments {
    double k, kd, slope, tail, tail_second;
};

/* What a series may leave out of a moment without a warning; and of a moment and of a partial
 * (tail, tail_second) before a smooth phi is refused: then kernel and gradient are another
 * function's. */
#define ADVNTK__SERIES_TOLERANCE 1e-6
#define ADVNTK__SERIES_LIMIT 1e-3
#define ADVNTK__SERIES_LIMIT_SECOND 2e-2

/* Logs what the series of an image leave out. */
void advntk__hermite_tell(struct advntk_host *host, double tail, ptrdiff_t image);

/*
 * Series at one standard deviation: Gauss-Legendre with 16 nodes a panel, panels at most 1/2 long
 * and finer where a z passes 0 or a kink. series (out): ADVNTK__SERIES; NULL: moments alone.
 * std 0: phi(0) and phi'(0), derivatives 0. Cost: about 1000 nodes times 128 terms.
 * Fails: ENOMEM.
 */
ADVNTK_MUST_CHECK advntk_status advntk__hermite(const struct advntk_activation_ops *ops,
                                                const void *config, double std, double *series,
                                                struct advntk__hermite_moments *moments,
                                                struct advntk_error *err);

/*
 * The same for many standard deviations, from a table: 16 nodes an octave, made when they are first
 * needed, polynomials of degree 7 between them. Right to about 1e-10 of the moments. `at` may be
 * called by several threads at once and gives the same bits in any order. Cost of `at`: 8 numbers a
 * coefficient, and now and then nodes.
 */
struct advntk__hermite_table;
struct advntk__hermite_table *advntk__hermite_table_new(const struct advntk_activation_ops *ops,
                                                        const void *config); /* NULL: no memory */
void advntk__hermite_table_free(struct advntk__hermite_table *table);
ADVNTK_MUST_CHECK advntk_status advntk__hermite_at(struct advntk__hermite_table *table, double std,
                                                   double *series,
                                                   struct advntk__hermite_moments *moments,
                                                   struct advntk_error *err);

#endif
