/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ZooKeeper tells that a bucket has changed, not how: so it is listed, and compared with what was
 * reported of it. An event that was lost, or came twice, makes no difference.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

#include "adapters/zookeeper/internal.h"

static void append(struct task **array, size_t *count, const struct task *task)
{
    if (!(*count & (*count - 1)))
        *array = xrealloc(*array, *count ? *count * 2 : 1, sizeof(**array));
    (*array)[(*count)++] = *task;
}

static void add(struct difference *difference, const struct task *task)
{
    append(&difference->added, &difference->added_count, task);
}

static void add_removed(struct difference *difference, struct task task)
{
    task.removed = true;
    append(&difference->removed, &difference->removed_count, &task);
}

static bool read_name(struct zookeeper *self, const char *name, unsigned bucket,
                      struct task *ret_task)
{
    if (path_read_task(name, bucket, ret_task))
        return true;
    if (!self->junk_reported[bucket])
        log_warn("node was no task, ignoring", LOG_TEXT("name", name));
    self->junk_reported[bucket] = true;
    return false;
}

/* ---- jobs ------------------------------------------------------------------------------------ */

/* The newest revision of each job in a bucket. */
static void read_jobs(struct zookeeper *self, const struct strings *names, unsigned bucket,
                      struct map *ret_jobs)
{
    for (size_t i = 0; i < names->count; i++) {
        struct task task;
        uint64_t revision = 0;

        if (!read_name(self, names->items[i], bucket, &task))
            continue;
        (void)map_get(ret_jobs, task.job, &revision); /* absent: 0 */
        map_put(ret_jobs, task.job, MAX(revision, task.revision));
    }
}

static void compare_jobs(struct zookeeper *self, struct task_watch *watch, unsigned bucket,
                         const struct strings *names, struct difference *difference)
{
    struct map *known = &watch->jobs[bucket], listed;
    struct task task = {.kind = TASK_JOB};
    uint64_t revision;

    map_init(&listed);
    read_jobs(self, names, bucket, &listed);
    for (size_t at = 0; map_next(known, &at, &task.job, &task.revision);) {
        bool there = map_get(&listed, task.job, &revision);

        if (there ? revision != task.revision : watch->complete)
            add_removed(difference, task);
        else if (!there)
            map_put(&listed, task.job, task.revision); /* not known to be gone */
    }
    for (size_t at = 0; map_next(&listed, &at, &task.job, &task.revision);) {
        if (!map_get(known, task.job, &revision) || revision != task.revision)
            add(difference, &task);
    }
    map_release(known);
    *known = listed;
}

/* ---- runs ------------------------------------------------------------------------------------ */

static int compare_runs(const void *a, const void *b)
{
    const struct task *one = a, *other = b;

    if (one->kind != other->kind)
        return one->kind < other->kind ? -1 : 1;
    return run_key_compare(&one->run, &other->run);
}

/* Runs as they are kept: what was reported, in order. */
struct kept {
    struct task *runs;
    size_t count;
};

static void keep_missing(const struct task_watch *watch, const struct task *run, struct kept *kept,
                         struct difference *difference)
{
    if (watch->complete)
        add_removed(difference, *run);
    else
        append(&kept->runs, &kept->count, run); /* not known to be gone */
}

static void keep_new(const struct task *run, struct kept *kept, struct difference *difference)
{
    append(&kept->runs, &kept->count, run);
    add(difference, run);
}

/* Two sorted lists are walked at once. */
static void compare_run_lists(struct task_watch *watch, const struct task *listed, size_t count,
                              struct difference *difference)
{
    struct kept kept = {0};
    size_t i = 0, j = 0;

    while (i < watch->run_count && j < count) {
        int order = compare_runs(&watch->runs[i], &listed[j]);

        if (order < 0)
            keep_missing(watch, &watch->runs[i], &kept, difference);
        else if (order > 0)
            keep_new(&listed[j], &kept, difference);
        else
            append(&kept.runs, &kept.count, &listed[j]);
        i += order <= 0;
        j += order >= 0;
    }
    for (; i < watch->run_count; i++)
        keep_missing(watch, &watch->runs[i], &kept, difference);
    for (; j < count; j++)
        keep_new(&listed[j], &kept, difference);
    free(watch->runs);
    watch->runs = kept.runs;
    watch->run_count = kept.count;
}

static void compare_all_runs(struct zookeeper *self, struct task_watch *watch,
                             const struct strings *names, struct difference *difference)
{
    struct task *listed = NULL, task;
    size_t count = 0;

    for (size_t i = 0; i < names->count; i++) {
        if (read_name(self, names->items[i], RUNS_BUCKET, &task))
            append(&listed, &count, &task);
    }
    if (count)
        qsort(listed, count, sizeof(*listed), compare_runs);
    compare_run_lists(watch, listed, count, difference);
    free(listed);
}

void difference_forget_run(struct task_watch *watch, const struct task *run)
{
    const struct task *found =
        watch->run_count ? bsearch(run, watch->runs, watch->run_count, sizeof(*run), compare_runs)
                         : NULL;
    size_t index;

    if (!found)
        return;
    index = (size_t)(found - watch->runs);
    memmove(&watch->runs[index], &watch->runs[index + 1],
            (watch->run_count - index - 1) * sizeof(*watch->runs));
    watch->run_count--;
}

/* ---- both ------------------------------------------------------------------------------------ */

void difference_of_bucket(struct zookeeper *self, struct task_watch *watch, unsigned bucket,
                          const struct strings *names, struct difference *difference)
{
    if (bucket == RUNS_BUCKET)
        compare_all_runs(self, watch, names, difference);
    else
        compare_jobs(self, watch, bucket, names, difference);
}

void difference_report(const struct task_watch *watch, struct difference *difference)
{
    for (size_t i = 0; i < difference->added_count; i++)
        append(&difference->removed, &difference->removed_count, &difference->added[i]);
    if (difference->removed_count)
        watch->callback(watch->context, difference->removed, difference->removed_count);
    free(difference->removed);
    free(difference->added);
}
