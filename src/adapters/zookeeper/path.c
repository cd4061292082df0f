/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/zookeeper/path.h"

#include <string.h>

enum { SEQUENCE_DIGITS = 10 };

#define RUN_PREFIX  "run-"
#define KILL_PREFIX "kill-"

unsigned path_bucket(const struct task *task)
{
    return task->kind == TASK_JOB ? (unsigned)(task->job % BUCKETS) : RUNS_BUCKET;
}

const char *path_of_bucket(struct arena *arena, const char *root, const char *worker,
                           unsigned bucket)
{
    if (bucket == RUNS_BUCKET)
        return arena_printf(arena, "%s/tasks/%s/runs", root, worker);
    return arena_printf(arena, "%s/tasks/%s/%02x", root, worker, bucket);
}

const char *path_of_task(struct arena *arena, const char *root, const char *worker,
                         const struct task *task)
{
    const char *bucket = path_of_bucket(arena, root, worker, path_bucket(task));
    char id[RUN_ID_TEXT];

    if (task->kind == TASK_JOB)
        return arena_printf(arena, "%s/%llu.%llu", bucket, (unsigned long long)task->job,
                            (unsigned long long)task->revision);
    return arena_printf(arena, "%s/%s%s", bucket, task->kind == TASK_RUN ? RUN_PREFIX : KILL_PREFIX,
                        run_id_format(&task->run, id));
}

/* A number from 1 without a leading zero, up to a character that is no digit. */
static bool read_number(const char **at, uint64_t *ret_number)
{
    uint64_t number = 0;

    if (**at < '1' || **at > '9')
        return false;
    for (; **at >= '0' && **at <= '9'; ++*at) {
        uint64_t digit = (uint64_t)(**at - '0');

        if (number > (UINT64_MAX - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    *ret_number = number;
    return true;
}

static bool read_job(const char *name, unsigned bucket, struct task *ret_task)
{
    struct task task = {.kind = TASK_JOB};

    if (!read_number(&name, &task.job) || *name++ != '.' || !read_number(&name, &task.revision) ||
        *name || path_bucket(&task) != bucket)
        return false;
    *ret_task = task;
    return true;
}

static bool begins(const char **name, const char *prefix)
{
    size_t length = strlen(prefix);

    if (strncmp(*name, prefix, length) != 0)
        return false;
    *name += length;
    return true;
}

bool path_read_task(const char *name, unsigned bucket, struct task *ret_task)
{
    struct task task = {.kind = TASK_RUN};

    if (bucket != RUNS_BUCKET)
        return read_job(name, bucket, ret_task);
    if (begins(&name, KILL_PREFIX))
        task.kind = TASK_KILL;
    else if (!begins(&name, RUN_PREFIX))
        return false;
    if (run_id_parse(name, &task.run, NULL) != RC_OK)
        return false;
    task.job = task.run.job;
    *ret_task = task;
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int path_read_bucket(const char *path, const char *prefix)
{
    size_t length = strlen(prefix);
    int high, low;

    if (strncmp(path, prefix, length) != 0)
        return -1;
    path += length;
    if (!strcmp(path, "runs"))
        return RUNS_BUCKET;
    if (strlen(path) != 2)
        return -1;
    high = hex_digit(path[0]);
    low = hex_digit(path[1]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

int64_t path_read_sequence(const char *name)
{
    size_t length = strlen(name);
    int64_t sequence = 0;

    if (length <= SEQUENCE_DIGITS)
        return -1;
    for (const char *at = name + length - SEQUENCE_DIGITS; *at; at++) {
        if (*at < '0' || *at > '9')
            return -1;
        sequence = sequence * 10 + (*at - '0');
    }
    return sequence;
}
