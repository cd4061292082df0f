/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/log.h: what happened, one line an event, for people and for programs.
 *
 *     log_info("job assigned", LOG_U64("job", id), LOG_TEXT("worker", name));
 *
 *     time=2026-01-31T09:00:00.000012Z level=info event="job assigned" job=12 worker=node-3
 *     {"time":"2026-01-31T09:00:00.000012Z","level":"info","event":"job assigned","job":12,...}
 *
 * Events are in the past tense; names come from one list (job run worker epoch ...). error: someone
 * must act; warn: went on without it; info: state has changed; debug: the rest. A text that holds
 * anything but plain characters is quoted, and control bytes and broken UTF-8 are escaped, so that
 * nobody can forge a line. Under systemd's journal each line begins with its priority, "<6>".
 *
 * A line goes out by one system call and never waits: when stderr does not take it, it is dropped,
 * and the next line that goes through says how many were (dropped=N). Lines are cut at 4 KiB. Safe
 * from any thread once log_init() is done. SIGPIPE is to be ignored by main. Only roles and main
 * log; libraries return their errors.
 */
#ifndef CRONJOB_BASE_LOG_H
#define CRONJOB_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/err.h"
#include "base/instant.h"

enum log_level { LEVEL_ERROR, LEVEL_WARN, LEVEL_INFO, LEVEL_DEBUG };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

struct log_config {
    enum log_level level; /* this and what is graver is written */
    enum log_format format;
    int fd;                           /* usually STDERR_FILENO; not owned */
    instant_us (*now)(void *context); /* the time written; NULL: none */
    void *context;
};

/* Once, before other threads exist. Until then: text at level info to stderr, without a time. */
void log_init(const struct log_config *config);

/* "error", "warn", "info", "debug"; "text", "json". RC_INVALID says what is allowed. */
MUST_USE enum rc log_level_parse(const char *text, enum log_level *ret_level, struct err *err);
MUST_USE enum rc log_format_parse(const char *text, enum log_format *ret_format, struct err *err);

enum log_field_kind { LOG_FIELD_TEXT, LOG_FIELD_U64, LOG_FIELD_I64, LOG_FIELD_SPAN };

struct log_field {
    const char *name; /* our own word, never a user's */
    enum log_field_kind kind;
    const char *text;
    uint64_t number;
};

/* clang-format off */
#define LOG_TEXT(n, v)    ((struct log_field){.name = (n), .kind = LOG_FIELD_TEXT, .text = (v)})
#define LOG_U64(n, v)     ((struct log_field){.name = (n), .kind = LOG_FIELD_U64, .number = (uint64_t)(v)})
#define LOG_I64(n, v)     ((struct log_field){.name = (n), .kind = LOG_FIELD_I64, .number = (uint64_t)(int64_t)(v)})
#define LOG_SPAN(n, v)    ((struct log_field){.name = (n), .kind = LOG_FIELD_SPAN, .number = (uint64_t)(v)}) /* span_us */
#define LOG_ERR(err, rc)  LOG_TEXT("reason", err_message((err), (rc)))

#define log_error(...) log_at(LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_at(LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_at(LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LEVEL_DEBUG, __VA_ARGS__)
/* clang-format on */

/* The fields are not evaluated when the level is not written. */
#define log_at(level, event, ...)                                                                 \
    (log_is_written(level)                                                                        \
         ? log_write((level), (event), (const struct log_field[]){{.name = NULL}, ##__VA_ARGS__}, \
                     sizeof((const struct log_field[]){{.name = NULL}, ##__VA_ARGS__}) /          \
                         sizeof(struct log_field))                                                \
         : (void)0)

bool log_is_written(enum log_level level);
/* Fields without a name are passed over. */
void log_write(enum log_level level, const char *event, const struct log_field *fields,
               size_t count);

#endif
