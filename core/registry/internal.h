/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of this room share; nobody else includes it. */
#ifndef ADVNTK_REGISTRY_INTERNAL_H
#define ADVNTK_REGISTRY_INTERNAL_H

#include "base/text.h"
#include "registry/registry.h"

/* A folder that plugins are looked for in, and a file found there. */
struct advntk__folder {
    char *path;
};
struct advntk__candidate {
    char *file, *base; /* base: the file's name without ".so" */
    ptrdiff_t folder;  /* rank of its folder in the search order */
    uint32_t kind;     /* of the KIND folder that it lies in; 0: directly in the folder */
};

/* Who may own plugins: the superuser, this user, and whoever owns the program itself. */
struct advntk__search {
    ptrdiff_t folder_count, candidate_count;
    struct advntk__folder *folders;
    struct advntk__candidate *candidates;
    void (*refuse)(void *context, const char *file, const char *reason);
    void *context;
    unsigned long program_owner;
    bool allow_writable;
};

/* Fills folders and candidates, both in search order; a folder's candidates are sorted by file
 * name. Folders that others may write to go to `refuse`. Fails: ENOTFOUND (a folder of
 * plugin_path), ENOMEM. */
ADVNTK_MUST_CHECK advntk_status advntk__search_run(struct advntk__search *search,
                                                   const char *plugin_path,
                                                   struct advntk_error *err);
void advntk__search_release(struct advntk__search *search);

/* EABI with the reason when others may write to `path`, a file or folder. */
ADVNTK_MUST_CHECK advntk_status advntk__search_check_owner(const struct advntk__search *search,
                                                           const char *path,
                                                           struct advntk_error *err);

/* An accepted plugin with the host's copies of its tables. */
struct advntk__entry {
    struct advntk__plugin_record record;
    char *file;
    struct advntk_param *params;
    void *ops;
    ptrdiff_t folder;
};

/* Opens and checks one file. The error's text is the reason of a refusal: one line, without the
 * file's name. The file stays open if accepted, and is closed if not. */
ADVNTK_MUST_CHECK advntk_status advntk__entry_open(const struct advntk__candidate *candidate,
                                                   struct advntk__entry **entry,
                                                   struct advntk_error *err);
void advntk__entry_free(struct advntk__entry *entry); /* NULL allowed; the library stays open */

/* Whether memory lies within one readable segment of a loaded library, and whether a text does,
 * with its end, and holds no control characters but newlines. So a wild pointer in a descriptor is
 * a fault that can be told, not a crash. */
bool advntk__mapped(const void *start, size_t bytes);
bool advntk__mapped_text(const char *text);

/* The audits; texts of `plugin` that are NULL or wild are found here. Fails: EABI. */
ADVNTK_MUST_CHECK advntk_status advntk__audit_descriptor(const struct advntk_plugin *plugin,
                                                         struct advntk_error *err);
ADVNTK_MUST_CHECK advntk_status advntk__audit_ops(uint32_t kind, const void *ops,
                                                  struct advntk_error *err);
/* One row by itself: read before the next one, so that a table without an end is left early. */
ADVNTK_MUST_CHECK advntk_status advntk__audit_row(const struct advntk_param *row, ptrdiff_t number,
                                                  size_t config_bytes, struct advntk_error *err);
/* Rows against each other and against the host's own. */
ADVNTK_MUST_CHECK advntk_status advntk__audit_table(uint32_t kind, ptrdiff_t count,
                                                    const struct advntk_param *rows,
                                                    struct advntk_error *err);

size_t advntk__ops_bytes(uint32_t kind);
const char *advntk__param_type_name(enum advntk_param_type type);

/* Whether a refused file lies in the folder of that kind, or directly in a plugin folder; kind 0:
 * any. */
bool advntk__refusal_concerns(const struct advntk__refusal *refusal, uint32_t kind);

/* The JSON forms; a lack of memory is kept in out->failed. */
void advntk__describe_json(const struct advntk__plugin_record *record, const char *example,
                           struct advntk__text *out);
void advntk__list_json(const struct advntk__registry *registry, uint32_t kind, bool all,
                       struct advntk__text *out);

enum { ADVNTK__ROWS_MAX = 1000 };

#endif
