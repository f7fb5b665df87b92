/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "report/parts.h"

static long long count_of(const json_t *object, const char *key)
{
    return (long long)json_integer_value(json_object_get(object, key));
}

static double real_of(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

bool advntk__parts_sheet(const json_t *evaluation, struct advntk__sheet *sheet)
{
    const json_t *parts = json_object_get(evaluation, "parts"), *alone;
    json_t *part;
    size_t i;
    bool each = json_object_get(json_array_get(parts, 0), "alone") != NULL;

    if (json_array_size(parts) == 0) {
        return false;
    }
    advntk__sheet_column(sheet, 'l', "attack");
    advntk__sheet_column(sheet, 'r', "attacked");
    advntk__sheet_column(sheet, 'r', "fell, missed before");
    advntk__sheet_column(sheet, 'r', "accuracy after it");
    if (each) {
        advntk__sheet_column(sheet, 'r', "accuracy alone");
        advntk__sheet_column(sheet, 'r', "found only by it");
    }
    json_array_foreach(parts, i, part)
    {
        alone = json_object_get(part, "alone");
        advntk__sheet_add(sheet, "%s", json_string_value(json_object_get(part, "name")));
        advntk__sheet_add(sheet, "%lld", count_of(part, "attacked"));
        advntk__sheet_add(sheet, "%lld", count_of(part, "fell"));
        advntk__sheet_add(sheet, "%.4f", real_of(part, "accuracy"));
        if (each) {
            advntk__sheet_add(sheet, "%.4f", real_of(alone, "accuracy"));
            advntk__sheet_add(sheet, "%lld", count_of(alone, "only"));
        }
    }
    return true;
}
