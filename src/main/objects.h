/* SPDX-License-Identifier: Apache-2.0 */
/* main/objects.h: the objects that the settings name. */
#ifndef CRONJOB_MAIN_OBJECTS_H
#define CRONJOB_MAIN_OBJECTS_H

#include "ports/clock.h"
#include "ports/objects.h"

#include "main/options.h"

/*
 * Objects in a directory, in S3, or absent (ports/objects.h). Nobody is asked yet. The clock is
 * borrowed. `patience`: how long S3 is asked again; 0 for as long as servers do. RC_FORBIDDEN: the
 * file of key and secret can be read by others. RC_INVALID, RC_IO.
 */
MUST_USE enum rc objects_open(const struct server_options *options, struct clock *clock,
                              span_us patience, struct objects **ret_objects, struct err *err);

#endif
