/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * architecture/resnet: a convolution; stages of pre-activation blocks (activation, convolution,
 * activation, convolution; the shortcut is the identity, in each stage's first block a
 * convolution); activation, flatten, dense. No stride, no pooling.
 */
#include "config.h"

#include "standard.h"

#include <advntk/plugin.h>
#include <math.h>

struct resnet_config {
    struct advntk_list blocks;
    int64_t filter;
    double w_std, b_std;
    struct advntk_slot activation;
    int parameterization;
    int64_t width;
};

static const struct advntk_param resnet_params[] = {
    ADVNTK_INT_LIST(struct resnet_config, blocks, "[2, 2, 2, 2]", 1, 1000,
                    .help = "blocks of each stage; resnet-18: [2, 2, 2, 2], resnet-34: "
                            "[3, 4, 6, 3]"),
    ADVNTK_INT(struct resnet_config, filter, 3, 1, 1000, .unit = "pixels",
               .help = "height and width of the filters"),
    ADVNTK_REAL(struct resnet_config, w_std, 1.76, 0, HUGE_VAL,
                .flags = ADVNTK_P_MIN_OPEN | ADVNTK_P_MAX_OPEN, .symbol = "sigma_w",
                .help = "standard deviation of the weights, over sqrt(fan-in)"),
    ADVNTK_REAL(struct resnet_config, b_std, 0.18, 0, HUGE_VAL, .flags = ADVNTK_P_MAX_OPEN,
                .symbol = "sigma_b",
                .help = "standard deviation of the last layer's bias; convolutions have none"),
    ADVNTK_SLOT(struct resnet_config, activation, ACTIVATION, "relu",
                .help = "function before the convolutions of a block"),
    STANDARD_PARAMS(struct resnet_config),
    ADVNTK_PARAM_END};

static ptrdiff_t conv(struct advntk_graph *graph, ptrdiff_t at, const struct resnet_config *cfg)
{
    ptrdiff_t filter = (ptrdiff_t)cfg->filter;
    struct advntk_affine affine = {cfg->w_std, 0};
    struct advntk_window window = {{filter, filter}, {1, 1}, ADVNTK_PADDING_SAME};

    return advntk_graph_conv(graph, at, window, affine);
}

static advntk_status resnet_build(const void *config, struct advntk_graph *graph, ptrdiff_t classes,
                                  struct advntk_error *err)
{
    const struct resnet_config *cfg = config;
    const int64_t *blocks = cfg->blocks.items;
    struct advntk_affine affine = {cfg->w_std, cfg->b_std};
    ptrdiff_t at = advntk_graph_input(graph);

    (void)classes;
    (void)err;
    STANDARD_BEGIN(cfg, graph);
    at = conv(graph, at, cfg);
    for (ptrdiff_t stage = 0; stage < cfg->blocks.count; stage++) {
        for (int64_t i = 0; i < blocks[stage]; i++) {
            ptrdiff_t branch[2];
            branch[1] = i == 0 ? conv(graph, at, cfg) : at;
            branch[0] = advntk_graph_activation(graph, at, cfg->activation);
            branch[0] = conv(graph, branch[0], cfg);
            branch[0] = advntk_graph_activation(graph, branch[0], cfg->activation);
            branch[0] = conv(graph, branch[0], cfg);
            at = advntk_graph_sum(graph, 2, branch);
        }
    }
    at = advntk_graph_flatten(graph, advntk_graph_activation(graph, at, cfg->activation));
    advntk_graph_output(graph, advntk_graph_dense(graph, at, affine));
    return ADVNTK_OK;
}

static const struct advntk_architecture_ops resnet_ops = {.build = resnet_build};

ADVNTK_PLUGIN(ARCHITECTURE, resnet_ops, .name = "resnet", .version = "1.0.0",
              .licence = "GPL-3.0-or-later", .summary = "residual network of convolutions",
              .doc = "Pre-activation blocks without stride, pooling or batch normalisation, as the "
                     "paper's RN-18 and RN-34 at infinite width.",
              .params = resnet_params, .config_bytes = sizeof(struct resnet_config),
              .source = "He et al. 2016, Identity mappings in deep residual networks");
