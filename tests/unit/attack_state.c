/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Attacks that can be stored: saved before a step, closed, opened anew and loaded, they go on to
 * the same bits. */
#include "config.h"
#include "tap.h"

#include "attack_world.h"
#include "scratch.h"
#include "store/state.h"

static struct advntk_host *host;
static struct toy toy;
static struct world_images images;
static struct advntk_error error;

/* An attack that stores and forgets itself before each third step. */
static const struct advntk_attack_ops *real;
static int stored;
struct forgetful {
    void *state;
    const void *config;
};

static advntk_status forgetful_open(const void *config, struct advntk_host *h,
                                    const struct advntk_attack_view *view, void **state,
                                    struct advntk_error *err)
{
    struct forgetful *f = calloc(1, sizeof(*f));
    if (!f) {
        return ADVNTK_FAIL(err, ENOMEM, "no memory");
    }
    f->config = config;
    *state = f;
    return real->open(config, h, view, &f->state, err);
}

static void forgetful_close(void *state)
{
    struct forgetful *f = state;
    real->close(f->state);
    free(f);
}

static void must(advntk_status rc)
{
    if (rc != ADVNTK_OK) {
        printf("Bail out! %s\n", error.text);
        exit(1);
    }
}

static void forget(struct forgetful *f, const struct advntk_attack_view *view)
{
    struct advntk__npz_writer *out = NULL;
    struct advntk__npz_reader *in = NULL;
    struct advntk_writer w;
    struct advntk_reader r;

    must(advntk__npz_create(scratch("state.npz"), &out, &error));
    w = (struct advntk_writer){.npz = out};
    must(real->save(f->state, &w, &error));
    must(advntk__npz_finish(out, &error));
    real->close(f->state);
    must(real->open(f->config, view->host, view, &f->state, &error));
    must(advntk__npz_open(scratch("state.npz"), &in, &error));
    r = (struct advntk_reader){.npz = in};
    must(real->load(f->state, &r, &error));
    advntk__npz_close(in);
    stored++;
}

static advntk_status forgetful_step(void *state, const struct advntk_attack_view *view,
                                    const struct advntk_attack_seen *seen,
                                    struct advntk_attack_ask *ask, struct advntk_error *err)
{
    struct forgetful *f = state;
    if (view->step % 3 == 2) {
        forget(f, view);
    }
    return real->step(f->state, view, seen, ask, err);
}

static void run(struct world_slot *attack, struct world_result *w)
{
    struct advntk__attack_target target = world_target(host, &toy);
    must(advntk__attack_panel(&target, &attack->slot, &images.x, result_init(w), NULL, &error));
}

static void test_attack(const char *name, const char *norm_name, const char *steps,
                        const char *choice)
{
    static struct world_result straight, resumed;
    static struct advntk_attack_ops ops;
    struct advntk_plugin wrapped;
    struct world_slot attack, norm, loss;
    char path[512];

    snprintf(path, sizeof(path), "%s/norm/%s.so", PLUGINS, norm_name);
    slot_init(&norm, test_plugin(path));
    slot_init(&loss, test_plugin(PLUGINS "/loss/cross_entropy.so"));
    snprintf(path, sizeof(path), "%s/attack/%s.so", PLUGINS, name);
    slot_init(&attack, test_plugin(path));
    slot_set(&attack, steps, 14);
    if (choice && strcmp(choice, "released-code") == 0) {
        slot_choose(&attack, "variant", choice);
    } else if (choice) {
        slot_set(&attack, choice, 2); /* a truth value, or a number */
    }
    attack.settings.norm = norm.slot;
    attack.settings.loss = loss.slot;
    attack.settings.radius = strcmp(norm_name, "linf") == 0 ? 0.02 : 0.2;
    attack.settings.early_stop = false;
    run(&attack, &straight);
    wrapped = *attack.slot.plugin;
    real = wrapped.ops;
    ops = *real;
    ops.open = forgetful_open;
    ops.step = forgetful_step;
    ops.close = forgetful_close;
    wrapped.ops = &ops;
    attack.slot.plugin = &wrapped;
    stored = 0;
    run(&attack, &resumed);
    /* deepfool ends after few steps */
    ok(stored >= (strcmp(name, "deepfool") == 0 ? 1 : 4) &&
           memcmp(straight.point, resumed.point, sizeof(straight.point)) == 0 &&
           memcmp(straight.loss, resumed.loss, sizeof(straight.loss)) == 0,
       "%s in %s%s%s: stored %d times, the same bits", name, norm_name, choice ? ", " : "",
       choice ? choice : "", stored);
}

int main(void)
{
    must(advntk__host_new(2, &host, &error));
    scratch_make();
    toy_make(&toy, 30, 5, 0.7, 8);
    images_make(&images, &toy, 40, 7, 2);
    box_reset();
    test_attack("pgd", "l2", "steps", NULL);
    test_attack("pgd", "linf", "steps", "released-code");
    test_attack("apgd", "linf", "steps", NULL);
    test_attack("apgd", "l2", "steps", NULL);
    test_attack("apgd", "l1", "steps", "shrinking_radius");
    test_attack("apgd", "l2", "steps", "eot");
    test_attack("nifgsm", "linf", "steps", NULL);
    test_attack("square", "linf", "queries", NULL);
    test_attack("fab", "l2", "iterations", NULL);
    test_attack("deepfool", "l2", "steps", NULL);
    test_attack("ddn", "l2", "steps", NULL);
    test_attack("fmn", "l1", "steps", NULL);
    test_attack("cw", "l2", "steps", "search_steps");
    test_attack("line_search_pgd", "l2", "steps", NULL);
    scratch_remove();
    advntk__host_free(host);
    return done_testing();
}
