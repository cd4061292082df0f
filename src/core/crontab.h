/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/crontab.h: a crontab file, read as Debian's cron reads it.
 *
 *     # a comment
 *     MAILTO=paul                          holds for the lines below it
 *     CRON_TZ=Europe/Berlin                the zone of the schedules below it
 *     30 4 * * 1-5  root  backup --all     the user only in the system form
 *     @daily        mail joe%Hello Joe,%   % is a newline, after the first begins the standard
 * input
 *
 * - Blanks before and between the fields do not count. A schedule has five fields or is one of the
 *   @ forms of core/schedule.h; seconds and years are not known to a crontab, so that the sixth
 *   word begins the command.
 * - In a command, the first % that has no \ before it ends the line for the shell; what follows is
 *   the standard input, with each further % a newline. \% is a %.
 * - A name or value of a setting may be quoted by ' or "; blanks around an unquoted one do not
 * count. CRON_TZ and RANDOM_DELAY (minutes) become properties of the entries below; all other
 * settings are their environment. TZ is a setting like any other: it is the command's, not the
 * schedule's.
 * - A bad line is a problem with its number; reading goes on behind it.
 */
#ifndef CRONJOB_CORE_CRONTAB_H
#define CRONJOB_CORE_CRONTAB_H

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/instant.h"

#include "core/job.h"

enum {
    LIMIT_CRONTAB = 1024 * 1024, /* bytes of a file */
    LIMIT_CRONTAB_LINES = 10000, /* as in Debian's cron */
};

enum crontab_form {
    CRONTAB_USER,   /* crontab(1): SCHEDULE COMMAND */
    CRONTAB_SYSTEM, /* /etc/crontab, /etc/cron.d: SCHEDULE USER COMMAND */
};

struct crontab_entry {
    size_t line;            /* from 1 */
    const char *schedule;   /* its words, one blank between them */
    const char *user;       /* "" in the user form */
    const char *command;    /* for the shell, without the standard input */
    const char *stdin_text; /* NULL when there is none */
    const char *time_zone;  /* of CRON_TZ, "" when not set */
    span_us jitter;         /* of RANDOM_DELAY */
    struct pairs env;       /* as it was at this line; equal ones share their memory */
};

struct crontab_problem {
    size_t line;
    const char *message;
};

/* All memory belongs to the arena that it was read into. */
struct crontab {
    struct crontab_entry *entries;
    size_t entry_count;
    struct crontab_problem *problems;
    size_t problem_count;
    size_t unterminated; /* number of a last line without a newline, which cron ignores; else 0 */
};

/* RC_TOO_BIG: more bytes or lines than allowed. Problems of single lines are not a failure. */
MUST_USE enum rc crontab_parse(const char *text, size_t length, enum crontab_form form,
                               struct arena *arena, struct crontab *ret_crontab, struct err *err);

/*
 * Reads `NAME = value`. False when the line is not a setting, in which case it is to be read as an
 * entry. Name and value are taken from the arena; the name may be "" or any other text.
 */
MUST_USE bool crontab_setting(const char *line, struct arena *arena, struct pair *ret_setting);

#endif
