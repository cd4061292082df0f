/* SPDX-License-Identifier: Apache-2.0 */
/* What is counted, and how it is written. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/metrics.h"

#include "testing.h"

static void expect_lines(const char *lines)
{
    AUTO_BUF struct buf buf;

    buf_init(&buf, (size_t)1 << 20);
    metrics_write(&buf);
    assert_false(buf.failed);
    if (!strstr(buf.data, lines))
        fail_msg("no \"%s\" in \"%s\"", lines, buf.data);
}

static void writes_every_metric_from_the_first(void **state)
{
    (void)state;
    expect_lines("# HELP cronjob_jobs Jobs by status.\n# TYPE cronjob_jobs gauge\n# HELP ");
    expect_lines("# TYPE cronjob_ticks_due_total counter\ncronjob_ticks_due_total 0\n");
    expect_lines("# TYPE cronjob_leader gauge\ncronjob_leader 0\n");
    expect_lines("cronjob_run_lateness_seconds_bucket{le=\"+Inf\"} 0\n"
                 "cronjob_run_lateness_seconds_sum 0.000000\n"
                 "cronjob_run_lateness_seconds_count 0\n");
}

static void counts(void **state)
{
    (void)state;
    metric_add(metric_series(METRIC_RUNS, "failed", "retry"), 2);
    metric_add(metric_series(METRIC_RUNS, "failed", "retry"), 3);
    metric_add(metric_series(METRIC_RUNS, "succeeded", "retry"), 1);
    expect_lines("\ncronjob_runs_total{status=\"failed\",trigger=\"retry\"} 5\n");
    expect_lines("\ncronjob_runs_total{status=\"succeeded\",trigger=\"retry\"} 1\n");
    assert_ptr_equal(metric_series(METRIC_RUNS, "failed", "retry"),
                     metric_series(METRIC_RUNS, "failed", "retry"));
}

static void sets_and_moves_gauges(void **state)
{
    (void)state;
    metric_set(metric_series(METRIC_CLOCK_OFFSET), -0.25);
    expect_lines("\ncronjob_clock_offset_seconds -0.25\n");
    metric_add(metric_series(METRIC_RUNS_RUNNING), 3);
    metric_add(metric_series(METRIC_RUNS_RUNNING), -1);
    expect_lines("\ncronjob_runs_running 2\n");
}

static void sorts_spans_into_buckets(void **state)
{
    static const span_us spans[] = {-5, 0, 500, 501, 20 * SECOND};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(spans); i++)
        metric_observe(metric_series(METRIC_STORE_DURATION, "claim"), spans[i]);
    expect_lines(
        "_bucket{operation=\"claim\",le=\"0.0005\"} 3\n"
        "cronjob_store_operation_duration_seconds_bucket{operation=\"claim\",le=\"0.001\"} 4\n");
    expect_lines(
        "_bucket{operation=\"claim\",le=\"10\"} 4\n"
        "cronjob_store_operation_duration_seconds_bucket{operation=\"claim\",le=\"+Inf\"} 5\n"
        "cronjob_store_operation_duration_seconds_sum{operation=\"claim\"} 20.001001\n"
        "cronjob_store_operation_duration_seconds_count{operation=\"claim\"} 5\n");
}

static void escapes_and_cuts_values(void **state)
{
    char longer[200];

    (void)state;
    metric_set(metric_series(METRIC_WORKERS, "a\"b\\c\nd"), 1);
    expect_lines("cronjob_workers{state=\"a\\\"b\\\\c\\nd\"} 1\n");
    memset(longer, 'x', sizeof(longer));
    longer[sizeof(longer) - 1] = '\0';
    metric_set(metric_series(METRIC_WORKERS, longer), 1);
    assert_ptr_equal(metric_series(METRIC_WORKERS, longer),
                     metric_series(METRIC_WORKERS, longer + 100));
}

static void bounds_what_others_can_make_grow(void **state)
{
    char value[32];

    (void)state;
    for (int i = 0; i < 5000; i++) {
        (void)snprintf(value, sizeof(value), "/%d", i);
        metric_add(metric_series(METRIC_HTTP_REQUESTS, "GET", value, "404"), 1);
    }
    expect_lines("cronjob_http_requests_total{method=\"GET\",route=\"/0\",code=\"404\"} 1\n");
    (void)snprintf(value, sizeof(value), "} %d\n", 5000 - METRIC_SERIES_LIMIT);
    expect_lines(value);
    expect_lines("cronjob_http_requests_total{method=\"other\",route=\"other\",code=\"other\"} ");
}

enum { THREADS = 4, ROUNDS = 20000 };

static void *count_up(void *argument)
{
    char value[32];

    for (int i = 0; i < ROUNDS; i++) {
        (void)snprintf(value, sizeof(value), "state %d", i % 20);
        metric_add(metric_series(METRIC_JOBS, value), 1);
        metric_observe(metric_series(METRIC_RUN_DURATION), SECOND);
    }
    return argument;
}

static void loses_nothing_between_threads(void **state)
{
    pthread_t threads[THREADS];

    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_up, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    expect_lines("cronjob_jobs{status=\"state 7\"} 4000\n");
    expect_lines("cronjob_run_duration_seconds_sum 80000.000000\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_every_metric_from_the_first),
        cmocka_unit_test(counts),
        cmocka_unit_test(sets_and_moves_gauges),
        cmocka_unit_test(sorts_spans_into_buckets),
        cmocka_unit_test(escapes_and_cuts_values),
        cmocka_unit_test(bounds_what_others_can_make_grow),
        cmocka_unit_test(loses_nothing_between_threads),
    };

    return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
