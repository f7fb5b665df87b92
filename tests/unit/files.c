/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include "scratch.h"
#include "tap.h"

#include "base/files.h"

#include <advntk/host.h>
#include <signal.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* Files in the scratch folder: what a crash or failure would leave behind. */
static int file_count(void)
{
    DIR *d = opendir(scratch_folder);
    int count = 0;
    while (d && readdir(d)) {
        count++;
    }
    if (d) {
        closedir(d);
    }
    return count - 2;
}

static bool holds(const char *path, const char *text)
{
    char *bytes = NULL;
    size_t count = 0;
    struct advntk_error err;
    bool same = advntk__files_read(path, 1 << 20, &bytes, &count, &err) == ADVNTK_OK &&
                count == strlen(text) && strcmp(bytes, text) == 0;
    free(bytes);
    return same;
}

static void test_replace(void)
{
    struct advntk__replacement r;
    struct advntk_error err;
    const char *path = scratch("result");

    ok(advntk__files_replace(path, "old", 3, &err) == ADVNTK_OK && holds(path, "old"), "new file");
    ok(advntk__files_replace(path, "newer", 5, &err) == ADVNTK_OK && holds(path, "newer"),
       "replaced file");
    ok(advntk__files_replace(path, "", 0, &err) == ADVNTK_OK && holds(path, ""), "empty file");
    ok(file_count() == 1, "no temporary file is left");

    ok(advntk__files_replace(path, "old", 3, &err) == ADVNTK_OK, "old content");
    ok(advntk__replacement_begin(&r, path, &err) == ADVNTK_OK && fputs("half", r.file) >= 0 &&
           fflush(r.file) == 0 && holds(path, "old"),
       "the old file stands while the new one is written");
    advntk__replacement_abandon(&r);
    ok(holds(path, "old") && file_count() == 1, "an abandoned replacement leaves the old file");

    ok(advntk__replacement_begin(&r, path, &err) == ADVNTK_OK && fputs("whole", r.file) >= 0 &&
           advntk__replacement_commit(&r, &err) == ADVNTK_OK && holds(path, "whole"),
       "a streamed replacement");
}

/* What is replaced is a file: not a folder, not a device (a vandal's -o /dev/null), not the link.
 */
static void test_replace_others(void)
{
    struct advntk_error err;
    char *pipe = strdup(scratch("pipe")), *link = strdup(scratch("link"));
    struct stat st;

    ok(mkfifo(pipe, 0600) == 0 && symlink("result", link) == 0, "a pipe and a link");
    ok(advntk__files_replace(pipe, "x", 1, &err) == ADVNTK_EIO &&
           strstr(err.text, "a device or a pipe") && lstat(pipe, &st) == 0 && S_ISFIFO(st.st_mode),
       "a pipe is not replaced: %s", err.text);
    ok(advntk__files_replace(scratch(""), "x", 1, &err) == ADVNTK_EIO &&
           strstr(err.text, "it is a folder"),
       "nor is a folder: %s", err.text);
    ok(advntk__files_replace(scratch("result"), "old", 3, &err) == ADVNTK_OK &&
           advntk__files_replace(link, "new", 3, &err) == ADVNTK_OK && lstat(link, &st) == 0 &&
           S_ISLNK(st.st_mode) && holds(scratch("result"), "new"),
       "behind a link its target is replaced");
    unlink(link);
    unlink(pipe);
    free(link);
    free(pipe);
}

/* A disk that is full, as far as this process goes. */
static void test_full_disk(void)
{
    struct rlimit old, tight;
    struct advntk_error err;
    const char *path = scratch("result");
    static const char large[100000];
    int got;

    if (getrlimit(RLIMIT_FSIZE, &old) != 0) {
        skip("a write that fails", "no limit for file sizes");
        return;
    }
    ok(advntk__files_replace(path, "old", 3, &err) == ADVNTK_OK, "old content");
    signal(SIGXFSZ, SIG_IGN);
    tight = (struct rlimit){4096, old.rlim_max};
    fflush(stdout);
    setrlimit(RLIMIT_FSIZE, &tight);
    got = advntk__files_replace(path, large, sizeof(large), &err);
    setrlimit(RLIMIT_FSIZE, &old);
    ok(got == ADVNTK_EIO && strstr(err.text, path) && strstr(err.text, "File too large"),
       "a write that fails says so: %s", err.text);
    ok(holds(path, "old") && file_count() == 1, "and leaves the old file, and no other");

    ok(advntk__files_replace(scratch("missing/result"), "x", 1, &err) == ADVNTK_EIO,
       "a folder that is not there: %s", err.text);
}

static void test_read(void)
{
    struct advntk_error err;
    char *bytes = NULL;
    size_t count = 0;
    const char *path = scratch_write("five", "12345", 5);

    ok(advntk__files_read(path, 5, &bytes, &count, &err) == ADVNTK_OK && count == 5 &&
           strcmp(bytes, "12345") == 0,
       "a file as long as the limit, with a NUL behind");
    free(bytes);
    ok(advntk__files_read(path, 4, &bytes, &count, &err) == ADVNTK_ELIMIT, "over the limit");
    ok(strstr(err.text, "limit of 4 bytes") != NULL, "which names it: %s", err.text);
    ok(advntk__files_read(scratch("none"), 9, &bytes, &count, &err) == ADVNTK_EIO, "no such file");
    ok(advntk__files_read(scratch_folder, 9, &bytes, &count, &err) == ADVNTK_EIO, "a folder");
    /* a file whose length is not known beforehand */
    ok(advntk__files_read("/proc/self/stat", 1 << 20, &bytes, &count, &err) == ADVNTK_OK &&
           count > 10 && strlen(bytes) == count,
       "a file of unknown length");
    free(bytes);
}

static void test_folders_and_digests(void)
{
    struct advntk_error err;
    uint8_t file[16], memory[16];
    char hex[33], *large = calloc(1, 200000), *joined;
    struct stat st;

    ok(advntk__files_make_folder(scratch("a/b//c/"), &err) == ADVNTK_OK &&
           stat(scratch("a/b/c"), &st) == 0 && S_ISDIR(st.st_mode),
       "a folder with its parents");
    ok(advntk__files_make_folder(scratch("a/b/c"), &err) == ADVNTK_OK, "a folder that is there");
    scratch_write("plain", "x", 1);
    ok(advntk__files_make_folder(scratch("plain/sub"), &err) == ADVNTK_EIO, "a file in the way: %s",
       err.text);
    ok(advntk__files_make_folder(scratch("plain"), &err) == ADVNTK_EIO, "a file of that name: %s",
       err.text);
    rmdir(scratch("a/b/c"));
    rmdir(scratch("a/b"));
    rmdir(scratch("a"));

    joined = advntk__files_join("runs", "1f");
    is_text(joined, "runs/1f", "join");
    free(joined);

    if (large) {
        memset(large + 70000, 7, 100000); /* more than one piece of the reader */
        scratch_write("large", large, 200000);
        advntk_hash_bytes(large, 200000, memory);
        ok(advntk__files_digest(scratch("large"), file, &err) == ADVNTK_OK &&
               memcmp(file, memory, 16) == 0,
           "the digest of a file is that of its bytes");
    }
    free(large);
    /* XXH3-128 of nothing, from the library's own table of test values */
    advntk_hash_bytes("", 0, memory);
    advntk__hash_hex(memory, hex);
    is_text(hex, "99aa06d3014798d86001c324468d497f", "the digest of nothing");
}

int main(void)
{
    scratch_make();
    test_replace();
    test_replace_others();
    test_full_disk();
    test_read();
    test_folders_and_digests();
    scratch_remove();
    return done_testing();
}
