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
        char *packed;
        json_t *value, *rest;
        size_t length = 0;
        bool there = json_object_get(whole, plain(names[i])) != NULL;
        advntk__skim(text, 0, LENGTH, 1, &member);
        ok((member.to > 0) == there, "'%s' is found if it is there", names[i]);
        value = json_loadb(text + member.from, member.to - member.from, JSON_DECODE_ANY, NULL);
        ok(!there || json_equal(value, json_object_get(whole, plain(names[i]))), "its value is");
        packed = advntk__skim_pack(text, LENGTH, 1, &member, &length);
        rest = json_loads(packed, 0, NULL);
        ok(strlen(packed) == length && length < LENGTH && rest, "packed, it is JSON, and shorter");
        if (there) {
            ok(json_is_null(json_object_get(rest, plain(names[i]))), "null stands for it");
            json_object_set(rest, plain(names[i]), json_object_get(whole, plain(names[i])));
        }
        ok(json_equal(rest, whole), "and nothing else changed");
        json_decref(value);
        json_decref(rest);
        free(packed);
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

/* Several at once, of any order, one of them in another and one shorter than what stands for it. */
static void test_several(void)
{
    struct advntk__skimmed members[] = {
        {.name = "last"}, {.name = "a"}, {.name = "none"}, {.name = "b"}, {.name = "plugins"}};
    size_t length;
    char *packed;

    advntk__skim(text, 0, LENGTH, 3, members);
    advntk__skim(text, members[1].from, members[1].to, 1, &members[3]);
    advntk__skim(text, members[0].from, members[0].to, 1, &members[4]);
    packed = advntk__skim_pack(text, LENGTH, 5, members, &length);
    is_text(packed,
            " {\"a\":null,\"a b\\\"c\" :\"x\\\\\",\"n\":-1.5e3,\"l\":[[],{},\"]\"] ,"
            "\"t\":true,\"last\":null }  ",
            "several members, and what is in them");
    free(packed);
    packed = advntk__skim_pack(text, LENGTH, 1, &members[4], &length);
    ok(packed && strstr(packed, "{\"plugins\":null} }"), "null for a value of one digit");
    free(packed);
}

/* Space between two values is what makes a text wrong. */
static void test_wrong(void)
{
    static const char wrong[] = "{\"a\": [1 2, tr ue]}";
    size_t length;
    char *packed = advntk__skim_pack(wrong, strlen(wrong), 0, NULL, &length);

    is_text(packed, "{\"a\":[1 2,tr ue]}", "what is no JSON stays none");
    free(packed);
}

/* What is cut off or damaged anywhere: no read behind the end (sanitizers), places inside the text.
 */
static void test_damaged(void)
{
    bool inside = true;

    for (size_t length = 0; length <= LENGTH; length++) {
        for (size_t at = 0; at <= length; at += 3) {
            char *copy = strndup(text, length), *packed;
            size_t packed_length;
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
            packed = advntk__skim_pack(copy, length, NAMES, members, &packed_length);
            inside = inside && packed && packed_length <= length + 4 * NAMES;
            free(packed);
            free(copy);
        }
    }
    ok(inside, "damaged texts give places inside them");
}

int main(void)
{
    test_each();
    test_inside();
    test_several();
    test_wrong();
    test_damaged();
    return done_testing();
}
