/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Thousands of stored runs, from one that was computed: usage: stored RUN RESULTS COUNT.
 *
 * RUN is the folder of a finished run. RESULTS gets COUNT runs, told apart by depth, radius and
 * seed (ten seeds each), with the records rewritten and all other files linked, and a study `many`
 * of them. Prints how long it takes to read and to parse their records, and nothing else, on one
 * thread: what a listing is measured against.
 */
#include "config.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { SEEDS = 10, DEPTHS = 10, PATH = 1024, FOLDER = 512 };

static void fail(const char *what, const char *path)
{
    fprintf(stderr, "stored: %s %s: %s\n", what, path, strerror(errno));
    exit(1);
}

static void make_folder(const char *path)
{
    if (mkdir(path, 0777) != 0 && errno != EEXIST) {
        fail("cannot create", path);
    }
}

static void share(const char *run, const char *folder, const char *name)
{
    char from[PATH], to[PATH];

    snprintf(from, sizeof(from), "%s/%s", run, name);
    snprintf(to, sizeof(to), "%s/%s", folder, name);
    if (link(from, to) != 0) {
        fail("cannot link", from);
    }
}

/* Accuracies that go up and down with the address of a run, so that there is something to find. */
static double accuracy(long i, double most)
{
    return most * (double)((i * 7919) % 301) / 300;
}

static json_t *overrides_of(long i)
{
    return json_pack("{s:I, s:f}", "model.architecture.depth", (json_int_t)(2 + i / SEEDS % DEPTHS),
                     "let.radius", (double)(1 + i / SEEDS / DEPTHS) / 255);
}

static void put_run(const char *run, const char *results, json_t *record, long i, json_t *entries)
{
    json_t *settings = json_object_get(record, "settings"), *file;
    char id[17], folder[FOLDER], path[PATH];
    const char *name;

    snprintf(id, sizeof(id), "%016lx", (unsigned long)i * 0x9E3779B97F4A7C15ul);
    snprintf(folder, sizeof(folder), "%s/runs/%s", results, id);
    make_folder(folder);
    snprintf(path, sizeof(path), "%s/evaluations", folder);
    make_folder(path);
    json_object_set_new(record, "id", json_string(id));
    json_object_set_new(record, "name", json_string("many"));
    json_object_set_new(record, "seed", json_integer(1 + i % SEEDS));
    json_object_set_new(record, "overrides", overrides_of(i));
    json_object_set_new(settings, "model.architecture.depth", json_integer(2 + i / SEEDS % DEPTHS));
    json_object_set_new(settings, "method.attack.radius",
                        json_real((double)(1 + i / SEEDS / DEPTHS) / 255));
    json_object_set_new(json_object_get(record, "metrics"), "clean",
                        json_real(0.5 + accuracy(i, 0.5)));
    json_object_set_new(json_object_get(record, "metrics"), "pgd", json_real(accuracy(i, 0.5)));
    json_object_foreach(json_object_get(record, "files"), name, file)
    {
        share(run, folder, name);
    }
    snprintf(path, sizeof(path), "%s/run.json", folder);
    if (json_dump_file(record, path, JSON_INDENT(2) | JSON_REAL_PRECISION(17)) != 0) {
        fail("cannot write", path);
    }
    json_array_append_new(entries,
                          json_pack("{s:s, s:s, s:s, s:o, s:O}", "id", id, "name", "many", "state",
                                    "done", "overrides", overrides_of(i), "evaluations",
                                    json_object_get(record, "evaluations")));
}

/* Seconds to read and parse the records. */
static double parse_all(const char *results, long count)
{
    struct timespec begin, end;
    char path[PATH];

    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (long i = 0; i < count; i++) {
        json_t *record;
        snprintf(path, sizeof(path), "%s/runs/%016lx/run.json", results,
                 (unsigned long)i * 0x9E3779B97F4A7C15ul);
        record = json_load_file(path, 0, NULL);
        if (!record) {
            fail("cannot read", path);
        }
        json_decref(record);
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    return (double)(end.tv_sec - begin.tv_sec) + 1e-9 * (double)(end.tv_nsec - begin.tv_nsec);
}

int main(int argc, char **argv)
{
    long count = argc == 4 ? strtol(argv[3], NULL, 10) : 0;
    char path[PATH];
    json_t *record, *entries = json_array(), *study;

    if (count < 1) {
        fprintf(stderr, "usage: stored RUN RESULTS COUNT\n");
        return 2;
    }
    snprintf(path, sizeof(path), "%s/run.json", argv[1]);
    record = json_load_file(path, 0, NULL);
    if (!record) {
        fail("cannot read", path);
    }
    make_folder(argv[2]);
    snprintf(path, sizeof(path), "%s/runs", argv[2]);
    make_folder(path);
    for (long i = 0; i < count; i++) {
        put_run(argv[1], argv[2], record, i, entries);
    }
    json_decref(record);
    snprintf(path, sizeof(path), "%s/studies", argv[2]);
    make_folder(path);
    study = json_pack("{s:i, s:s, s:s, s:o}", "format", 1, "name", "many", "recipe", "advntk: 1\n",
                      "runs", entries);
    snprintf(path, sizeof(path), "%s/studies/many.json", argv[2]);
    if (!study || json_dump_file(study, path, JSON_INDENT(2)) != 0) {
        fail("cannot write", path);
    }
    json_decref(study);
    printf("ours\trecords\ttheir records read and parsed, one thread\ts\t%.9g\t\t\t\n",
           parse_all(argv[2], count));
    return 0;
}
