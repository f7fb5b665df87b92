/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A tree as YAML, so that reading it gives the same texts back. */
#include "config.h"

#include "base/text.h"
#include "recipe/node.h"
#include "recipe/resolved.h"

#include <ctype.h>
#include <string.h>

static bool is_null_word(const char *text)
{
    return strcmp(text, "null") == 0 || strcmp(text, "Null") == 0 || strcmp(text, "NULL") == 0 ||
           strcmp(text, "~") == 0;
}

/* Whether YAML reads the text back without quotes, in a flow list too. */
static bool needs_no_quotes(const char *text)
{
    size_t length = strlen(text);
    if (length == 0 || is_null_word(text)) {
        return false;
    }
    if (strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+-") !=
        length) {
        return false;
    }
    return isalnum((unsigned char)text[0]) || text[0] == '/' || text[0] == '_' ||
           (length > 1 && strchr(".+-", text[0]) &&
            (isdigit((unsigned char)text[1]) || strcmp(text + 1, ".inf") == 0 ||
             strcmp(text, ".inf") == 0));
}

/* Characters that double quotes do not keep as they are: controls, line ends of Unicode, a BOM. */
static size_t escape(const unsigned char *s, struct advntk__text *out)
{
    if (s[0] == '"' || s[0] == '\\') {
        advntk__text_printf(out, "\\%c", s[0]);
    } else if (s[0] == '\n') {
        advntk__text_puts(out, "\\n");
    } else if (s[0] < 0x20 || s[0] == 0x7f) {
        advntk__text_printf(out, "\\x%02x", s[0]);
    } else if (s[0] == 0xc2 && s[1] >= 0x80 && s[1] < 0xa0) {
        advntk__text_printf(out, "\\x%02x", s[1]);
        return 2;
    } else if (s[0] == 0xe2 && s[1] == 0x80 && (s[2] == 0xa8 || s[2] == 0xa9)) {
        advntk__text_printf(out, "\\u20%02x", s[2] - 0x80);
        return 3;
    } else if (s[0] == 0xef && s[1] == 0xbb && s[2] == 0xbf) {
        advntk__text_puts(out, "\\ufeff");
        return 3;
    } else {
        advntk__text_add(out, (const char *)s, 1);
    }
    return 1;
}

static void print_text(const char *text, struct advntk__text *out)
{
    if (needs_no_quotes(text)) {
        advntk__text_puts(out, text);
        return;
    }
    advntk__text_puts(out, "\"");
    for (const unsigned char *s = (const unsigned char *)text; *s;) {
        s += escape(s, out);
    }
    advntk__text_puts(out, "\"");
}

static bool flat(const struct advntk_node *list)
{
    for (ptrdiff_t i = 0; i < list->count; i++) {
        if (list->entries[i].value->count > 0) {
            return false;
        }
    }
    return true;
}

static void print_inline(const struct advntk_node *node, struct advntk__text *out)
{
    switch (node->kind) {
    case ADVNTK_NODE_NULL:
        advntk__text_puts(out, "null");
        break;
    case ADVNTK_NODE_SCALAR:
        print_text(node->text, out);
        break;
    case ADVNTK_NODE_MAP:
        advntk__text_puts(out, "{}");
        break;
    case ADVNTK_NODE_LIST:
        advntk__text_puts(out, "[");
        for (ptrdiff_t i = 0; i < node->count; i++) {
            advntk__text_puts(out, i ? ", " : "");
            print_inline(node->entries[i].value, out);
        }
        advntk__text_puts(out, "]");
        break;
    }
}

static void indent(int level, struct advntk__text *out)
{
    for (int i = 0; i < level; i++) {
        advntk__text_puts(out, "  ");
    }
}

/* A map's or list's entries, a line each; the first without indentation if it follows "- ". */
static void print_block(const struct advntk_node *node, int level, bool started,
                        struct advntk__text *out)
{
    for (ptrdiff_t i = 0; i < node->count; i++) {
        const struct advntk_node *value = node->entries[i].value;
        bool is_inline = value->count == 0 || (value->kind == ADVNTK_NODE_LIST && flat(value));
        if (i > 0 || !started) {
            indent(level, out);
        }
        if (node->kind == ADVNTK_NODE_MAP) {
            print_text(node->entries[i].key, out);
            advntk__text_puts(out, ":");
        } else {
            advntk__text_puts(out, "-");
        }
        if (is_inline) {
            advntk__text_puts(out, " ");
            print_inline(value, out);
            advntk__text_puts(out, "\n");
        } else if (node->kind == ADVNTK_NODE_MAP) {
            advntk__text_puts(out, "\n");
            print_block(value, level + 1, false, out);
        } else {
            advntk__text_puts(out, " ");
            print_block(value, level + 1, true, out);
        }
    }
}

void advntk__tree_print(const struct advntk_node *tree, struct advntk__text *out)
{
    if (tree->count > 0) {
        print_block(tree, 0, false, out);
    } else {
        print_inline(tree, out);
        advntk__text_puts(out, "\n");
    }
}
