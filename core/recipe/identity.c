/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What identifies a configured plugin: the values that can change a result, by name. */
#include "config.h"

#include "base/files.h"
#include "base/hash.h"
#include "base/try.h"
#include "recipe/configure.h"
#include "recipe/resolved.h"
#include "recipe/standard.h"
#include "registry/registry.h"

#include <advntk/plugin.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static advntk_status hash_value(const struct advntk_param *row, enum advntk_param_type type,
                                const char *member, struct advntk__hash *hash,
                                struct advntk_error *err);

/* The short form of `{plugin: relu}`, which is `relu`; else the node itself. */
static const struct advntk_node *shortest(const struct advntk_node *node)
{
    const struct advntk_node *name = advntk_node_get(node, "plugin");
    return advntk_node_count(node) == 1 && advntk_node_scalar(name) ? name : node;
}

/* A tree counts by what it says, not by how: 8/255 as its value, a plugin without parameters as its
 * name. */
static void hash_tree(const struct advntk_node *node, struct advntk__hash *hash)
{
    double number;
    node = shortest(node);
    advntk__hash_int(hash, (int64_t)advntk_node_kind(node));
    if (advntk_node_scalar(node) &&
        advntk__expression(advntk_node_scalar(node), NULL, &number, NULL) == ADVNTK_OK) {
        advntk__hash_real(hash, number);
        return;
    }
    advntk__hash_text(hash, advntk_node_scalar(node));
    advntk__hash_int(hash, advntk_node_count(node));
    for (ptrdiff_t i = 0; i < advntk_node_count(node); i++) {
        advntk__hash_text(hash, advntk_node_key(node, i));
        hash_tree(advntk_node_item(node, i), hash);
    }
}

advntk_status advntk__tree_identity(const struct advntk_node *tree, uint8_t digest[16],
                                    struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__hash *hash = advntk__hash_new();
    if (!hash) {
        FAIL(err, ENOMEM, "no memory for a digest");
    }
    hash_tree(tree, hash);
    advntk__hash_end(hash, digest);
out:
    advntk__hash_free(hash);
    return rc;
}

/* A file counts by its content, so that a moved file is the same; a folder or a new file by its
 * name. */
static advntk_status hash_path(const char *path, struct advntk__hash *hash,
                               struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct stat status;
    uint8_t digest[16];
    if (path && stat(path, &status) == 0 && S_ISREG(status.st_mode)) {
        TRY(advntk__files_digest(path, digest, err));
        advntk__hash_add(hash, digest, sizeof(digest));
    } else {
        advntk__hash_text(hash, path);
    }
out:
    return rc;
}

static advntk_status hash_list(const struct advntk_param *row, const char *member,
                               struct advntk__hash *hash, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk_list list;
    memcpy(&list, member, sizeof(list));
    advntk__hash_int(hash, list.count);
    for (ptrdiff_t i = 0; i < list.count; i++) {
        TRY(hash_value(row, row->element,
                       (const char *)list.items + (size_t)i * advntk__param_bytes(row->element),
                       hash, err));
    }
out:
    return rc;
}

static advntk_status hash_value(const struct advntk_param *row, enum advntk_param_type type,
                                const char *member, struct advntk__hash *hash,
                                struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    union {
        bool b;
        int64_t i;
        double r;
        const char *s;
        int c;
        struct advntk_slot slot;
        struct advntk_pair pair;
        const struct advntk_node *node;
    } value;
#define MEMBER(field) memcpy(&value.field, member, sizeof(value.field))
    switch ((int)type) {
    case ADVNTK_PARAM_BOOL:
        MEMBER(b);
        advntk__hash_int(hash, value.b);
        break;
    case ADVNTK_PARAM_INT:
        MEMBER(i);
        advntk__hash_int(hash, value.i);
        break;
    case ADVNTK_PARAM_REAL:
        MEMBER(r);
        advntk__hash_real(hash, value.r);
        break;
    case ADVNTK_PARAM_STRING:
        MEMBER(s);
        advntk__hash_text(hash, value.s);
        break;
    case ADVNTK_PARAM_PATH:
        MEMBER(s);
        TRY(hash_path(value.s, hash, err));
        break;
    case ADVNTK_PARAM_CHOICE:
        MEMBER(c);
        advntk__hash_text(hash, row->choices[value.c]);
        break;
    case ADVNTK_PARAM_SLOT:
        MEMBER(slot);
        TRY(advntk__slot_identity(&value.slot, hash, err));
        break;
    case ADVNTK_PARAM_LIST:
        TRY(hash_list(row, member, hash, err));
        break;
    case ADVNTK_PARAM_PAIR:
        MEMBER(pair);
        advntk__hash_real(hash, value.pair.first);
        advntk__hash_real(hash, value.pair.second);
        break;
    case ADVNTK_PARAM_NODE:
        MEMBER(node);
        hash_tree(value.node, hash);
        break;
    default:
        break;
    }
#undef MEMBER
out:
    return rc;
}

/* A row that came after the first release and has its default: runs stored before it keep their id.
 */
static advntk_status left_out(const struct advntk_param *row, const char *member, bool *out,
                              struct advntk_error *err)
{
    *out = (row->flags & ADVNTK_P_NO_IDENTITY) != 0;
    return *out || !row->since ? ADVNTK_OK : advntk__param_is_default(row, member, out, err);
}

static advntk_status hash_table(const struct advntk_param *rows, const void *config,
                                struct advntk__hash *hash, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    for (const struct advntk_param *row = rows; row && row->name; row++) {
        const char *member = (const char *)config + row->offset;
        bool absent;
        TRY(left_out(row, member, &absent, err));
        if (!absent) {
            advntk__hash_text(hash, row->name);
            TRY(hash_value(row, row->type, member, hash, err));
        }
    }
    advntk__hash_text(hash, NULL);
out:
    return rc;
}

advntk_status advntk__slot_identity(const struct advntk_slot *slot, struct advntk__hash *hash,
                                    struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    if (!slot->plugin) {
        advntk__hash_text(hash, NULL);
        goto out;
    }
    advntk__hash_int(hash, slot->plugin->kind);
    advntk__hash_text(hash, slot->plugin->name);
    advntk__hash_int(hash, strtol(slot->plugin->version, NULL, 10));
    TRY(hash_table(slot->plugin->params, slot->config, hash, err));
    if (slot->host_config) {
        TRY(hash_table(advntk__slot_host_params(slot->plugin->kind), slot->host_config, hash, err));
    }
out:
    return rc;
}
