/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker/crontab.h: the jobs that the node's cron calls for, and how it does.
 *
 * Each job that a plain line can say has a line here. What the crontab says is made of all lines,
 * after a change and once a minute, on a thread that may wait for it. A line that is in the crontab
 * has its job held in the agenda (core/agenda.h): its tick is due when cron calls, or four
 * seconds later by itself.
 *
 *     WAITING --a call--> CALLS <--a call that fits---- SILENT
 *        `----------------- a tick without a call --------^      nothing is held
 *     and beside these, for as long as it lasts: UNWRITTEN       nothing is held
 */
#ifndef CRONJOB_WORKER_CRONTAB_H
#define CRONJOB_WORKER_CRONTAB_H

#include "base/instant.h"
#include "base/table.h"

#include "core/zone.h"

struct crontab_state {
    const struct zone *local; /* the node's; NULL: it is not known, and nothing has a line */
    struct table lines;       /* crontab.c */
    bool changed;             /* the lines, since the crontab was made to say them */
    mono_us changed_first;
    mono_us changed_last;
    mono_us ready_at; /* 0: not yet */
    bool was_kept;    /* once: it says what this process wants */
    bool keeping;     /* it is being kept right now */
    mono_us look_at;  /* when to keep it although nothing changed */
    bool called;      /* cron has called */
    bool silent;      /* and did not, when it should have */
    bool unwritten;   /* it could not be kept */
};

#endif
