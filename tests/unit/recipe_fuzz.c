/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Recipes with random damage: each is either read, or refused with lines that are errors. The first
 * argument is the number of recipes, the second the seed. */
#include "config.h"

#include "scratch.h"
#include "tap.h"

#include "base/text.h"
#include "recipe/resolved.h"
#include "registry/registry.h"

#include <advntk/random.h>
#include <stdlib.h>
#include <unistd.h>

enum { ROOM = 8192 };

static const char *const recipes[] = {
    "advntk: 1\nname: a\nseed: 3\nlet: {r: 8/255, half: r/2}\n"
    "data: {dataset: digits, train: 100, validation: 20, classes: [1, 2]}\n"
    "model: {architecture: {plugin: mlp, depth: 3}, kernel: ntk}\n"
    "method:\n  plugin: fit\n  batch: 32\n  layers: [{dense: {w: r}}, relu]\n"
    "  attack: &a {plugin: pgd, radius: r, step: \"min(r/5, 1)\"}\n"
    "evaluate:\n  - {name: clean}\n  - {name: pgd10, attack: {ref: method.attack}}\n"
    "  - {name: l2, attack: {<<: *a, norm: l2, radius: half}, samples: 50}\n"
    "sweep: {product: {seed: [1, 2], let.r: [0.1, 4/255]}}\n",
    "advntk: 1\nextends: self.yaml\nmethod: {plugin: fit, batch: 2^3, file: \"${HOME:-x}/a\"}\n"
    "evaluate: [{name: x, attack: {ref: evaluate.y.attack}}, {name: y, attack: {ref: method}}]\n"
    "x: &x [*x]\ny: &y {a: !!str b, ? [c] : d}\n--- \nz: |\n  text\n  more\n",
};
static const char *const pieces[] = {"*a",
                                     "&a ",
                                     "{ref: method}",
                                     "<<: ",
                                     "[",
                                     "]",
                                     "{",
                                     "}",
                                     "\t",
                                     "- ",
                                     ": ",
                                     "\n",
                                     "null",
                                     "(",
                                     "^",
                                     "r",
                                     "1e999",
                                     "${",
                                     "}",
                                     "\"",
                                     "'",
                                     "---\n",
                                     "#",
                                     "\xff",
                                     "\xe2\x80\xa8",
                                     ".inf",
                                     "{ref: evaluate.pgd10.attack}",
                                     "{ref: let}",
                                     "!x "};

static uint64_t below(struct advntk_stream *s, size_t bound)
{
    return advntk_random_below(s, bound);
}

static size_t insert(char *text, size_t length, size_t where, const char *bytes, size_t count)
{
    if (length + count >= ROOM) {
        return length;
    }
    memmove(text + where + count, text + where, length - where);
    memcpy(text + where, bytes, count);
    return length + count;
}

/* Bounds of the line around a place. */
static size_t line_at(const char *text, size_t length, size_t where, size_t *count)
{
    size_t start = where, end = where;
    while (start > 0 && text[start - 1] != '\n') {
        start--;
    }
    while (end < length && text[end] != '\n') {
        end++;
    }
    *count = end - start + (end < length);
    return start;
}

static size_t damage(char *text, size_t length, struct advntk_stream *s)
{
    size_t where = (size_t)below(s, length + 1), count, start;
    const char *piece = pieces[below(s, sizeof(pieces) / sizeof(pieces[0]))];
    char copy[ROOM];
    switch (below(s, 5)) {
    case 0:
        if (where < length) {
            text[where] = (char)(text[where] ^ (1 << below(s, 8)));
        }
        break;
    case 1:
        length = insert(text, length, where, piece, strlen(piece));
        break;
    case 2:
        start = line_at(text, length, where, &count);
        memmove(text + start, text + start + count, length - start - count);
        length -= count;
        break;
    case 3:
        start = line_at(text, length, where, &count);
        memcpy(copy, text + start, count);
        length = insert(text, length, (size_t)below(s, length + 1), copy, count);
        break;
    default:
        count = (size_t)below(s, 10);
        count = count > length - where ? length - where : count;
        memmove(text + where, text + where + count, length - where - count);
        length -= count;
        break;
    }
    return length;
}

/* Every line names a place and says "error:", unless it is the last that counts the rest. */
static bool lines_are_errors(const struct advntk__text *messages)
{
    const char *line = advntk__text_get(messages);
    if (*line == '\0') {
        return false;
    }
    while (*line) {
        const char *end = strchr(line, '\n');
        const char *error = strstr(line, ": error: ");
        if (!end || !((error && error < end) || strncmp(line, "and more", 8) == 0)) {
            return false;
        }
        line = end + 1;
    }
    return true;
}

static bool try_recipe(const struct advntk__registry *registry, const char *text, size_t length,
                       bool *read)
{
    struct advntk__study *study = NULL;
    struct advntk__text messages = {0}, printed = {0};
    struct advntk_error err = {0};
    advntk_status rc;
    FILE *file = fopen("recipe.yaml", "wb");
    bool fine;
    if (!file) {
        return false;
    }
    fwrite(text, 1, length, file);
    fclose(file);
    rc = advntk__study_load(registry, "recipe.yaml", NULL, &study, &messages, &err);
    *read = rc == ADVNTK_OK;
    fine = rc == ADVNTK_OK ? study && messages.length == 0
                           : rc == ADVNTK_EINVALID && !study && lines_are_errors(&messages);
    if (study) {
        advntk__tree_print(study->runs[study->count - 1].tree, &printed);
        fine = fine && printed.length > 0;
    }
    if (!fine) {
        printf("# %s: %s\n# %s\n# %.*s\n", advntk_status_text(rc), err.text,
               advntk__text_get(&messages), (int)length, text);
    }
    advntk__text_release(&printed);
    advntk__text_release(&messages);
    advntk__study_free(study);
    return fine;
}

int main(int argc, char **argv)
{
    struct advntk__registry *registry;
    struct advntk_error err = {0};
    struct advntk_stream s;
    char text[ROOM];
    long count = argc > 1 ? strtol(argv[1], NULL, 10) : 3000, good = 0, read = 0;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    scratch_make();
    if (advntk__registry_new(RECIPES ":" PLUGINS, true, &registry, &err) != ADVNTK_OK ||
        chdir(scratch_folder) != 0) {
        printf("Bail out! %s\n", err.text);
        return 1;
    }
    for (long i = 0; i < count; i++) {
        const char *from = recipes[i % 4 == 0];
        size_t length = strlen(from);
        bool was_read = false;
        memcpy(text, from, length);
        advntk_stream_init(&s, seed, advntk_random_purpose("fuzz"), i, 0, 0);
        for (uint64_t k = 0, times = below(&s, 6); k < times; k++) {
            length = damage(text, length, &s);
        }
        good += try_recipe(registry, text, length, &was_read);
        read += was_read;
    }
    ok(good == count, "%ld of %ld damaged recipes are read or refused in good order", good, count);
    ok(read > count / 20 && read < count, "%ld of them are read", read);
    ok(chdir("/") == 0, "out of the scratch folder");
    scratch_remove();
    advntk__registry_free(registry);
    return done_testing();
}
