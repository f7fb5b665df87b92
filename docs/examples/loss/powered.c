/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A loss of one's own: minus the label's output, raised to an exponent with its sign kept. Attacks
 * go up it; targeted, they go down towards the target. Pure; several threads call it at once.
 */
#include <advntk/plugin.h>
#include <math.h>

struct powered_config {
    double exponent;
};

static const struct advntk_param powered_params[] = {
    ADVNTK_REAL(struct powered_config, exponent, 1, 1, 9,
                .help = "what the label's output is raised to"),
    ADVNTK_PARAM_END};

/* f (n,c) outputs; loss (n); df (n,c) its gradient, NULL where it is not wanted. */
static void powered_value(const void *config, ptrdiff_t n, ptrdiff_t c, const double *f,
                          const int32_t *labels, const int32_t *targets, double *loss, double *df)
{
    const double p = ((const struct powered_config *)config)->exponent;
    const double sign = targets ? 1 : -1;

    for (ptrdiff_t i = 0; i < n; i++) {
        ptrdiff_t one = targets ? targets[i] : labels[i];
        double y = f[i * c + one];
        loss[i] = sign * copysign(pow(fabs(y), p), y);
        for (ptrdiff_t k = 0; df && k < c; k++) {
            df[i * c + k] = k == one ? sign * p * pow(fabs(y), p - 1) : 0;
        }
    }
}

static const struct advntk_loss_ops powered_ops = {.min_classes = 2, .value = powered_value};

ADVNTK_PLUGIN(LOSS, powered_ops, .name = "powered", .version = "1.0.0",
              .licence = "GPL-3.0-or-later", .summary = "minus the label's output to an exponent",
              .doc = "Looks at the label's output alone, so it does not see which class is next.",
              .params = powered_params, .config_bytes = sizeof(struct powered_config));
