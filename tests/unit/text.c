/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include "tap.h"

#include "base/text.h"

#include <advntk/random.h>
#include <float.h>
#include <stdlib.h>

static void test_growing(void)
{
    struct advntk__text t = {0};
    size_t longest = 0;

    is_text(advntk__text_get(&t), "", "an empty text");
    for (int i = 0; i < 2000; i++) {
        advntk__text_printf(&t, "%d,", i % 10);
        longest += 2;
    }
    ok(t.length == longest && strlen(t.bytes) == longest && !t.failed, "printf appends");
    advntk__text_release(&t);
    advntk__text_puts(&t, "a");
    advntk__text_add(&t, "bcd", 2);
    is_text(advntk__text_get(&t), "abc", "puts and add append");
    advntk__text_release(&t);
    ok(!t.bytes && t.length == 0, "release leaves an empty text");
}

static bool reads_back(double x, bool *shortest)
{
    struct advntk__text t = {0};
    char shorter[400];
    double back;
    int digits = 0;

    advntk__text_real(&t, x);
    back = strtod(advntk__text_get(&t), NULL);
    for (const char *c = advntk__text_get(&t); *c && *c != 'e'; c++) {
        digits += *c >= '0' && *c <= '9' && (digits > 0 || *c != '0');
    }
    /* with one digit less it must be another number; whole numbers keep their zeros */
    if (digits > 1 && x != trunc(x)) {
        snprintf(shorter, sizeof(shorter), "%.*g", digits - 1, x);
        *shortest = *shortest && strtod(shorter, NULL) != x;
    }
    advntk__text_release(&t);
    return memcmp(&back, &x, sizeof(x)) == 0;
}

static void test_reals(void)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0.1, "0.1"},
        {10, "10"},
        {-1234567, "-1234567"},
        {0, "0"},
        {-0.0, "-0"},
        {1e22, "1e+22"},
        {8.0 / 255, "0.03137254901960784"}, /* of Python's repr */
        {5e-324, "5e-324"},
        {DBL_MAX, "1.7976931348623157e+308"},
        {HUGE_VAL, ".inf"},
        {-HUGE_VAL, "-.inf"},
        {(double)NAN, ".nan"},
    };
    struct advntk_stream s;
    bool all = true, shortest = true;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct advntk__text t = {0};
        advntk__text_real(&t, cases[i].value);
        is_text(advntk__text_get(&t), cases[i].text, cases[i].text);
        advntk__text_release(&t);
    }
    advntk_stream_init(&s, 3, advntk_random_purpose("test"), 0, 0, 0);
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = (uint64_t)advntk_random_word(&s) << 32 | advntk_random_word(&s);
        double x;
        memcpy(&x, &bits, sizeof(x)); /* every exponent, subnormal numbers included */
        all = all && (!isfinite(x) || reads_back(x, &shortest));
        all = all && reads_back(advntk_random_uniform(&s), &shortest);
    }
    ok(all, "40000 random numbers read back to the bit");
    ok(shortest, "none has a digit too many");
}

static void test_nearest(void)
{
    static const char *const names[] = {"pgd", "fgsm",          "linf",        NULL,
                                        "l2",  "cross_entropy", "random_start"};
    static const struct {
        const char *name, *nearest, *why;
    } cases[] = {
        {"pdg", "pgd", "neighbours swapped"},
        {"pg", "pgd", "one letter short"},
        {"pgdd", "pgd", "one letter more"},
        {"fgsn", "fgsm", "one letter replaced"},
        {"cross_entrophy", "cross_entropy", "a misspelling"},
        {"crossentropy", "cross_entropy", "a separator left out"},
        {"randomstart", "random_start", "another separator left out"},
        {"l2", "l2", "the name itself"},
        {"elephant", NULL, "nothing near"},
        {"", NULL, "no letters at all"},
    };
    char endless[200];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *got = advntk__text_nearest(cases[i].name, 7, names);
        ok(got == cases[i].nearest || (got && cases[i].nearest && !strcmp(got, cases[i].nearest)),
           "nearest: %s (%s)", cases[i].why, got ? got : "none");
    }
    memset(endless, 'p', sizeof(endless) - 1);
    endless[sizeof(endless) - 1] = '\0';
    ok(!advntk__text_nearest(endless, 7, names), "nearest: a very long name");
    ok(!advntk__text_nearest("pgd", 0, NULL), "nearest: of no names");
}

int main(void)
{
    test_growing();
    test_reals();
    test_nearest();
    return done_testing();
}
