/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cli/examples.h"

#include <ctype.h>
#include <string.h>

#include "core/cli/examples_data.h"

enum { FILES = sizeof(embedded_files) / sizeof(*embedded_files) };

const struct embedded_file *cli_example_file(const char *path)
{
    for (size_t i = 0; i < FILES; i++) {
        if (strcmp(embedded_files[i].path, path) == 0) {
            return &embedded_files[i];
        }
    }
    return NULL;
}

const struct embedded_file *cli_example_next(const char *folder, size_t *at)
{
    size_t length = strlen(folder);

    while (*at < FILES) {
        const struct embedded_file *file = &embedded_files[(*at)++];
        if (strncmp(file->path, folder, length) == 0 && file->path[length] == '/') {
            return file;
        }
    }
    return NULL;
}

/* "EXAMPLE.c" in KIND/EXAMPLE.c; NULL: the path is another's. */
static const char *source_of(const char *path)
{
    const char *slash = strchr(path, '/'), *dot = strrchr(path, '.');

    return slash && dot && strcmp(dot, ".c") == 0 ? slash + 1 : NULL;
}

bool cli_example_name(const char *kind, char *name, size_t size)
{
    const struct embedded_file *file;
    size_t at = 0;

    while ((file = cli_example_next(kind, &at)) != NULL) {
        const char *source = source_of(file->path);
        size_t length = source ? strlen(source) - strlen(".c") : size;
        if (length < size) {
            memcpy(name, source, length);
            name[length] = '\0';
            return true;
        }
    }
    return false;
}

void cli_example_kinds(struct advntk__text *out)
{
    for (size_t i = 0; i < FILES; i++) {
        const char *path = embedded_files[i].path;
        if (source_of(path)) {
            advntk__text_printf(out, "%s%.*s", out->length ? ", " : "",
                                (int)(strchr(path, '/') - path), path);
        }
    }
}

static bool word_at(const char *text, size_t count, size_t at, const char *word)
{
    size_t length = strlen(word);
    unsigned char before = at > 0 ? (unsigned char)text[at - 1] : ' ', behind;

    if (length > count - at || memcmp(text + at, word, length) != 0) {
        return false;
    }
    behind = at + length < count ? (unsigned char)text[at + length] : ' ';
    return !isalnum(before) && before != '_' && !isalnum(behind);
}

void cli_example_rename(const char *text, size_t count, const char *from, const char *to,
                        struct advntk__text *out)
{
    size_t kept = 0;

    for (size_t at = 0; at < count; at++) {
        if (word_at(text, count, at, from)) {
            advntk__text_add(out, text + kept, at - kept);
            advntk__text_puts(out, to);
            kept = at + strlen(from);
            at = kept - 1;
        }
    }
    advntk__text_add(out, text + kept, count - kept);
}
