/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "report/skim.h"

#include <stdlib.h>
#include <string.h>

static size_t skip_space(const char *s, size_t at, size_t end)
{
    at += strspn(s + at, " \n\t\r");
    return at < end ? at : end;
}

/* Behind the string that begins at `at`; `end` where it does not end. */
static size_t skip_string(const char *s, size_t at, size_t end)
{
    for (at++; at < end && (at += strcspn(s + at, "\"\\")) < end && s[at] == '\\';) {
        at += 2;
    }
    return at < end && s[at] == '"' ? at + 1 : end;
}

/* Behind the value that begins at `at`. */
static size_t skip_value(const char *s, size_t at, size_t end)
{
    size_t depth = 0;

    while ((at += strcspn(s + at, "\",{}[]")) < end) {
        char c = s[at];
        if (c == '"') {
            at = skip_string(s, at, end);
        } else if (c == '{' || c == '[') {
            depth++;
            at++;
        } else if (depth == 0) {
            break; /* a number or a word ended before it */
        } else {
            depth -= c != ',';
            at++;
        }
        if (depth == 0 && c != ',') {
            break;
        }
    }
    return at < end ? at : end;
}

void advntk__skim(const char *text, size_t from, size_t to, size_t count,
                  struct advntk__skimmed *members)
{
    size_t at = skip_space(text, from, to), key, behind, value;

    while (at < to && (text[at] == '{' || text[at] == ',')) {
        key = skip_space(text, at + 1, to) + 1;
        if (key >= to || text[key - 1] != '"') {
            return;
        }
        behind = skip_string(text, key - 1, to);
        value = skip_space(text, behind, to);
        if (value >= to || text[value] != ':') {
            return;
        }
        value = skip_space(text, value + 1, to);
        at = skip_value(text, value, to);
        for (size_t i = 0; i < count; i++) {
            if (strlen(members[i].name) == behind - 1 - key &&
                memcmp(members[i].name, text + key, behind - 1 - key) == 0) {
                members[i].from = value;
                members[i].to = at;
            }
        }
        at = skip_space(text, at, to);
    }
}

/* The first of the members that begins at `at` or behind; NULL: there is none. */
static const struct advntk__skimmed *next_member(size_t at, size_t count,
                                                 const struct advntk__skimmed *members)
{
    const struct advntk__skimmed *next = NULL;

    for (size_t i = 0; i < count; i++) {
        if (members[i].to > members[i].from && members[i].from >= at &&
            (!next || members[i].from < next->from)) {
            next = &members[i];
        }
    }
    return next;
}

char *advntk__skim_pack(const char *text, size_t count, size_t members,
                        const struct advntk__skimmed *cut, size_t *length)
{
    static const char nothing[] = {'n', 'u', 'l', 'l'};
    /* a value may be shorter than what stands for it */
    char *packed = malloc(count + members * sizeof(nothing) + 1), *end = packed;
    const struct advntk__skimmed *next = next_member(0, members, cut);

    for (size_t at = 0, behind; packed && at < count; at = behind) {
        if (next && at == next->from) {
            end = (char *)memcpy(end, nothing, sizeof(nothing)) + sizeof(nothing);
            behind = next->to;
            next = next_member(behind, members, cut);
        } else if (text[at] == '"') {
            behind = skip_string(text, at, count);
            end = (char *)memcpy(end, text + at, behind - at) + (behind - at);
        } else {
            *end++ = text[at];
            behind = strchr(",:{[", text[at]) ? skip_space(text, at + 1, count) : at + 1;
        }
    }
    if (packed) {
        *end = '\0';
        *length = (size_t)(end - packed);
    }
    return packed;
}
