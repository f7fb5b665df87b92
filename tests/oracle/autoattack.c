/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * AutoAttack from end to end against the public code (data/attacks/README.md, "end" and "few"): the
 * robust accuracy after each of its attacks and who stands, in three norms; and what it takes where
 * there are three or two classes, which the public code does not run.
 */
#include "config.h"
#include "tap.h"

#include "oracle_attack.h"
#include "recipe_attack.h"

#include "attack/panel.h"

enum { SOME = 100, FEW = 60 };

static struct advntk_host *host;
static struct advntk__registry *registry;
static struct network net;
static struct oracle_run run;

/* As published: what differs from the papers or is weaker in the public code is turned on. */
#define AS_PUBLISHED "reference: autoattack"
#define DLR_TARGETED "loss: {plugin: dlr_targeted, " AS_PUBLISHED "}"
#define AIMED "targeted: true, targets: each, success: any"
static const char *const standard = "plugin: autoattack, version: standard, "
                                    "apgd_ce: {" AS_PUBLISHED "}, "
                                    "apgd_ce_l1: {" AS_PUBLISHED "}, "
                                    "apgd_t: {" AS_PUBLISHED ", " DLR_TARGETED "}, "
                                    "apgd_t_l1: {" AS_PUBLISHED ", " DLR_TARGETED "}, "
                                    "square: {" AS_PUBLISHED "}";
static const char *const plus =
    "plugin: autoattack, version: plus, "
    "apgd_ce_plus: {" AS_PUBLISHED "}, "
    "apgd_dlr_plus: {" AS_PUBLISHED ", loss: {plugin: dlr, " AS_PUBLISHED "}}, "
    "apgd_t: {" AS_PUBLISHED ", " DLR_TARGETED "}, "
    "square: {" AS_PUBLISHED "}";

/* Runs an attack of these settings on the first `images`. */
static void attack(const char *settings, const struct oracle_norm *norm, ptrdiff_t images)
{
    struct advntk__study *study = NULL;
    char text[1024];

    snprintf(text, sizeof(text), "{norm: %s, radius: %.17g, %s}", norm->here, norm->radius,
             settings);
    oracle_attack(host, &net, recipe_attack(registry, text, &study), images, 0, &run);
    advntk__study_free(study);
}

/* Does image i stand after `parts` of the attacks? */
static bool stands(ptrdiff_t i, ptrdiff_t parts)
{
    return run.clean_right[i] && (run.robust[i] || run.fooled_by[i] >= parts);
}

/*
 * The public code draws its starts and windows from another generator, so only distributions can
 * agree. Its five seeds give the range of each accuracy; an image in a hundred (its README's band)
 * is allowed beyond that, and twice as many where there is one seed alone. An image whose flag
 * differs lies on the edge for one of them: no more than the accuracies may differ by, in both
 * directions.
 */
static void test_version(const char *settings, const struct oracle_norm *norm, const char *version,
                         ptrdiff_t images)
{
    ptrdiff_t count, rows, seeds;
    double *flags = oracle_array(&count, "attacks/end/%s-%s-flags", norm->there, version);
    double *accuracy = oracle_array(&seeds, "attacks/end/%s-%s-accuracy", norm->there, version);
    double band;

    rows = count / ORACLE_IMAGES;
    seeds /= rows;
    band = seeds > 1 ? 0.01 : 0.02;
    attack(settings, norm, images);
    for (ptrdiff_t k = 0; k < rows; k++) {
        double low = 1, high = 0, here = 0, there = 0, differ = 0;
        for (ptrdiff_t s = 0; s < seeds; s++) {
            low = fmin(low, accuracy[s * rows + k] - accuracy[k]);
            high = s == 0 ? 0 : fmax(high, accuracy[s * rows + k] - accuracy[k]);
        }
        for (ptrdiff_t i = 0; i < images; i++) {
            bool stood = flags[k * ORACLE_IMAGES + i] > 0;
            here += stands(i, k);
            there += stood;
            differ += stands(i, k) != stood;
        }
        here /= (double)images;
        there /= (double)images;
        differ /= (double)images;
        ok(here - there >= low - band && here - there <= high + band &&
               differ <= high - low + 2 * band,
           "%s %s, after %td attacks: %.3f, there %.3f (%+.3f to %+.3f); %.3f of the flags differ",
           norm->there, version, k, here, there, low, high, differ);
    }
    advntk_free(flags);
    advntk_free(accuracy);
}

/*
 * Each attack of the standard version by itself on all images. FAB-T draws nothing: one image may
 * hang on rounding. Square's windows belong to a batch there and to an image here: an image breaks
 * in some draws only, and about one in ten does so (its own test weighs that image by image), and
 * the one run that is recorded left more than any of 39 others (data/attacks/README.md, "square").
 * The others draw their starts.
 */
static void test_alone(const struct oracle_norm *norm)
{
    bool l1 = norm == &oracle_norms[2];
    const struct {
        const char *name, *settings;
        double some;
    } parts[] = {
        {"apgd-ce",
         l1 ? "apgd, restarts: 5, shrinking_radius: true, loss: cross_entropy"
            : "apgd, loss: cross_entropy",
         0.02},
        {"apgd-t",
         l1 ? "apgd, restarts: 5, target_classes: 5, shrinking_radius: true, " AIMED
              ", " DLR_TARGETED
            : "apgd, restarts: 9, " AIMED ", " DLR_TARGETED,
         0.02},
        {"fab-t", "fab, restarts: 9, " AIMED, 0.005},
        {"square", "square, queries: 5000, rescale_schedule: false", 0.1},
    };
    ptrdiff_t count;
    double *flags = oracle_array(&count, "attacks/end/%s-alone-flags", norm->there);

    for (size_t k = 0; k < sizeof(parts) / sizeof(parts[0]); k++) {
        double here = 0, there = 0, differ = 0;
        bool fab = strcmp(parts[k].name, "fab-t") == 0;
        char text[512];
        snprintf(text, sizeof(text), "plugin: %s%s", parts[k].settings,
                 fab ? "" : ", " AS_PUBLISHED);
        attack(text, norm, ORACLE_IMAGES);
        for (ptrdiff_t i = 0; i < ORACLE_IMAGES; i++) {
            bool stood = flags[(ptrdiff_t)k * ORACLE_IMAGES + i] > 0;
            here += run.robust[i] / (double)ORACLE_IMAGES;
            there += stood / (double)ORACLE_IMAGES;
            differ += (run.robust[i] != stood) / (double)ORACLE_IMAGES;
        }
        ok(fabs(here - there) <= parts[k].some && differ <= parts[k].some + 1e-9,
           "%s %s alone: %.3f, there %.3f; %.3f of the flags differ", norm->there, parts[k].name,
           here, there, differ);
    }
    advntk_free(flags);
}

/* ---- three and two classes ---- */

/* Images that stand here and fell there to an attack by itself. */
static ptrdiff_t more_standing(const char *model, const char *file)
{
    ptrdiff_t count, more = 0;
    double *robust = oracle_array(&count, "attacks/few/%s-%s-robust", model, file);

    for (ptrdiff_t i = 0; i < FEW; i++) {
        more += run.robust[i] && !(robust[i] > 0);
    }
    advntk_free(robust);
    return more;
}

/* "apgd cross_entropy, fab margin targeted (2), ...": each part and its restarts, where several */
static void name_parts(const struct advntk_slot *slot, char *text, size_t room)
{
    static const double lo[NETWORK_INPUTS];
    const struct advntk__attack_target target = {.host = host,
                                                 .model = &net,
                                                 .ops = &network_ops,
                                                 .classes = net.size[NETWORK_LAYERS],
                                                 .box_lo = lo,
                                                 .box_hi = lo};
    struct advntk__attack_plan plan;
    struct advntk_error error = {.status = ADVNTK_OK};
    size_t length = 0;

    if (advntk__attack_plan_make(&target, slot, slot->host_config, &plan, &error) != ADVNTK_OK) {
        printf("Bail out! %s\n", error.text);
        exit(1);
    }
    *text = '\0';
    for (ptrdiff_t k = 0; k < plan.count && length < room; k++) {
        length += (size_t)snprintf(text + length, room - length, "%s%s x%td", k > 0 ? ", " : "",
                                   plan.parts[k].name, plan.parts[k].restarts);
    }
}

static void test_choice(const char *settings, const char *norm, const char *want)
{
    struct advntk__study *study = NULL;
    char text[200], parts[512];

    snprintf(text, sizeof(text), "{plugin: autoattack, norm: %s, radius: 0.1, %s}", norm, settings);
    name_parts(recipe_attack(registry, text, &study), parts, sizeof(parts));
    advntk__study_free(study);
    if (!ok(strcmp(parts, want) == 0, "%td classes, %s, %s: %s", net.size[NETWORK_LAYERS], norm,
            settings, want)) {
        printf("# got %s\n", parts);
    }
}

/*
 * Whoever fell to one of the attacks that ran there falls here too, but for two images whose fate
 * hangs on the start that is drawn; and no more than the best of them and the parts that did not
 * run there explain: images that stood all of them stand here but for two.
 */
static void test_few(const char *model)
{
    const char *const two[] = {"apgd-ce", "fab", "fab-t_with_1_targets", "square"};
    const char *const three[] = {"apgd-ce", "apgd-dlr", "fab", "fab-t_with_2_targets", "square"};
    bool three_classes = net.size[NETWORK_LAYERS] == 3;
    const char *const *files = three_classes ? three : two;
    ptrdiff_t most = 0, count = three_classes ? 5 : 4, standing = 0;

    attack("plugin: autoattack, square: {queries: 500}", &oracle_norms[0], FEW);
    for (ptrdiff_t k = 0; k < count; k++) {
        ptrdiff_t more = more_standing(model, files[k]);
        most = more > most ? more : most;
    }
    for (ptrdiff_t i = 0; i < FEW; i++) {
        standing += run.robust[i];
    }
    ok(most <= 2, "%s: autoattack leaves %td of %d, at most %td of them fell to an attack there",
       model, standing, FEW, most);
}

static void test_two_and_three(void)
{
    network_load(&net, "model3");
    test_few("model3");
    test_choice("version: standard", "linf",
                "apgd cross_entropy x1, apgd margin targeted x2, fab margin targeted x2, "
                "square margin x1");
    test_choice("version: standard", "l1",
                "apgd cross_entropy x5, apgd margin targeted x2, fab margin targeted x2, "
                "square margin x1");
    test_choice("version: plus", "l2",
                "apgd cross_entropy x5, apgd dlr x5, fab margin x5, square margin x1, "
                "apgd margin targeted x2, fab margin targeted x2");
    test_choice("version: rand", "linf", "apgd cross_entropy x1, apgd dlr x1");
    network_release(&net);
    network_load(&net, "model2");
    test_few("model2");
    test_choice("version: standard", "linf",
                "apgd cross_entropy x1, apgd margin targeted x1, fab margin targeted x1, "
                "square margin x1");
    test_choice("version: plus", "linf",
                "apgd cross_entropy x5, apgd margin x5, fab margin x5, square margin x1, "
                "apgd margin targeted x1, fab margin targeted x1");
    test_choice("version: rand", "linf", "apgd cross_entropy x1, apgd margin x1");
    network_release(&net);
}

int main(void)
{
    struct advntk_error error = {.status = ADVNTK_OK};
    const char *slow = getenv("ADVNTK_SLOW_TESTS");
    bool all = slow && *slow;

    scratch_make();
    if (advntk__host_new(1, &host, &error) != ADVNTK_OK ||
        advntk__registry_new(PLUGINS, true, &registry, &error) != ADVNTK_OK) {
        printf("Bail out! %s\n", error.text);
        return 1;
    }
    network_load(&net, "model10");
    for (int k = 0; k < 3; k++) {
        if (all || k == 0) {
            test_version(standard, &oracle_norms[k], "standard", all ? ORACLE_IMAGES : SOME);
        }
        if (all) {
            test_version(plus, &oracle_norms[k], "plus", ORACLE_IMAGES);
            test_alone(&oracle_norms[k]);
        }
    }
    network_release(&net);
    test_two_and_three();
    advntk__registry_free(registry);
    advntk__host_free(host);
    scratch_remove();
    return done_testing();
}
