/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cli/cli.h"

#include "base/files.h"
#include "run/services.h"
#include "store/cache.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t cache_size;

static const struct cli_option cache_options[] = {
    {CLI_SIZE, "size", 0, "SIZE", &cache_size,
     "prune: keep so much, what was used last (default: nothing)"},
    {CLI_END, NULL, 0, NULL, NULL, NULL},
};

static void date_text(double seconds, char text[32])
{
    time_t whole = (time_t)seconds;
    struct tm utc;

    text[0] = '\0';
    if (gmtime_r(&whole, &utc)) {
        strftime(text, 32, "%Y-%m-%d %H:%M", &utc);
    }
}

static void print_json(const struct advntk__cache_entry *e)
{
    json_t *object = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:f, s:s}", "key", e->key, "kind",
                               e->kind, "rows", (json_int_t)e->rows, "tiles", (json_int_t)e->tiles,
                               "done", (json_int_t)e->done, "bytes", (json_int_t)e->bytes, "used",
                               e->used, "of", e->about);

    json_dumpf(object, stdout, 0);
    putchar('\n');
    json_decref(object);
}

static int list_entries(const struct cli *cli, const char *folder)
{
    struct advntk__cache_entry *entries = NULL;
    struct advntk__sheet sheet = {0};
    struct advntk_error err;
    ptrdiff_t count = 0;
    int64_t all = 0;
    char text[32];
    int code = CLI_DONE;

    if (advntk__cache_list(folder, &entries, &count, &err) != ADVNTK_OK) {
        return cli_error(&err);
    }
    advntk__sheet_column(&sheet, 'l', "entry");
    advntk__sheet_column(&sheet, 'l', "kind");
    advntk__sheet_column(&sheet, 'r', "rows");
    advntk__sheet_column(&sheet, 'r', "tiles");
    advntk__sheet_column(&sheet, 'r', "size");
    advntk__sheet_column(&sheet, 'l', "last used");
    advntk__sheet_column(&sheet, 'l', "of");
    for (ptrdiff_t i = count; i-- > 0;) {
        const struct advntk__cache_entry *e = &entries[i];
        all += e->bytes;
        if (cli->json) {
            print_json(e);
            continue;
        }
        advntk__sheet_add(&sheet, "%.8s", e->key);
        advntk__sheet_add(&sheet, "%s", *e->kind ? e->kind : "unreadable");
        advntk__sheet_add(&sheet, "%lld", (long long)e->rows);
        advntk__sheet_add(&sheet, "%td/%td", e->done, e->tiles);
        advntk__sheet_add(&sheet, "%s", advntk__size_text(e->bytes, text));
        date_text(e->used, text);
        advntk__sheet_add(&sheet, "%s", text);
        advntk__sheet_add(&sheet, "%s", e->about);
    }
    if (!cli->json && count) {
        code = cli_table_print(&sheet, ADVNTK__SHEET_TEXT);
        sheet = (struct advntk__sheet){0};
        printf("\n%s in %s\n", advntk__size_text(all, text), folder);
    }
    advntk__sheet_release(&sheet);
    free(entries);
    return code;
}

/* Damaged entries are removed: what they held is computed again. */
static int verify_entries(const char *folder)
{
    struct advntk__cache_entry *entries = NULL;
    struct advntk_error err;
    ptrdiff_t count = 0, damaged = 0, bad = 0;
    int code = CLI_DONE;

    if (advntk__cache_list(folder, &entries, &count, &err) != ADVNTK_OK) {
        return cli_error(&err);
    }
    for (ptrdiff_t i = 0; i < count; i++) {
        advntk_status rc = advntk__cache_verify(folder, entries[i].key, &damaged, &err);
        if (rc == ADVNTK_EBUSY) {
            printf("%s: in use, not looked at\n", entries[i].key);
            continue;
        }
        if ((rc == ADVNTK_OK && damaged == 0) || rc == ADVNTK_ENOTFOUND) {
            continue;
        }
        bad++;
        if (rc == ADVNTK_OK) {
            printf("%s: %td damaged tile%s; removed\n", entries[i].key, damaged,
                   damaged > 1 ? "s" : "");
        } else {
            printf("%s; removed\n", err.text);
        }
        if (advntk__cache_remove(folder, entries[i].key, &err) != ADVNTK_OK) {
            code = cli_error(&err);
        }
    }
    printf("%td of %td entries are good\n", count - bad, count);
    free(entries);
    return bad ? CLI_FAILED : code;
}

static int prune_entries(const char *folder)
{
    struct advntk_error err;
    ptrdiff_t removed;
    int64_t freed;
    char text[32];

    if (advntk__cache_prune(folder, cache_size, &removed, &freed, &err) != ADVNTK_OK) {
        return cli_error(&err);
    }
    printf("%td entries removed, %s freed\n", removed, advntk__size_text(freed, text));
    return CLI_DONE;
}

static int cache_main(struct cli *cli)
{
    const char *what = cli->words[0];
    char *folder = advntk__files_join(cli->results, "cache");
    int code;

    if (!folder) {
        return cli_fail("no memory for a path");
    }
    if (strcmp(what, "list") == 0) {
        code = list_entries(cli, folder);
    } else if (strcmp(what, "verify") == 0) {
        code = verify_entries(folder);
    } else if (strcmp(what, "prune") == 0) {
        code = prune_entries(folder);
    } else {
        code = cli_misuse(cli, "'%s': expected list, verify or prune", what);
    }
    free(folder);
    return code;
}

const struct cli_command cli_cache = {
    .name = "cache",
    .words = "list|verify|prune",
    .summary = "The kernel matrices and factors kept in RESULTS/cache",
    .text =
        "list: what there is. verify: reads everything, removes what is damaged. prune: removes\n"
        "what was not used for longest. Runs never need the cache: what is missing is computed.",
    .example = "advntk cache prune --size 4G",
    .options = cache_options,
    .least = 1,
    .most = 1,
    .run = cache_main,
};
