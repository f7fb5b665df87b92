/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Plugins opened by hand and configured from their own tables, for tests of the numerical rooms. */
#ifndef TESTS_ENGINE_H
#define TESTS_ENGINE_H

#include "base/host.h"
#include "graph/graph.h"

#include <advntk/npy.h>
#include <advntk/plugin.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

/* Ends the test program when what it stands on is broken. */
__attribute__((unused)) static void must(advntk_status rc, const struct advntk_error *err)
{
    if (rc != ADVNTK_OK) {
        printf("Bail out! %s\n", err->text);
        exit(1);
    }
}

__attribute__((unused)) static const struct advntk_plugin *plugin_open(const char *identity)
{
    char file[1024];
    void *library, *entry;
    const struct advntk_plugin *(*call)(void);

    snprintf(file, sizeof(file), "%s/%s.so", PLUGINS, identity);
    library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    entry = library ? dlsym(library, "advntk_plugin_entry") : NULL;
    if (!entry) {
        printf("Bail out! %s\n", dlerror());
        exit(1);
    }
    memcpy(&call, &entry, sizeof(call));
    return call();
}

/* A slot with every number at its default; free the config with free(). */
__attribute__((unused)) static struct advntk_slot slot_open(const char *identity)
{
    const struct advntk_plugin *plugin = plugin_open(identity);
    char *config = calloc(1, plugin->config_bytes + 1);

    for (const struct advntk_param *p = plugin->params; p && p->name; p++) {
        if (p->type == ADVNTK_PARAM_REAL) {
            memcpy(config + p->offset, &p->def.r, sizeof(double));
        } else if (p->type == ADVNTK_PARAM_INT) {
            memcpy(config + p->offset, &p->def.i, sizeof(int64_t));
        }
    }
    return (struct advntk_slot){.plugin = plugin, .config = config};
}

__attribute__((unused)) static void slot_set(struct advntk_slot *slot, const char *name,
                                             const void *value, size_t bytes)
{
    for (const struct advntk_param *p = slot->plugin->params; p && p->name; p++) {
        if (strcmp(p->name, name) == 0) {
            memcpy((char *)(uintptr_t)slot->config + p->offset, value, bytes);
            return;
        }
    }
    printf("Bail out! %s has no parameter %s\n", slot->plugin->name, name);
    exit(1);
}

__attribute__((unused)) static void slot_real(struct advntk_slot *slot, const char *name,
                                              double value)
{
    slot_set(slot, name, &value, sizeof(value));
}

__attribute__((unused)) static void slot_close(struct advntk_slot *slot)
{
    free((void *)(uintptr_t)slot->config);
}

/* An mlp of the paper's weights. */
__attribute__((unused)) static struct advntk_graph *mlp_graph(ptrdiff_t height, ptrdiff_t width,
                                                              ptrdiff_t channels, int64_t depth,
                                                              struct advntk_slot activation)
{
    struct advntk_error err = {0};
    struct advntk_graph *graph = NULL;
    struct advntk_slot mlp = slot_open("architecture/mlp");

    slot_set(&mlp, "depth", &depth, sizeof(depth));
    slot_set(&mlp, "activation", &activation, sizeof(activation));
    must(advntk__graph_build(&mlp, height, width, channels, 10, &graph, &err), &err);
    slot_close(&mlp);
    return graph;
}

/* A host with the openblas backend; isa -1: the best one. */
__attribute__((unused)) static struct advntk_host *host_open(int threads, int isa)
{
    struct advntk_error err = {0};
    struct advntk_host *host = NULL;
    struct advntk_slot backend = slot_open("backend/openblas");

    must(advntk__host_new(threads, &host, &err), &err);
    host->backend = backend.plugin->ops;
    must(host->backend->open(backend.config, &host->backend_state, &err), &err);
    host->isa = isa < 0 ? host->isa : isa;
    slot_close(&backend);
    return host;
}

__attribute__((unused)) static void host_close(struct advntk_host *host)
{
    host->backend->close(host->backend_state);
    advntk__host_free(host);
}

/* All values of an array below TEST_DATA; *count: how many. Free with free(). */
__attribute__((unused)) static double *array_read(const char *name, ptrdiff_t *count)
{
    struct advntk_error err = {0};
    struct advntk_npy npy;
    char file[1024];
    double *values;

    snprintf(file, sizeof(file), "%s/%s.npy", TEST_DATA, name);
    must(advntk_npy_open(&npy, file, &err), &err);
    *count = 1;
    for (int i = 0; i < npy.rank; i++) {
        *count *= npy.shape[i];
    }
    values = malloc((size_t)*count * sizeof(*values));
    must(advntk_npy_read_reals(&npy, 0, *count, values, &err), &err);
    advntk_npy_close(&npy);
    return values;
}

/* Values in a precision as doubles; `to` may be where they are. */
__attribute__((unused)) static void widen(ptrdiff_t n, const void *from,
                                          enum advntk_precision precision, double *to)
{
    for (ptrdiff_t i = n - 1; i >= 0; i--) {
        to[i] = precision == ADVNTK_PRECISION_FLOAT32 ? (double)((const float *)from)[i]
                                                      : ((const double *)from)[i];
    }
}

#endif
