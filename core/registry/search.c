/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/files.h"
#include "base/try.h"
#include "registry/internal.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

advntk_status advntk__search_check_owner(const struct advntk__search *search, const char *path,
                                         struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct stat st;

    if (stat(path, &st) != 0) {
        FAIL(err, EIO, "cannot be read: %s", strerror(errno));
    }
    if (search->allow_writable) {
        goto out;
    }
    if (st.st_mode & S_IWOTH) {
        FAIL(err, EABI,
             "mode: is %04o, anyone may write to it; take that away (chmod o-w) or allow writable "
             "plugins",
             (unsigned)st.st_mode & 07777u);
    }
    if (st.st_uid != 0 && st.st_uid != geteuid() && st.st_uid != search->program_owner) {
        FAIL(err, EABI,
             "owner: is user %lu, expected the superuser, you (user %lu) or the owner of the "
             "program; copy it, or allow writable plugins",
             (unsigned long)st.st_uid, (unsigned long)geteuid());
    }
out:
    return rc;
}

/* Adds a folder unless it is missing or there already (the same one by another path). */
static advntk_status add_folder(struct advntk__search *search, const char *path, bool required,
                                struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__folder *grown;
    struct stat st, other;

    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
        if (required) {
            FAIL(err, ENOTFOUND, "plugin path: there is no folder '%s'", path);
        }
        goto out;
    }
    for (ptrdiff_t i = 0; i < search->folder_count; i++) {
        if (stat(search->folders[i].path, &other) == 0 && other.st_dev == st.st_dev &&
            other.st_ino == st.st_ino) {
            goto out;
        }
    }
    grown = realloc(search->folders, ((size_t)search->folder_count + 1) * sizeof(*grown));
    if (!grown) {
        FAIL(err, ENOMEM, "no memory for the plugin path");
    }
    search->folders = grown;
    grown[search->folder_count].path = strdup(path);
    if (!grown[search->folder_count].path) {
        FAIL(err, ENOMEM, "no memory for the plugin path");
    }
    search->folder_count++;
out:
    return rc;
}

/* Colon-separated folders; empty ones are skipped. */
static advntk_status add_path(struct advntk__search *search, const char *list, bool required,
                              struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    char *copy = NULL, *rest = NULL;

    if (!list) {
        goto out;
    }
    copy = strdup(list);
    if (!copy) {
        FAIL(err, ENOMEM, "no memory for the plugin path");
    }
    for (char *item = strtok_r(copy, ":", &rest); item; item = strtok_r(NULL, ":", &rest)) {
        TRY(add_folder(search, item, required, err));
    }
out:
    free(copy);
    return rc;
}

static advntk_status add_joined(struct advntk__search *search, const char *folder, const char *name,
                                struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    char *path = advntk__files_join(folder, name);

    if (!path) {
        FAIL(err, ENOMEM, "no memory for the plugin path");
    }
    TRY(add_folder(search, path, false, err));
out:
    free(path);
    return rc;
}

static advntk_status add_user_folder(struct advntk__search *search, struct advntk_error *err)
{
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");

    if (data && *data == '/') { /* the standard says to ignore relative ones */
        return add_joined(search, data, "advntk/plugins", err);
    }
    if (home && *home) {
        return add_joined(search, home, ".local/share/advntk/plugins", err);
    }
    return ADVNTK_OK;
}

/* The folder "plugins" of a build tree, when the program runs from one: beside the program, or
 * beside the folder .libs that libtool puts it in. */
static advntk_status add_build_folder(struct advntk__search *search, struct advntk_error *err)
{
    char program[4096], *slash;
    ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
    struct stat st;

    search->program_owner = geteuid();
    if (length <= 0) {
        return ADVNTK_OK;
    }
    program[length] = '\0';
    if (stat(program, &st) == 0) {
        search->program_owner = st.st_uid;
    }
    slash = strrchr(program, '/');
    if (!slash) {
        return ADVNTK_OK;
    }
    *slash = '\0';
    slash = strrchr(program, '/');
    if (slash && strcmp(slash, "/.libs") == 0) {
        *slash = '\0';
    }
    return add_joined(search, program, "plugins", err);
}

static int keep_shared_objects(const struct dirent *item)
{
    size_t length = strlen(item->d_name);
    return item->d_name[0] != '.' && length > 3 && strcmp(item->d_name + length - 3, ".so") == 0;
}

static advntk_status add_candidate(struct advntk__search *search, ptrdiff_t folder, uint32_t kind,
                                   const char *path, const char *name, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__candidate *grown, *c;

    grown = realloc(search->candidates, ((size_t)search->candidate_count + 1) * sizeof(*grown));
    if (!grown) {
        FAIL(err, ENOMEM, "no memory for the list of plugins");
    }
    search->candidates = grown;
    c = &grown[search->candidate_count++];
    *c = (struct advntk__candidate){.folder = folder, .kind = kind};
    c->file = advntk__files_join(path, name);
    c->base = strndup(name, strlen(name) - 3);
    if (!c->file || !c->base) {
        FAIL(err, ENOMEM, "no memory for the list of plugins");
    }
out:
    return rc;
}

/* The *.so of one folder on disk, by name. A folder that cannot be trusted or read is refused. */
static advntk_status scan(struct advntk__search *search, ptrdiff_t folder, uint32_t kind,
                          const char *path, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk_error why;
    struct dirent **items = NULL;
    int count = 0;

    if (advntk__search_check_owner(search, path, &why) != ADVNTK_OK) {
        search->refuse(search->context, path, why.text);
        goto out;
    }
    count = scandir(path, &items, keep_shared_objects, alphasort);
    if (count < 0) {
        snprintf(why.text, sizeof(why.text), "cannot be listed: %s", strerror(errno));
        search->refuse(search->context, path, why.text);
        goto out;
    }
    for (int i = 0; i < count; i++) {
        TRY(add_candidate(search, folder, kind, path, items[i]->d_name, err));
    }
out:
    for (int i = 0; i < count; i++) {
        free(items[i]);
    }
    free(items);
    return rc;
}

static advntk_status scan_kind(struct advntk__search *search, ptrdiff_t folder, uint32_t kind,
                               struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct stat st;
    char *path = advntk__files_join(search->folders[folder].path, advntk__kind_name(kind));

    if (!path) {
        FAIL(err, ENOMEM, "no memory for the list of plugins");
    }
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        TRY(scan(search, folder, kind, path, err));
    }
out:
    free(path);
    return rc;
}

advntk_status advntk__search_run(struct advntk__search *search, const char *plugin_path,
                                 struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk_error why;

    TRY(add_path(search, plugin_path, true, err));
    TRY(add_path(search, getenv("ADVNTK_PLUGIN_PATH"), false, err));
    TRY(add_user_folder(search, err));
    TRY(add_build_folder(search, err));
    TRY(add_folder(search, ADVNTK_PLUGIN_DIR, false, err));
    for (ptrdiff_t i = 0; i < search->folder_count; i++) {
        /* whoever may write to the folder may also put a folder of a kind there */
        if (advntk__search_check_owner(search, search->folders[i].path, &why) != ADVNTK_OK) {
            search->refuse(search->context, search->folders[i].path, why.text);
            continue;
        }
        for (uint32_t kind = 1; advntk__kind_name(kind); kind++) {
            TRY(scan_kind(search, i, kind, err));
        }
        TRY(scan(search, i, 0, search->folders[i].path, err));
    }
out:
    return rc;
}

void advntk__search_release(struct advntk__search *search)
{
    for (ptrdiff_t i = 0; i < search->folder_count; i++) {
        free(search->folders[i].path);
    }
    for (ptrdiff_t i = 0; i < search->candidate_count; i++) {
        free(search->candidates[i].file);
        free(search->candidates[i].base);
    }
    free(search->folders);
    free(search->candidates);
}
