/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The program run in the scratch folder, the arrays that it writes, and what it says. */
#ifndef TESTS_COMMAND_H
#define TESTS_COMMAND_H

#include "engine.h"
#include "scratch.h"
#include "tap.h"

#include <glob.h>
#include <sys/wait.h>

static char said[4096]; /* on stderr by the last command */

/* advntk WORDS in the scratch folder; its exit status. */
__attribute__((unused, format(printf, 1, 2))) static int advntk(const char *words, ...)
{
    char command[4096];
    int length, status;
    va_list args;
    FILE *f;

    length =
        snprintf(command, sizeof(command), "cd '%s' && %s/../advntk ", scratch_folder, PLUGINS);
    va_start(args, words);
    length += vsnprintf(command + length, sizeof(command) - (size_t)length, words, args);
    va_end(args);
    snprintf(command + length, sizeof(command) - (size_t)length, " >out 2>err");
    status = system(command);
    f = fopen(scratch("err"), "r");
    said[f ? fread(said, 1, sizeof(said) - 1, f) : 0] = '\0';
    if (f) {
        fclose(f);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* All values of a file; free(). NULL: not readable, or another shape than wanted. */
__attribute__((unused)) static double *values_of(const char *path, int rank, const ptrdiff_t *shape)
{
    struct advntk_npy npy = {.descriptor = -1};
    struct advntk_error err = {0};
    ptrdiff_t count = 1;
    double *values = NULL;

    if (advntk_npy_open(&npy, path, &err) != ADVNTK_OK) {
        printf("# %s\n", err.text);
        return NULL;
    }
    for (int i = 0; i < npy.rank; i++) {
        count *= npy.shape[i];
    }
    if (npy.rank == rank && memcmp(npy.shape, shape, (size_t)rank * sizeof(*shape)) == 0) {
        values = calloc((size_t)count + 1, sizeof(*values));
        must(advntk_npy_read_reals(&npy, 0, count, values, &err), &err);
    } else {
        printf("# %s: %d dimensions, %td values\n", path, npy.rank, count);
    }
    advntk_npy_close(&npy);
    return values;
}

__attribute__((unused)) static void write_reals(const char *name, int rank, const ptrdiff_t *shape,
                                                const double *values)
{
    struct advntk_error err = {0};
    must(advntk_npy_write(scratch(name), ADVNTK_FLOAT64, rank, shape, values, &err), &err);
}

/* The folder of the one run that a results folder has. */
__attribute__((unused)) static bool only_run(const char *results, size_t room, char *run)
{
    char pattern[300];
    glob_t found = {0};
    bool one;

    snprintf(pattern, sizeof(pattern), "%s/%s/runs/*", scratch_folder, results);
    one = glob(pattern, 0, NULL, &found) == 0 && found.gl_pathc == 1 &&
          strlen(found.gl_pathv[0]) < room;
    if (one) {
        snprintf(run, room, "%s", found.gl_pathv[0]);
    }
    globfree(&found);
    return one;
}

/* Removes a folder in the scratch folder with all that the program left there; "": the scratch
 * folder itself. */
__attribute__((unused)) static bool scratch_remove_folder(const char *name)
{
    char words[300];

    snprintf(words, sizeof(words), "rm -rf '%s/%s'", scratch_folder, name);
    return system(words) == 0;
}

__attribute__((unused)) static bool same_bits(const void *a, const void *b, size_t bytes)
{
    return a && b && memcmp(a, b, bytes) == 0;
}

__attribute__((unused)) static void is_told(int code, int want_code, const char *want)
{
    bool good = code == want_code && strstr(said, want) && strchr(said, '\n') &&
                strchr(said, '\n')[1] == '\0';
    if (!good) {
        printf("# status %d, said: %s\n", code, said);
    }
    ok(good, "one line: %s", want);
}

/* A mistake in a recipe: its own line, and how many there are. */
__attribute__((unused)) static void is_mistake(int code, const char *want)
{
    ok(code == 1 && strstr(said, want) && strstr(said, "1 mistake"), "a mistake: %s", want);
}

#endif
