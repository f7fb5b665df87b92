/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What each attack of a composite found. */
#ifndef ADVNTK_REPORT_PARTS_H
#define ADVNTK_REPORT_PARTS_H

#include "report/sheet.h"

#include <jansson.h>

/*
 * The table of a stored evaluation: a line a part; who fell, missed by the parts before it, and the
 * accuracy after it; where each was run alone, its accuracy alone and who falls to nothing else.
 * false: the attack has no parts, and the sheet is left as it is.
 */
bool advntk__parts_sheet(const json_t *evaluation, struct advntk__sheet *sheet);

#endif
