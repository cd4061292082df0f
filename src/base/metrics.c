/* SPDX-License-Identifier: Apache-2.0 */
#include "base/metrics.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

enum kind { COUNTER, GAUGE, HISTOGRAM };
enum { BUCKETS = 16, SLOTS = 1024 }; /* SLOTS is a power of two, well above METRIC_SERIES_LIMIT */

struct metric_series {
    enum metric metric;
    char labels[METRIC_LABELS][METRIC_LABEL_TEXT]; /* values */
    uint64_t value;                                /* a counter's; a gauge's as a double's bits */
    uint64_t buckets[BUCKETS + 1];                 /* not summed up; the last is what is longer */
    uint64_t sum;                                  /* microseconds */
};

/* The upper ends of a histogram's buckets, ending with 0. */
static const span_us buckets_request[] = {
    500,        MILLISECOND, 2500,   5000,   10000,  25000,
    50000,      100000,      250000, 500000, SECOND, 2500 * MILLISECOND,
    5 * SECOND, 10 * SECOND, 0,
};
static const span_us buckets_lateness[] = {
    MILLISECOND, 5000,       10000,       50000,       100000, 250000,      500000, SECOND,
    2 * SECOND,  5 * SECOND, 10 * SECOND, 30 * SECOND, MINUTE, 10 * MINUTE, HOUR,   0,
};
static const span_us buckets_run[] = {
    10000,       100000, 500000,   SECOND,   5 * SECOND, 15 * SECOND, MINUTE, 5 * MINUTE,
    15 * MINUTE, HOUR,   3 * HOUR, 6 * HOUR, 12 * HOUR,  DAY,         0,
};
#define buckets_none NULL

static const struct description {
    enum kind kind;
    const char *name;
    const char *labels; /* names, separated by commas */
    const span_us *buckets;
    const char *help;
} descriptions[] = {
#define METRIC_DESCRIPTION(id, kind, name, labels, buckets, help) \
    [id] = {kind, name, labels, buckets_##buckets, help},
    METRIC_TABLE(METRIC_DESCRIPTION)
#undef METRIC_DESCRIPTION
};

/* An open-addressed table for each metric; a slot is filled once and never emptied. */
static struct registry {
    struct metric_series *slots[SLOTS];
    unsigned count;
} registries[METRIC_COUNT];

static unsigned label_count(enum metric metric)
{
    const char *labels = descriptions[metric].labels;
    unsigned count = *labels ? 1 : 0;

    for (; *labels; labels++)
        count += *labels == ',';
    return count;
}

/* FNV-1a over the values and their ends. */
static uint32_t hash_values(const char *const *values, unsigned count)
{
    uint32_t hash = 2166136261u;

    for (unsigned i = 0; i < count; i++) {
        for (size_t j = 0; values[i][j] && j < METRIC_LABEL_TEXT - 1; j++)
            hash = (hash ^ (unsigned char)values[i][j]) * 16777619u;
        hash = (hash ^ 0xffu) * 16777619u;
    }
    return hash;
}

static bool has_values(const struct metric_series *series, const char *const *values,
                       unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (strncmp(series->labels[i], values[i], METRIC_LABEL_TEXT - 1) != 0)
            return false;
    return true;
}

static struct metric_series *series_new(enum metric metric, const char *const *values,
                                        unsigned count)
{
    struct metric_series *series = xcalloc(1, sizeof(*series));

    series->metric = metric;
    for (unsigned i = 0; i < count; i++)
        memcpy(series->labels[i], values[i], strnlen(values[i], METRIC_LABEL_TEXT - 1));
    return series;
}

/* Fills the slot unless somebody else just did; answers what is in it now. */
static struct metric_series *fill(struct registry *registry, struct metric_series **slot,
                                  struct metric_series *series)
{
    struct metric_series *found = NULL;

    if (__atomic_compare_exchange_n(slot, &found, series, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_ACQUIRE)) {
        __atomic_add_fetch(&registry->count, 1, __ATOMIC_RELAXED);
        return series;
    }
    free(series);
    return found;
}

struct metric_series *metric_series_of(enum metric metric, const char *const *values)
{
    static const char *const others[METRIC_LABELS] = {"other", "other", "other"};
    struct registry *registry = &registries[metric];
    unsigned count = label_count(metric), slot;

    for (unsigned i = 0; i < count; i++)
        CHECK(values[i]);
    slot = hash_values(values, count) % SLOTS;
    for (;;) {
        struct metric_series *series = __atomic_load_n(&registry->slots[slot], __ATOMIC_ACQUIRE);

        if (!series && values != others &&
            __atomic_load_n(&registry->count, __ATOMIC_RELAXED) >= METRIC_SERIES_LIMIT) {
            values = others;
            slot = hash_values(values, count) % SLOTS;
            continue;
        }
        if (!series)
            series = fill(registry, &registry->slots[slot], series_new(metric, values, count));
        if (has_values(series, values, count))
            return series;
        slot = (slot + 1) % SLOTS;
    }
}

static double gauge_value(uint64_t bits)
{
    double value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

static uint64_t gauge_bits(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

void metric_add(struct metric_series *series, int64_t amount)
{
    uint64_t before = __atomic_load_n(&series->value, __ATOMIC_RELAXED), after;

    CHECK(descriptions[series->metric].kind != HISTOGRAM);
    if (descriptions[series->metric].kind == COUNTER) {
        CHECK(amount >= 0);
        __atomic_add_fetch(&series->value, (uint64_t)amount, __ATOMIC_RELAXED);
        return;
    }
    do {
        after = gauge_bits(gauge_value(before) + (double)amount);
    } while (!__atomic_compare_exchange_n(&series->value, &before, after, true, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
}

void metric_set(struct metric_series *series, double value)
{
    CHECK(descriptions[series->metric].kind == GAUGE);
    __atomic_store_n(&series->value, gauge_bits(value), __ATOMIC_RELAXED);
}

void metric_observe(struct metric_series *series, span_us span)
{
    const span_us *buckets = descriptions[series->metric].buckets;
    unsigned bucket = 0;

    CHECK(descriptions[series->metric].kind == HISTOGRAM);
    span = MAX(span, 0);
    while (buckets[bucket] && span > buckets[bucket])
        bucket++;
    __atomic_add_fetch(&series->buckets[bucket], 1, __ATOMIC_RELAXED);
    __atomic_add_fetch(&series->sum, (uint64_t)span, __ATOMIC_RELAXED);
}

static void write_escaped(struct buf *buf, const char *text)
{
    for (; *text; text++) {
        if (*text == '\n')
            (void)buf_puts(buf, "\\n");
        else if (*text == '"' || *text == '\\')
            (void)buf_printf(buf, "\\%c", *text);
        else
            (void)buf_putc(buf, *text);
    }
}

/* {method="GET",route="/jobs"}, with `le` behind the others when there is one. */
static void write_labels(struct buf *buf, const struct metric_series *series, const char *le)
{
    const char *names = descriptions[series->metric].labels;
    const char *separator = "{";

    for (unsigned i = 0; *names; i++) {
        size_t length = strcspn(names, ",");

        (void)buf_printf(buf, "%s%.*s=\"", separator, (int)length, names);
        write_escaped(buf, series->labels[i]);
        (void)buf_putc(buf, '"');
        separator = ",";
        names += length + (names[length] == ',');
    }
    if (le)
        (void)buf_printf(buf, "%sle=\"%s\"}", separator, le);
    else if (*separator == ',')
        (void)buf_putc(buf, '}');
}

static void write_bucket(struct buf *buf, const struct metric_series *series, const char *le,
                         uint64_t count)
{
    (void)buf_printf(buf, "%s_bucket", descriptions[series->metric].name);
    write_labels(buf, series, le);
    (void)buf_printf(buf, " %" PRIu64 "\n", count);
}

static void write_histogram(struct buf *buf, const struct metric_series *series)
{
    const struct description *description = &descriptions[series->metric];
    uint64_t sum = __atomic_load_n(&series->sum, __ATOMIC_RELAXED), count = 0;
    unsigned i;

    for (i = 0; description->buckets[i]; i++) {
        char le[32];

        count += __atomic_load_n(&series->buckets[i], __ATOMIC_RELAXED);
        (void)snprintf(le, sizeof(le), "%g", (double)description->buckets[i] / (double)SECOND);
        write_bucket(buf, series, le, count);
    }
    count += __atomic_load_n(&series->buckets[i], __ATOMIC_RELAXED);
    write_bucket(buf, series, "+Inf", count);
    (void)buf_printf(buf, "%s_sum", description->name);
    write_labels(buf, series, NULL);
    (void)buf_printf(buf, " %" PRIu64 ".%06" PRIu64 "\n%s_count", sum / 1000000, sum % 1000000,
                     description->name);
    write_labels(buf, series, NULL);
    (void)buf_printf(buf, " %" PRIu64 "\n", count);
}

static void write_series(struct buf *buf, const struct metric_series *series)
{
    const struct description *description = &descriptions[series->metric];
    uint64_t value = __atomic_load_n(&series->value, __ATOMIC_RELAXED);

    if (description->kind == HISTOGRAM) {
        write_histogram(buf, series);
        return;
    }
    (void)buf_puts(buf, description->name);
    write_labels(buf, series, NULL);
    if (description->kind == COUNTER)
        (void)buf_printf(buf, " %" PRIu64 "\n", value);
    else
        (void)buf_printf(buf, " %.15g\n", gauge_value(value));
}

void metrics_write(struct buf *buf)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};

    for (unsigned i = 0; i < METRIC_COUNT; i++) {
        const struct description *description = &descriptions[i];

        (void)buf_printf(buf, "# HELP %s %s\n# TYPE %s %s\n", description->name, description->help,
                         description->name, kinds[description->kind]);
        if (!*description->labels)
            (void)metric_series((enum metric)i); /* stands at zero from the first */
        for (unsigned j = 0; j < SLOTS; j++) {
            const struct metric_series *series =
                __atomic_load_n(&registries[i].slots[j], __ATOMIC_ACQUIRE);

            if (series)
                write_series(buf, series);
        }
    }
}
