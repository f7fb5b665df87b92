/* SPDX-License-Identifier: GPL-3.0-or-later */
/* architecture/mlp: flatten, depth - 1 times (dense, activation), dense. */
#include "config.h"

#include "standard.h"

#include <advntk/plugin.h>
#include <math.h>

struct mlp_config {
    int64_t depth;
    double w_std, b_std;
    struct advntk_slot activation;
    int parameterization;
    int64_t width;
};

static const struct advntk_param mlp_params[] = {
    ADVNTK_INT(struct mlp_config, depth, 3, 1, 10000,
               .help = "dense layers, the last one included"),
    ADVNTK_REAL(struct mlp_config, w_std, 1.76, 0, HUGE_VAL,
                .flags = ADVNTK_P_MIN_OPEN | ADVNTK_P_MAX_OPEN, .symbol = "sigma_w",
                .help = "standard deviation of the weights, over sqrt(fan-in)"),
    ADVNTK_REAL(struct mlp_config, b_std, 0.18, 0, HUGE_VAL, .flags = ADVNTK_P_MAX_OPEN,
                .symbol = "sigma_b", .help = "standard deviation of the biases"),
    ADVNTK_SLOT(struct mlp_config, activation, ACTIVATION, "relu",
                .help = "function after every dense layer but the last"),
    STANDARD_PARAMS(struct mlp_config),
    ADVNTK_PARAM_END};

static advntk_status mlp_build(const void *config, struct advntk_graph *graph, ptrdiff_t classes,
                               struct advntk_error *err)
{
    const struct mlp_config *cfg = config;
    struct advntk_affine affine = {cfg->w_std, cfg->b_std};
    ptrdiff_t at = advntk_graph_flatten(graph, advntk_graph_input(graph));

    (void)classes;
    (void)err;
    STANDARD_BEGIN(cfg, graph);
    for (int64_t i = 1; i < cfg->depth; i++) {
        at = advntk_graph_activation(graph, advntk_graph_dense(graph, at, affine), cfg->activation);
    }
    advntk_graph_output(graph, advntk_graph_dense(graph, at, affine));
    return ADVNTK_OK;
}

static const struct advntk_architecture_ops mlp_ops = {.build = mlp_build};

ADVNTK_PLUGIN(ARCHITECTURE, mlp_ops, .name = "mlp", .version = "1.0.0",
              .licence = "GPL-3.0-or-later", .summary = "fully connected network",
              .doc = "Flatten, then depth - 1 times a dense layer and the activation, then a dense "
                     "layer. The defaults are the paper's.",
              .params = mlp_params, .config_bytes = sizeof(struct mlp_config));
