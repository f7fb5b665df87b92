/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For tests of the core that need a plugin of the build tree, without the registry; and numbers to
 * test with. */
#ifndef TESTS_PLUGIN_H
#define TESTS_PLUGIN_H

#include "base/host.h"

#include <advntk/plugin.h>
#include <advntk/random.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ends the program where there is no such plugin: nothing could be tested then. */
__attribute__((unused)) static const struct advntk_plugin *test_plugin(const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const struct advntk_plugin *(*entry)(void) = NULL;
    if (library) {
        void *symbol = dlsym(library, "advntk_plugin_entry");
        memcpy(&entry, &symbol, sizeof(entry));
    }
    if (!entry) {
        printf("Bail out! %s: %s\n", path, dlerror());
        exit(1);
    }
    return entry();
}

/* A host with the backend openblas; free with advntk__host_free. */
__attribute__((unused)) static struct advntk_host *test_host(int threads)
{
    const struct advntk_plugin *plugin = test_plugin(PLUGINS "/backend/openblas.so");
    struct advntk_host *host = NULL;
    struct advntk_error err = {.status = ADVNTK_OK};
    if (advntk__host_new(threads, &host, &err) == ADVNTK_OK) {
        host->backend = plugin->ops;
    }
    if (!host || host->backend->open(NULL, &host->backend_state, &err) != ADVNTK_OK) {
        printf("Bail out! %s\n", err.text);
        exit(1);
    }
    return host;
}

__attribute__((unused)) static void test_host_free(struct advntk_host *host)
{
    host->backend->close(host->backend_state);
    advntk__host_free(host);
}

/* count numbers, standard normal; the same for the same seed */
__attribute__((unused)) static void test_normal(uint64_t seed, ptrdiff_t count, double *values)
{
    struct advntk_stream s;
    advntk_stream_init(&s, seed, advntk_random_purpose("test"), -1, 0, 0);
    for (ptrdiff_t i = 0; i < count; i++) {
        values[i] = advntk_random_normal(&s);
    }
}

__attribute__((unused)) static double *test_reals(ptrdiff_t count)
{
    double *values = advntk_alloc_zero(count, sizeof(*values));
    if (!values) {
        printf("Bail out! no memory\n");
        exit(1);
    }
    return values;
}

#endif
