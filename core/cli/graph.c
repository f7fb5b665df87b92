/* SPDX-License-Identifier: GPL-3.0-or-later */
/* describe --graph: the layers of a recipe's network, what they cost, and how long that takes. */
#include "config.h"

#include "cli/cli.h"
#include "cli/graph.h"

#include "base/host.h"
#include "base/try.h"
#include "graph/graph.h"
#include "run/cost.h"
#include "run/pace.h"
#include "run/runner.h"

#include <advntk/model.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct subject {
    struct advntk_host *host;
    const struct advntk__run_config *config;
    ptrdiff_t shape[3]; /* height, width, channels of the images */
    ptrdiff_t classes;
    struct advntk_graph *graph;
    struct advntk__pace pace;
};

/* "32x32x3", or "28x28" for one channel */
static bool parse_shape(const char *text, ptrdiff_t shape[3])
{
    enum { LARGEST = 1 << 20 };

    shape[2] = 1;
    for (int i = 0; i < 3; i++) {
        char *end;
        long long side;
        errno = 0;
        side = strtoll(text, &end, 10);
        if (end == text || errno || side < 1 || side > LARGEST) {
            return false;
        }
        shape[i] = (ptrdiff_t)side;
        if (*end == '\0') {
            return i > 0;
        }
        if (*end != 'x') {
            return false;
        }
        text = end + 1;
    }
    return false;
}

/* The shape that was given, else that of the recipe's images. */
static advntk_status find_shape(struct subject *s, const char *shape, struct advntk_error *err)
{
    const struct advntk__data_config *data = &s->config->data;
    struct advntk__source source = {0};
    advntk_status rc = ADVNTK_OK;

    s->classes = data->classes.count ? data->classes.count : 1;
    if (shape) {
        if (!parse_shape(shape, s->shape)) {
            FAIL(err, EINVALID, "--shape %s: expected height x width x channels, such as 32x32x3",
                 shape);
        }
        goto out;
    }
    if (!data->dataset.plugin) {
        FAIL(err, EINVALID,
             "the recipe has no data, which would say what the images are like: --shape 32x32x3 "
             "does");
    }
    TRY(advntk__source_open(s->host, &data->dataset, &source, err));
    s->shape[0] = source.info.height;
    s->shape[1] = source.info.width;
    s->shape[2] = source.info.channels;
    s->classes = data->classes.count ? data->classes.count : source.info.classes;
out:
    advntk__source_close(&source);
    return rc;
}

/* Builds the graph, and measures its kernel on this machine. */
static advntk_status examine(struct subject *s, const char *shape, struct advntk_error *err)
{
    struct advntk_kernel_setup setup;
    advntk_status rc = ADVNTK_OK;

    TRY(find_shape(s, shape, err));
    TRY(advntk__model_graph(&s->config->model, s->shape[0], s->shape[1], s->shape[2], s->classes,
                            &s->graph, err));
    if (!s->graph) {
        FAIL(err, EUNSUPPORTED, "kernel %s has no architecture",
             s->config->model.kernel.plugin->name);
    }
    setup = (struct advntk_kernel_setup){s->graph, s->shape[0], s->shape[1], s->shape[2],
                                         s->config->precision};
    TRY(advntk__backend_open(s->host, &s->config->backend, err));
    TRY(advntk__pace_measure(s->host, &s->config->model.kernel, &setup, &s->pace, err));
out:
    advntk__backend_close(s->host);
    return rc;
}

static const char *precision_name(const struct subject *s)
{
    return s->config->precision == ADVNTK_PRECISION_FLOAT32 ? "float32" : "float64";
}

/* Seconds for the recipe's training images. */
static double matrix_seconds(const struct subject *s)
{
    return s->pace.pair * advntk__matrix_units((int64_t)s->config->data.train, s->host->threads);
}

static double step_seconds(const struct subject *s)
{
    return ADVNTK_PANEL * (s->pace.image + s->pace.gradient * (double)s->config->data.train);
}

static advntk_status print_text(const struct subject *s, struct advntk_error *err)
{
    const int threads = s->host->threads;
    struct advntk__text out = {0};
    advntk_status rc = ADVNTK_OK;

    advntk__graph_print(s->graph, &out);
    advntk__text_printf(&out,
                        "time, measured with %d thread%s in %s: %.4g us a pair of the kernel "
                        "matrix on each thread; "
                        "value and gradient %.4g us a pair, and %.4g us an image\n",
                        threads, threads == 1 ? "" : "s", precision_name(s), 1e6 * s->pace.pair,
                        1e6 * s->pace.gradient, 1e6 * s->pace.image);
    if (s->config->data.train > 0) {
        advntk__text_printf(
            &out,
            "time for the recipe's %lld training images: kernel matrix %.3g s; one step "
            "of an attack on %d images %.3g s\n",
            (long long)s->config->data.train, matrix_seconds(s), ADVNTK_PANEL, step_seconds(s));
    }
    if (out.failed) {
        FAIL(err, ENOMEM, "no memory for the layers");
    }
    fputs(advntk__text_get(&out), stdout);
out:
    advntk__text_release(&out);
    return rc;
}

static advntk_status print_json(const struct subject *s, struct advntk_error *err)
{
    const struct advntk_slot *architecture = &s->config->model.architecture;
    json_t *graph = NULL, *all = NULL, *seconds;
    advntk_status rc = ADVNTK_OK;

    TRY(advntk__graph_json(s->graph, &graph, err));
    all = json_pack("{s:s, s:s, s:s, s:[I, I, I]}", "architecture", architecture->plugin->name,
                    "kernel", s->config->model.kernel.plugin->name, "precision", precision_name(s),
                    "images", (json_int_t)s->shape[0], (json_int_t)s->shape[1],
                    (json_int_t)s->shape[2]);
    seconds = json_pack("{s:i, s:f, s:f, s:f}", "threads", s->host->threads, "pair_on_each_thread",
                        s->pace.pair, "gradient_of_a_pair", s->pace.gradient,
                        "gradient_of_an_image", s->pace.image);
    if (s->config->data.train > 0) {
        json_object_set_new(seconds, "train", json_integer((json_int_t)s->config->data.train));
        json_object_set_new(seconds, "kernel_matrix", json_real(matrix_seconds(s)));
        json_object_set_new(seconds, "attack_step_on_128", json_real(step_seconds(s)));
    }
    json_object_update(all, graph);
    json_object_set_new(all, "seconds", seconds);
    if (!all || json_dumpf(all, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(17)) != 0) {
        FAIL(err, EIO, "the layers could not be written");
    }
    putchar('\n');
out:
    json_decref(graph);
    json_decref(all);
    return rc;
}

int cli_graph_describe(const struct cli *cli, const struct cli_graph_options *options)
{
    const struct advntk__recipe_options recipe = {.override_count = options->overrides.count,
                                                  .overrides = options->overrides.items,
                                                  .model_only = true};
    struct subject s = {0};
    struct cli_work work;
    struct advntk_error err;
    int code = cli_work_open(cli, &work);

    if (code == CLI_DONE) {
        code = cli_work_load(&work, options->recipe, &recipe);
    }
    if (code == CLI_DONE) {
        s.host = work.host;
        s.config = &work.study->runs[0];
        if (examine(&s, options->shape, &err) != ADVNTK_OK ||
            (cli->json ? print_json : print_text)(&s, &err) != ADVNTK_OK) {
            code = cli_error(&err);
        }
    }
    advntk__graph_free(s.graph);
    cli_work_release(&work);
    return code;
}
