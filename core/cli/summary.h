/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tables of runs, from their JSON objects (the outcome of `run`, or run.json). */
#ifndef ADVNTK_CLI_SUMMARY_H
#define ADVNTK_CLI_SUMMARY_H

#include "run/record.h"

/* A line a run: id, name, what the sweep changed, each evaluation with its interval, audit,
 * seconds. */
void cli_summary_table(const json_t *objects);
/* The folders, a line a run. */
void cli_summary_folders(const json_t *objects);
/* One value as a cell of a table. */
void cli_summary_value(const json_t *value, char *text, size_t size);

#endif
