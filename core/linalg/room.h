/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Is there memory for something big? Asked before it is allocated. */
#ifndef ADVNTK_LINALG_ROOM_H
#define ADVNTK_LINALG_ROOM_H

#include <advntk/status.h>

/* Bytes that can be had without swapping, within the limit of the control group; infinity where the
 * system does not say. */
double advntk__room_free(void);
/* Bytes of this process that are in memory; 0 where the system does not say. */
double advntk__room_used(void);

/* ENOMEM: "<what> needs 37.3 GiB, 22.1 GiB are free: <advice>". Success where the system does not
 * say how much is free. */
ADVNTK_MUST_CHECK advntk_status advntk__room_check(const char *what, double bytes,
                                                   const char *advice, struct advntk_error *err);

/* The same text, for an allocation that failed all the same. */
advntk_status advntk__room_refuse(const char *what, double bytes, const char *advice,
                                  struct advntk_error *err);

#endif
