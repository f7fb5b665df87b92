/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Members of a JSON text found and taken out: a parser must see the same as before but for them. */
#include "config.h"

#include "tap.h"

#include "report/skim.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const char text[] = " {\"a\": {\"b\": [1, {\"c\": \"}]\\\"{\"}], \"plugins\": [{}, []]},\n"
                           "  \"a b\\\"c\" : \"x\\\\\", \"n\":-1.5e3,\n  \"l\": [[], {}, \"]\"] ,"
                           "\"t\":true, \"last\": {\"plugins\": 1} }  ";
static const char *const names[] = {"a", "a b\\\"c", "n", "l", "t", "last", "none"};
enum { NAMES = sizeof(names) / sizeof(*names), LENGTH = sizeof(text) - 1 };

/* The key as the parser gives it back. */
static const char *plain(const char *name)
{
    return strchr(name, '\\') ? "a b\"c" : name;
}

static void test_each(void)
{
    json_t *whole = json_loads(text, 0, NULL);

    for (size_t i = 0; i < NAMES; i++) {
        struct advntk__skimmed member = {.name = names[i]};
        char copy[sizeof(text)];
        json_t *value, *rest;
        bool there = json_object_get(whole, plain(names[i])) != NULL;
        memcpy(copy, text, sizeof(text));
        advntk__skim(copy, 0, LENGTH, 1, &member);
        ok((member.to > 0) == there, "'%s' is found if it is there", names[i]);
        value = json_loadb(copy + member.from, member.to - member.from, JSON_DECODE_ANY, NULL);
        ok(!there || json_equal(value, json_object_get(whole, plain(names[i]))), "its value is");
        ok(advntk__skim_out(copy, &member) == there, "it is taken out");
        rest = json_loads(copy, 0, NULL);
        ok(strlen(copy) == LENGTH && rest, "the rest is JSON of the same length");
        if (there) {
            ok(json_is_null(json_object_get(rest, plain(names[i]))), "null stands for it");
            json_object_set(rest, plain(names[i]), json_object_get(whole, plain(names[i])));
        }
        ok(json_equal(rest, whole), "and nothing else changed");
        json_decref(value);
        json_decref(rest);
    }
    json_decref(whole);
}

static void test_inside(void)
{
    struct advntk__skimmed outer = {.name = "last"}, inner = {.name = "plugins"};

    advntk__skim(text, 0, LENGTH, 1, &outer);
    advntk__skim(text, outer.from, outer.to, 1, &inner);
    ok(inner.to - inner.from == 1 && text[inner.from] == '1', "a member of a member");
}

/* What is cut off or damaged anywhere: no read behind the end (sanitizers), places inside the text.
 */
static void test_damaged(void)
{
    bool inside = true;

    for (size_t length = 0; length <= LENGTH; length++) {
        for (size_t at = 0; at <= length; at += 3) {
            char *copy = strndup(text, length);
            struct advntk__skimmed members[NAMES] = {{0}};
            for (size_t i = 0; i < NAMES; i++) {
                members[i].name = names[i];
            }
            copy[at] = "\"{}[],:\\"[(length + at) % 8];
            copy[length] = '\0';
            advntk__skim(copy, 0, length, NAMES, members);
            for (size_t i = 0; i < NAMES; i++) {
                inside = inside && members[i].from <= members[i].to && members[i].to <= length;
            }
            free(copy);
        }
    }
    ok(inside, "damaged texts give places inside them");
}

int main(void)
{
    test_each();
    test_inside();
    test_damaged();
    return done_testing();
}
