/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A report: one HTML file that needs nothing beside it. */
#ifndef ADVNTK_REPORT_PAGE_H
#define ADVNTK_REPORT_PAGE_H

#include "report/select.h"

struct advntk__registry;

struct advntk__page {
    struct advntk_host *host;
    const struct advntk__registry *registry;
    const struct advntk__selection *selection;
    const char *results, *by; /* by: as of advntk__compare_options */
    ptrdiff_t examples;       /* images that are attacked again to be shown; 0: none */
};
/*
 * The question, what came out (variants, differences), curves, examples, audit, recipe, settings,
 * provenance and cost. Examples that cannot be had (data or a plugin are gone) become a sentence.
 * Fails: EINVALID (no finished run), what advntk__compare says, ENOMEM, ECANCELLED.
 */
ADVNTK_MUST_CHECK advntk_status advntk__page_write(const struct advntk__page *page,
                                                   struct advntk__text *out,
                                                   struct advntk_error *err);

#endif
