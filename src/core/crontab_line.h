/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/crontab_line.h: jobs as lines of the node's own crontab.
 *
 * A plain line has five fields and is due in the node's local time; what it cannot say stays with
 * the worker's timer. A line calls `cronjob fire ID`, nothing else: no byte of it was typed by a
 * user. The fields are printed from the parsed schedule, the rest are the job's number, and the
 * account, program and directory of the worker, which crontab_frame_check() has looked at.
 *
 *     30 2 * * 1-5 root /usr/bin/cronjob fire 12 --data /var/lib/cronjob
 *
 * The text is the whole of a file in /etc/cron.d, or a block between two marks in the crontab of an
 * account, whose other lines stay as they are. Ends in a newline, else cron would pass over the
 * last line; holds no `%`, which cron would take for one.
 */
#ifndef CRONJOB_CORE_CRONTAB_LINE_H
#define CRONJOB_CORE_CRONTAB_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/instant.h"

#include "core/run.h"
#include "core/schedule.h"

enum {
    CRONTAB_FIELDS = 512,      /* room for the five fields of a line with their NUL */
    CRONTAB_LINES = 9000,      /* Debian's cron reads no more than 10000 of a file */
    CRONTAB_WORD = 255,        /* bytes of a path in a line */
    CRONTAB_TEXT = 8 << 20,    /* bytes of all lines: what they take at the most */
    CRONTAB_FOREIGN = 1 << 20, /* bytes of an account's crontab that are not ours */
};

/* When a job is due. */
struct crontab_timing {
    const struct schedule *schedule;
    const struct zone *zone;  /* the job's */
    const struct zone *local; /* the node's, which its cron goes by */
    instant_us starts_at;     /* or INSTANT_NONE */
    instant_us ends_at;
    span_us jitter;
};

/* NULL when a plain line says it, else what no line can say: a constant text. */
const char *crontab_obstacle(const struct crontab_timing *timing);

/* The fields of the line; false when there is an obstacle, or they do not fit. */
MUST_USE bool crontab_fields(const struct crontab_timing *timing, char fields[CRONTAB_FIELDS]);

/* What all lines of a worker share. */
struct crontab_frame {
    const char *account;    /* that cron is to call as; NULL: the crontab is the account's own */
    const char *executable; /* both absolute */
    const char *data;
};

/* RC_INVALID: a word that a line cannot hold, named with what is allowed. */
MUST_USE enum rc crontab_frame_check(const struct crontab_frame *frame, struct err *err);

struct crontab_line {
    job_id job;
    const char *fields;
};

/* Appends the head and the lines in the order given. RC_TOO_BIG. */
MUST_USE enum rc crontab_print(const struct crontab_frame *frame, const struct crontab_line *lines,
                               size_t count, struct buf *buf);

/*
 * Appends an account's crontab with our block in it: where it was, else at the end. Of the old text
 * everything else is kept. An empty `block` takes ours out. Marks that were damaged do not matter:
 * lines that call for `data` are ours wherever they stand. RC_TOO_BIG, RC_INVALID: a NUL in it.
 */
MUST_USE enum rc crontab_put_block(const char *old, size_t length, const char *data,
                                   const char *block, struct buf *buf, struct err *err);

/* Whose a file is by its head: points at the data directory within the text, which need not end in
 * a NUL; NULL when it is not ours. */
const char *crontab_owner(const char *text, size_t length, size_t *ret_length);

#endif
