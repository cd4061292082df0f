/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/zookeeper/path.h"

#include <string.h>

enum { SEQUENCE_DIGITS = 10, EPOCH_DIGITS = 18, PORT_DIGITS = 5 };

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

/* Digits up to a character that is none; false: there is none, or too many. */
static bool read_digits(const char **at, size_t most, uint64_t *ret_number)
{
    size_t length = strspn(*at, "0123456789");
    uint64_t number = 0;

    if (!length || length > most)
        return false;
    for (size_t i = 0; i < length; i++)
        number = number * 10 + (uint64_t)(*(*at)++ - '0');
    *ret_number = number;
    return true;
}

int64_t path_read_sequence(const char *name)
{
    size_t length = strlen(name);
    const char *at;
    uint64_t sequence;

    if (length < MARK_LENGTH + 3 + SEQUENCE_DIGITS || name[MARK_LENGTH] != '-' ||
        strspn(name, "0123456789abcdef") != MARK_LENGTH)
        return -1;
    at = name + length - SEQUENCE_DIGITS;
    if (at[-1] != '-' || !read_digits(&at, SEQUENCE_DIGITS, &sequence) || *at)
        return -1;
    return (int64_t)sequence;
}

bool path_has_mark(const char *name, const char *mark)
{
    return path_read_sequence(name) >= 0 && !strncmp(name, mark, MARK_LENGTH);
}

uint64_t path_read_epoch(const char *data)
{
    uint64_t epoch;

    return read_digits(&data, EPOCH_DIGITS, &epoch) && !*data ? epoch : 0;
}

bool path_are_hosts(const char *hosts)
{
    uint64_t port;

    do {
        size_t length = strcspn(hosts, ",");
        const char *at = hosts + length;

        while (at > hosts && at[-1] != ':')
            at--;
        if (at - hosts < 2 || !read_digits(&at, PORT_DIGITS, &port) || at != hosts + length ||
            !port || port > UINT16_MAX)
            return false;
        hosts = at;
    } while (*hosts++ == ',');
    return true;
}
