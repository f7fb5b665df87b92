/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opens one plugin and copies its descriptor, operations and parameter table into the program's own
 * structs. The order of the checks matters: nothing is read before what says that it can be.
 */
#include "config.h"

#include "base/files.h"
#include "base/try.h"
#include "registry/internal.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define REBUILD "rebuild the plugin against the headers of this program"

/* What a descriptor must have to be read at all: everything up to the operations. What stands
 * behind (check, extension, later fields) is NULL when the plugin's descriptor is shorter. */
enum {
    PLUGIN_BYTES_LEAST = offsetof(struct advntk_plugin, ops) + sizeof(void *),
    PARAM_BYTES_LEAST = offsetof(struct advntk_param, since) + sizeof(char *), /* of 1.0 */
    STRUCT_BYTES_MOST = 65536,
    CONFIG_BYTES_MOST = 1 << 20
};

/* ---- memory of loaded libraries ---- */

struct segment_query {
    uintptr_t start, end; /* in: what is asked for; out: end of its segment */
    bool found;
};

static int segment_of(struct dl_phdr_info *library, size_t size, void *context)
{
    struct segment_query *q = context;
    (void)size;
    for (int i = 0; i < library->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &library->dlpi_phdr[i];
        uintptr_t first = (uintptr_t)(library->dlpi_addr + p->p_vaddr);
        if (p->p_type == PT_LOAD && (p->p_flags & PF_R) && q->start >= first &&
            q->start - first < p->p_memsz) {
            q->end = first + (uintptr_t)p->p_memsz;
            q->found = true;
            return 1;
        }
    }
    return 0;
}

static size_t mapped_bytes(const void *start)
{
    struct segment_query q = {.start = (uintptr_t)start};
    dl_iterate_phdr(segment_of, &q);
    return q.found ? (size_t)(q.end - q.start) : 0;
}

bool advntk__mapped(const void *start, size_t bytes)
{
    return start && mapped_bytes(start) >= bytes;
}

bool advntk__mapped_text(const char *text)
{
    size_t room = text ? mapped_bytes(text) : 0;
    for (size_t i = 0; i < room; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '\0') {
            return true;
        }
        if ((c < ' ' && c != '\n') || c == 127) {
            return false;
        }
    }
    return false;
}

/* ---- the file ---- */

/* The loader maps a truncated library without complaint and the process dies at the first page that
 * is not there; so its parts are compared with the file's length beforehand. */
static advntk_status check_length(const char *file, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    FILE *f = NULL;
    ElfW(Ehdr) head;
    ElfW(Phdr) part;
    struct stat st;

    if (stat(file, &st) == 0 && !S_ISREG(st.st_mode)) { /* opening a pipe would wait */
        FAIL(err, EABI, "is not a regular file");
    }
    f = fopen(file, "rbe");
    if (!f || fstat(fileno(f), &st) != 0) {
        FAIL(err, EIO, "cannot be read: %s", strerror(errno));
    }
    if (fread(&head, sizeof(head), 1, f) != 1 || memcmp(head.e_ident, ELFMAG, SELFMAG) != 0) {
        FAIL(err, EABI, "is not a shared library; remove it from the plugin folder");
    }
    if (head.e_phentsize != sizeof(part)) {
        goto out; /* of another word size: the loader says so */
    }
    for (unsigned i = 0; i < head.e_phnum; i++) {
        uint64_t at = head.e_phoff + (uint64_t)i * sizeof(part);
        uint64_t length = (uint64_t)st.st_size;
        if (at > length || length - at < sizeof(part) || fseeko(f, (off_t)at, SEEK_SET) != 0 ||
            fread(&part, sizeof(part), 1, f) != 1 || part.p_offset > length ||
            part.p_filesz > length - part.p_offset) {
            FAIL(err, EABI, "is a shared library cut short at %llu bytes; build or copy it again",
                 (unsigned long long)length);
        }
    }
out:
    if (f) {
        fclose(f);
    }
    return rc;
}

static advntk_status load_library(const char *file, void **library, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    size_t length = strlen(file);
    const char *text;

    dlerror();
    *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (!*library) {
        text = dlerror();
        text = text ? text : "no reason given";
        if (strncmp(text, file, length) == 0 && strncmp(text + length, ": ", 2) == 0) {
            text += length + 2;
        }
        FAIL(err, EABI, "cannot be loaded: %s", text);
    }
out:
    return rc;
}

static advntk_status call_entry(void *library, const struct advntk_plugin **theirs,
                                struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct advntk_plugin *(*entry)(void) = NULL;
    void *symbol = dlsym(library, "advntk_plugin_entry");

    if (!symbol) {
        FAIL(err, EABI,
             "has no function advntk_plugin_entry; define the plugin with ADVNTK_PLUGIN");
    }
    memcpy(&entry, &symbol, sizeof(entry));
    *theirs = entry();
    if (!*theirs) {
        FAIL(err, EABI, "advntk_plugin_entry returned NULL, expected a descriptor");
    }
    if (!advntk__mapped(*theirs, sizeof(struct advntk_abi))) {
        FAIL(err, EABI, "advntk_plugin_entry returned memory that is not static");
    }
out:
    return rc;
}

/* ---- the ABI block and what it says about sizes ---- */

static advntk_status check_abi(const struct advntk_abi *abi, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;

    if (abi->magic != ADVNTK_ABI_MAGIC) {
        FAIL(err, EABI, "abi.magic: is 0x%08x, expected 0x%08x; " REBUILD, (unsigned)abi->magic,
             ADVNTK_ABI_MAGIC);
    }
    if (abi->major != ADVNTK_ABI_MAJOR) {
        FAIL(err, EABI, "abi.major: is %u, expected %u; " REBUILD, (unsigned)abi->major,
             (unsigned)ADVNTK_ABI_MAJOR);
    }
    if (abi->minor > ADVNTK_ABI_MINOR) {
        FAIL(err, EABI, "abi.minor: is %u, expected at most %u; use a newer program or " REBUILD,
             (unsigned)abi->minor, (unsigned)ADVNTK_ABI_MINOR);
    }
    if (abi->size < PLUGIN_BYTES_LEAST || abi->size > STRUCT_BYTES_MOST) {
        FAIL(err, EABI, "abi.size: is %u, expected %d to %d; " REBUILD, (unsigned)abi->size,
             (int)PLUGIN_BYTES_LEAST, (int)STRUCT_BYTES_MOST);
    }
    if (abi->blasint_bytes != ADVNTK_BLASINT_BYTES) {
        FAIL(err, EABI, "abi.blasint_bytes: is %u, expected %d; " REBUILD,
             (unsigned)abi->blasint_bytes, ADVNTK_BLASINT_BYTES);
    }
    if (abi->param_bytes < PARAM_BYTES_LEAST) {
        FAIL(err, EABI, "abi.param_bytes: is %u, expected at least %d; " REBUILD,
             (unsigned)abi->param_bytes, (int)PARAM_BYTES_LEAST);
    }
out:
    return rc;
}

static advntk_status copy_descriptor(const struct advntk_plugin *theirs,
                                     struct advntk_plugin *plugin, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    size_t bytes;

    TRY(check_abi(&theirs->abi, err));
    if (!advntk__mapped(theirs, theirs->abi.size)) {
        FAIL(err, EABI, "abi.size: is %u, more than the plugin's memory; " REBUILD,
             (unsigned)theirs->abi.size);
    }
    bytes = theirs->abi.size < sizeof(*plugin) ? theirs->abi.size : sizeof(*plugin);
    memset(plugin, 0, sizeof(*plugin));
    memcpy(plugin, theirs, bytes);
out:
    return rc;
}

static advntk_status copy_ops(struct advntk__entry *entry, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk_plugin *plugin = &entry->record.plugin;
    size_t ours = advntk__ops_bytes(plugin->kind), bytes = plugin->ops_bytes;

    if (bytes == 0 || bytes > STRUCT_BYTES_MOST || bytes % sizeof(void *) != 0) {
        FAIL(err, EABI, "ops_bytes: is %zu, expected %zu; " REBUILD, bytes, ours);
    }
    bytes = bytes < ours ? bytes : ours;
    if (!plugin->ops) {
        FAIL(err, EABI, "ops: is NULL, expected a table of operations");
    }
    if (!advntk__mapped(plugin->ops, bytes)) {
        FAIL(err, EABI, "ops: is not static memory of %zu bytes", bytes);
    }
    entry->ops = calloc(1, ours);
    if (!entry->ops) {
        FAIL(err, ENOMEM, "no memory for the table of operations");
    }
    memcpy(entry->ops, plugin->ops, bytes);
    plugin->ops = entry->ops;
    TRY(advntk__audit_ops(plugin->kind, plugin->ops, err));
out:
    return rc;
}

/* Rows are read one by one and checked before the next: after a fault the rest cannot be trusted.
 */
static advntk_status copy_params(struct advntk__entry *entry, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk_plugin *plugin = &entry->record.plugin;
    size_t stride = plugin->abi.param_bytes;
    size_t bytes = stride < sizeof(struct advntk_param) ? stride : sizeof(struct advntk_param);
    const char *theirs = (const char *)plugin->params;
    struct advntk_param *rows = NULL, *grown;
    ptrdiff_t count = 0;

    if (plugin->config_bytes > CONFIG_BYTES_MOST) {
        FAIL(err, EABI, "config_bytes: is %zu, expected at most %d", plugin->config_bytes,
             (int)CONFIG_BYTES_MOST);
    }
    for (; theirs; theirs += stride, count++) {
        if (count > ADVNTK__ROWS_MAX || !advntk__mapped(theirs, bytes)) {
            FAIL(err, EABI, "params: has no end after %td rows; close it with ADVNTK_PARAM_END",
                 count);
        }
        grown = realloc(rows, ((size_t)count + 1) * sizeof(*rows));
        if (!grown) {
            FAIL(err, ENOMEM, "no memory for the parameter table");
        }
        rows = grown;
        memset(&rows[count], 0, sizeof(*rows));
        memcpy(&rows[count], theirs, bytes);
        if (rows[count].type == ADVNTK_PARAM_TYPE_END && !rows[count].name) {
            break;
        }
        TRY(advntk__audit_row(&rows[count], count, plugin->config_bytes, err));
    }
    TRY(advntk__audit_table(plugin->kind, count, rows, err));
    entry->params = rows;
    plugin->params = rows;
    rows = NULL;
out:
    free(rows);
    return rc;
}

static advntk_status check_name(const struct advntk__candidate *candidate,
                                const struct advntk_plugin *plugin, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;

    if (strcmp(plugin->name, candidate->base) != 0) {
        FAIL(err, EABI, "name: is '%s', the file is called '%s.so'; rename the one or the other",
             plugin->name, candidate->base);
    }
    if (candidate->kind && candidate->kind != plugin->kind) {
        FAIL(err, EABI, "kind: is %s, the folder is '%s'; move the file to the folder '%s'",
             advntk__kind_name(plugin->kind), advntk__kind_name(candidate->kind),
             advntk__kind_name(plugin->kind));
    }
out:
    return rc;
}

advntk_status advntk__entry_open(const struct advntk__candidate *candidate,
                                 struct advntk__entry **entry, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct advntk_plugin *theirs = NULL;
    struct advntk__entry *e = calloc(1, sizeof(*e));
    void *library = NULL;

    if (!e) {
        FAIL(err, ENOMEM, "no memory for a plugin");
    }
    e->folder = candidate->folder;
    e->file = strdup(candidate->file);
    if (!e->file) {
        FAIL(err, ENOMEM, "no memory for a plugin");
    }
    e->record.file = e->file;
    TRY(check_length(candidate->file, err));
    TRY(advntk__files_digest(candidate->file, e->record.digest, err));
    TRY(load_library(candidate->file, &library, err));
    TRY(call_entry(library, &theirs, err));
    TRY(copy_descriptor(theirs, &e->record.plugin, err));
    TRY(advntk__audit_descriptor(&e->record.plugin, err));
    TRY(check_name(candidate, &e->record.plugin, err));
    TRY(copy_ops(e, err));
    TRY(copy_params(e, err));
    *entry = e;
    e = NULL;
    library = NULL; /* stays open for ever: its strings and functions are in use */
out:
    advntk__entry_free(e);
    if (library) {
        dlclose(library);
    }
    return rc;
}

void advntk__entry_free(struct advntk__entry *entry)
{
    if (entry) {
        free(entry->file);
        free(entry->params);
        free(entry->ops);
        free(entry);
    }
}
