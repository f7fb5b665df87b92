/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The Square attack against the public AutoAttack code (data/attacks/README.md): the schedule of
 * its windows exactly, seen from outside; how many images it breaks as a band, since its draws
 * differ.
 */
#include "config.h"
#include "tap.h"

#include "oracle_attack.h"

static struct advntk_host *host;
static struct network net;
static struct advntk_error error;

static void must(advntk_status rc)
{
    if (rc != ADVNTK_OK) {
        printf("Bail out! %s\n", error.text);
        exit(1);
    }
}

enum { BIG = 100 };

struct seen_window {
    int side, bottom, right; /* last row and column */
    bool square;
};

/* The pixels that differ from the clean image. */
static struct seen_window look(const double *clean, const double *point)
{
    int top = BIG, bottom = -1, left = BIG, right = -1, count = 0;

    for (int k = 0; k < BIG * BIG; k++) {
        if (point[k] != clean[k]) {
            top = k / BIG < top ? k / BIG : top;
            bottom = k / BIG;
            left = k % BIG < left ? k % BIG : left;
            right = k % BIG > right ? k % BIG : right;
            count++;
        }
    }
    return (struct seen_window){bottom - top + 1, bottom, right,
                                bottom - top == right - left &&
                                    count == (bottom - top + 1) * (right - left + 1)};
}

/* The attack and what it refers to: stays where it was opened. */
struct square {
    struct world_slot attack, norm, margin;
};

static void square_open(struct square *s, const char *norm, int queries, bool rescale,
                        const char *reference)
{
    oracle_slot(&s->attack, "attack", "square");
    oracle_slot(&s->norm, "norm", norm);
    oracle_slot(&s->margin, "loss", "margin");
    slot_set(&s->attack, "queries", queries);
    slot_set(&s->attack, "rescale_schedule", rescale);
    slot_choose(&s->attack, "reference", reference);
    s->attack.settings.norm = s->norm.slot;
    s->attack.settings.loss = s->margin.slot;
}

/* Drives the plugin by hand on one image of 100 x 100 pixels: told that the clean image itself is
 * the best point, it proposes that image with one window. */
static void test_schedule(int queries, bool rescale, const char *reference)
{
    static double clean[BIG * BIG], lo[BIG * BIG], hi[BIG * BIG], point[BIG * BIG];
    static const bool active = true;
    const int64_t index = 7;
    const double loss = 0;
    struct square square;
    struct advntk_attack_view view = {.n = 1,
                                      .d = BIG * BIG,
                                      .classes = 2,
                                      .height = BIG,
                                      .width = BIG,
                                      .channels = 1,
                                      .active = &active,
                                      .index = &index,
                                      .clean = clean,
                                      .box_lo = lo,
                                      .box_hi = hi,
                                      .radius = 0.1,
                                      .host = host};
    struct advntk_attack_seen seen = {.point = clean, .loss = &loss};
    bool done = false;
    struct advntk_attack_ask ask = {.point = point, .done = &done};
    const struct advntk_attack_ops *ops;
    ptrdiff_t rows, at = 0;
    double *schedule =
        oracle_array(&rows, "attacks/square/schedule-%d%s", queries, rescale ? "-rescaled" : "");
    int wrong = 0, edge = 0;
    void *state;

    rows /= 2;
    square_open(&square, "linf", queries, rescale, reference);
    view.settings = &square.attack.settings;
    for (int k = 0; k < BIG * BIG; k++) {
        clean[k] = 0.5;
        hi[k] = 1;
    }
    ops = square.attack.slot.plugin->ops;
    must(ops->open(square.attack.slot.config, host, &view, &state, &error));
    for (view.step = 0; view.step <= queries; view.step++) {
        must(ops->step(state, &view, &seen, &ask, &error));
        if (view.step > 0) {
            struct seen_window window = look(clean, point);
            at += at + 1 < rows && schedule[2 * (at + 1)] <= (double)(view.step - 1);
            wrong +=
                !window.square || window.side != (int)round(sqrt(schedule[2 * at + 1] * BIG * BIG));
            edge += window.bottom == BIG - 1 || window.right == BIG - 1;
        }
        wrong += done;
    }
    must(ops->step(state, &view, &seen, &ask, &error));
    ops->close(state);
    ok(wrong == 0 && done && at + 1 == rows,
       "%d queries%s: the side of each window is the oracle's, %td sizes", queries,
       rescale ? " rescaled" : "", rows);
    ok((edge > 0) == (strcmp(reference, "off") == 0),
       "reference %s: %d windows touch the last row or column", reference, edge);
    advntk_free(schedule);
}

/* Ten seeds there, a few here. Each image breaks with a probability that the oracle's counts
 * estimate, so the number that stands here lies within some deviations of what they say. */
static void test_band(const struct oracle_norm *how, bool rescale, int seeds)
{
    static struct oracle_run run;
    struct square square;
    const char *suffix = rescale ? "-rescaled" : "";
    ptrdiff_t count, budget_off = 0, impossible = 0;
    double *broken = oracle_array(&count, "attacks/square/%s-1000%s-broken", how->there, suffix);
    double expected = 0, variance = 0, got = 0;

    square_open(&square, how->here, 1000, rescale, "autoattack");
    square.attack.settings.radius = how->radius;
    for (int seed = 0; seed < seeds; seed++) {
        oracle_attack(host, &net, &square.attack.slot, ORACLE_IMAGES, (uint64_t)seed, &run);
        for (ptrdiff_t i = 0; i < ORACLE_IMAGES; i++) {
            impossible += run.robust[i] && !run.clean_right[i];
            budget_off += run.robust[i] && run.outputs_spent[i] != 1002;
            budget_off += run.gradients_spent[i] != 0;
        }
        got += (double)run.standing / seeds;
    }
    for (ptrdiff_t i = 0; i < ORACLE_IMAGES; i++) {
        double p = (broken[i] + 0.5) / 11; /* Jeffreys: 0 and 10 of ten are no certainty */
        bool sure = broken[i] > 0 && broken[i] < 10;
        expected += 1 - broken[i] / 10;
        variance += sure ? p * (1 - p) * (1.0 / seeds + 0.1) : 0;
    }
    /* Four deviations; and one image in a hundred, as the windows of a batch are one there and each
     * image's own here. */
    ok(fabs(got - expected) < 4 * sqrt(variance) + 0.01 * ORACLE_IMAGES,
       "%s%s: %.1f of %d stand after 1000 queries, %.1f there (deviation %.1f)", how->there, suffix,
       got, ORACLE_IMAGES, expected, sqrt(variance));
    ok(budget_off == 0 && impossible == 0,
       "%s%s: a standing image cost the clean one, the start and 1000 proposals, no gradient",
       how->there, suffix);
    advntk_free(broken);
}

static double mean_of(const double *x, ptrdiff_t n, double *error_squared)
{
    double mean = 0, square = 0;

    for (ptrdiff_t i = 0; i < n; i++) {
        mean += x[i] / (double)n;
    }
    for (ptrdiff_t i = 0; i < n; i++) {
        square += (x[i] - mean) * (x[i] - mean);
    }
    *error_squared = square / (double)(n * (n - 1));
    return mean;
}

/* AutoAttack's 5000 queries: five seeds here beside forty there, within three standard errors of
 * the difference of the means. */
static void test_many_seeds(void)
{
    enum { SEEDS = 5 };
    static struct oracle_run run;
    struct square square;
    ptrdiff_t count, over = 0;
    double *there = oracle_array(&count, "attacks/square/Linf-5000-accuracy"), here[SEEDS];
    double error_here, error_there, gap;

    square_open(&square, oracle_norms[0].here, 5000, false, "autoattack");
    square.attack.settings.radius = oracle_norms[0].radius;
    for (int seed = 0; seed < SEEDS; seed++) {
        oracle_attack(host, &net, &square.attack.slot, ORACLE_IMAGES, (uint64_t)seed, &run);
        here[seed] = (double)run.standing / ORACLE_IMAGES;
        for (ptrdiff_t i = 0; i < ORACLE_IMAGES; i++) {
            over += run.outputs_spent[i] > 5002;
        }
    }
    gap = mean_of(here, SEEDS, &error_here) - mean_of(there, count, &error_there);
    ok(fabs(gap) < 3 * sqrt(error_here + error_there) && over == 0,
       "5000 queries: %+.4f robust accuracy against %td seeds there (standard error %.4f), none "
       "over "
       "budget",
       gap, count, sqrt(error_here + error_there));
    advntk_free(there);
}

int main(void)
{
    const char *slow = getenv("ADVNTK_SLOW_TESTS");
    bool all = slow && *slow;

    must(advntk__host_new(1, &host, &error));
    network_load(&net, "model10");
    test_schedule(1000, false, "off");
    test_schedule(1000, true, "autoattack");
    test_schedule(5000, false, "autoattack");
    test_schedule(5000, true, "off");
    for (int k = 0; k < 3; k++) {
        for (int rescale = 0; rescale < 2; rescale++) {
            if (all || rescale == (k != 0)) {
                test_band(&oracle_norms[k], rescale, all ? 10 : 1);
            }
        }
    }
    if (all) {
        test_many_seeds();
    }
    network_release(&net);
    advntk__host_free(host);
    return done_testing();
}
