/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "recipes.h"

int main(void)
{
    return recipes_begin() ? recipes_end() : 1;
}
