/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tables of runs, from their JSON objects (the outcome of `run`, or report/stored.h). */
#ifndef ADVNTK_CLI_SUMMARY_H
#define ADVNTK_CLI_SUMMARY_H

#include "report/sheet.h"

#include <jansson.h>

/* A line a run: id, name, what the sweeps changed, each evaluation with its interval, audit,
 * seconds. Columns are those that any of the runs has. Returns CLI_DONE or says what is wrong. */
int cli_summary_table(const json_t *objects, enum advntk__sheet_format format);
/* The folders, a line a run. */
void cli_summary_folders(const json_t *objects);

#endif
