/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/backend.h: how a worker keeps its jobs on schedule, as others hear of it.
 *
 * A worker tells it with each sign of life, as one word or three: "timer", or "crontab", how its
 * cron is doing, and the zone that its cron goes by: "crontab calls Europe/Berlin".
 */
#ifndef CRONJOB_CORE_BACKEND_H
#define CRONJOB_CORE_BACKEND_H

#include <stdbool.h>

#include "core/crontab_line.h"

enum cron_state {
    CRON_WAITING,   /* for the first tick that it is to call for */
    CRON_CALLS,     /* it does */
    CRON_SILENT,    /* a tick passed without its call: the timer does its work */
    CRON_UNWRITTEN, /* the crontab cannot be written: likewise */
};

const char *cron_state_text(enum cron_state state);

struct backend {
    bool crontab;
    enum cron_state cron; /* of a crontab, as is the zone's name */
    char time_zone[ZONE_NAME_MAX];
};

enum { BACKEND_TEXT = ZONE_NAME_MAX + 32 };

/* Answers `text`. */
const char *backend_print(const struct backend *backend, char text[BACKEND_TEXT]);
/* What is not understood (it may be of a newer version) is a timer's. */
struct backend backend_parse(const char *text);

#endif
