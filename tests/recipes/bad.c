/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every folder of tests/recipes-bad holds one mistake: recipe.yaml (and `options`, an argument a
 * line) must give exactly expected.err. What text files cannot hold is made here. */
#include "config.h"

#include "scratch.h"
#include "tap.h"

#include "base/text.h"
#include "recipe/resolved.h"
#include "registry/registry.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LARGEST = 256, ARGUMENTS = 20 };

static struct advntk__registry *registry;

static char *read_text(const char *name)
{
    FILE *file = fopen(name, "rb");
    char *text = calloc(1, 65536);
    if (file && text) {
        text[fread(text, 1, 65535, file)] = '\0';
    }
    if (file) {
        fclose(file);
    }
    return file ? text : (free(text), NULL);
}

/* Lines of `options`: -s, its value, --sweep, its value, ... */
static void split_options(char *text, struct advntk__recipe_options *options,
                          const char **overrides, const char **sweeps)
{
    const char *flag = NULL;
    char *save = NULL;
    options->overrides = overrides;
    options->sweeps = sweeps;
    for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line;
         line = strtok_r(NULL, "\n", &save)) {
        if (!flag) {
            flag = line;
        } else if (strcmp(flag, "-s") == 0) {
            overrides[options->override_count++] = line;
            flag = NULL;
        } else {
            sweeps[options->sweep_count++] = line;
            flag = NULL;
        }
    }
}

static void test_folder(const char *folder)
{
    struct advntk__recipe_options options = {0};
    const char *overrides[ARGUMENTS], *sweeps[ARGUMENTS];
    struct advntk__study *study = NULL;
    struct advntk__text messages = {0};
    struct advntk_error err = {0};
    char *expected, *arguments;
    advntk_status rc;
    if (chdir(folder) != 0) {
        ok(false, "%s: no such folder", folder);
        return;
    }
    expected = read_text("expected.err");
    arguments = read_text("options");
    split_options(arguments, &options, overrides, sweeps);
    rc = advntk__study_load(registry, "recipe.yaml", &options, &study, &messages, &err);
    ok(rc == ADVNTK_EINVALID && !study, "%s is refused", folder);
    is_text(advntk__text_get(&messages), expected, folder);
    advntk__text_release(&messages);
    advntk__study_free(study);
    free(arguments);
    free(expected);
    ok(chdir("..") == 0, "and back");
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void test_folders(void)
{
    char *names[LARGEST];
    int count = 0;
    DIR *folder = opendir(".");
    for (struct dirent *e = folder ? readdir(folder) : NULL; e && count < LARGEST;
         e = readdir(folder)) {
        if (e->d_name[0] != '.') {
            names[count++] = strdup(e->d_name);
        }
    }
    if (folder) {
        closedir(folder);
    }
    qsort(names, (size_t)count, sizeof(names[0]), by_name);
    ok(count >= 45, "%d kinds of mistakes", count);
    for (int i = 0; i < count; i++) {
        test_folder(names[i]);
        free(names[i]);
    }
}

/* ---- what is made here ---- */

static void is_refused(const char *name, const char *bytes, size_t length, const char *expected)
{
    struct advntk__study *study = NULL;
    struct advntk__text messages = {0};
    struct advntk_error err = {0};
    FILE *file = fopen("recipe.yaml", "wb");
    if (file) {
        fwrite(bytes, 1, length, file);
        fclose(file);
    }
    ok(advntk__study_load(registry, "recipe.yaml", NULL, &study, &messages, &err) ==
           ADVNTK_EINVALID,
       "%s is refused", name);
    is_text(advntk__text_get(&messages), expected, name);
    advntk__text_release(&messages);
    advntk__study_free(study);
}

static void test_bytes(void)
{
    static const char latin[] = "advntk: 1\nname: caf\xe9\n", nul[] = "advntk: 1\nname: a\0b\n";
    static const char utf16[] = "\xff\xfe"
                                "a\0d\0v\0",
                      overlong[] = "a: \xc0\xaf\n";
    is_refused("Latin-1", latin, sizeof(latin) - 1,
               "recipe.yaml:2:10: error: byte 0xe9 is not UTF-8; save the file in that encoding\n");
    is_refused("UTF-16", utf16, sizeof(utf16) - 1,
               "recipe.yaml:1:1: error: byte 0xff is not UTF-8; save the file in that encoding\n");
    is_refused("overlong UTF-8", overlong, sizeof(overlong) - 1,
               "recipe.yaml:1:4: error: byte 0xc0 is not UTF-8; save the file in that encoding\n");
    is_refused("a NUL byte", nul, sizeof(nul) - 1,
               "recipe.yaml:2:8: error: a NUL byte: this is not a text file\n");
}

static void test_sizes(void)
{
    size_t length = 10 * 1024 * 1024;
    char *large = malloc(length);
    if (!large) {
        ok(false, "memory for a large file");
        return;
    }
    memset(large, '#', length);
    is_refused("a file of 10 MiB", large, length,
               "recipe.yaml: error: 'recipe.yaml' has 10485760 bytes; the limit is 1048576\n");
    memset(large, '[', 1024);
    is_refused("a deep list", large, 1024,
               "recipe.yaml:1:102: error: nested deeper than 100 levels\n");
    free(large);
}

static void test_files(void)
{
    struct advntk__study *study = NULL;
    struct advntk__text messages = {0};
    struct advntk_error err = {0};
    ok(advntk__study_load(registry, "nowhere.yaml", NULL, &study, &messages, &err) ==
           ADVNTK_EINVALID,
       "a missing file is refused");
    is_text(advntk__text_get(&messages),
            "nowhere.yaml: error: 'nowhere.yaml' cannot be read: No such file or directory\n",
            "a missing file");
    is_text(err.text, "nowhere.yaml: 1 mistake", "the error counts");
    advntk__text_release(&messages);
    ok(advntk__study_load(registry, ".", NULL, &study, &messages, &err) == ADVNTK_EINVALID,
       "a folder is refused");
    is_text(advntk__text_get(&messages), ".: error: '.' is a folder, not a recipe file\n",
            "a folder");
    advntk__text_release(&messages);
}

int main(void)
{
    struct advntk_error err = {0};
    unsetenv("ADVNTK_TEST_NO_SUCH");
    if (advntk__registry_new(RECIPES ":" PLUGINS, true, &registry, &err) != ADVNTK_OK ||
        chdir(SOURCE "/tests/recipes-bad") != 0) {
        printf("Bail out! %s\n", err.text);
        return 1;
    }
    test_folders();
    scratch_make();
    if (chdir(scratch_folder) != 0) {
        printf("Bail out! no folder for a test\n");
        return 1;
    }
    test_bytes();
    test_sizes();
    test_files();
    ok(chdir("/") == 0, "out of the scratch folder");
    scratch_remove();
    advntk__registry_free(registry);
    return done_testing();
}
