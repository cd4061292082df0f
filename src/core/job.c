/* SPDX-License-Identifier: Apache-2.0 */
#include "core/job.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TEXT_ROW(code, text) [code] = text,
static const char *const types[] = {JOB_TYPE_TABLE(TEXT_ROW)};
static const char *const statuses[] = {JOB_STATUS_TABLE(TEXT_ROW)};
static const char *const concurrencies[] = {CONCURRENCY_TABLE(TEXT_ROW)};
static const char *const catch_ups[] = {CATCH_UP_TABLE(TEXT_ROW)};
static const char *const worker_losses[] = {WORKER_LOSS_TABLE(TEXT_ROW)};
#undef TEXT_ROW

struct strings strings_copy(const struct strings *strings, struct arena *arena)
{
    struct strings copy = {arena_alloc(arena, strings->count * sizeof(*copy.items)),
                           strings->count};

    for (size_t i = 0; i < strings->count; i++)
        copy.items[i] = arena_strdup(arena, strings->items[i]);
    return copy;
}

struct job job_default(void)
{
    return (struct job){
        .name = "",
        .description = "",
        .type = JOB_COMMAND,
        .executable = "",
        .filename = "",
        .sha256 = "",
        .executable_changed_at = INSTANT_NONE,
        .working_directory = "",
        .run_as = "",
        .schedule = "",
        .time_zone = "",
        .enabled = true,
        .starts_at = INSTANT_NONE,
        .ends_at = INSTANT_NONE,
        .concurrency = CONCURRENCY_FORBID,
        .catch_up = CATCH_UP_LAST,
        .catch_up_window = HOUR,
        .kill_grace = 10 * SECOND,
        .retries = {.delay = 30 * SECOND, .backoff = 2, .max_delay = HOUR},
        .on_worker_loss = WORKER_LOSS_RERUN,
        .limits = {.output = LIMIT_OUTPUT_DEFAULT},
    };
}

bool executable_is_url(const char *text)
{
    static const char *const beginnings[] = {"http://", "https://", "s3://", "file://"};

    for (size_t i = 0; i < ARRAY_SIZE(beginnings); i++) {
        if (!strncmp(text, beginnings[i], strlen(beginnings[i])))
            return true;
    }
    return false;
}

bool job_executes_same(const struct job *a, const struct job *b)
{
    if (a->type != b->type)
        return false;
    return a->type == JOB_COMMAND ? !strcmp(a->executable, b->executable)
                                  : !strcmp(a->sha256, b->sha256);
}

void problems_add(struct problems *problems, const char *field, const char *format, ...)
{
    char message[512];
    va_list args;

    if (problems->count == LIMIT_PROBLEMS)
        return;
    if (!problems->items)
        problems->items = arena_calloc(problems->arena, LIMIT_PROBLEMS * sizeof(*problems->items));
    va_start(args, format);
    (void)vsnprintf(message, sizeof(message), format, args); /* cut is fine */
    va_end(args);
    problems->items[problems->count++] =
        (struct problem){.field = arena_strdup(problems->arena, field),
                         .message = arena_strdup(problems->arena, message)};
}

static int find(const char *const *texts, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++) {
        if (!strcmp(texts[i], text))
            return (int)i;
    }
    return -1;
}

const char *job_type_text(enum job_type type)
{
    return types[type];
}

const char *job_status_text(enum job_status status)
{
    return statuses[status];
}

const char *concurrency_text(enum concurrency concurrency)
{
    return concurrencies[concurrency];
}

const char *catch_up_text(enum catch_up catch_up)
{
    return catch_ups[catch_up];
}

const char *worker_loss_text(enum worker_loss worker_loss)
{
    return worker_losses[worker_loss];
}

int job_type_parse(const char *text)
{
    return find(types, ARRAY_SIZE(types), text);
}

int job_status_parse(const char *text)
{
    return find(statuses, ARRAY_SIZE(statuses), text);
}

int concurrency_parse(const char *text)
{
    return find(concurrencies, ARRAY_SIZE(concurrencies), text);
}

int catch_up_parse(const char *text)
{
    return find(catch_ups, ARRAY_SIZE(catch_ups), text);
}

int worker_loss_parse(const char *text)
{
    return find(worker_losses, ARRAY_SIZE(worker_losses), text);
}

span_us retries_delay(const struct retries *retries, uint32_t attempt)
{
    double delay = (double)retries->delay;

    for (uint32_t i = 1; i < attempt && i <= LIMIT_RETRIES; i++) {
        delay *= retries->backoff;
        if (delay >= (double)retries->max_delay)
            return retries->max_delay;
    }
    return MIN((span_us)delay, retries->max_delay);
}
