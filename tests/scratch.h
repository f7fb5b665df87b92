/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A folder of the test's own, removed by scratch_remove(); and small files in it. */
#ifndef TESTS_SCRATCH_H
#define TESTS_SCRATCH_H

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char scratch_folder[200];

__attribute__((unused)) static void scratch_make(void)
{
    const char *base = getenv("TMPDIR");
    snprintf(scratch_folder, sizeof(scratch_folder), "%s/advntk-test-XXXXXX",
             base && strlen(base) < 150 ? base : "/tmp");
    if (!mkdtemp(scratch_folder)) {
        perror(scratch_folder);
        exit(1);
    }
}

/* The path of a file in the folder; each call's text lives until the fourth one after it. */
__attribute__((unused)) static const char *scratch(const char *name)
{
    static char paths[4][512];
    static int turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", scratch_folder, name);
    return path;
}

__attribute__((unused)) static const char *scratch_write(const char *name, const void *bytes,
                                                         size_t count)
{
    const char *path = scratch(name);
    FILE *f;
    unlink(path); /* a new file: who has the old one open keeps what it had */
    f = fopen(path, "wb");
    if (!f || fwrite(bytes, 1, count, f) != count || fclose(f) != 0) {
        perror(path);
        exit(1);
    }
    return path;
}

/* The folder has files only. */
__attribute__((unused)) static void scratch_remove(void)
{
    DIR *d = opendir(scratch_folder);
    struct dirent *e;
    while (d && (e = readdir(d))) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
            unlink(scratch(e->d_name));
        }
    }
    if (d) {
        closedir(d);
    }
    rmdir(scratch_folder);
}

/* Runs a Python program with numpy in the folder; false and *there = false where numpy is missing.
 */
__attribute__((unused)) static bool scratch_numpy(const char *program, bool *there)
{
    char command[400];
    scratch_write("program.py", program, strlen(program));
    snprintf(
        command, sizeof(command),
        "cd '%s' && for p in python3 /usr/bin/python3; do $p -c 'import numpy' 2>program.err && "
        "{ $p program.py; exit; }; done; exit 77",
        scratch_folder);
    fflush(stdout);
    int status = system(command);
    *there = status != 77 << 8;
    return status == 0;
}

#endif
