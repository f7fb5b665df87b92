/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/text.h"
#include "base/try.h"
#include "registry/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct advntk__registry {
    struct advntk__entry **entries;
    struct advntk__refusal *refusals;
    ptrdiff_t count, refusal_count;
    bool failed; /* a refusal was lost for want of memory */
    struct advntk__text folders;
};

static const struct {
    const char *name;
    size_t ops_bytes;
} kinds[] = {{NULL, 0},
#define KIND_ROW(id, number, name, ops) [number] = {name, sizeof(ops)},
             ADVNTK_KINDS(KIND_ROW)
#undef KIND_ROW
};

enum { KIND_END = sizeof(kinds) / sizeof(kinds[0]) };

const char *advntk__kind_name(uint32_t kind)
{
    return kind < KIND_END ? kinds[kind].name : NULL;
}

uint32_t advntk__kind_of(const char *name)
{
    for (uint32_t kind = 1; kind < KIND_END; kind++) {
        if (strcmp(name, kinds[kind].name) == 0) {
            return kind;
        }
    }
    return 0;
}

size_t advntk__ops_bytes(uint32_t kind)
{
    return kind < KIND_END ? kinds[kind].ops_bytes : 0;
}

static void add_refusal(void *context, const char *file, const char *reason)
{
    struct advntk__registry *registry = context;
    struct advntk__refusal *grown, r = {strdup(file), strdup(reason)};
    size_t count = (size_t)registry->refusal_count + 1;

    grown = realloc(registry->refusals, count * sizeof(*grown));
    if (grown) {
        registry->refusals = grown;
    }
    if (!grown || !r.file || !r.reason) {
        registry->failed = true;
        free((void *)(uintptr_t)r.file);
        free((void *)(uintptr_t)r.reason);
        return;
    }
    grown[registry->refusal_count++] = r;
}

static advntk_status open_all(struct advntk__registry *registry,
                              const struct advntk__search *search, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;

    registry->entries = calloc((size_t)search->candidate_count + 1, sizeof(struct advntk__entry *));
    if (!registry->entries) {
        FAIL(err, ENOMEM, "no memory for the list of plugins");
    }
    for (ptrdiff_t i = 0; i < search->candidate_count; i++) {
        const struct advntk__candidate *c = &search->candidates[i];
        struct advntk__entry *entry = NULL;
        struct advntk_error why;
        rc = advntk__search_check_owner(search, c->file, &why);
        if (rc == ADVNTK_OK) {
            rc = advntk__entry_open(c, &entry, &why);
        }
        if (rc == ADVNTK_ENOMEM) {
            FAIL(err, ENOMEM, "%s: %s", c->file, why.text);
        }
        if (rc != ADVNTK_OK) {
            add_refusal(registry, c->file, why.text);
            rc = ADVNTK_OK;
            continue;
        }
        registry->entries[registry->count++] = entry;
    }
out:
    return rc;
}

/* By kind, name, then search order. */
static int compare(const void *a, const void *b)
{
    const struct advntk__entry *x = *(struct advntk__entry *const *)a;
    const struct advntk__entry *y = *(struct advntk__entry *const *)b;
    int names;
    if (x->record.plugin.kind != y->record.plugin.kind) {
        return x->record.plugin.kind < y->record.plugin.kind ? -1 : 1;
    }
    names = strcmp(x->record.plugin.name, y->record.plugin.name);
    if (names != 0) {
        return names;
    }
    if (x->folder != y->folder) {
        return x->folder < y->folder ? -1 : 1;
    }
    return strcmp(x->file, y->file);
}

static bool same_plugin(const struct advntk__entry *a, const struct advntk__entry *b)
{
    return a->record.plugin.kind == b->record.plugin.kind &&
           strcmp(a->record.plugin.name, b->record.plugin.name) == 0;
}

static void refuse_pair(struct advntk__registry *registry, const struct advntk__entry *entry,
                        const struct advntk__entry *other)
{
    struct advntk__text why = {0};
    advntk__text_printf(&why, "name: %s/%s is also in %s; remove one of the two",
                        advntk__kind_name(entry->record.plugin.kind), entry->record.plugin.name,
                        other->file);
    registry->failed = registry->failed || why.failed;
    add_refusal(registry, entry->file, advntk__text_get(&why));
    advntk__text_release(&why);
}

/* Entries are sorted: namesakes stand together. Two of one folder refuse each other; of those left
 * the first is used. */
static void settle_namesakes(struct advntk__registry *registry)
{
    struct advntk__entry **e = registry->entries;
    ptrdiff_t kept = 0;

    for (ptrdiff_t i = 0; i < registry->count;) {
        ptrdiff_t end = i + 1;
        while (end < registry->count && same_plugin(e[i], e[end]) &&
               e[i]->folder == e[end]->folder) {
            end++;
        }
        if (end - i > 1) {
            for (ptrdiff_t j = i; j < end; j++) {
                refuse_pair(registry, e[j], e[j == i ? i + 1 : i]);
            }
            for (; i < end; i++) {
                advntk__entry_free(e[i]);
            }
            continue;
        }
        if (kept > 0 && same_plugin(e[kept - 1], e[i])) {
            const struct advntk__plugin_record *used = &e[kept - 1]->record;
            e[i]->record.shadowed_by = used->shadowed_by ? used->shadowed_by : used->file;
        }
        e[kept++] = e[i++];
    }
    registry->count = kept;
}

advntk_status advntk__registry_new(const char *plugin_path, bool allow_writable,
                                   struct advntk__registry **registry, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__search search = {.refuse = add_refusal, .allow_writable = allow_writable};
    struct advntk__registry *r = calloc(1, sizeof(*r));

    if (!r) {
        FAIL(err, ENOMEM, "no memory for the plugin registry");
    }
    search.context = r;
    TRY(advntk__search_run(&search, plugin_path, err));
    for (ptrdiff_t i = 0; i < search.folder_count; i++) {
        advntk__text_printf(&r->folders, "%s%s", i ? ", " : "", search.folders[i].path);
    }
    TRY(open_all(r, &search, err));
    qsort(r->entries, (size_t)r->count, sizeof(struct advntk__entry *), compare);
    settle_namesakes(r);
    if (r->failed || r->folders.failed) {
        FAIL(err, ENOMEM, "no memory for the list of plugins");
    }
    *registry = r;
    r = NULL;
out:
    advntk__search_release(&search);
    advntk__registry_free(r);
    return rc;
}

void advntk__registry_free(struct advntk__registry *registry)
{
    if (!registry) {
        return;
    }
    for (ptrdiff_t i = 0; i < registry->count; i++) {
        advntk__entry_free(registry->entries[i]);
    }
    for (ptrdiff_t i = 0; i < registry->refusal_count; i++) {
        free((void *)(uintptr_t)registry->refusals[i].file);
        free((void *)(uintptr_t)registry->refusals[i].reason);
    }
    free(registry->entries);
    free(registry->refusals);
    advntk__text_release(&registry->folders);
    free(registry);
}

const char *advntk__registry_folders(const struct advntk__registry *registry)
{
    return advntk__text_get(&registry->folders);
}

const struct advntk__plugin_record *advntk__registry_find(const struct advntk__registry *registry,
                                                          uint32_t kind, const char *name)
{
    for (ptrdiff_t i = 0; i < registry->count; i++) {
        const struct advntk__plugin_record *r = &registry->entries[i]->record;
        if (r->plugin.kind == kind && !r->shadowed_by && strcmp(r->plugin.name, name) == 0) {
            return r;
        }
    }
    return NULL;
}

bool advntk__refusal_concerns(const struct advntk__refusal *refusal, uint32_t kind)
{
    const char *file = refusal->file, *slash = strrchr(file, '/'), *folder = slash;

    if (kind == 0 || !slash) {
        return true;
    }
    while (folder > file && folder[-1] != '/') {
        folder--;
    }
    for (uint32_t k = 1; k < KIND_END; k++) {
        size_t length = strlen(kinds[k].name);
        if ((size_t)(slash - folder) == length && strncmp(folder, kinds[k].name, length) == 0) {
            return k == kind;
        }
    }
    return true;
}

/* The refusal of a file called NAME.so, directly in a folder or in one of the kind. */
static const struct advntk__refusal *refusal_of(const struct advntk__registry *registry,
                                                uint32_t kind, const char *name)
{
    size_t length = strlen(name);

    for (ptrdiff_t i = 0; i < registry->refusal_count; i++) {
        const struct advntk__refusal *r = &registry->refusals[i];
        const char *slash = strrchr(r->file, '/'), *base = slash ? slash + 1 : r->file;
        if (strncmp(base, name, length) == 0 && strcmp(base + length, ".so") == 0 &&
            advntk__refusal_concerns(r, kind)) {
            return r;
        }
    }
    return NULL;
}

advntk_status advntk__registry_missing(const struct advntk__registry *registry, uint32_t kind,
                                       const char *name, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__text known = {0};
    const struct advntk__refusal *refusal = refusal_of(registry, kind, name);
    const char **names = calloc((size_t)registry->count + 1, sizeof(char *));
    const char *kind_name = advntk__kind_name(kind), *nearest;
    ptrdiff_t count = 0;

    kind_name = kind_name ? kind_name : "unknown";
    if (!names) {
        FAIL(err, ENOMEM, "no memory for the names of plugins");
    }
    if (refusal) {
        FAIL(err, ENOTFOUND, "no %s plugin '%.80s': %s was refused: %s", kind_name, name,
             refusal->file, refusal->reason);
    }
    for (ptrdiff_t i = 0; i < registry->count; i++) {
        const struct advntk__plugin_record *r = &registry->entries[i]->record;
        if (r->plugin.kind == kind && !r->shadowed_by) {
            advntk__text_printf(&known, "%s%s", count ? ", " : "", r->plugin.name);
            names[count++] = r->plugin.name;
        }
    }
    nearest = advntk__text_nearest(name, count, names);
    if (nearest) {
        FAIL(err, ENOTFOUND, "no %s plugin '%.80s'; did you mean '%s'?", kind_name, name, nearest);
    }
    if (count == 0) {
        FAIL(err, ENOTFOUND, "no %s plugin '%.80s'; there is none of this kind", kind_name, name);
    }
    FAIL(err, ENOTFOUND, "no %s plugin '%.80s'; there are: %s", kind_name, name,
         advntk__text_get(&known));
out:
    advntk__text_release(&known);
    free(names);
    return rc;
}

ptrdiff_t advntk__registry_count(const struct advntk__registry *registry)
{
    return registry->count;
}

const struct advntk__plugin_record *advntk__registry_get(const struct advntk__registry *registry,
                                                         ptrdiff_t i)
{
    return i >= 0 && i < registry->count ? &registry->entries[i]->record : NULL;
}

ptrdiff_t advntk__registry_refusal_count(const struct advntk__registry *registry)
{
    return registry->refusal_count;
}

const struct advntk__refusal *advntk__registry_refusal(const struct advntk__registry *registry,
                                                       ptrdiff_t i)
{
    return i >= 0 && i < registry->refusal_count ? &registry->refusals[i] : NULL;
}
