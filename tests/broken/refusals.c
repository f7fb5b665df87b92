/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Each way in which a plugin can be wrong has its one clear line; the program goes on with the
 * rest. */
#include "config.h"

#include "registry/describe.h"
#include "registry/registry.h"
#include "scratch.h"
#include "tap.h"

#include <stdarg.h>
#include <sys/stat.h>

#define REBUILD "rebuild the plugin against the headers of this program"

/* tests/broken/NAME.c and what is said of it */
static const struct {
    const char *name, *reason;
} faults[] = {
    {"no_entry", "has no function advntk_plugin_entry; define the plugin with ADVNTK_PLUGIN"},
    {"returns_null", "advntk_plugin_entry returned NULL, expected a descriptor"},
    {"returns_wild_pointer", "advntk_plugin_entry returned memory that is not static"},
    {"wrong_magic", "abi.magic: is 0x21424143, expected 0x4b544e41; " REBUILD},
    {"wrong_major", "abi.major: is 2, expected 1; " REBUILD},
    {"newer_minor", "abi.minor: is 2, expected at most 1; use a newer program or " REBUILD},
    {"wrong_blasint", "abi.blasint_bytes: is 8, expected 4; " REBUILD},
    {"tiny_size", "abi.size: is 40, expected 96 to 65536; " REBUILD},
    {"huge_size", "abi.size: is 60000, more than the plugin's memory; " REBUILD},
    {"wrong_param_bytes", "abi.param_bytes: is 64, expected at least 104; " REBUILD},
    {"unknown_kind", "kind: is 11, expected one of enum advntk_kind"},
    {"wrong_kind", "kind: is loss, the folder is 'attack'; move the file to the folder 'loss'"},
    {"name_differs",
     "name: is 'another_name', the file is called 'name_differs.so'; rename the one "
     "or the other"},
    {"bad_name", "name: is 'Bad Name', expected at most 63 of lower-case letters, digits, '_' and "
                 "'-'"},
    {"missing_name", "name: is NULL, expected a text"},
    {"wild_name", "name: is not a static text"},
    {"binary_name", "name: is not UTF-8"},
    {"bad_version", "version: is '1.x', expected three numbers like 1.0.0"},
    {"missing_version", "version: is NULL, expected a text"},
    {"missing_licence", "licence: is NULL, expected a text"},
    {"missing_summary", "summary: is empty, expected a text"},
    {"long_summary", "summary: has several lines, expected one"},
    {"missing_ops", "ops: is NULL, expected a table of operations"},
    {"no_ops_bytes", "ops_bytes: is 0, expected 88; " REBUILD},
    {"missing_step", "ops.step: is NULL, expected because ops.open is there"},
    {"no_operation", "ops.step: is NULL, an attack must have open, step and close, or stages"},
    {"save_without_load", "ops.load: is NULL, expected because ops.save is there"},
    {"unknown_goal", "ops.goal: is 9, expected one of enum advntk_attack_goal"},
    {"duplicate_parameter", "parameter steps: is there twice, in rows 0 and 1"},
    {"parameter_name", "params: row 1 has no name of lower-case letters, digits and '_'; a table "
                       "closes with ADVNTK_PARAM_END"},
    {"host_parameter",
     "parameter radius: the program itself has it for every plugin of kind attack; "
     "rename or remove it"},
    {"slot_key",
     "parameter plugin: the program itself has it for every plugin of kind attack; rename "
     "or remove it"},
    {"missing_help", "parameter rate: help: is NULL, expected a text"},
    {"unknown_type", "parameter rate: type is 99, expected one of enum advntk_param_type"},
    {"unknown_flags", "parameter rate: flags are 0x100, known are 0xf"},
    {"default_out_of_range", "parameter steps: default 101, expected a value in [0, 100]"},
    {"default_on_open_end", "parameter rate: default 1, expected a value in [0, 1)"},
    {"nan_default", "parameter rate: default nan, expected a value in [0, 1]"},
    {"min_above_max", "parameter steps: min 100 is not below max 0"},
    {"missing_choices", "parameter mode: choices is NULL, expected a list of texts"},
    {"choice_default", "parameter mode: default 'medium', expected one of its choices"},
    {"choice_twice", "parameter mode: choice 'fast' is listed twice"},
    {"slot_kind", "parameter norm_used: slot_kind is 0, expected one of enum advntk_kind"},
    {"list_of_lists", "parameter norm_used: type is 8, expected one of enum advntk_param_type"},
    {"offset_outside", "parameter norm_used: lies at bytes 24 to 48, config_bytes is 32"},
    {"offset_unaligned", "parameter rate: offset 9 is no multiple of 8"},
    {"offsets_overlap", "parameter rate: overlaps steps in the config struct, at byte 0"},
    {"unterminated_table",
     "params: row 4 has no name of lower-case letters, digits and '_'; a table "
     "closes with ADVNTK_PARAM_END"},
    {"endless_table", "params: has no end after 1001 rows; close it with ADVNTK_PARAM_END"},
    {"undefined_symbol", "cannot be loaded: undefined symbol: advntk_no_such_function"},
};

enum { FAULTS = sizeof(faults) / sizeof(faults[0]) };

static struct advntk__registry *registry_of(const char *path, bool allow_writable)
{
    struct advntk__registry *registry = NULL;
    struct advntk_error err = {.status = ADVNTK_OK};
    if (advntk__registry_new(path, allow_writable, &registry, &err) != ADVNTK_OK) {
        printf("Bail out! %s\n", err.text);
        exit(1);
    }
    return registry;
}

/* "" when the file was not refused */
static const char *reason_for(const struct advntk__registry *registry, const char *file)
{
    for (ptrdiff_t i = 0; i < advntk__registry_refusal_count(registry); i++) {
        const struct advntk__refusal *r = advntk__registry_refusal(registry, i);
        if (strcmp(r->file, file) == 0) {
            return r->reason;
        }
    }
    return "";
}

static const struct advntk__plugin_record *attack(const struct advntk__registry *registry,
                                                  const char *name)
{
    return advntk__registry_find(registry, ADVNTK_KIND_ATTACK, name);
}

static void test_faults(const struct advntk__registry *registry)
{
    ptrdiff_t refused = 0;
    for (int i = 0; i < FAULTS; i++) {
        char file[4096];
        snprintf(file, sizeof(file), BROKEN "/attack/%s.so", faults[i].name);
        is_text(reason_for(registry, file), faults[i].reason, faults[i].name);
    }
    for (ptrdiff_t i = 0; i < advntk__registry_refusal_count(registry); i++) {
        const char *file = advntk__registry_refusal(registry, i)->file;
        refused += strncmp(file, BROKEN "/", strlen(BROKEN "/")) == 0;
    }
    ok(refused == FAULTS, "nothing else is refused: %td of %d", refused, FAULTS);
}

static void test_accepted(const struct advntk__registry *registry)
{
    const struct advntk__plugin_record *r = attack(registry, "good");
    ok(r && !r->shadowed_by && strcmp(r->file, BROKEN "/attack/good.so") == 0, "good is accepted");

    r = attack(registry, "old_release");
    ok(r && strcmp(r->plugin.params[1].name, "rate") == 0 && r->plugin.params[1].def.r == 0.25 &&
           !r->plugin.params[2].name,
       "a plugin of ABI 1.0 is accepted with its rows");

    r = attack(registry, "old_shorter");
    ok(r && !r->plugin.check && !r->plugin.extension,
       "a shorter descriptor has NULL behind its end");
    ok(r && !((const struct advntk_attack_ops *)r->plugin.ops)->stages &&
           ((const struct advntk_attack_ops *)r->plugin.ops)->close,
       "shorter operations have NULL behind their end");

    r = attack(registry, "longer_rows");
    ok(r && r->plugin.params[0].def.i == 3 && r->plugin.params[1].def.r == 0.75 &&
           !r->plugin.params[2].name,
       "longer rows are read at their own stride");
}

/* ---- files and folders ---- */

/* "NAME" below the scratch folder */
static const char *at(const char *name)
{
    return scratch(name);
}

__attribute__((format(printf, 1, 2))) static void shell(const char *format, ...)
{
    char command[8192];
    int length = snprintf(command, sizeof(command), "cd '%s' && ", scratch_folder);
    va_list args;
    va_start(args, format);
    vsnprintf(command + length, sizeof(command) - (size_t)length, format, args);
    va_end(args);
    fflush(stdout);
    if (system(command) != 0) {
        printf("Bail out! %s\n", command);
        exit(1);
    }
}

#define GOOD "'" BROKEN "/attack/good.so'"

static void test_files(void)
{
    struct advntk__registry *registry;

    shell("mkdir -p files/attack && cd files/attack && cp " GOOD
          " good.so && cp good.so open.so && "
          "chmod 0666 open.so && head -c 5000 good.so >cut.so && head -c 40 good.so >tiny.so && "
          "echo hello >text.so && : >empty.so && mkdir folder.so && mkfifo pipe.so && "
          "ln -s nowhere.so link.so && cp good.so .hidden.so && cp good.so good.so.bak");
    registry = registry_of(at("files"), false);
    ok(attack(registry, "good") != NULL, "the good one beside them is accepted");
    is_text(reason_for(registry, at("files/attack/text.so")),
            "is not a shared library; remove it from the plugin folder", "text");
    is_text(reason_for(registry, at("files/attack/empty.so")),
            "is not a shared library; remove it from the plugin folder", "empty file");
    is_text(reason_for(registry, at("files/attack/tiny.so")),
            "is not a shared library; remove it from the plugin folder", "less than a header");
    is_text(reason_for(registry, at("files/attack/cut.so")),
            "is a shared library cut short at 5000 bytes; build or copy it again",
            "truncated library");
    is_text(reason_for(registry, at("files/attack/folder.so")), "is not a regular file", "folder");
    is_text(reason_for(registry, at("files/attack/pipe.so")), "is not a regular file", "pipe");
    is_text(reason_for(registry, at("files/attack/link.so")),
            "cannot be read: No such file or directory", "dangling link");
    is_text(reason_for(registry, at("files/attack/open.so")),
            "mode: is 0666, anyone may write to it; take that away (chmod o-w) or allow writable "
            "plugins",
            "file that anyone may write to");
    ok(*reason_for(registry, at("files/attack/.hidden.so")) == '\0' &&
           *reason_for(registry, at("files/attack/good.so.bak")) == '\0',
       "hidden files and other endings are not looked at");
    advntk__registry_free(registry);
}

static void test_folders(void)
{
    struct advntk__registry *registry = NULL;
    struct advntk_error err;
    char path[1024];

    shell("mkdir -p wide/attack && cp " GOOD " wide/attack && chmod 0777 wide/attack");
    registry = registry_of(at("wide"), false);
    ok(!attack(registry, "good"), "nothing is taken from a folder that anyone may write to");
    is_text(reason_for(registry, at("wide/attack")),
            "mode: is 0777, anyone may write to it; take that away (chmod o-w) or allow writable "
            "plugins",
            "folder that anyone may write to");
    advntk__registry_free(registry);
    registry = registry_of(at("wide"), true);
    ok(attack(registry, "good") != NULL, "it is taken when asked for");
    advntk__registry_free(registry);

    snprintf(path, sizeof(path), "%s:%s", at("wide"), at("missing"));
    registry = NULL;
    ok(advntk__registry_new(path, true, &registry, &err) == ADVNTK_ENOTFOUND && !registry,
       "a folder of the plugin path that does not exist is an error");
    snprintf(path, sizeof(path), "plugin path: there is no folder '%s'", at("missing"));
    is_text(err.text, path, "which names it");

    if (geteuid() == 0) {
        shell("mkdir -p foreign && cp " GOOD " foreign && chown 12345 foreign/good.so");
        registry = registry_of(at("foreign"), false);
        is_text(reason_for(registry, at("foreign/good.so")),
                "owner: is user 12345, expected the superuser, you (user 0) or the owner of the "
                "program; copy it, or allow writable plugins",
                "file of another user");
        advntk__registry_free(registry);
    } else {
        skip("file of another user", "only the superuser can give files away");
    }
}

static void test_namesakes(void)
{
    struct advntk__registry *registry;
    struct advntk__text text = {0};
    const struct advntk__plugin_record *used;
    struct advntk_error err;
    char path[1024], wanted[2048];
    bool shadowed = false;

    shell("mkdir -p two/attack first second/attack && cp " GOOD " two && cp " GOOD " two/attack && "
          "cp " GOOD " first && cp " GOOD " second/attack");
    registry = registry_of(at("two"), false);
    ok(!attack(registry, "good"), "two in one folder: neither is used");
    snprintf(wanted, sizeof(wanted), "name: attack/good is also in %s; remove one of the two",
             at("two/good.so"));
    is_text(reason_for(registry, at("two/attack/good.so")), wanted, "the first names the second");
    snprintf(wanted, sizeof(wanted), "name: attack/good is also in %s; remove one of the two",
             at("two/attack/good.so"));
    is_text(reason_for(registry, at("two/good.so")), wanted, "the second names the first");
    advntk__registry_free(registry);

    /* a folder named twice is looked at once */
    snprintf(path, sizeof(path), "%s:%s:%s/.", at("first"), at("second"), at("first"));
    registry = registry_of(path, false);
    used = attack(registry, "good");
    ok(used && strcmp(used->file, at("first/good.so")) == 0, "the earlier folder wins");
    for (ptrdiff_t i = 0; i < advntk__registry_count(registry); i++) {
        const struct advntk__plugin_record *r = advntk__registry_get(registry, i);
        shadowed = shadowed || (strcmp(r->file, at("second/attack/good.so")) == 0 &&
                                r->shadowed_by && strcmp(r->shadowed_by, used->file) == 0);
    }
    ok(shadowed, "the later one is listed as shadowed");
    ok(advntk__list_plugins(registry, ADVNTK_KIND_ATTACK, true, ADVNTK__FORMAT_TEXT, &text, &err) ==
           ADVNTK_OK,
       "list");
    snprintf(wanted, sizeof(wanted), "    %s, shadowed by %s\n", at("second/attack/good.so"),
             at("first/good.so"));
    ok(strstr(advntk__text_get(&text), wanted) != NULL, "list --all says so");
    advntk__text_release(&text);
    advntk__registry_free(registry);
}

static void test_missing(const struct advntk__registry *registry)
{
    struct advntk_error err;
    int got = advntk__registry_missing(registry, ADVNTK_KIND_ATTACK, "old_relese", &err);

    ok(got == ADVNTK_ENOTFOUND, "missing: the status");
    is_text(err.text, "no attack plugin 'old_relese'; did you mean 'old_release'?",
            "missing: a near name");
    got = advntk__registry_missing(registry, ADVNTK_KIND_ATTACK, "wrong_major", &err);
    is_text(err.text,
            "no attack plugin 'wrong_major': " BROKEN "/attack/wrong_major.so was refused: "
            "abi.major: is 2, expected 1; " REBUILD,
            "missing: a refused file of that name");
    got = advntk__registry_missing(registry, ADVNTK_KIND_METHOD, "wrong_major", &err);
    ok(strstr(err.text, "refused") == NULL, "missing: not one of another kind");
    got = advntk__registry_missing(registry, ADVNTK_KIND_ATTACK, "elephant", &err);
    ok(strstr(err.text, "no attack plugin 'elephant'; there are: ") == err.text &&
           strstr(err.text, "longer_rows, old_release, old_shorter"),
       "missing: nothing near, so all of them");
}

int main(void)
{
    struct advntk__registry *registry;

    scratch_make();
    setenv("XDG_DATA_HOME", scratch_folder, 1);
    unsetenv("ADVNTK_PLUGIN_PATH");
    umask(022);
    registry = registry_of(BROKEN, false);
    test_faults(registry);
    test_accepted(registry);
    test_missing(registry);
    test_files();
    test_folders();
    test_namesakes();
    advntk__registry_free(registry);
    shell("rm -rf files wide foreign two first second");
    scratch_remove();
    return done_testing();
}
