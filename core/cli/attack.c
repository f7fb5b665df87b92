/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Attacks a stored model on one's own images. */
#include "config.h"

#include "cli/cli.h"
#include "cli/grid.h"

#include "attack/evaluate.h"
#include "base/try.h"
#include "run/runner.h"
#include "store/npz.h"

#include <advntk/npy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *attack_output, *attack_grid;
static struct cli_words attack_overrides;

static const struct cli_option attack_options[] = {
    {CLI_WORDS, "set", 's', "KEY=VALUE", &attack_overrides,
     "attack={plugin: NAME, norm: ..., radius: ...} (needed)"},
    {CLI_TEXT, "output", 'o', "ADV.npz", &attack_output,
     "where points, clean images and what became of them are written"},
    {CLI_TEXT, "png", 0, "GRID.png", &attack_grid,
     "images that fell: clean, perturbed, difference"},
    {CLI_END, NULL, 0, NULL, NULL, NULL},
};

/* Everything of all images, group by group into these. */
struct attacked {
    ptrdiff_t n, d, classes;
    int32_t *labels;
    int64_t *index;
    struct advntk__attack_result result;
    struct advntk__audit audit;
};

static advntk_status attacked_make(struct attacked *a, ptrdiff_t n, ptrdiff_t d, ptrdiff_t classes,
                                   struct advntk_error *err)
{
    struct advntk__attack_result *r = &a->result;

    *a = (struct attacked){.n = n, .d = d, .classes = classes};
    a->labels = advntk_alloc_zero(n, sizeof(*a->labels));
    a->index = advntk_alloc_zero(n, sizeof(*a->index));
    r->clean_right = advntk_alloc_zero(n, sizeof(bool));
    r->robust = advntk_alloc_zero(n, sizeof(bool));
    r->point = advntk_alloc_zero(n, (size_t)d * sizeof(double));
    r->outputs = advntk_alloc_zero(n, (size_t)classes * sizeof(double));
    r->loss = advntk_alloc_zero(n, sizeof(double));
    r->distance = advntk_alloc_zero(n, sizeof(double));
    r->outputs_spent = advntk_alloc_zero(n, sizeof(int64_t));
    r->gradients_spent = advntk_alloc_zero(n, sizeof(int64_t));
    if (!a->labels || !a->index || !r->clean_right || !r->robust || !r->point || !r->outputs ||
        !r->loss || !r->distance || !r->outputs_spent || !r->gradients_spent) {
        return ADVNTK_FAIL(err, ENOMEM, "no memory for %td images of %td values", n, d);
    }
    for (ptrdiff_t i = 0; i < n; i++) {
        a->index[i] = i;
    }
    return ADVNTK_OK;
}

static void attacked_release(struct attacked *a)
{
    struct advntk__attack_result *r = &a->result;

    advntk_free(a->labels);
    advntk_free(a->index);
    advntk_free(r->clean_right);
    advntk_free(r->robust);
    advntk_free(r->point);
    advntk_free(r->outputs);
    advntk_free(r->loss);
    advntk_free(r->distance);
    advntk_free(r->outputs_spent);
    advntk_free(r->gradients_spent);
}

static advntk_status read_labels(const char *path, struct attacked *a, struct advntk_error *err)
{
    struct advntk_npy npy = {.descriptor = -1};
    double *values = NULL;
    advntk_status rc = ADVNTK_OK;

    TRY(advntk_npy_open(&npy, path, err));
    if (npy.rank < 1 || npy.shape[0] != a->n || (npy.rank > 1 && npy.shape[1] != 1)) {
        FAIL(err, ESHAPE, "%s: expected %td labels, one an image", path, a->n);
    }
    values = advntk_alloc(a->n, sizeof(*values));
    if (!values) {
        FAIL(err, ENOMEM, "%s: no memory for %td labels", path, a->n);
    }
    TRY(advntk_npy_read_reals(&npy, 0, a->n, values, err));
    for (ptrdiff_t i = 0; i < a->n; i++) {
        a->labels[i] = (int32_t)values[i];
        if (a->labels[i] < 0 || a->labels[i] >= a->classes || (double)a->labels[i] != values[i]) {
            FAIL(err, EINVALID, "%s: label %td is %g, expected 0 to %td", path, i, values[i],
                 a->classes - 1);
        }
    }
out:
    advntk_npy_close(&npy);
    advntk_free(values);
    return rc;
}

static advntk_status attack_images(struct advntk__opened *run, const struct advntk_slot *attack,
                                   const struct cli_images *images, struct attacked *a,
                                   struct advntk_error *err)
{
    const struct advntk_problem *p = &run->services.problem;
    const struct advntk__attack_target target = {.host = run->host,
                                                 .model = run->model,
                                                 .ops = run->ops,
                                                 .classes = a->classes,
                                                 .box_lo = run->split.box_low,
                                                 .box_hi = run->split.box_high,
                                                 .seed = advntk_host_seed(run->host),
                                                 .purpose = advntk_random_purpose("attack command"),
                                                 .started = advntk__attack_clock()};
    advntk_status rc = ADVNTK_OK;

    for (ptrdiff_t at = 0; at < a->n; at += ADVNTK__GROUP) {
        struct advntk_images group = {.n = a->n - at < ADVNTK__GROUP ? a->n - at : ADVNTK__GROUP,
                                      .height = p->height,
                                      .width = p->width,
                                      .channels = p->channels,
                                      .pixels = images->pixels + at * a->d,
                                      .labels = a->labels + at,
                                      .index = a->index + at};
        struct advntk__attack_result part = {.clean_right = a->result.clean_right + at,
                                             .robust = a->result.robust + at,
                                             .point = a->result.point + at * a->d,
                                             .outputs = a->result.outputs + at * a->classes,
                                             .loss = a->result.loss + at,
                                             .distance = a->result.distance + at,
                                             .outputs_spent = a->result.outputs_spent + at,
                                             .gradients_spent = a->result.gradients_spent + at};
        TRY(advntk__attack_panel(&target, attack, &group, &part, &a->audit, err));
        advntk_progress(run->host, "attack", at + group.n, a->n);
    }
out:
    return rc;
}

static advntk_status write_points(const struct attacked *a, const struct cli_images *images,
                                  const struct advntk_problem *p, struct advntk_error *err)
{
    const ptrdiff_t pixels[4] = {a->n, p->height, p->width, p->channels};
    const ptrdiff_t outputs[2] = {a->n, a->classes};
    const struct advntk__attack_result *r = &a->result;
    struct advntk__npz_writer *w = NULL;
    advntk_status rc = ADVNTK_OK;

    TRY(advntk__npz_create(attack_output, &w, err));
    TRY(advntk__npz_add_borrowed(w, "adversarial", ADVNTK_FLOAT64, 4, pixels, r->point, err));
    TRY(advntk__npz_add_borrowed(w, "clean", ADVNTK_FLOAT64, 4, pixels, images->pixels, err));
    TRY(advntk__npz_add(w, "index", ADVNTK_INT64, 1, &a->n, a->index, err));
    TRY(advntk__npz_add(w, "labels", ADVNTK_INT32, 1, &a->n, a->labels, err));
    TRY(advntk__npz_add(w, "clean_right", ADVNTK_BOOL8, 1, &a->n, r->clean_right, err));
    TRY(advntk__npz_add(w, "robust", ADVNTK_BOOL8, 1, &a->n, r->robust, err));
    TRY(advntk__npz_add(w, "outputs", ADVNTK_FLOAT64, 2, outputs, r->outputs, err));
    TRY(advntk__npz_add(w, "loss", ADVNTK_FLOAT64, 1, &a->n, r->loss, err));
    TRY(advntk__npz_add(w, "distance", ADVNTK_FLOAT64, 1, &a->n, r->distance, err));
    TRY(advntk__npz_add(w, "outputs_spent", ADVNTK_INT64, 1, &a->n, r->outputs_spent, err));
    TRY(advntk__npz_add(w, "gradients_spent", ADVNTK_INT64, 1, &a->n, r->gradients_spent, err));
    rc = advntk__npz_finish(w, err);
    w = NULL;
out:
    advntk__npz_abandon(w);
    return rc;
}

/* The images that fell first, packed; if none did, the first ones. */
static advntk_status write_grid(const struct attacked *a, const struct cli_images *images,
                                const struct advntk__opened *run, struct advntk_error *err)
{
    enum { SHOWN = 16 };
    const struct advntk_problem *p = &run->services.problem;
    double *clean = advntk_alloc(SHOWN, (size_t)a->d * sizeof(double));
    double *found = advntk_alloc(SHOWN, (size_t)a->d * sizeof(double));
    ptrdiff_t count = 0;
    bool any = false;
    advntk_status rc = ADVNTK_OK;

    if (!clean || !found) {
        FAIL(err, ENOMEM, "no memory for a picture");
    }
    for (ptrdiff_t i = 0; i < a->n; i++) {
        any = any || (a->result.clean_right[i] && !a->result.robust[i]);
    }
    for (ptrdiff_t i = 0; i < a->n && count < SHOWN; i++) {
        if (!any || (a->result.clean_right[i] && !a->result.robust[i])) {
            memcpy(clean + count * a->d, images->pixels + i * a->d, (size_t)a->d * sizeof(double));
            memcpy(found + count * a->d, a->result.point + i * a->d, (size_t)a->d * sizeof(double));
            count++;
        }
    }
    TRY(cli_grid_write(attack_grid, count, p->height, p->width, p->channels, clean, found,
                       run->split.box_low[0], run->split.box_high[0], err));
out:
    advntk_free(clean);
    advntk_free(found);
    return rc;
}

static void say(const struct cli *cli, const struct attacked *a)
{
    static const char *const verdicts[] = {"trusted", "suspect", "failed"};
    struct advntk__text reasons = {0};
    int64_t clean = 0, robust = 0;
    double low, high;

    for (ptrdiff_t i = 0; i < a->n; i++) {
        clean += a->result.clean_right[i];
        robust += a->result.robust[i];
    }
    advntk__wilson((double)robust, a->n, &low, &high);
    advntk__audit_reasons(&a->audit, &reasons);
    cli_progress_clear();
    if (cli->json) {
        printf("{\"images\": %td, \"clean_right\": %lld, \"robust\": %lld, \"interval\": [%.17g, "
               "%.17g], \"audit\": \"%s\"}\n",
               a->n, (long long)clean, (long long)robust, low, high, verdicts[a->audit.verdict]);
    } else {
        printf("images  clean  robust\n%6td  %.3f  %.3f [%.3f, %.3f]  %s\n%s", a->n,
               (double)clean / (double)a->n, (double)robust / (double)a->n, low, high,
               verdicts[a->audit.verdict], advntk__text_get(&reasons));
    }
    advntk__text_release(&reasons);
}

static advntk_status attack(const struct cli *cli, struct cli_work *work,
                            const struct advntk__folder *folder, struct advntk_error *err)
{
    const struct advntk__run_config *config = &work->study->runs[0];
    struct advntk__opened run = {0};
    struct cli_images images = {0};
    struct attacked a = {0};
    advntk_status rc = ADVNTK_OK;

    TRY(cli_images_read(cli->words[1], true, &images, err));
    TRY(advntk__opened_init(&run, work->host, config, folder, err));
    if (images.d != run.split.d) {
        FAIL(err, ESHAPE, "%s: images of %td values, run %s was trained on images of %td",
             cli->words[1], images.d, folder->id, run.split.d);
    }
    TRY(attacked_make(&a, images.n, images.d, run.split.classes, err));
    TRY(read_labels(cli->words[2], &a, err));
    TRY(attack_images(&run, &config->evaluations[0].attack, &images, &a, err));
    if (attack_output) {
        TRY(write_points(&a, &images, &run.services.problem, err));
    }
    if (attack_grid) {
        TRY(write_grid(&a, &images, &run, err));
    }
    say(cli, &a);
out:
    attacked_release(&a);
    advntk__opened_release(&run);
    advntk_free(images.pixels);
    return rc;
}

/* "attack={...}" becomes the one evaluation of the stored recipe. */
static int load(struct cli_work *work, const char *recipe)
{
    struct advntk__text text = {0};
    const char *word;
    struct advntk__recipe_options options = {.override_count = 1, .overrides = &word};
    int code;

    advntk__text_printf(&text, "evaluate=[{name: attack, attack: %s}]",
                        attack_overrides.items[0] + strlen("attack="));
    word = advntk__text_get(&text);
    code = cli_work_load(work, recipe, &options);
    advntk__text_release(&text);
    return code;
}

static int attack_main(struct cli *cli)
{
    struct advntk__folder folder = {.lock = -1};
    struct cli_work work = {0};
    struct advntk_error err;
    char *recipe = NULL;
    int code = CLI_DONE;

    if (attack_overrides.count != 1 || strncmp(attack_overrides.items[0], "attack=", 7) != 0) {
        return cli_misuse(cli, "expected -s attack={plugin: NAME, norm: ..., radius: ...}");
    }
    if (!attack_output && !attack_grid) {
        return cli_misuse(cli, "expected -o ADV.npz or --png GRID.png");
    }
    if (advntk__store_find(cli->results, cli->words[0], &folder, &err) != ADVNTK_OK) {
        return cli_error(&err);
    }
    recipe = advntk__folder_file(&folder, "recipe.yaml", NULL);
    code = recipe ? cli_work_open(cli, &work) : cli_fail("no memory for a path");
    if (code == CLI_DONE) {
        code = load(&work, recipe);
    }
    if (code == CLI_DONE && attack(cli, &work, &folder, &err) != ADVNTK_OK) {
        code = cli_error(&err);
    }
    cli_work_release(&work);
    advntk__folder_close(&folder);
    free(recipe);
    return code;
}

const struct cli_command cli_attack = {
    .name = "attack",
    .words = "RUN X.npy Y.npy",
    .summary = "Attacks a stored run's model on one's own images",
    .text = "X.npy: n x H x W x C, n x H x W or n x d; uint8 (0 to 255) or numbers in the data "
            "set's box. Y.npy: n labels from 0.",
    .example =
        "advntk attack 3f2a x.npy y.npy -s 'attack={plugin: pgd, norm: linf, radius: 8/255}' "
        "-o adversarial.npz",
    .options = attack_options,
    .least = 3,
    .most = 3,
    .run = attack_main,
};
