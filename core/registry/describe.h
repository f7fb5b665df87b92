/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a plugin is and takes, and which plugins there are, as text, Markdown or JSON. Everything
 * shown comes from the descriptor and its parameter table; nothing is written a second time. */
#ifndef ADVNTK_REGISTRY_DESCRIBE_H
#define ADVNTK_REGISTRY_DESCRIBE_H

#include "base/text.h"
#include "registry/registry.h"

enum advntk__format { ADVNTK__FORMAT_TEXT, ADVNTK__FORMAT_MD, ADVNTK__FORMAT_JSON };

/* Name, version, licence, summary, doc, source, the parameter table, the program's own parameters
 * of that kind, and a piece of recipe that uses the plugin. Text is at most 100 columns wide; each
 * format ends with a newline. Fails: ENOMEM. */
ADVNTK_MUST_CHECK advntk_status advntk__describe_plugin(const struct advntk__plugin_record *record,
                                                        enum advntk__format format,
                                                        struct advntk__text *out,
                                                        struct advntk_error *err);

/* A line a plugin: "attack/pgd  1.0.0  summary". kind 0: all kinds. all: also the files, the
 * plugins that others shadow, and the refused files with the reason. Fails: ENOMEM. */
ADVNTK_MUST_CHECK advntk_status advntk__list_plugins(const struct advntk__registry *registry,
                                                     uint32_t kind, bool all,
                                                     enum advntk__format format,
                                                     struct advntk__text *out,
                                                     struct advntk_error *err);

/* The pieces of a row as a reader sees them, for other writers of references (schema, manual). */
void advntk__param_type_text(const struct advntk_param *row,
                             struct advntk__text *out); /* "list of int" */
void advntk__param_default_text(const struct advntk_param *row,
                                struct advntk__text *out); /* "10", "required", "" */
void advntk__param_range_text(const struct advntk_param *row,
                              struct advntk__text *out); /* "0 to 100000", "" */

#endif
