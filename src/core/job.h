/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/job.h: a job, what to run, when and how. What its user decides, with every default.
 *
 * All memory of a job belongs to the arena it was read into. The system's own facts about a job
 * (id, revision, status, owner, ...) are in `struct job_record` of the store port.
 */
#ifndef CRONJOB_CORE_JOB_H
#define CRONJOB_CORE_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/instant.h"

#include "core/limits.h"
#include "core/run.h"

/* clang-format off */
#define JOB_TYPE_TABLE(X)    X(JOB_COMMAND, "command") X(JOB_SCRIPT, "script") X(JOB_BINARY, "binary")
#define JOB_STATUS_TABLE(X)  X(JOB_SCHEDULED, "scheduled") X(JOB_FINISHED, "finished") X(JOB_ERROR, "error")
#define CONCURRENCY_TABLE(X) X(CONCURRENCY_FORBID, "forbid") X(CONCURRENCY_ALLOW, "allow") \
                             X(CONCURRENCY_REPLACE, "replace") X(CONCURRENCY_QUEUE, "queue")
#define CATCH_UP_TABLE(X)    X(CATCH_UP_LAST, "last") X(CATCH_UP_NONE, "none") X(CATCH_UP_ALL, "all")
#define WORKER_LOSS_TABLE(X) X(WORKER_LOSS_RERUN, "rerun") X(WORKER_LOSS_FAIL, "fail")
/* clang-format on */

#define JOB_ENUM(code, text) code,
enum job_type { JOB_TYPE_TABLE(JOB_ENUM) JOB_TYPE_COUNT };
enum job_status { JOB_STATUS_TABLE(JOB_ENUM) JOB_STATUS_COUNT };
enum concurrency { CONCURRENCY_TABLE(JOB_ENUM) CONCURRENCY_COUNT };
enum catch_up { CATCH_UP_TABLE(JOB_ENUM) CATCH_UP_COUNT };
enum worker_loss { WORKER_LOSS_TABLE(JOB_ENUM) WORKER_LOSS_COUNT };
#undef JOB_ENUM

struct pair {
    const char *name;
    const char *value;
};

struct pairs {
    struct pair *items;
    size_t count;
};

struct strings {
    const char **items;
    size_t count;
};

/* Texts and items become the arena's. */
struct strings strings_copy(const struct strings *strings, struct arena *arena);

struct retries {
    uint32_t limit;    /* attempts after the first; 0 is none */
    span_us delay;     /* before the second attempt */
    double backoff;    /* each further delay is this many times the one before; 1-10 */
    span_us max_delay; /* and never longer than this */
    bool elsewhere;    /* on another worker */
};

struct run_limits {
    int64_t memory; /* bytes; 0 is no limit */
    double cpu;     /* cores; 0 is no limit */
    int64_t tasks;  /* processes and threads; 0 is no limit */
    int64_t output; /* bytes kept */
    int32_t nice;   /* -20 to 19 */
};

struct job {
    const char *name;        /* "" when none; unique among jobs that are not finished by removal */
    const char *description; /* "" when none */
    struct pairs labels;
    enum job_type type;
    const char *executable; /* a line for the shell; of a script or binary its URL */
    const char *filename;   /* of a script or binary: the name it was uploaded with; "" none */
    const char *sha256;     /* of a script or binary: of its bytes, 64 digits; "" of a command */
    instant_us executable_changed_at; /* since when it is these bytes or this line; INSTANT_NONE
                                         when the manager has not said so yet */
    struct strings args;
    struct pairs env;
    const char *stdin_text;        /* NULL when none */
    const char *working_directory; /* "" is the home of the account */
    const char *run_as;            /* "" until the API fills in the account of who asks */
    const char *schedule;          /* as given, without CRON_TZ= */
    const char *time_zone;         /* "" until the API fills in the server's */
    bool enabled;
    instant_us starts_at; /* INSTANT_NONE when none */
    instant_us ends_at;   /* INSTANT_NONE when none */
    span_us jitter;
    enum concurrency concurrency;
    enum catch_up catch_up;
    span_us catch_up_window;
    span_us timeout; /* 0 is none */
    span_us kill_grace;
    struct retries retries;
    enum worker_loss on_worker_loss;
    struct pairs placement; /* labels that its worker must have */
    struct run_limits limits;
};

/* A job of defaults: everything but executable and schedule, which are "". */
struct job job_default(void);

/* What is wrong with a document, field by field. Memory belongs to the arena. */
struct problem {
    const char *field; /* "schedule", "retries.limit" */
    const char *message;
};

struct problems {
    struct arena *arena;
    struct problem *items;
    size_t count;
};

enum { LIMIT_PROBLEMS = 20 }; /* more are not kept */

void problems_add(struct problems *problems, const char *field, const char *format, ...)
    PRINTF(3, 4);

/*
 * Checks every rule that needs nothing but the job itself; adds each violation, naming field, value
 * and what is allowed. RC_INVALID when there was any. Zone and account exist? That is the API's to
 * ask. `identity` is the job's id or 0.
 */
MUST_USE enum rc job_validate(const struct job *job, uint64_t identity, struct problems *problems);

/* As adduser(8) and systemd accept: [a-z_][a-z0-9_.-]*[$]? */
bool job_account_is_valid(const char *name);

/* The same rules for the arguments and variables given with a run on demand. */
MUST_USE enum rc job_validate_request(const struct strings *args, const struct pairs *env,
                                      struct problems *problems);

/* Whether the text is a URL, as a script or binary that is stored already has: http, https, s3 or
 * file. Any other text is its content. */
bool executable_is_url(const char *text);

/* Whether two jobs execute the same: the same bytes, or the same line. */
bool job_executes_same(const struct job *a, const struct job *b);

/* [A-Za-z0-9._-], 1 to LIMIT_NAME bytes: a job's, worker's or token's name. */
bool name_is_valid(const char *name);

const char *job_type_text(enum job_type type);
const char *job_status_text(enum job_status status);
const char *concurrency_text(enum concurrency concurrency);
const char *catch_up_text(enum catch_up catch_up);
const char *worker_loss_text(enum worker_loss worker_loss);
/* The value with this text, -1 when there is none. */
int job_type_parse(const char *text);
int job_status_parse(const char *text);
int concurrency_parse(const char *text);
int catch_up_parse(const char *text);
int worker_loss_parse(const char *text);

/* When the attempt after `attempt` (from 1) may start, counted from the end of that attempt. */
span_us retries_delay(const struct retries *retries, uint32_t attempt);

#endif
