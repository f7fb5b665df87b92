/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The optimizers, against steps worked out by hand. */
#include "config.h"
#include "tap.h"

#include "plugin.h"
#include "store/state.h"
#include <unistd.h>

#include <float.h>

/* the config structs, in the order of the plugins' own members */
struct sgd {
    double rate, momentum, weight_decay, decay_factor;
    int64_t decay_every;
};
struct gradnorm {
    double rate, weight_decay, decay_factor;
    int64_t decay_every;
};
struct adam {
    double rate, beta1, beta2, epsilon, weight_decay;
};

static struct advntk_host *host;

/* steps with the same gradient; w afterwards */
static void steps(const char *file, const void *config, int count, const double gradient[2],
                  double w[2], advntk_status want)
{
    const struct advntk_optimizer_ops *ops = test_plugin(file)->ops;
    struct advntk_error err = {.status = ADVNTK_OK};
    void *state = NULL;
    advntk_status rc = ops->open(config, host, 2, &state, &err);
    for (int i = 0; i < count && rc == ADVNTK_OK; i++) {
        rc = ops->step(state, gradient, w, &err);
    }
    ok(rc == want, "%s: %s", file + strlen(PLUGINS), err.text);
    if (state) {
        ops->close(state);
    }
}

static void is_step(const double w[2], double first, double second, const char *name)
{
    const double want[2] = {first, second};
    is_close(2, w, want, 16 * DBL_EPSILON, name);
}

static advntk_status save(const struct advntk_optimizer_ops *ops, void *state, const char *path)
{
    struct advntk_error err;
    struct advntk__npz_writer *npz = NULL;
    struct advntk_writer writer = {NULL, "optimizer."};
    const double mark = 0; /* a state may be empty, a file may not */
    const ptrdiff_t one = 1;
    advntk_status rc = advntk__npz_create(path, &npz, &err);
    writer.npz = npz;
    rc = rc != ADVNTK_OK ? rc : advntk__npz_add(npz, "mark", ADVNTK_FLOAT64, 1, &one, &mark, &err);
    rc = rc != ADVNTK_OK ? rc : ops->save(state, &writer, &err);
    return rc != ADVNTK_OK ? rc : advntk__npz_finish(npz, &err);
}

static advntk_status load(const struct advntk_optimizer_ops *ops, void *state, const char *path)
{
    struct advntk_error err;
    struct advntk_reader reader = {NULL, "optimizer."};
    advntk_status rc = advntk__npz_open(path, &reader.npz, &err);
    rc = rc != ADVNTK_OK ? rc : ops->load(state, &reader, &err);
    advntk__npz_close(reader.npz);
    return rc;
}

/* Seven steps in one go, and with a stop after the third: the same bits. */
static void test_interrupted(const char *file, const void *config)
{
    enum { N = 5, STEPS = 7, STOP = 3 };
    const struct advntk_optimizer_ops *ops = test_plugin(file)->ops;
    struct advntk_error err = {.status = ADVNTK_OK};
    double whole[N] = {1, 2, 3, 4, 5}, parts[N] = {1, 2, 3, 4, 5}, g[STEPS * N];
    char path[] = "/tmp/advntk-optimizers-XXXXXX";
    void *state = NULL, *first = NULL, *second = NULL;
    int file_number = mkstemp(path);
    bool good = file_number >= 0 && ops->open(config, host, N, &state, &err) == ADVNTK_OK &&
                ops->open(config, host, N, &first, &err) == ADVNTK_OK &&
                ops->open(config, host, N, &second, &err) == ADVNTK_OK;

    test_normal(3, (ptrdiff_t)STEPS * N, g);
    for (ptrdiff_t i = 0; i < STEPS && good; i++) {
        if (i == STOP) {
            good = save(ops, first, path) == ADVNTK_OK && load(ops, second, path) == ADVNTK_OK;
        }
        good = good && ops->step(state, g + i * N, whole, &err) == ADVNTK_OK &&
               ops->step(i < STOP ? first : second, g + i * N, parts, &err) == ADVNTK_OK;
    }
    ok(good && memcmp(whole, parts, sizeof(whole)) == 0, "%s: goes on from its saved state: %s",
       file + strlen(PLUGINS), good ? "other bits" : err.text);
    ops->close(state);
    ops->close(first);
    ops->close(second);
    if (file_number >= 0) {
        close(file_number);
        unlink(path);
    }
}

int main(void)
{
    static const char sgd_file[] = PLUGINS "/optimizer/sgd.so",
                      gradnorm_file[] = PLUGINS "/optimizer/gradnorm_sgd.so",
                      adam_file[] = PLUGINS "/optimizer/adam.so";
    const struct sgd plain = {0.5, 0, 0, 0.1, 0}, heavy = {0.5, 0.9, 0, 0.1, 0},
                     decayed = {1, 0, 0, 0.1, 2}, shrinking = {0.5, 0, 0.1, 0.1, 0};
    const struct gradnorm unit = {0.5, 0, 0.1, 0}, worn = {0.5, 0.1, 0.1, 0};
    const struct adam adam = {0.1, 0.9, 0.999, 0, 0}, still = {0.1, 0.9, 0.999, 1e-8, 0};
    const double g[2] = {3, -4}, none[2] = {0, 0}, tiny[2] = {3e-200, -4e-200},
                 bad[2] = {1, (double)NAN};
    double w[2] = {1, 2};

    host = test_host(1);
    steps(sgd_file, &plain, 1, g, w, ADVNTK_OK);
    is_step(w, -0.5, 4, "sgd: w - rate g");
    w[0] = w[1] = 0;
    steps(sgd_file, &heavy, 2, g, w, ADVNTK_OK);
    is_step(w, -0.5 * (1 + 1.9) * 3, 0.5 * (1 + 1.9) * 4, "sgd: momentum");
    w[0] = w[1] = 0;
    steps(sgd_file, &decayed, 5, g, w, ADVNTK_OK);
    is_step(w, -2.21 * 3, 2.21 * 4, "sgd: the rate falls every second step");
    w[0] = 1, w[1] = 2;
    steps(sgd_file, &shrinking, 1, none, w, ADVNTK_OK);
    is_step(w, 0.95, 1.9, "sgd: weight decay");
    w[0] = 1, w[1] = 2;
    steps(gradnorm_file, &unit, 1, g, w, ADVNTK_OK);
    is_step(w, 1 - 0.5 * 0.6, 2 + 0.5 * 0.8, "gradnorm_sgd: a step of length rate");
    w[0] = 1, w[1] = 2;
    steps(gradnorm_file, &unit, 1, tiny, w, ADVNTK_OK);
    is_step(w, 1 - 0.5 * 0.6, 2 + 0.5 * 0.8,
            "gradnorm_sgd: along a gradient whose square underflows");
    w[0] = 1, w[1] = 2;
    steps(gradnorm_file, &worn, 1, none, w, ADVNTK_OK);
    is_step(w, 0.95, 1.9, "gradnorm_sgd: a zero gradient leaves weight decay");
    w[0] = 1, w[1] = 2;
    steps(adam_file, &adam, 3, g, w, ADVNTK_OK);
    is_step(w, 1 - 0.3, 2 + 0.3, "adam: the same gradient gives steps of rate");
    w[0] = 1, w[1] = 2;
    steps(adam_file, &still, 1, none, w, ADVNTK_OK);
    is_step(w, 1, 2, "adam: no gradient, no step");
    steps(sgd_file, &plain, 1, bad, w, ADVNTK_ENUMERIC);
    steps(gradnorm_file, &unit, 1, bad, w, ADVNTK_ENUMERIC);
    steps(adam_file, &adam, 1, bad, w, ADVNTK_ENUMERIC);
    /* momentum and a rate that falls between the stop and the end */
    test_interrupted(sgd_file, &(const struct sgd){0.5, 0.9, 0.01, 0.1, 2});
    test_interrupted(gradnorm_file, &(const struct gradnorm){0.5, 0.01, 0.1, 2});
    test_interrupted(adam_file, &(const struct adam){0.1, 0.9, 0.999, 1e-8, 0.01});
    test_host_free(host);
    return done_testing();
}
