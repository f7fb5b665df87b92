/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/hash.h"
#include "base/text.h"
#include "base/try.h"
#include "recipe/compose.h"
#include "recipe/resolve.h"
#include "recipe/resolved.h"
#include "recipe/sweep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One key=value of the command line. */
struct argument {
    const char *key;
    const struct advntk__place *place;
    struct advntk_node *value;
};

/* Of a value at the top of a resolved tree; runs share what is the same in them. */
enum { SECTIONS = 16 };
struct known_digest {
    const struct advntk_node *node;
    uint8_t digest[16];
};

struct loader {
    const struct advntk__recipe_options *options;
    struct advntk__study_memory *memory;  /* of the study */
    struct advntk__study_memory *scratch; /* of one run's tree, while it is resolved */
    struct advntk__study_memory *other;   /* of that of the run before */
    struct advntk__run_config last;       /* the last run, and what it was made of; root NULL: */
    const struct advntk_node *last_root;  /* it had mistakes */
    struct advntk__composer composer;
    struct advntk__faults faults;
    struct advntk_node *root;
    const char *default_name;
    struct argument *overrides;
    const char **pinned; /* keys of overrides */
    struct advntk__axis *axes;
    struct advntk__expansion expansion;
    struct advntk__run_config *runs;
    ptrdiff_t count; /* of runs; two spellings of one run are one */
    struct seen *seen;
    size_t seen_mask;
    struct known_digest known[SECTIONS]; /* of the last run's tree */
};

static advntk_status read_arguments(struct loader *l, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct advntk__recipe_options *o = l->options;
    TRY(advntk__pool_get(l->memory, o->override_count, sizeof(*l->overrides), &l->overrides, err));
    TRY(advntk__pool_get(l->memory, o->override_count, sizeof(const char *), &l->pinned, err));
    TRY(advntk__pool_get(l->memory, o->sweep_count, sizeof(*l->axes), &l->axes, err));
    for (ptrdiff_t i = 0; i < o->override_count; i++) {
        struct argument *a = &l->overrides[i];
        TRY(advntk__argument(&l->composer, "-s", o->overrides[i], (int)i, &a->key, &a->place,
                             &a->value, err));
        l->pinned[i] = a->value ? a->key : "";
    }
    for (ptrdiff_t i = 0; i < o->sweep_count; i++) {
        struct advntk__axis *a = &l->axes[i];
        struct advntk_node *values;
        TRY(advntk__argument(&l->composer, "--sweep", o->sweeps[i], (int)(o->override_count + i),
                             &a->key, &a->place, &values, err));
        a->values = values;
    }
out:
    return rc;
}

/* "cifar10-mlp3-r8" of "paper/cifar10-mlp3-r8.yaml" */
static advntk_status name_of_file(struct loader *l, const char *file, struct advntk_error *err)
{
    const char *slash = strrchr(file, '/'), *start = slash ? slash + 1 : file;
    const char *dot = strrchr(start, '.');
    size_t length = dot && dot != start ? (size_t)(dot - start) : strlen(start);
    return advntk__pool_text(l->memory, start, length, &l->default_name, err);
}

static advntk_status compose(struct loader *l, const char *file, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    char *current = getcwd(NULL, 0);
    if (!current) {
        FAIL(err, EIO, "the current folder is unknown: %s", strerror(errno));
    }
    TRY(advntk__pool_text(l->memory, current, strlen(current), &l->memory->folder, err));
    l->scratch->folder = l->other->folder = l->memory->folder;
    TRY(name_of_file(l, file, err));
    TRY(advntk__compose_file(&l->composer, file, &l->root, err));
    TRY(read_arguments(l, err));
    for (ptrdiff_t i = 0; l->root && i < l->options->override_count; i++) {
        const struct argument *a = &l->overrides[i];
        if (a->value) {
            TRY(advntk__override(&l->composer, l->root, a->key, a->place, a->value, true, err));
        }
    }
out:
    free(current);
    return rc;
}

static advntk_status expand(struct loader *l, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__entry *written = advntk__node_find(l->root, "sweep");
    struct advntk__sweep sweep = {.composer = &l->composer,
                                  .root = l->root,
                                  .node = written ? written->value : NULL,
                                  .more_count = l->options->sweep_count,
                                  .more = l->axes,
                                  .pinned_count = l->options->override_count,
                                  .pinned = l->pinned,
                                  .scratch = l->scratch};
    if (written) {
        advntk__node_remove(l->root, written - l->root->entries);
    }
    TRY(advntk__sweep_expand(&sweep, &l->expansion, err));
out:
    return rc;
}

/* ---- names of let that nothing uses ---- */

static bool is_word_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Whether a value in the tree holds the name as a word. */
static bool uses(const struct advntk_node *node, const char *name)
{
    const char *text = advntk_node_scalar(node), *at = text;
    size_t length = strlen(name);
    while (at && (at = strstr(at, name))) {
        if ((at == text || !is_word_letter(at[-1])) && !is_word_letter(at[length])) {
            return true;
        }
        at += length;
    }
    for (ptrdiff_t i = 0; i < advntk_node_count(node); i++) {
        if (uses(advntk_node_item(node, i), name)) {
            return true;
        }
    }
    return false;
}

/* A name that a sweep or the command line gives values is mistyped if no expression has it: all
 * runs would be one. A file may define more than it uses, for those that extend it. */
static void check_use(struct loader *l, const char *key, const struct advntk__place *place)
{
    const struct advntk__way way = {.name = key};
    const struct advntk_node *let = advntk_node_get(l->root, "let");
    const char *names[64];
    struct advntk__text hint = {0};
    ptrdiff_t count = 0;
    bool used = strncmp(key, "let.", 4) != 0 || strchr(key + 4, '.') || uses(l->root, key + 4);
    for (ptrdiff_t i = 0; !used && i < l->options->sweep_count; i++) {
        used = uses(l->axes[i].values, key + 4);
    }
    if (used) {
        return;
    }
    for (ptrdiff_t i = 0; i < advntk_node_count(let) && count < 64; i++) {
        if (uses(l->root, advntk_node_key(let, i))) {
            names[count++] = advntk_node_key(let, i);
        }
    }
    if (count > 0) {
        advntk__names_hint(key + 4, count, names, &hint);
    }
    advntk__fault(&l->faults, place, &way, "no expression uses this name%s",
                  advntk__text_get(&hint));
    advntk__text_release(&hint);
}

/* The keys of a sweep, whose maps hold them at any depth. */
static void check_swept(struct loader *l, const struct advntk_node *node)
{
    for (ptrdiff_t i = 0; i < advntk_node_count(node); i++) {
        const struct advntk__entry *entry = &node->entries[i];
        if (node->kind == ADVNTK_NODE_MAP) {
            check_use(l, entry->key, entry->place);
        }
        check_swept(l, entry->value);
    }
}

static void check_names(struct loader *l)
{
    check_swept(l, advntk_node_get(l->root, "sweep"));
    for (ptrdiff_t i = 0; i < l->options->override_count; i++) {
        const struct argument *a = &l->overrides[i];
        if (a->value && a->value->kind == ADVNTK_NODE_SCALAR) {
            check_use(l, a->key, a->place);
        }
    }
    for (ptrdiff_t i = 0; i < l->options->sweep_count; i++) {
        if (l->axes[i].values) {
            check_use(l, l->axes[i].key, l->axes[i].place);
        }
    }
}

/* The sweep's keys and values of a run, for tables. */
static advntk_status note_overrides(struct loader *l, const struct advntk__setting *last,
                                    struct advntk__run_config *run, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk_node *map, *value;
    if (!last) {
        goto out;
    }
    TRY(advntk__node_new(l->memory, ADVNTK_NODE_MAP, last->place, &map, err));
    for (ptrdiff_t i = 0; i < last->count; i++) { /* filled from the end below */
        TRY(advntk__node_add(map, last->key, last->place, NULL, err));
    }
    for (; last; last = last->up) {
        TRY(advntk__node_copy(l->memory, last->value, &value, err));
        map->entries[last->count - 1] = (struct advntk__entry){last->key, last->place, value};
    }
    run->overrides = map;
out:
    return rc;
}

/* The run's overrides, and over those the -s that say more about what was swept: -s beats all. */
static advntk_status apply(struct loader *l, const struct advntk__setting *last,
                           struct advntk_node *root, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    TRY(advntk__sweep_apply(&l->composer, last, root, err));
    for (ptrdiff_t i = 0; i < l->options->override_count; i++) {
        const struct argument *a = &l->overrides[i];
        bool below = false;
        for (const struct advntk__setting *s = last; a->value && s; s = s->up) {
            below = below || advntk__key_below(a->key, s->key);
        }
        if (below) {
            TRY(advntk__override(&l->composer, root, a->key, a->place, a->value, false, err));
        }
    }
out:
    return rc;
}

/* run -1: the recipe without its sweep, whose own mistakes were noted already */
static advntk_status resolve_run(struct loader *l, ptrdiff_t i, struct advntk__run_config *run,
                                 struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__configurer c = {.memory = l->memory, .faults = &l->faults};
    const struct advntk__resolved before = {l->last_root, &l->last};
    struct advntk_node *root = l->root;
    struct advntk__study_memory *scratch = l->other;
    l->other = l->scratch;
    l->scratch = scratch;
    advntk__pool_clear(l->scratch);
    l->memory->nodes = 0;
    TRY(advntk__node_copy(l->scratch, l->root, &root, err));
    if (i >= 0) {
        TRY(apply(l, l->expansion.runs[i], root, err));
        TRY(note_overrides(l, l->expansion.runs[i], run, err));
    }
    TRY(advntk__resolve(&c, root, l->last_root ? &before : NULL, l->default_name,
                        l->options->model_only, run, err));
out:
    l->last_root = rc == ADVNTK_OK && run->tree ? root : NULL;
    l->last = *run;
    if (rc == ADVNTK_ELIMIT) {
        advntk__fault(&l->faults, l->root->place, NULL, "%s", err->text);
        rc = ADVNTK_OK;
    }
    return rc;
}

/* A digest and where it is in the list of runs; a table with open addressing. */
struct seen {
    uint8_t digest[16];
    bool used;
};

/* What the run is: a digest of each value at the top of its tree, with its key. */
static advntk_status run_digest(struct loader *l, const struct advntk_node *tree,
                                uint8_t digest[16], struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__hash *hash = advntk__hash_new();
    if (!hash) {
        FAIL(err, ENOMEM, "no memory for a digest");
    }
    for (ptrdiff_t i = 0; i < tree->count; i++) {
        struct known_digest one = {NULL, {0}}, *known = i < SECTIONS ? &l->known[i] : &one;
        if (known->node != tree->entries[i].value) {
            known->node = tree->entries[i].value;
            TRY(advntk__tree_identity(known->node, known->digest, err));
        }
        advntk__hash_text(hash, tree->entries[i].key);
        advntk__hash_add(hash, known->digest, sizeof(known->digest));
    }
    advntk__hash_end(hash, digest);
out:
    advntk__hash_free(hash);
    return rc;
}

/* *again: whether an earlier run was the same once every default was filled in. */
static advntk_status is_again(struct loader *l, const struct advntk__run_config *run, bool *again,
                              struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    uint8_t digest[16];
    size_t at;
    *again = false;
    if (!run->tree) {
        goto out; /* a mistake; no run will be made */
    }
    TRY(run_digest(l, run->tree, digest, err));
    memcpy(&at, digest, sizeof(at));
    for (at &= l->seen_mask; l->seen[at].used && !*again; at = (at + 1) & l->seen_mask) {
        *again = memcmp(l->seen[at].digest, digest, sizeof(digest)) == 0;
    }
    if (!*again) {
        l->seen[at].used = true;
        memcpy(l->seen[at].digest, digest, sizeof(digest));
    }
out:
    return rc;
}

static advntk_status make_seen(struct loader *l, struct advntk_error *err)
{
    size_t room = 4;
    while (room < 2 * (size_t)l->expansion.count) {
        room *= 2;
    }
    l->seen_mask = room - 1;
    return advntk__pool_get(l->memory, (ptrdiff_t)room, sizeof(*l->seen), &l->seen, err);
}

static advntk_status resolve_all(struct loader *l, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__run_config unused = {0};
    check_names(l);
    TRY(expand(l, err));
    if (l->expansion.count == 0) {
        TRY(resolve_run(l, -1, &unused, err));
        goto out;
    }
    TRY(advntk__pool_get(l->memory, l->expansion.count, sizeof(*l->runs), &l->runs, err));
    TRY(make_seen(l, err));
    for (ptrdiff_t i = 0; i < l->expansion.count && l->faults.hidden == 0; i++) {
        bool again;
        l->runs[l->count] = (struct advntk__run_config){0};
        TRY(resolve_run(l, i, &l->runs[l->count], err));
        TRY(is_again(l, &l->runs[l->count], &again, err));
        l->count += !again;
    }
out:
    return rc;
}

static advntk_status make_study(struct loader *l, const char *file, struct advntk__study **study,
                                struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__study *made;
    TRY(advntk__pool_get(l->memory, 1, sizeof(*made), &made, err));
    *made = (struct advntk__study){.name = l->runs[0].name,
                                   .source = l->composer.source,
                                   .count = l->count,
                                   .runs = l->runs,
                                   .memory = l->memory};
    TRY(advntk__pool_text(l->memory, file, strlen(file), &made->file, err));
    l->memory = NULL;
    *study = made;
out:
    return rc;
}

advntk_status advntk__study_load(const struct advntk__registry *registry, const char *file,
                                 const struct advntk__recipe_options *options,
                                 struct advntk__study **study, struct advntk__text *messages,
                                 struct advntk_error *err)
{
    static const struct advntk__recipe_options none = {0};
    advntk_status rc = ADVNTK_OK;
    struct advntk_error local;
    struct loader l = {.options = options ? options : &none};
    ptrdiff_t mistakes;

    err = err ? err : &local;
    *study = NULL;
    TRY(advntk__pool_new(registry, &l.memory, err));
    TRY(advntk__pool_new(registry, &l.scratch, err));
    TRY(advntk__pool_new(registry, &l.other, err));
    l.composer = (struct advntk__composer){.memory = l.memory, .faults = &l.faults};
    TRY(compose(&l, file, err));
    if (l.root) {
        TRY(resolve_all(&l, err));
    }
    if (l.faults.no_memory) {
        FAIL(err, ENOMEM, "no memory for the mistakes of %s", file);
    }
    mistakes = l.faults.count + l.faults.hidden;
    if (mistakes > 0) {
        advntk__faults_print(&l.faults, messages);
        FAIL(err, EINVALID, "%s: %td mistake%s", file, mistakes, mistakes > 1 ? "s" : "");
    }
    TRY(make_study(&l, file, study, err));
out:
    advntk__faults_release(&l.faults);
    advntk__pool_free(l.scratch);
    advntk__pool_free(l.other);
    advntk__pool_free(l.memory);
    return rc;
}

void advntk__study_free(struct advntk__study *study)
{
    if (study) {
        advntk__pool_free(study->memory); /* the study lies in it */
    }
}
