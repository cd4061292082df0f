/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/metrics.h: what this process counts and measures, for Prometheus.
 *
 *     metric_add(metric_series(METRIC_HTTP_REQUESTS, "GET", "/jobs", "200"), 1);
 *     metric_observe(metric_series(METRIC_RUN_LATENESS), start - due);
 *
 * The table below is all there is: a metric's kind, name, labels and help. A series is a metric
 * with values for its labels; it is made when first asked for, lives as long as the process, and
 * asking for it again is a short look-up without a lock, so a handle may be kept but need not be.
 * Values are updated without locks, from any thread. A metric has at most METRIC_SERIES_LIMIT
 * series: values that would make more are counted under the label values "other".
 */
#ifndef CRONJOB_BASE_METRICS_H
#define CRONJOB_BASE_METRICS_H

#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/instant.h"

/* clang-format off */
#define METRIC_TABLE(X)                                                                             \
    /* id                        kind       name                                     labels, "" none \
       buckets, help */                                                                             \
    X(METRIC_JOBS,               GAUGE,     "cronjob_jobs",                          "status",      \
      none,       "Jobs by status.")                                                                \
    X(METRIC_RUNS,               COUNTER,   "cronjob_runs_total",                    "status,trigger", \
      none,       "Runs that have ended, by final status and by what caused them.")                 \
    X(METRIC_RUNS_RUNNING,       GAUGE,     "cronjob_runs_running",                  "",            \
      none,       "Runs whose process is running.")                                                 \
    X(METRIC_RUN_LATENESS,       HISTOGRAM, "cronjob_run_lateness_seconds",          "",            \
      lateness,   "From the instant a run was due to its start.")                                   \
    X(METRIC_RUN_DURATION,       HISTOGRAM, "cronjob_run_duration_seconds",          "",            \
      run,        "From a run's start to its end.")                                                 \
    X(METRIC_TICKS_DUE,          COUNTER,   "cronjob_ticks_due_total",               "",            \
      none,       "Ticks that have become due.")                                                    \
    X(METRIC_WORKERS,            GAUGE,     "cronjob_workers",                       "state",       \
      none,       "Workers by state.")                                                              \
    X(METRIC_LEADER,             GAUGE,     "cronjob_leader",                        "",            \
      none,       "1 where the leading manager is, else 0.")                                        \
    X(METRIC_CLOCK_OFFSET,       GAUGE,     "cronjob_clock_offset_seconds",          "",            \
      none,       "This clock less the store's.")                                                   \
    X(METRIC_HTTP_REQUESTS,      COUNTER,   "cronjob_http_requests_total",           "method,route,code", \
      none,       "Requests answered.")                                                             \
    X(METRIC_HTTP_DURATION,      HISTOGRAM, "cronjob_http_request_duration_seconds", "",            \
      request,    "From the end of a request's head to the end of its answer.")                     \
    X(METRIC_STORE_DURATION,     HISTOGRAM, "cronjob_store_operation_duration_seconds", "operation", \
      request,    "How long the store took.")                                                       \
    X(METRIC_CRONTAB_JOBS,       GAUGE,     "cronjob_crontab_jobs",                  "",            \
      none,       "Jobs with a line in this node's crontab.")                                       \
    X(METRIC_FIRES,              COUNTER,   "cronjob_fires_total",                   "answer",      \
      none,       "Calls of this node's cron, by what they were answered.")                         \
    X(METRIC_UNSIGNED,           GAUGE,     "cronjob_unsigned",                      "kind",        \
      none,       "Users and tokens that count nowhere, for no manager signed them.")               \
    X(METRIC_STORE_FAILURES,     COUNTER,   "cronjob_store_failures_total",          "operation,reason", \
      none,       "Operations that the store did not do.")
/* clang-format on */

enum metric {
#define METRIC_ENUM(id, kind, name, labels, buckets, help) id,
    METRIC_TABLE(METRIC_ENUM)
#undef METRIC_ENUM
        METRIC_COUNT
};

enum { METRIC_SERIES_LIMIT = 384, METRIC_LABELS = 3, METRIC_LABEL_TEXT = 64 };

struct metric_series;

/* The series of these label values, one for each label of the metric; longer ones are cut. */
#define metric_series(metric, ...) \
    metric_series_of((metric), (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})
struct metric_series *metric_series_of(enum metric metric, const char *const *values);

/* Of a counter or a gauge. */
void metric_add(struct metric_series *series, int64_t amount);
/* Of a gauge. */
void metric_set(struct metric_series *series, double value);
/* Of a histogram; below zero counts as zero. */
void metric_observe(struct metric_series *series, span_us span);

/* Appends all series in the Prometheus text format, version 0.0.4. Check buf->failed. */
void metrics_write(struct buf *buf);
#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

#endif
