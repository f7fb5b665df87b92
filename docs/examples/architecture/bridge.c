/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An architecture of one's own: dense layers with a way around each, x + dense(activation(x)). The
 * layer functions of advntk/architecture.h return the number of the layer that they add; what is
 * wrong with a graph they keep, so no call need be checked. `advntk describe --graph recipe.yaml`
 * prints it.
 */
#include <advntk/plugin.h>
#include <math.h>

struct bridge_config {
    int64_t blocks;
    double w_std, b_std;
    struct advntk_slot activation;
};

static const struct advntk_param bridge_params[] = {
    ADVNTK_INT(struct bridge_config, blocks, 2, 0, 1000, .help = "dense layers with a way around"),
    ADVNTK_REAL(struct bridge_config, w_std, 1.4, 0, HUGE_VAL,
                .flags = ADVNTK_P_MIN_OPEN | ADVNTK_P_MAX_OPEN,
                .help = "standard deviation of the weights, over sqrt(fan-in)"),
    ADVNTK_REAL(struct bridge_config, b_std, 0.1, 0, HUGE_VAL, .flags = ADVNTK_P_MAX_OPEN,
                .help = "standard deviation of the biases"),
    ADVNTK_SLOT(struct bridge_config, activation, ACTIVATION, "relu",
                .help = "function before every dense layer but the first"),
    ADVNTK_PARAM_END};

static advntk_status bridge_build(const void *config, struct advntk_graph *graph, ptrdiff_t classes,
                                  struct advntk_error *err)
{
    const struct bridge_config *cfg = config;
    const struct advntk_affine affine = {cfg->w_std, cfg->b_std};
    ptrdiff_t at = advntk_graph_flatten(graph, advntk_graph_input(graph));

    (void)classes;
    (void)err;
    at = advntk_graph_dense(graph, at, affine);
    for (int64_t i = 0; i < cfg->blocks; i++) {
        ptrdiff_t over = advntk_graph_activation(graph, at, cfg->activation);
        const ptrdiff_t both[2] = {at, advntk_graph_dense(graph, over, affine)};
        at = advntk_graph_sum(graph, 2, both);
    }
    at = advntk_graph_activation(graph, at, cfg->activation);
    advntk_graph_output(graph, advntk_graph_dense(graph, at, affine));
    return ADVNTK_OK;
}

static const struct advntk_architecture_ops bridge_ops = {.build = bridge_build};

ADVNTK_PLUGIN(ARCHITECTURE, bridge_ops, .name = "bridge", .version = "1.0.0",
              .licence = "GPL-3.0-or-later", .summary = "dense layers with a way around each",
              .params = bridge_params, .config_bytes = sizeof(struct bridge_config));
