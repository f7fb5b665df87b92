/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An attack on all images of an oracle network, panel after panel, the results side by side. */
#ifndef TESTS_ORACLE_ATTACK_H
#define TESTS_ORACLE_ATTACK_H

#include "finite_network.h"

enum { ORACLE_IMAGES = 200, ORACLE_PANEL = 100 };
struct oracle_run {
    bool clean_right[ORACLE_IMAGES], robust[ORACLE_IMAGES];
    double point[ORACLE_IMAGES * NETWORK_INPUTS], loss[ORACLE_IMAGES], distance[ORACLE_IMAGES];
    int64_t outputs_spent[ORACLE_IMAGES], gradients_spent[ORACLE_IMAGES];
    int32_t first_success[ORACLE_IMAGES], fooled_by[ORACLE_IMAGES];
    ptrdiff_t standing;
};

/* Where the panel that is attacked begins: what wraps an attack's step adds it to its rows. */
__attribute__((unused)) static ptrdiff_t oracle_first_row;

__attribute__((unused)) static void oracle_attack(struct advntk_host *host, struct network *net,
                                                  const struct advntk_slot *attack,
                                                  ptrdiff_t images, uint64_t seed,
                                                  struct oracle_run *all)
{
    static const double zeros[NETWORK_INPUTS];
    static struct world_result w;
    struct advntk_error error = {.status = ADVNTK_OK};
    double ones[NETWORK_INPUTS];
    int64_t index[ORACLE_PANEL];

    for (int k = 0; k < NETWORK_INPUTS; k++) {
        ones[k] = 1;
    }
    all->standing = 0;
    for (ptrdiff_t at = 0; at < images; at += ORACLE_PANEL) {
        ptrdiff_t n = images - at < ORACLE_PANEL ? images - at : ORACLE_PANEL;
        struct advntk_images x = {.n = n,
                                  .height = 8,
                                  .width = 8,
                                  .channels = 1,
                                  .pixels = net->x + at * NETWORK_INPUTS,
                                  .labels = net->labels + at,
                                  .index = index};
        struct advntk__attack_target target = {.host = host,
                                               .model = net,
                                               .ops = &network_ops,
                                               .classes = net->size[NETWORK_LAYERS],
                                               .box_lo = zeros,
                                               .box_hi = ones,
                                               .seed = seed};
        for (ptrdiff_t i = 0; i < n; i++) {
            index[i] = at + i;
        }
        oracle_first_row = at;
        if (advntk__attack_panel(&target, attack, &x, result_init(&w), NULL, &error) != ADVNTK_OK) {
            printf("Bail out! %s\n", error.text);
            exit(1);
        }
        for (ptrdiff_t i = 0; i < n; i++) {
            all->clean_right[at + i] = w.clean_right[i];
            all->robust[at + i] = w.robust[i];
            all->loss[at + i] = w.loss[i];
            all->distance[at + i] = w.distance[i];
            all->outputs_spent[at + i] = w.outputs_spent[i];
            all->gradients_spent[at + i] = w.gradients_spent[i];
            all->first_success[at + i] = w.first_success[i];
            all->fooled_by[at + i] = w.fooled_by[i];
            all->standing += w.robust[i];
        }
        memcpy(all->point + at * NETWORK_INPUTS, w.point,
               (size_t)(n * NETWORK_INPUTS) * sizeof(double));
    }
}

/* The shipped plugin kind/name in a slot. */
__attribute__((unused)) static void oracle_slot(struct world_slot *slot, const char *kind,
                                                const char *name)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s/%s.so", PLUGINS, kind, name);
    slot_init(slot, test_plugin(path));
}

/* In the order of the oracle's files. */
struct oracle_norm {
    const char *there, *here;
    double radius;
};
__attribute__((unused)) static const struct oracle_norm oracle_norms[3] = {
    {"Linf", "linf", 0.1}, {"L2", "l2", 0.5}, {"L1", "l1", 1.5}};

#endif
