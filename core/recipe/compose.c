/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "recipe/compose.h"

#include "base/files.h"
#include "base/try.h"
#include "recipe/parse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { EXTENDS_DEPTH = 16, FILES = 100, KEY_BYTES = 1000 };

/* ---- merging ---- */

/* Name of the plugin of a slot in its long form; NULL: none is named. */
static const char *plugin_of(const struct advntk_node *node)
{
    return advntk_node_scalar(advntk_node_get(node, "plugin"));
}

/* Whether `over` takes the place of `base` whole instead of being merged into it. */
static bool replaces(const struct advntk_node *base, const struct advntk_node *over)
{
    const char *had, *has = plugin_of(over);
    if (over->kind != ADVNTK_NODE_MAP || advntk_node_get(over, "ref")) {
        return true;
    }
    if (base->kind == ADVNTK_NODE_SCALAR) { /* short form of a slot */
        had = base->text;
    } else if (base->kind == ADVNTK_NODE_MAP) {
        had = plugin_of(base);
        if (has && advntk_node_get(base, "ref")) {
            return true;
        }
    } else {
        return true;
    }
    return has && had && strcmp(had, has) != 0;
}

/* `ntk` becomes {plugin: ntk}, so that a parameter can join it. */
static advntk_status lengthen(struct advntk_node *node, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk_node *name;
    TRY(advntk__node_copy(node->memory, node, &name, err));
    node->kind = ADVNTK_NODE_MAP;
    node->text = NULL;
    TRY(advntk__node_add(node, "plugin", name->place, name, err));
out:
    return rc;
}

/* `kernel: ntk` over a slot that has that plugin already changes nothing. */
static bool same_plugin(const struct advntk_node *base, const struct advntk_node *over)
{
    const char *had = plugin_of(base);
    return over->kind == ADVNTK_NODE_SCALAR && had && strcmp(had, over->text) == 0;
}

static advntk_status merge_value(struct advntk__entry *entry, const struct advntk__place *place,
                                 struct advntk_node *over, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    if (same_plugin(entry->value, over)) {
        goto out;
    }
    if (replaces(entry->value, over)) {
        entry->value = over;
        entry->place = place;
        goto out;
    }
    if (entry->value->kind == ADVNTK_NODE_SCALAR) {
        TRY(lengthen(entry->value, err));
    }
    TRY(advntk__merge(entry->value, over, err));
out:
    return rc;
}

advntk_status advntk__merge(struct advntk_node *base, const struct advntk_node *over,
                            struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    for (ptrdiff_t i = 0; i < over->count; i++) {
        const struct advntk__entry *from = &over->entries[i];
        struct advntk__entry *to = advntk__node_find(base, from->key);
        if (to && from->value->kind == ADVNTK_NODE_NULL) {
            advntk__node_remove(base, to - base->entries);
        } else if (to) {
            TRY(merge_value(to, from->place, from->value, err));
        } else {
            TRY(advntk__node_add(base, from->key, from->place, from->value, err));
        }
    }
out:
    return rc;
}

/* ---- files ---- */

struct chain { /* the files that extend each other, innermost first */
    const struct chain *up;
    dev_t device;
    ino_t inode;
    int depth;
};

/* "dir" of "dir/name"; "." where there is none. */
static advntk_status folder_of(struct advntk__study_memory *memory, const char *file,
                               const char **folder, struct advntk_error *err)
{
    const char *slash = strrchr(file, '/');
    if (!slash) {
        return advntk__pool_text(memory, ".", 1, folder, err);
    }
    return advntk__pool_text(memory, file, slash == file ? 1 : (size_t)(slash - file), folder, err);
}

static advntk_status join(struct advntk__study_memory *memory, const char *folder, const char *name,
                          const char **path, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    char *joined = NULL;
    if (name[0] == '/' || strcmp(folder, ".") == 0) {
        TRY(advntk__pool_text(memory, name, strlen(name), path, err));
    } else if (strcmp(name, ".") == 0) {
        TRY(advntk__pool_text(memory, folder, strlen(folder), path, err));
    } else {
        joined = advntk__files_join(folder, name);
        if (!joined) {
            FAIL(err, ENOMEM, "no memory for a path");
        }
        TRY(advntk__pool_text(memory, joined, strlen(joined), path, err));
    }
out:
    free(joined);
    return rc;
}

static advntk_status load(struct advntk__composer *composer, const char *file,
                          const struct advntk__place *asked, const struct chain *up,
                          struct advntk_node **root, struct advntk_error *err);

static advntk_status load_extended(struct advntk__composer *composer,
                                   const struct advntk_node *name, const char *folder,
                                   const struct chain *up, struct advntk_node **base,
                                   struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    static const struct advntk__way way = {.name = "extends"};
    const char *text = advntk_node_scalar(name), *path;
    struct advntk_node *more = NULL;
    if (!text || *text == '\0') {
        advntk__fault(composer->faults, name->place, &way,
                      "expected the name of a recipe file, or a list of such");
        goto out;
    }
    if (up->depth >= EXTENDS_DEPTH) {
        advntk__fault(composer->faults, name->place, &way,
                      "recipes extend each other more than %d deep", EXTENDS_DEPTH);
        goto out;
    }
    TRY(join(composer->memory, folder, text, &path, err));
    TRY(load(composer, path, name->place, up, &more, err));
    if (more && *base) {
        TRY(advntk__merge(*base, more, err));
    } else if (more) {
        *base = more;
    }
out:
    return rc;
}

/* *root <- what root extends, with root merged on top. */
static advntk_status extend(struct advntk__composer *composer, const char *folder,
                            const struct chain *up, struct advntk_node **root,
                            struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__entry *extends = advntk__node_find(*root, "extends");
    const struct advntk_node *names;
    struct advntk_node *base = NULL;
    if (!extends) {
        goto out;
    }
    names = extends->value;
    advntk__node_remove(*root, extends - (*root)->entries);
    if (names->kind == ADVNTK_NODE_LIST) {
        for (ptrdiff_t i = 0; i < names->count; i++) {
            TRY(load_extended(composer, names->entries[i].value, folder, up, &base, err));
        }
    } else if (names->kind != ADVNTK_NODE_NULL) {
        TRY(load_extended(composer, names, folder, up, &base, err));
    }
    if (base) {
        TRY(advntk__merge(base, *root, err));
        base->place = (*root)->place;
        *root = base;
    }
out:
    return rc;
}

/* The file's text, or a fault: at `asked` (who extends it), else under the file's own name. */
static advntk_status read_file(struct advntk__composer *composer, const char *file,
                               const struct advntk__place *asked, const struct chain *up,
                               struct chain *link, char **bytes, size_t *count,
                               struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    static const struct advntk__way extends = {.name = "extends"};
    const struct advntk__place own = {.text = file};
    const struct advntk__way *way = asked ? &extends : NULL;
    struct advntk_error why;
    struct stat status;
    asked = asked ? asked : &own;
    *bytes = NULL;
    if (stat(file, &status) != 0) {
        advntk__fault(composer->faults, asked, way, "'%.200s' cannot be read: %s", file,
                      strerror(errno));
        goto out;
    }
    if (!S_ISREG(status.st_mode)) {
        advntk__fault(composer->faults, asked, way, "'%.200s' is %s, not a recipe file", file,
                      S_ISDIR(status.st_mode) ? "a folder" : "no regular file");
        goto out;
    }
    *link = (struct chain){up, status.st_dev, status.st_ino, up ? up->depth + 1 : 0};
    for (; up; up = up->up) {
        if (up->device == status.st_dev && up->inode == status.st_ino) {
            advntk__fault(composer->faults, asked, way, "'%.200s' extends itself", file);
            goto out;
        }
    }
    if (status.st_size > ADVNTK__RECIPE_BYTES) {
        advntk__fault(composer->faults, asked, way, "'%.200s' has %lld bytes; the limit is %d",
                      file, (long long)status.st_size, ADVNTK__RECIPE_BYTES);
        goto out;
    }
    rc = advntk__files_read(file, ADVNTK__RECIPE_BYTES, bytes, count, &why);
    if (rc == ADVNTK_ENOMEM) {
        FAIL(err, ENOMEM, "%s", why.text);
    }
    if (rc != ADVNTK_OK) {
        rc = ADVNTK_OK;
        advntk__fault(composer->faults, asked, way, "%s", why.text);
    }
out:
    return rc;
}

static advntk_status load(struct advntk__composer *composer, const char *file,
                          const struct advntk__place *asked, const struct chain *up,
                          struct advntk_node **root, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct chain link;
    struct advntk__source source = {.file = file, .order = composer->files + 1};
    const struct advntk__place *start;
    const char *folder;
    char *bytes = NULL;
    size_t count = 0;
    *root = NULL;
    if (composer->files >= FILES) {
        advntk__fault(composer->faults, asked, NULL, "more than %d files are extended", FILES);
        goto out;
    }
    TRY(read_file(composer, file, asked, up, &link, &bytes, &count, err));
    if (!bytes) {
        goto out;
    }
    composer->files++;
    TRY(folder_of(composer->memory, file, &folder, err));
    TRY(join(composer->memory, composer->memory->folder, folder, &source.folder, err));
    TRY(advntk__parse(composer->memory, &source, bytes, count, composer->faults, root, err));
    if (!up) {
        TRY(advntk__pool_text(composer->memory, bytes, count, &composer->source, err));
    }
    if (!*root && !advntk__faults_any(composer->faults)) {
        TRY(advntk__place_new(composer->memory, &source, 1, 1, &start, err));
        advntk__fault(composer->faults, start, NULL,
                      "the file is empty; a recipe begins with "
                      "'advntk: 1'");
    } else if (*root && (*root)->kind != ADVNTK_NODE_MAP) {
        advntk__fault(composer->faults, (*root)->place, NULL,
                      "a recipe is a map that begins with 'advntk: 1'");
        *root = NULL;
    }
    if (*root) {
        TRY(extend(composer, folder, &link, root, err));
    }
out:
    free(bytes);
    return rc;
}

advntk_status advntk__compose_file(struct advntk__composer *composer, const char *file,
                                   struct advntk_node **root, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const char *name;
    TRY(advntk__pool_text(composer->memory, file, strlen(file), &name, err));
    rc = load(composer, name, NULL, NULL, root, err);
    if (rc == ADVNTK_ELIMIT) { /* too many values: the files together */
        const struct advntk__place place = {.text = name};
        advntk__fault(composer->faults, &place, NULL, "%s", err ? err->text : "too large");
        *root = NULL;
        rc = ADVNTK_OK;
    }
out:
    return rc;
}

/* ---- overrides ---- */

struct advntk__entry *advntk__step(const struct advntk_node *node, const char *name)
{
    if (node->kind == ADVNTK_NODE_LIST) {
        char *end;
        unsigned long number;
        for (ptrdiff_t i = 0; i < node->count; i++) {
            const char *own = advntk_node_scalar(advntk_node_get(node->entries[i].value, "name"));
            if (own && strcmp(own, name) == 0) {
                return &node->entries[i];
            }
        }
        number = strtoul(name, &end, 10);
        if (*name >= '0' && *name <= '9' && *end == '\0' && number < (unsigned long)node->count) {
            return &node->entries[number];
        }
    }
    return advntk__node_find(node, name);
}

void advntk__step_hint(const struct advntk_node *node, const char *name, struct advntk__text *out)
{
    const char **names = calloc((size_t)node->count + 1, sizeof(*names));
    for (ptrdiff_t i = 0; names && i < node->count; i++) {
        names[i] = node->kind == ADVNTK_NODE_MAP
                       ? node->entries[i].key
                       : advntk_node_scalar(advntk_node_get(node->entries[i].value, "name"));
    }
    if (names) {
        advntk__names_hint(name, node->count, names, out);
    }
    free(names);
}

static advntk_status set_last(struct advntk_node *node, const char *name,
                              const struct advntk__place *place, struct advntk_node *value,
                              bool check, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__entry *entry = advntk__step(node, name);
    if (entry && value->kind == ADVNTK_NODE_NULL) {
        advntk__node_remove(node, entry - node->entries);
    } else if (entry) {
        TRY(merge_value(entry, place, value, err));
    } else if (value->kind != ADVNTK_NODE_NULL || check) {
        TRY(advntk__pool_text(node->memory, name, strlen(name), &name, err));
        TRY(advntk__node_add(node, name, place, value, err));
    }
out:
    return rc;
}

/* The node behind a name on the way, made where there is none. */
static advntk_status descend(struct advntk_node *node, const char *name,
                             const struct advntk__place *place, struct advntk_node **below,
                             struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__entry *entry = advntk__step(node, name);
    if (entry) {
        *below = entry->value;
        if ((*below)->kind == ADVNTK_NODE_SCALAR) {
            TRY(lengthen(*below, err));
            (*below)->place = place; /* if this is no slot after all, the override is the mistake */
        } else if ((*below)->kind == ADVNTK_NODE_NULL) {
            (*below)->kind = ADVNTK_NODE_MAP;
        }
        goto out;
    }
    TRY(advntk__pool_text(node->memory, name, strlen(name), &name, err));
    TRY(advntk__node_new(node->memory, ADVNTK_NODE_MAP, place, below, err));
    TRY(advntk__node_add(node, name, place, *below, err));
out:
    return rc;
}

/* Names with single dots between them, neither too long nor too many. */
static bool is_key(const char *key)
{
    const char *rest = key;
    for (int depth = 0; depth < ADVNTK__PATH_DEPTH; depth++) {
        size_t length = strcspn(rest, ".");
        if (length == 0) {
            return false;
        }
        if (rest[length] == '\0') {
            return strlen(key) < KEY_BYTES;
        }
        rest += length + 1;
    }
    return false;
}

static void cut(const char *key, size_t length, char name[KEY_BYTES])
{
    memcpy(name, key, length);
    name[length] = '\0';
}

/* How much of a key is a name in a map of dotted keys: all of it, unless what is there already is
 * the list that the rest leads into (`method.1.steps`). */
static size_t dotted_name(const struct advntk_node *map, const char *key)
{
    const struct advntk__entry *entry;
    char name[KEY_BYTES];
    for (size_t length = strcspn(key, "."); key[length] != '\0';) {
        const char *item = key + length + 1;
        cut(key, length, name);
        entry = advntk__node_find(map, name);
        cut(item, strcspn(item, "."), name);
        if (entry && entry->value->kind == ADVNTK_NODE_LIST && advntk__step(entry->value, name)) {
            return length;
        }
        length += 1 + strcspn(item, ".");
    }
    return strlen(key);
}

/* How much of a key is its first name; before: the name that led here, NULL outside the sweep. */
static size_t first_name(const struct advntk_node *node, const char *key, const char *before)
{
    static const char *const words[] = {"product", "zip", "list", "ablate", "base", "vary",
                                        "when",    "if",  "then", "except", NULL};
    size_t length = strcspn(key, ".");
    if (!before || strcmp(before, "sweep") == 0 || strcmp(before, "then") == 0 ||
        node->kind == ADVNTK_NODE_LIST) {
        return length;
    }
    for (const char *const *word = words; *word; word++) {
        if (strlen(*word) == length && memcmp(*word, key, length) == 0) {
            return length;
        }
    }
    return dotted_name(node, key);
}

/* Of the nodes on a way, each below the one before it: what a removal left empty is gone, too. */
static void prune(struct advntk_node *const *nodes, int count)
{
    while (--count > 0 && nodes[count]->count == 0) {
        struct advntk_node *above = nodes[count - 1];
        for (ptrdiff_t i = 0; i < above->count; i++) {
            if (above->entries[i].value == nodes[count]) {
                advntk__node_remove(above, i);
            }
        }
    }
}

advntk_status advntk__override(struct advntk__composer *composer, struct advntk_node *root,
                               const char *key, const struct advntk__place *place,
                               const struct advntk_node *value, bool check,
                               struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk_node *nodes[ADVNTK__PATH_DEPTH] = {root}, *copy;
    struct advntk__way way = {.name = key};
    const char *rest = key;
    char name[KEY_BYTES];
    bool sweep = strncmp(key, "sweep.", 6) == 0;
    int depth = 0;
    if (!is_key(key)) {
        advntk__fault(composer->faults, place, NULL,
                      "'%.100s' is no key: expected names with dots between them", key);
        goto out;
    }
    TRY(advntk__node_copy(root->memory, value, &copy, err));
    for (;;) {
        struct advntk_node *node = nodes[depth];
        size_t length = first_name(node, rest, sweep && depth > 0 ? name : NULL);
        cut(rest, length, name);
        if (!advntk__step(node, name) &&
            (node->kind == ADVNTK_NODE_LIST || (sweep && copy->kind == ADVNTK_NODE_NULL))) {
            struct advntk__text hint = {0};
            advntk__step_hint(node, name, &hint);
            advntk__fault(composer->faults, place, &way, "no entry '%.200s' here%s", name,
                          advntk__text_get(&hint));
            advntk__text_release(&hint);
            goto out;
        }
        if (rest[length] == '\0') {
            break;
        }
        TRY(descend(node, name, place, &nodes[++depth], err));
        rest += length + 1;
    }
    TRY(set_last(nodes[depth], name, place, copy, check, err));
    if (sweep && copy->kind == ADVNTK_NODE_NULL) {
        prune(nodes, depth + 1);
    }
out:
    return rc;
}

advntk_status advntk__argument(struct advntk__composer *composer, const char *option,
                               const char *argument, int number, const char **key,
                               const struct advntk__place **place, struct advntk_node **value,
                               struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const char *equals = strchr(argument, '=');
    struct advntk__place *made;
    struct advntk__source source = {0};
    struct advntk__text text = {0};
    *value = NULL;
    TRY(advntk__pool_get(composer->memory, 1, sizeof(*made), &made, err));
    advntk__text_printf(&text, "%s %s", option, argument);
    if (text.failed) {
        FAIL(err, ENOMEM, "no memory for a recipe");
    }
    made->order = 1000 + number; /* behind all files */
    made->folder = composer->memory->folder;
    TRY(advntk__pool_text(composer->memory, text.bytes, text.length, &made->text, err));
    *place = made;
    if (!equals || equals == argument) {
        advntk__fault(composer->faults, made, NULL, "expected key=value");
        goto out;
    }
    TRY(advntk__pool_text(composer->memory, argument, (size_t)(equals - argument), key, err));
    source.fixed = made;
    if (equals[1 + strspn(equals + 1, " ")] == '\0') { /* key= removes, like null */
        TRY(advntk__node_new(composer->memory, ADVNTK_NODE_NULL, made, value, err));
    } else {
        TRY(advntk__parse(composer->memory, &source, equals + 1, strlen(equals + 1),
                          composer->faults, value, err));
    }
out:
    advntk__text_release(&text);
    return rc;
}
