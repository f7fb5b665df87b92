/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A loop whose iterations do not depend on each other, which the compiler cannot see. */
#ifndef ADVNTK_INFINITE_LOOPS_H
#define ADVNTK_INFINITE_LOOPS_H

#if defined(__clang__)
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define INDEPENDENT _Pragma("GCC ivdep")
#else
#define INDEPENDENT
#endif

#endif
