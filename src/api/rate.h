/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api/rate.h: how many requests somebody may make. Private to api/.
 *
 * Each name has a bucket that fills with `a_second` and holds RATE_BURST seconds of them. The table
 * is of a fixed size; two names that meet in it share a bucket by turns, each beginning with a full
 * one, so nobody is refused for another's sake. Safe from any thread; time is an argument.
 */
#ifndef CRONJOB_API_RATE_H
#define CRONJOB_API_RATE_H

#include <stdbool.h>

#include "base/instant.h"

enum { RATE_BURST = 10 };

struct rate;

struct rate *rate_new(unsigned a_second); /* 0: everybody as they like */
void rate_free(struct rate *rate);

/* Whether one more is within the rate; it is counted then. */
bool rate_admits(struct rate *rate, const char *name, mono_us now);

#endif
