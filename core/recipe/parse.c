/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * libyaml's events become a tree. A fault of syntax ends the reading (EINVALID inside this file,
 * the line in `faults`); duplicate keys are noted and the reading goes on.
 */
#include "config.h"

#include "recipe/parse.h"

#include "base/try.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct anchor {
    const char *name;
    const struct advntk_node *node; /* NULL: still being read */
};

struct reader {
    struct advntk__study_memory *memory;
    const struct advntk__source *source;
    struct advntk__faults *faults;
    const char *text;
    size_t length;
    yaml_parser_t parser;
    struct anchor *anchors;
    ptrdiff_t anchor_count, anchor_room;
};

advntk_status advntk__place_new(struct advntk__study_memory *memory,
                                const struct advntk__source *source, int line, int column,
                                const struct advntk__place **place, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__place *made;
    struct advntk__text text = {0};
    if (source->fixed) {
        *place = source->fixed;
        goto out;
    }
    TRY(advntk__pool_get(memory, 1, sizeof(*made), &made, err));
    *made = (struct advntk__place){.file = source->file,
                                   .folder = source->folder,
                                   .order = source->order,
                                   .line = line,
                                   .column = column};
    advntk__text_printf(&text, "%s:%d:%d", source->file, line, column);
    if (text.failed) {
        FAIL(err, ENOMEM, "no memory for a recipe");
    }
    TRY(advntk__pool_text(memory, text.bytes, text.length, &made->text, err));
    *place = made;
out:
    advntk__text_release(&text);
    return rc;
}

static advntk_status place_of(struct reader *r, yaml_mark_t mark,
                              const struct advntk__place **place, struct advntk_error *err)
{
    return advntk__place_new(r->memory, r->source, (int)mark.line + 1, (int)mark.column + 1, place,
                             err);
}

/* Notes a fault of syntax and returns EINVALID. */
static advntk_status refuse(struct reader *r, yaml_mark_t mark, const char *message,
                            struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct advntk__place *place;
    TRY(place_of(r, mark, &place, err));
    advntk__fault(r->faults, place, NULL, "%s", message);
    FAIL(err, EINVALID, "%s", message);
out:
    return rc;
}

/* Length of the UTF-8 sequence at s (RFC 3629: no surrogates, nothing overlong); 0: none. */
static size_t utf8_length(const unsigned char *s, size_t left)
{
    size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    if (n == 0 || s[0] > 0xf4 || n > left) {
        return 0;
    }
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f)) {
        return 0;
    }
    return n;
}

static advntk_status check_bytes(struct reader *r, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    yaml_mark_t mark = {0, 0, 0};
    char message[120];
    for (size_t i = 0; i < r->length;) {
        const unsigned char *s = (const unsigned char *)r->text + i;
        size_t n = utf8_length(s, r->length - i);
        if (n == 0) {
            snprintf(message, sizeof(message),
                     "byte 0x%02x is not UTF-8; save the file in that encoding", s[0]);
            TRY(refuse(r, mark, message, err));
        }
        if (s[0] == 0) {
            TRY(refuse(r, mark, "a NUL byte: this is not a text file", err));
        }
        mark.column = s[0] == '\n' ? 0 : mark.column + 1;
        mark.line += s[0] == '\n';
        i += n;
    }
out:
    return rc;
}

/* libyaml says "found character that cannot start any token" where a tab indents. */
static bool tab_at(const struct reader *r, yaml_mark_t mark)
{
    const char *line = r->text, *end = r->text + r->length;
    for (size_t i = 0; i < mark.line && line; i++) {
        line = memchr(line, '\n', (size_t)(end - line));
        line = line ? line + 1 : NULL;
    }
    while (line && line < end && (*line == ' ' || *line == '\t')) {
        if (*line++ == '\t') {
            return true;
        }
    }
    return false;
}

static advntk_status next_event(struct reader *r, yaml_event_t *event, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    char message[300];
    if (!yaml_parser_parse(&r->parser, event)) {
        yaml_mark_t mark = r->parser.problem_mark;
        if (r->parser.error == YAML_MEMORY_ERROR) {
            FAIL(err, ENOMEM, "no memory for a recipe");
        }
        snprintf(message, sizeof(message), "%s%s%s%s",
                 tab_at(r, mark) ? "a tab indents this line, YAML wants spaces: " : "not YAML: ",
                 r->parser.context ? r->parser.context : "", r->parser.context ? ", " : "",
                 r->parser.problem ? r->parser.problem : "unreadable");
        TRY(refuse(r, mark, message, err));
    }
out:
    return rc;
}

/* ---- anchors ---- */

static advntk_status anchor_open(struct reader *r, const yaml_char_t *name, ptrdiff_t *at,
                                 struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const char *text = (const char *)name;
    *at = -1;
    if (!name) {
        goto out;
    }
    if (r->anchor_count == r->anchor_room) {
        ptrdiff_t room = r->anchor_room ? 2 * r->anchor_room : 8;
        struct anchor *anchors = realloc(r->anchors, (size_t)room * sizeof(*anchors));
        if (!anchors) {
            FAIL(err, ENOMEM, "no memory for a recipe");
        }
        r->anchors = anchors;
        r->anchor_room = room;
    }
    *at = r->anchor_count++;
    r->anchors[*at] = (struct anchor){NULL, NULL};
    TRY(advntk__pool_text(r->memory, text, strlen(text), &r->anchors[*at].name, err));
out:
    return rc;
}

static void anchor_close(struct reader *r, ptrdiff_t at, const struct advntk_node *node)
{
    if (at >= 0) {
        r->anchors[at].node = node;
    }
}

static int height(const struct advntk_node *node)
{
    int highest = 0;
    for (ptrdiff_t i = 0; i < node->count; i++) {
        int h = height(node->entries[i].value) + 1; /* at most ADVNTK__TREE_DEPTH: read earlier */
        highest = h > highest ? h : highest;
    }
    return highest;
}

static advntk_status read_alias(struct reader *r, const yaml_event_t *event, int depth,
                                struct advntk_node **node, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const char *name = (const char *)event->data.alias.anchor;
    const struct anchor *found = NULL;
    char message[300];
    for (ptrdiff_t i = r->anchor_count - 1; i >= 0 && !found; i--) {
        found = strcmp(r->anchors[i].name, name) == 0 ? &r->anchors[i] : NULL;
    }
    if (!found) {
        snprintf(message, sizeof(message), "alias '*%.100s' has no anchor '&%.100s' before it",
                 name, name);
        TRY(refuse(r, event->start_mark, message, err));
    } else if (!found->node) {
        snprintf(message, sizeof(message), "alias '*%.100s' lies inside its own anchor", name);
        TRY(refuse(r, event->start_mark, message, err));
    } else if (depth + height(found->node) > ADVNTK__TREE_DEPTH) {
        TRY(refuse(r, event->start_mark, "aliases nest deeper than 100 levels", err));
    } else {
        rc = advntk__node_copy(r->memory, found->node, node, err);
        if (rc == ADVNTK_ELIMIT) {
            TRY(refuse(r, event->start_mark, err->text, err));
        }
        TRY(rc);
    }
out:
    return rc;
}

/* ---- maps ---- */

static int by_key(const void *left, const void *right)
{
    const struct advntk__entry *const *a = left, *const *b = right;
    int order = strcmp((*a)->key, (*b)->key);
    return order != 0 ? order : *a < *b ? -1 : *a > *b;
}

/* Faults for keys that stand twice, the later ones removed. */
static advntk_status check_duplicates(struct reader *r, struct advntk_node *map,
                                      struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__entry **sorted;
    ptrdiff_t kept = 0;
    TRY(advntk__pool_get(r->memory, map->count, sizeof(struct advntk__entry *), &sorted, err));
    for (ptrdiff_t i = 0; i < map->count; i++) {
        sorted[i] = &map->entries[i];
    }
    if (map->count > 1) {
        qsort(sorted, (size_t)map->count, sizeof(struct advntk__entry *), by_key);
    }
    for (ptrdiff_t i = 1, first = 0; i < map->count; i++) {
        if (strcmp(sorted[first]->key, sorted[i]->key) != 0) {
            first = i;
            continue;
        }
        advntk__fault(r->faults, sorted[i]->place, NULL, "key '%.100s' stands twice, first at %s",
                      sorted[i]->key, sorted[first]->place->text);
        sorted[i]->value = NULL;
    }
    for (ptrdiff_t i = 0; i < map->count; i++) {
        if (map->entries[i].value) {
            map->entries[kept++] = map->entries[i];
        }
    }
    map->count = kept;
out:
    return rc;
}

static advntk_status merge_one(struct reader *r, struct advntk_node *map,
                               const struct advntk_node *from, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    if (from->kind != ADVNTK_NODE_MAP) {
        advntk__fault(r->faults, from->place, NULL, "'<<' merges a map or a list of maps");
        goto out;
    }
    for (ptrdiff_t i = 0; i < from->count; i++) {
        const struct advntk__entry *e = &from->entries[i];
        if (!advntk__node_find(map, e->key)) {
            TRY(advntk__node_add(map, e->key, e->place, e->value, err));
        }
    }
out:
    return rc;
}

/* `<<: *base` or `<<: [*a, *b]`: keys written here win, then the earlier maps. */
static advntk_status merge_keys(struct reader *r, struct advntk_node *map, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__entry *merge = advntk__node_find(map, "<<");
    const struct advntk_node *from;
    if (!merge) {
        goto out;
    }
    from = merge->value;
    advntk__node_remove(map, merge - map->entries);
    if (from->kind != ADVNTK_NODE_LIST) {
        TRY(merge_one(r, map, from, err));
        goto out;
    }
    for (ptrdiff_t i = 0; i < from->count; i++) {
        TRY(merge_one(r, map, from->entries[i].value, err));
    }
out:
    return rc;
}

static advntk_status read_node(struct reader *r, yaml_event_t *event, int depth,
                               struct advntk_node **node, struct advntk_error *err);

static advntk_status read_key(struct reader *r, const yaml_event_t *event, const char **key,
                              const struct advntk__place **place, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    TRY(place_of(r, event->start_mark, place, err));
    if (event->type != YAML_SCALAR_EVENT) {
        TRY(refuse(r, event->start_mark, "a key is plain text, not a list, a map or an alias",
                   err));
    }
    TRY(advntk__pool_text(r->memory, (const char *)event->data.scalar.value,
                          strlen((const char *)event->data.scalar.value), key, err));
out:
    return rc;
}

/* Items up to the end of a list or map, whose start event was read. */
static advntk_status read_entries(struct reader *r, struct advntk_node *node, int depth,
                                  struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    yaml_event_t event;
    bool have = false;
    for (;;) {
        const char *key = NULL;
        const struct advntk__place *place = NULL;
        struct advntk_node *value = NULL;
        TRY(next_event(r, &event, err));
        have = true;
        if (event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT) {
            break;
        }
        if (node->kind == ADVNTK_NODE_MAP) {
            TRY(read_key(r, &event, &key, &place, err));
            yaml_event_delete(&event);
            have = false;
            TRY(next_event(r, &event, err));
            have = true;
        }
        TRY(read_node(r, &event, depth + 1, &value, err));
        TRY(advntk__node_add(node, key, key ? place : value->place, value, err));
        yaml_event_delete(&event);
        have = false;
    }
    if (node->kind == ADVNTK_NODE_MAP) {
        TRY(check_duplicates(r, node, err));
        TRY(merge_keys(r, node, err));
    }
out:
    if (have) {
        yaml_event_delete(&event);
    }
    return rc;
}

static bool is_null_text(const char *text)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
    for (size_t i = 0; i < sizeof(nulls) / sizeof(nulls[0]); i++) {
        if (strcmp(text, nulls[i]) == 0) {
            return true;
        }
    }
    return false;
}

static advntk_status read_scalar(struct reader *r, const yaml_event_t *event,
                                 struct advntk_node *node, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const char *text = (const char *)event->data.scalar.value;
    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (strlen(text) != event->data.scalar.length) {
        TRY(refuse(r, event->start_mark, "text with a NUL character in it", err));
    }
    if (node->plain && is_null_text(text)) {
        node->kind = ADVNTK_NODE_NULL;
    }
    TRY(advntk__pool_text(r->memory, text, strlen(text), &node->text, err));
out:
    return rc;
}

static advntk_status read_node(struct reader *r, yaml_event_t *event, int depth,
                               struct advntk_node **node, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct advntk__place *place;
    enum advntk_node_kind kind = ADVNTK_NODE_SCALAR;
    const yaml_char_t *anchor = NULL, *tag = NULL;
    struct advntk_node *made = NULL;
    ptrdiff_t at;

    if (depth > ADVNTK__TREE_DEPTH) {
        TRY(refuse(r, event->start_mark, "nested deeper than 100 levels", err));
    }
    if (event->type == YAML_ALIAS_EVENT) {
        TRY(read_alias(r, event, depth, node, err));
        goto out;
    }
    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        kind = ADVNTK_NODE_LIST;
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
    } else {
        kind = ADVNTK_NODE_MAP;
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
    }
    if (tag) {
        TRY(refuse(r, event->start_mark, "YAML tags (!name) are not part of the language", err));
    }
    TRY(place_of(r, event->start_mark, &place, err));
    rc = advntk__node_new(r->memory, kind, place, &made, err);
    if (rc == ADVNTK_ELIMIT) {
        TRY(refuse(r, event->start_mark, err->text, err));
    }
    TRY(rc);
    TRY(anchor_open(r, anchor, &at, err));
    if (kind == ADVNTK_NODE_SCALAR) {
        TRY(read_scalar(r, event, made, err));
    } else {
        TRY(read_entries(r, made, depth, err));
    }
    anchor_close(r, at, made);
    *node = made;
out:
    return rc;
}

/* Stream start, document, its end, stream end. */
static advntk_status read_stream(struct reader *r, struct advntk_node **root,
                                 struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    yaml_event_t event;
    bool have = false, ended = false;
    int documents = 0;
    while (!ended) {
        TRY(next_event(r, &event, err));
        have = true;
        switch ((int)event.type) {
        case YAML_STREAM_START_EVENT:
        case YAML_DOCUMENT_END_EVENT:
            break;
        case YAML_STREAM_END_EVENT:
            ended = true;
            break;
        case YAML_DOCUMENT_START_EVENT:
            if (documents++ > 0) {
                TRY(refuse(r, event.start_mark, "a second document (---); a recipe is one", err));
            }
            break;
        default:
            TRY(read_node(r, &event, 0, root, err));
            break;
        }
        yaml_event_delete(&event);
        have = false;
    }
out:
    if (have) {
        yaml_event_delete(&event);
    }
    return rc;
}

advntk_status advntk__parse(struct advntk__study_memory *memory,
                            const struct advntk__source *source, const char *text, size_t length,
                            struct advntk__faults *faults, struct advntk_node **root,
                            struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct reader r = {
        .memory = memory, .source = source, .faults = faults, .text = text, .length = length};
    struct advntk_error local;
    struct advntk_node *read = NULL;
    bool ready = false;

    err = err ? err : &local;
    *root = NULL;
    TRY(check_bytes(&r, err));
    if (!yaml_parser_initialize(&r.parser)) {
        FAIL(err, ENOMEM, "no memory for a recipe");
    }
    ready = true;
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, length);
    TRY(read_stream(&r, &read, err));
    *root = read;
out:
    if (ready) {
        yaml_parser_delete(&r.parser);
    }
    free(r.anchors);
    return rc == ADVNTK_EINVALID ? ADVNTK_OK : rc; /* the fault is noted */
}

advntk_status advntk__node_parse(const char *text, struct advntk__study_memory **memory,
                                 const struct advntk_node **root, struct advntk_error *err)
{
    const struct advntk__place place = {.text = "text", .folder = "/"};
    const struct advntk__source source = {.folder = "/", .fixed = &place};
    struct advntk__faults faults = {0};
    struct advntk_node *tree = NULL;
    advntk_status rc = ADVNTK_OK;

    *root = NULL;
    TRY(advntk__pool_new(NULL, memory, err));
    TRY(advntk__parse(*memory, &source, text, strlen(text), &faults, &tree, err));
    *root = advntk__faults_any(&faults) ? NULL : tree;
out:
    advntk__faults_release(&faults);
    return rc;
}
