/* SPDX-License-Identifier: GPL-3.0-or-later */
/* architecture/cnn: depth times (convolution, activation), flatten or a global pool, dense. */
#include "config.h"

#include "standard.h"

#include <advntk/plugin.h>
#include <math.h>

struct cnn_config {
    int64_t depth, filter, stride;
    int padding, pooling;
    double w_std, b_std;
    struct advntk_slot activation;
    int parameterization;
    int64_t width;
};

static const char *const paddings[] = {"same", "valid", "circular", NULL};

static const char *const poolings[] = {"none", "average", "sum", NULL};

static const struct advntk_param cnn_params[] = {
    ADVNTK_INT(struct cnn_config, depth, 3, 1, 10000, .help = "convolutions"),
    ADVNTK_INT(struct cnn_config, filter, 3, 1, 1000, .unit = "pixels",
               .help = "height and width of the filters"),
    ADVNTK_INT(struct cnn_config, stride, 1, 1, 1000, .unit = "pixels",
               .help = "distance of neighbouring windows"),
    ADVNTK_CHOICE(struct cnn_config, padding, "same", paddings,
                  .help = "what stands beyond the edge: zeros, nothing, the other side"),
    ADVNTK_CHOICE(struct cnn_config, pooling, "none", poolings,
                  .help = "before the last layer: flatten, or the whole image's average or sum "
                          "(far more work: covariances of all pairs of positions)"),
    ADVNTK_REAL(struct cnn_config, w_std, 1.76, 0, HUGE_VAL,
                .flags = ADVNTK_P_MIN_OPEN | ADVNTK_P_MAX_OPEN, .symbol = "sigma_w",
                .help = "standard deviation of the weights, over sqrt(fan-in)"),
    ADVNTK_REAL(struct cnn_config, b_std, 0.18, 0, HUGE_VAL, .flags = ADVNTK_P_MAX_OPEN,
                .symbol = "sigma_b", .help = "standard deviation of the biases"),
    ADVNTK_SLOT(struct cnn_config, activation, ACTIVATION, "relu",
                .help = "function after every convolution"),
    STANDARD_PARAMS(struct cnn_config),
    ADVNTK_PARAM_END};

static advntk_status cnn_build(const void *config, struct advntk_graph *graph, ptrdiff_t classes,
                               struct advntk_error *err)
{
    const struct cnn_config *cfg = config;
    ptrdiff_t filter = (ptrdiff_t)cfg->filter, stride = (ptrdiff_t)cfg->stride;
    struct advntk_affine affine = {cfg->w_std, cfg->b_std};
    struct advntk_window window = {{filter, filter}, {stride, stride}, ADVNTK_PADDING_SAME};
    ptrdiff_t at = advntk_graph_input(graph);

    (void)classes;
    (void)err;
    STANDARD_BEGIN(cfg, graph);
    window.padding = (enum advntk_padding)(ADVNTK_PADDING_SAME + cfg->padding);
    for (int64_t i = 0; i < cfg->depth; i++) {
        at = advntk_graph_activation(graph, advntk_graph_conv(graph, at, window, affine),
                                     cfg->activation);
    }
    if (cfg->pooling == 0) {
        at = advntk_graph_flatten(graph, at);
    } else {
        at = advntk_graph_global_pool(
            graph, at, cfg->pooling == 1 ? ADVNTK_POOLING_AVERAGE : ADVNTK_POOLING_SUM);
    }
    advntk_graph_output(graph, advntk_graph_dense(graph, at, affine));
    return ADVNTK_OK;
}

static const struct advntk_architecture_ops cnn_ops = {.build = cnn_build};

ADVNTK_PLUGIN(
    ARCHITECTURE, cnn_ops, .name = "cnn", .version = "1.0.0", .licence = "GPL-3.0-or-later",
    .summary = "convolutional network",
    .doc = "depth times a convolution and the activation, then flatten or a global pool, and "
           "a dense layer. "
           "The defaults are the paper's.",
    .params = cnn_params, .config_bytes = sizeof(struct cnn_config));
