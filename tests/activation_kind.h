/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An activation with the parameters that a test gives it. */
#ifndef TESTS_ACTIVATION_KIND_H
#define TESTS_ACTIVATION_KIND_H

#include "engine.h"

struct kind {
    const char *name;
    const char *parameter[3];
    double value[3];
    int64_t degree; /* 0: none */
    bool unit_only; /* its function is that of the finite network at unit variance alone */
    bool flat;      /* its derivative is taken as 0 */
};

static const double polynomial_coefficients[] = {0.2, 0.7, 0.1, -0.05};

static struct advntk_slot open_kind(const struct kind *kind)
{
    char identity[128];
    struct advntk_slot slot;
    struct advntk_list list = {4, polynomial_coefficients};

    snprintf(identity, sizeof(identity), "activation/%s", kind->name);
    slot = slot_open(identity);
    for (int i = 0; i < 3 && kind->parameter[i]; i++) {
        slot_real(&slot, kind->parameter[i], kind->value[i]);
    }
    if (kind->degree) {
        slot_set(&slot, "degree", &kind->degree, sizeof(kind->degree));
    }
    if (strcmp(kind->name, "polynomial") == 0) {
        slot_set(&slot, "coefficients", &list, sizeof(list));
    }
    return slot;
}

#endif
