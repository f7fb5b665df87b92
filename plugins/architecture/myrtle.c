/* SPDX-License-Identifier: GPL-3.0-or-later */
/* architecture/myrtle: three stages of (convolution, activation), each followed by an average pool,
 * the last one over the whole image; dense. */
#include "config.h"

#include "standard.h"

#include <advntk/plugin.h>
#include <math.h>

struct myrtle_config {
    int depth;
    double w_std, b_std;
    struct advntk_slot activation;
    int parameterization;
    int64_t width;
};

static const char *const depths[] = {"5", "7", "10", NULL};
enum { STAGES = 3 };
/* convolutions of each stage; with the dense layer, as many layers as the name says */
static const int stages[][STAGES] = {{2, 1, 1}, {2, 2, 2}, {3, 3, 3}};

static const struct advntk_param myrtle_params[] = {
    ADVNTK_CHOICE(struct myrtle_config, depth, "5", depths,
                  .help = "convolutions and the dense layer together"),
    ADVNTK_REAL(struct myrtle_config, w_std, 1.76, 0, HUGE_VAL,
                .flags = ADVNTK_P_MIN_OPEN | ADVNTK_P_MAX_OPEN, .symbol = "sigma_w",
                .help = "standard deviation of the weights, over sqrt(fan-in)"),
    ADVNTK_REAL(struct myrtle_config, b_std, 0.18, 0, HUGE_VAL, .flags = ADVNTK_P_MAX_OPEN,
                .symbol = "sigma_b", .help = "standard deviation of the biases"),
    ADVNTK_SLOT(struct myrtle_config, activation, ACTIVATION, "relu",
                .help = "function after every convolution"),
    STANDARD_PARAMS(struct myrtle_config),
    ADVNTK_PARAM_END};

static advntk_status myrtle_build(const void *config, struct advntk_graph *graph, ptrdiff_t classes,
                                  struct advntk_error *err)
{
    const struct myrtle_config *cfg = config;
    struct advntk_affine affine = {cfg->w_std, cfg->b_std};
    struct advntk_window conv = {{3, 3}, {1, 1}, ADVNTK_PADDING_SAME};
    struct advntk_window half = {{2, 2}, {2, 2}, ADVNTK_PADDING_VALID};
    ptrdiff_t at = advntk_graph_input(graph);

    (void)classes;
    (void)err;
    STANDARD_BEGIN(cfg, graph);
    for (int s = 0; s < STAGES; s++) {
        for (int i = 0; i < stages[cfg->depth][s]; i++) {
            at = advntk_graph_activation(graph, advntk_graph_conv(graph, at, conv, affine),
                                         cfg->activation);
        }
        if (s + 1 < STAGES) {
            at = advntk_graph_pool(graph, at, ADVNTK_POOLING_AVERAGE, half);
        } else {
            at = advntk_graph_global_pool(graph, at, ADVNTK_POOLING_AVERAGE);
        }
    }
    advntk_graph_output(graph, advntk_graph_dense(graph, at, affine));
    return ADVNTK_OK;
}

static const struct advntk_architecture_ops myrtle_ops = {.build = myrtle_build};

ADVNTK_PLUGIN(ARCHITECTURE, myrtle_ops, .name = "myrtle", .version = "1.0.0",
              .licence = "GPL-3.0-or-later", .summary = "convolutions with average pools",
              .doc = "Myrtle-5, -7 and -10: 3x3 convolutions in three stages, an average pool of 2 "
                     "x 2 after the first and the second, one over the whole image after the "
                     "third, and a dense layer. Images of at least 4 x 4 pixels.",
              .params = myrtle_params, .config_bytes = sizeof(struct myrtle_config),
              .source = "Shankar et al. 2020, Neural kernels without tangents");
