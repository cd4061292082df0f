/* SPDX-License-Identifier: Apache-2.0 */
/* core/limits.h: the most that anybody outside can ask of us, in one place. doc/limits in the API
 * document repeats it. */
#ifndef CRONJOB_CORE_LIMITS_H
#define CRONJOB_CORE_LIMITS_H

enum {
    LIMIT_NAME = 64,              /* bytes of a job's, worker's or token's name: [A-Za-z0-9._-] */
    LIMIT_DESCRIPTION = 4096,     /* bytes */
    LIMIT_EXECUTABLE = 64 * 1024, /* bytes of a command line or a URL */
    LIMIT_FILENAME = 255,         /* bytes of a script's or binary's name */
    LIMIT_STDIN = 64 * 1024,      /* bytes */
    LIMIT_PATH = 4096,            /* bytes */
    LIMIT_URL = 512,              /* bytes of a server's address */
    LIMIT_REASON = 240,           /* bytes of a run's reason */
    LIMIT_OUTPUT_SHORT = 4096,    /* bytes of an output that is kept in the store itself */
    LIMIT_LABELS = 32,            /* pairs */
    LIMIT_LABEL = 63,             /* bytes of a label's name or value */
    LIMIT_ACCOUNTS = 256,         /* that a worker is told it may run jobs as */
    LIMIT_ARGS = 256,             /* items */
    LIMIT_ARG = 32 * 1024,        /* bytes of one */
    LIMIT_ENV = 256,              /* pairs */
    LIMIT_ENV_VALUE = 32 * 1024,  /* bytes of a value */
    LIMIT_USER_ACCOUNTS = 64,     /* accounts that a user may have jobs run as */
    LIMIT_AUDIT_TEXT = 250,       /* bytes of who, from where, what and of what, in a record */
    LIMIT_PASSWORD = 1024,        /* bytes */
    LIMIT_PASSWORD_LEAST = 8,     /* bytes */
    LIMIT_SESSION = 720,          /* hours that a sign-in can hold */
    LIMIT_DOCUMENT = 256 * 1024,  /* bytes of a job's document */
    LIMIT_BODY = 1024 * 1024,     /* bytes of a request's body */
    LIMIT_IGNORED_BODY =
        4096, /* bytes of a body where none is read, that clients send all the same */
    LIMIT_HEADERS = 16 * 1024, /* bytes of a request's head */
    LIMIT_JSON_DEPTH = 32,     /* nested arrays and objects */
    LIMIT_PAGE = 1000,         /* most a client can ask for by limit=N where pages exist */
    LIMIT_RETRIES = 100,       /* attempts after the first */
    LIMIT_CATCH_UP = 1000, /* overdue ticks of one job that are run after a stop (catch_up: all) */
    LIMIT_MISSED_ROWS =
        100, /* overdue ticks of one job that are recorded one by one; older ones share a record */
    LIMIT_BATCH = 1000,                      /* claims, results or tasks that travel together */
    LIMIT_OUTPUT_DEFAULT = 10 * 1024 * 1024, /* bytes of output kept of a run */
    LIMIT_OUTPUT = 1024 * 1024 * 1024,       /* the most that a job can ask for */
};

#endif
