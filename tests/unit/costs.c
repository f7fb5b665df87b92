/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From what phases of runs took at a few numbers of images, what they take at another. */
#include "config.h"
#include "tap.h"

#include "run/cost.h"

#include <stdlib.h>
#include <string.h>

static const uint8_t kind[16] = {1, 2, 3};

static void is_about(double got, double want, const char *name)
{
    is_close(1, &got, &want, 1e-12, name); /* some roundings of a fit */
}

static struct advntk__costs *costs_of(enum advntk__phase phase, int count,
                                      const double (*points)[3])
{
    struct advntk_error err = {0};
    struct advntk__costs *costs = NULL;

    if (advntk__costs_new(NULL, &costs, &err) != ADVNTK_OK) {
        ok(false, "costs are opened: %s", err.text);
        exit(done_testing());
    }
    for (int i = 0; i < count; i++) { /* images, units, seconds */
        struct advntk__cost cost = {.phase = phase,
                                    .n = (int64_t)points[i][0],
                                    .threads = 2,
                                    .units = points[i][1],
                                    .spent = {points[i][2], 2 * points[i][2]}};
        memcpy(cost.kind, kind, sizeof(cost.kind));
        advntk__costs_add(costs, &cost);
    }
    return costs;
}

/* Seconds of a unit at n images; -1: not known. */
static double at(enum advntk__phase phase, int count, const double (*points)[3], int64_t n)
{
    struct advntk__costs *costs = costs_of(phase, count, points);
    struct advntk__spent spent;
    double wall = -1;

    if (advntk__costs_get(costs, phase, kind, n, 2, &spent)) {
        wall = spent.wall;
        is_about(spent.cpu, 2 * wall, "processor seconds follow the same law");
    }
    advntk__costs_free(costs);
    return wall;
}

static void test_known(void)
{
    static const double points[][3] = {{100, 1, 1}};
    struct advntk__costs *costs = costs_of(ADVNTK__PHASE_STEP, 1, points);
    const uint8_t other[16] = {9};
    struct advntk__spent spent;

    ok(advntk__costs_get(costs, ADVNTK__PHASE_STEP, kind, 100, 2, &spent), "a class is known");
    ok(!advntk__costs_get(costs, ADVNTK__PHASE_STEP, other, 100, 2, &spent), "another is not");
    ok(!advntk__costs_get(costs, ADVNTK__PHASE_STEP, kind, 100, 1, &spent), "nor other threads");
    ok(!advntk__costs_get(costs, ADVNTK__PHASE_CLEAN, kind, 100, 2, &spent), "nor another phase");
    advntk__costs_free(costs);
}

/* Seconds of both kinds at n images from one record, on so many threads. */
static struct advntk__spent from_one(enum advntk__phase phase, int64_t known, double units,
                                     struct advntk__spent spent, int threads, int64_t n)
{
    struct advntk__costs *costs = costs_of(phase, 0, NULL);
    struct advntk__cost cost = {
        .phase = phase, .n = known, .threads = threads, .units = units, .spent = spent};
    struct advntk__spent got = {-1, -1};

    memcpy(cost.kind, kind, sizeof(cost.kind));
    advntk__costs_add(costs, &cost);
    ok(advntk__costs_get(costs, phase, kind, n, threads, &got), "a cost is known");
    advntk__costs_free(costs);
    return got;
}

/* Tiles have 512 a side; a pair takes 1 us on one thread, all of them more than the busiest. */
static void test_matrix(void)
{
    const double one = 512 * 513 / 2.0, square = 512 * 512.0; /* pairs of a tile */
    static const double points[][3] = {{100, 5050, 0.5}, {512, 512 * 513 / 2.0, 20}};
    struct advntk__spent got;

    /* 1,024: two triangles on one thread, the square on the other */
    got = from_one(ADVNTK__PHASE_MATRIX, 512, one, (struct advntk__spent){one, one}, 2, 1024);
    is_about(got.wall, 2 * one, "from one tile: by the clock the busiest thread's pairs");
    is_about(got.cpu, 2 * one + square, "of processors those of all threads");
    got = from_one(ADVNTK__PHASE_MATRIX, 1024, 2 * one,
                   (struct advntk__spent){2 * one, 2 * one + square}, 2, 512);
    is_about(got.wall, one, "back to one tile: it is all on one thread");
    is_about(got.cpu, one, "which is all that processors do");
    got = from_one(ADVNTK__PHASE_MATRIX, 512, one, (struct advntk__spent){one, one}, 1, 10000);
    is_about(got.wall, 10000 * 10001 / 2.0, "one thread does all pairs");
    is_about(at(ADVNTK__PHASE_MATRIX, 2, points, 512), 20,
             "a size that was seen takes what it did");
}

/* A run beside others has no processor seconds of its own: those of the others count. */
static void test_beside(void)
{
    static const double points[][3] = {{100, 1, 3}};
    struct advntk__costs *costs = costs_of(ADVNTK__PHASE_REST, 1, points);
    struct advntk__cost beside = {
        .phase = ADVNTK__PHASE_REST, .n = 100, .threads = 2, .units = 1, .spent = {5, 0}};
    struct advntk__spent got = {-1, -1};

    memcpy(beside.kind, kind, sizeof(beside.kind));
    advntk__costs_add(costs, &beside);
    ok(advntk__costs_get(costs, ADVNTK__PHASE_REST, kind, 100, 2, &got), "both records count");
    is_about(got.wall, 4, "by the clock");
    is_about(got.cpu, 6, "of processors the one that knows them");
    advntk__costs_free(costs);
}

/* Laws that the fits contain are met to rounding. */
static void test_steps(void)
{
    static const double square[][3] = {{100, 2, 2 * (1 + 3)}, {200, 1, 2 + 12}};
    static const double fixed[][3] = {{256, 1, 0.0072}, {512, 1, 0.0051}};
    static const double alone[][3] = {{500, 1, 2}};

    is_about(at(ADVNTK__PHASE_STEP, 2, square, 1000), 10 + 300, "n + 3 n^2 of a step");
    ok(at(ADVNTK__PHASE_STEP, 2, fixed, 10000) >= 0.0051,
       "a step that took less at the larger size takes no less beyond it");
    is_about(at(ADVNTK__PHASE_STEP, 1, alone, 1500), 6, "one size: proportional");
}

static void test_images(void)
{
    static const double line[][3] = {{100, 10, 10 * 3}, {300, 100, 100 * 7}};
    /* measured: the model of 512 images had more answers to attack than that of 256 */
    static const double faster[][3] = {{256, 128, 1.63}, {512, 128, 3.47}};
    static const double slower[][3] = {{256, 128, 2}, {512, 128, 1}};

    is_about(at(ADVNTK__PHASE_EVALUATION, 2, line, 1000), 1 + 20, "1 + n/50 of an image");
    is_about(at(ADVNTK__PHASE_EVALUATION, 2, faster, 10000), 3.47 / 128 * 10000 / 512,
             "never faster than proportional to n");
    is_about(at(ADVNTK__PHASE_EVALUATION, 2, slower, 10000), 1 / 128.0,
             "nor less than at the larger size");
    is_about(at(ADVNTK__PHASE_CLEAN, 2, line, 1000), 1 + 20, "the clean pass alike");
}

static void test_factors(void)
{
    const double tile = 512.0 * 512 * 512;
    const double cube = 51200.0 * 51200 * 51200 / 6;
    double units = advntk__factor_units(51200, 1);
    struct advntk__spent got;

    /* n^3/6 multiply-adds: Golub and Van Loan, algorithm 4.2.1 (n^3/3 flops); of 100 tiles a side 3
     * % are triangles, which take half as long again */
    is_close(1, &units, &cube, 0.02, "n^3/6 for many tiles");
    is_about(advntk__factor_units(1024, 2), (2 / 3.0 + 1.5) * tile,
             "two tiles a side leave a second thread nothing");
    /* three: diagonals 3 * 2/6; both tiles below the first at once 3/4; right of it a product and
     * two of 3/4 on two threads; then 3/4 + 3/4 */
    is_about(advntk__factor_units(1536, 2), 4.5 * tile, "three tiles a side, counted by hand");
    got = from_one(ADVNTK__PHASE_FACTOR, 512, 1, (struct advntk__spent){0.01, 0.01}, 1, 1536);
    is_about(got.wall, 0.03 * 6.5, "one thread does all of three");
    got = from_one(ADVNTK__PHASE_FACTOR, 512, 1, (struct advntk__spent){0.01, 0.01}, 2, 1536);
    is_about(got.wall, 0.03 * 4.5, "two threads share what they can");
    is_about(got.cpu, 0.03 * 6.5, "processors do all of it");
    got = from_one(ADVNTK__PHASE_FACTOR, 25600, 1, (struct advntk__spent){10, 20}, 2, 51200);
    is_close(1, &got.cpu, (const double[]){160}, 0.02, "n^3 far out");
}

/* What is kept in the steps is bytes of a matrix. */
static void test_keeping(void)
{
    static const double square[][3] = {{100, 1, 1 + 3}, {200, 1, 2 + 12}};

    is_about(at(ADVNTK__PHASE_STEPS_KEPT, 2, square, 1000), 10 + 300, "n + 3 n^2 of what is kept");
}

int main(void)
{
    test_known();
    test_matrix();
    test_beside();
    test_steps();
    test_images();
    test_factors();
    test_keeping();
    return done_testing();
}
