/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/run.h: a run, one attempt to execute a job for one tick or on demand.
 *
 *     queued --claimed, started--> running --> succeeded | failed | timed_out | killed | lost
 *        \--> skipped | missed | killed
 *
 * The last seven are final and written once. A run's identity is its key; its id in the API is
 * the key in text, so that no index but the primary key is needed:
 *     JOB-SECONDS[.MICROS]-ATTEMPT[-TARGET]     "12-1764000000-1", "12-1764000003.250117-1"
 */
#ifndef CRONJOB_CORE_RUN_H
#define CRONJOB_CORE_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/instant.h"

#include "core/limits.h"

typedef uint64_t job_id; /* from 1; 0 is no job */

struct run_key {
    instant_us scheduled_at; /* the tick; of a run on demand, when it was asked for */
    job_id job;
    uint32_t attempt; /* from 1 */
    uint32_t target;  /* 0, or which of the workers of a job placed on all */
};

/* clang-format off */
#define RUN_STATUS_TABLE(X)                                                                    \
    X(RUN_QUEUED,    "queued",    false)                                                           \
    X(RUN_RUNNING,   "running",   false)                                                           \
    X(RUN_SUCCEEDED, "succeeded", true)                                                            \
    X(RUN_FAILED,    "failed",    true)                                                            \
    X(RUN_TIMED_OUT, "timed_out", true)                                                            \
    X(RUN_KILLED,    "killed",    true)                                                            \
    X(RUN_LOST,      "lost",      true)                                                            \
    X(RUN_SKIPPED,   "skipped",   true)                                                            \
    X(RUN_MISSED,    "missed",    true)

#define RUN_TRIGGER_TABLE(X)                                                                   \
    X(TRIGGER_SCHEDULE, "schedule")                                                                \
    X(TRIGGER_MANUAL,   "manual")                                                                  \
    X(TRIGGER_RETRY,    "retry")                                                                   \
    X(TRIGGER_CATCH_UP, "catch_up")                                                                \
    X(TRIGGER_AFTER,    "after")                                                                   \
    X(TRIGGER_REBOOT,   "reboot")
/* clang-format on */

enum run_status {
#define RUN_STATUS_ENUM(code, text, final) code,
    RUN_STATUS_TABLE(RUN_STATUS_ENUM)
#undef RUN_STATUS_ENUM
        RUN_STATUS_COUNT
};

enum run_trigger {
#define RUN_TRIGGER_ENUM(code, text) code,
    RUN_TRIGGER_TABLE(RUN_TRIGGER_ENUM)
#undef RUN_TRIGGER_ENUM
        RUN_TRIGGER_COUNT
};

/* How an execution ended, as the guardian saw it. */
struct run_result {
    enum run_status status;
    instant_us started_at;  /* INSTANT_NONE when nothing was executed */
    instant_us finished_at; /* INSTANT_NONE until final */
    int32_t exit_code;      /* -1 when the process did not exit by itself */
    int32_t signal;         /* 0, or the signal that ended it */
    int64_t output_bytes;   /* written by the run, kept or not */
    bool output_truncated;  /* less was kept than was written */
    span_us cpu;            /* user and system time of the whole tree */
    int64_t max_rss;        /* bytes */
};

struct run {
    struct run_key key;
    enum run_trigger trigger;
    struct run_result result;
    uint64_t revision;   /* of the job, at the claim; 0 when never claimed */
    const char *worker;  /* "" when none */
    const char *reason;  /* "" or why it is skipped, missed, lost, failed to start */
    const char *request; /* "" or JSON {"args":[],"env":{}} given with a run on demand */
    const char *sha256;  /* of the script or binary it executes, as claimed; "" or NULL when none */
    int64_t count;       /* 1, or how many ticks a missed run stands for */
    instant_us until;    /* the last tick it stands for: scheduled_at unless count > 1 */
};

enum { RUN_ID_TEXT = 80 };

const char *run_id_format(const struct run_key *key, char text[RUN_ID_TEXT]);
MUST_USE enum rc run_id_parse(const char *text, struct run_key *ret_key, struct err *err);

/* Orders by (scheduled_at, job, attempt, target): negative, 0 or positive. */
int run_key_compare(const struct run_key *a, const struct run_key *b);

const char *run_status_text(enum run_status status);
bool run_status_is_final(enum run_status status);
MUST_USE enum rc run_status_parse(const char *text, enum run_status *ret_status, struct err *err);
const char *run_trigger_text(enum run_trigger trigger);
MUST_USE enum rc run_trigger_parse(const char *text, enum run_trigger *ret_trigger,
                                   struct err *err);

/* Whether a final run's result is the one that is reported again. */
bool run_result_is_same(const struct run_result *kept, const struct run_result *reported);

/* The reason of a final run for which a result comes too late: its own, and once "late result:
 * failed, exit code 3". At most LIMIT_REASON bytes. */
const char *run_reason_late(const char *reason, const struct run_result *late,
                            char text[LIMIT_REASON + 1]);

#endif
