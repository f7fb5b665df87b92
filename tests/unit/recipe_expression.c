/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Arithmetic of recipes against the same arithmetic written in C. */
#include "config.h"

#include "tap.h"

#include "recipe/expression.h"

#include <inttypes.h>

static void test_values(void)
{
    static const struct {
        const char *text;
        double want;
    } cases[] = {
        {"8/255", 8.0 / 255},
        {"1e-3", 1e-3},
        {".5", 0.5},
        {"5.", 5},
        {"-2^2", -4},
        {"2^3^2", 512},
        {"2^-1", 0.5},
        {"1 - 2 - 3", -4},
        {"8/4/2", 1},
        {"2+3*4", 14},
        {"(2+3)*4", 20},
        {"--3", 3},
        {"+7", 7},
        {"min(3, 2, 5)", 2},
        {"max(1, 2*3)", 6},
        {"sqrt(16) + exp(0) + log(1)", 5},
        {"  1 +1 ", 2},
        {".inf", HUGE_VAL},
        {"-.inf", -HUGE_VAL},
        {"0.1", 0.1},
        {"1.7976931348623157e308", 1.7976931348623157e308},
        {"4.9e-324", 4.9e-324},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct advntk_error err = {0};
        double got = (double)NAN;
        advntk_status rc = advntk__expression(cases[i].text, NULL, &got, &err);
        ok(rc == ADVNTK_OK && got == cases[i].want, "%s is %.17g (%s)", cases[i].text, got,
           err.text);
    }
}

static void test_refusals(void)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"", "it ends where a number should be"},
        {"1+", "it ends where a number should be"},
        {"1 2", "'2' stands where an operator or the end should be"},
        {"(1", "it ends where ')' should be"},
        {"1)", "')' stands where an operator or the end should be"},
        {"0x10", "'x10' stands where an operator or the end should be"},
        {"inf", "let has no 'inf'"},
        {".nan", "'.nan' stands where a number should be"},
        {"1.2.3", "'1.2.3' stands where a number should be"},
        {"1/0", "division by zero"},
        {"1/(1-1)", "division by zero"},
        {"1e309", "1e309 overflows"},
        {"exp(1000)", "exp overflows"},
        {"log(-1)", "log is not a number"},
        {"log(0)", "log overflows"},
        {"sqrt(-1)", "sqrt is not a number"},
        {"(-8)^(1/3)", "a power is not a number"},
        {"min(1)", "')' stands where ',' and a second value should be"},
        {"sqrt 4", "'4' stands where '(' should be"},
        {"sin(1)", "let has no 'sin'"},
        {"1e400*0", "1e400 overflows"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct advntk_error err = {0};
        double got;
        ok(advntk__expression(cases[i].text, NULL, &got, &err) == ADVNTK_EINVALID,
           "'%s' is refused", cases[i].text);
        is_text(err.text, cases[i].want, cases[i].text);
    }
}

static void test_integers(void)
{
    static const struct {
        const char *text;
        int64_t want;
    } cases[] = {{"9223372036854775807", INT64_MAX},
                 {"-9223372036854775808", INT64_MIN},
                 {"9007199254740993", 9007199254740993},
                 {"2*3+1", 7},
                 {"1e3", 1000},
                 {"2^10", 1024},
                 {"-0", 0},
                 {"10/5", 2}};
    static const char *const refused[] = {"9223372036854775808", "1/2", "1e17", "2.5", ".inf"};
    struct advntk_error err = {0};
    int64_t got;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        got = 77;
        ok(advntk__expression_int(cases[i].text, NULL, &got, &err) == ADVNTK_OK &&
               got == cases[i].want,
           "%s is %" PRId64, cases[i].text, got);
    }
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        ok(advntk__expression_int(refused[i], NULL, &got, &err) == ADVNTK_EINVALID,
           "%s is no integer: %s", refused[i], err.text);
    }
}

static void test_depth(void)
{
    char text[3001];
    struct advntk_error err = {0};
    double got;
    memset(text, '(', 3000);
    text[3000] = '\0';
    ok(advntk__expression(text, NULL, &got, &err) == ADVNTK_EINVALID, "3000 parentheses: %s",
       err.text);
    memset(text, '-', 3000);
    ok(advntk__expression(text, NULL, &got, &err) == ADVNTK_EINVALID, "3000 signs: %s", err.text);
    for (int i = 0; i < 3000; i += 2) {
        text[i] = '2';
        text[i + 1] = '^';
    }
    ok(advntk__expression(text, NULL, &got, &err) == ADVNTK_EINVALID, "1500 powers: %s", err.text);
}

int main(void)
{
    test_values();
    test_refusals();
    test_integers();
    test_depth();
    return done_testing();
}
