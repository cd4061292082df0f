/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/memory/store_data.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void memory_array_insert(struct memory_array *array, size_t index, void *item)
{
    if (array->count == array->capacity) {
        array->capacity = MAX(array->capacity * 2, (size_t)16);
        array->items = xrealloc(array->items, array->capacity, sizeof(*array->items));
    }
    memmove(array->items + index + 1, array->items + index,
            (array->count - index) * sizeof(*array->items));
    array->items[index] = item;
    array->count++;
}

void *memory_array_remove(struct memory_array *array, size_t index)
{
    void *item = array->items[index];

    array->count--;
    memmove(array->items + index, array->items + index + 1,
            (array->count - index) * sizeof(*array->items));
    return item;
}

/* Negative, 0 or positive: where the wanted thing is, seen from the item. */
typedef int (*item_compare)(const void *wanted, const void *item);

static size_t find(const struct memory_array *array, const void *wanted, item_compare compare,
                   bool *ret_found)
{
    size_t low = 0, high = array->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare(wanted, array->items[middle]);

        if (order == 0) {
            *ret_found = true;
            return middle;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    *ret_found = false;
    return low;
}

static int compare_job(const void *wanted, const void *item)
{
    job_id id = *(const job_id *)wanted;
    const struct memory_job *job = item;

    return (id > job->record.id) - (id < job->record.id);
}

static int compare_run(const void *wanted, const void *item)
{
    return run_key_compare(wanted, &((const struct memory_run *)item)->run.key);
}

static int compare_worker(const void *wanted, const void *item)
{
    return strcmp(wanted, ((const struct memory_worker *)item)->record.name);
}

static int compare_token(const void *wanted, const void *item)
{
    return strcmp(wanted, ((const struct memory_token *)item)->record.id);
}

static int compare_user(const void *wanted, const void *item)
{
    return strcmp(wanted, ((const struct memory_user *)item)->record.name);
}

size_t memory_job_index(const struct memory_store *store, job_id id, bool *ret_found)
{
    return find(&store->jobs, &id, compare_job, ret_found);
}

size_t memory_run_index(const struct memory_store *store, const struct run_key *key,
                        bool *ret_found)
{
    return find(&store->runs, key, compare_run, ret_found);
}

size_t memory_worker_index(const struct memory_store *store, const char *name, bool *ret_found)
{
    return find(&store->workers, name, compare_worker, ret_found);
}

size_t memory_token_index(const struct memory_store *store, const char *id, bool *ret_found)
{
    return find(&store->tokens, id, compare_token, ret_found);
}

size_t memory_user_index(const struct memory_store *store, const char *name, bool *ret_found)
{
    return find(&store->users, name, compare_user, ret_found);
}

struct memory_job *memory_job_find(const struct memory_store *store, job_id id)
{
    bool found;
    size_t index = memory_job_index(store, id, &found);

    return found ? store->jobs.items[index] : NULL;
}

const struct worker_record *memory_worker_find(const struct memory_store *store, const char *name)
{
    bool found;
    size_t index = memory_worker_index(store, name, &found);

    return found ? &((const struct memory_worker *)store->workers.items[index])->record : NULL;
}

struct memory_run *memory_run_find(const struct memory_store *store, const struct run_key *key)
{
    bool found;
    size_t index = memory_run_index(store, key, &found);

    return found ? store->runs.items[index] : NULL;
}

/* Strings that a record owns are const to its readers; here they are freed. */
static void text_free(const char *text)
{
    free((void *)(uintptr_t)text);
}

void memory_text_set(const char **text, const char *value)
{
    const char *old = *text;

    *text = xstrdup(value ? value : "");
    text_free(old);
}

char *memory_lower(char *text)
{
    for (char *at = text; *at; at++) {
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at - 'A' + 'a');
    }
    return text;
}

void memory_revision_free(struct memory_revision *revision)
{
    free(revision->document);
    free(revision->sha256);
    free(revision);
}

void memory_job_free(struct memory_job *job)
{
    while (job->revisions.count)
        memory_revision_free(memory_array_remove(&job->revisions, job->revisions.count - 1));
    free(job->revisions.items);
    text_free(job->record.owner);
    text_free(job->record.worker);
    arena_release(&job->arena);
    free(job);
}

void memory_run_free(struct memory_run *run)
{
    text_free(run->run.worker);
    text_free(run->run.reason);
    text_free(run->run.request);
    text_free(run->run.sha256);
    text_free(run->output.data);
    free(run);
}

void memory_worker_free(struct memory_worker *worker)
{
    arena_release(&worker->arena);
    free(worker);
}

void memory_token_free(struct memory_token *token)
{
    arena_release(&token->arena);
    free(token);
}

void memory_user_free(struct memory_user *user)
{
    arena_release(&user->arena);
    free(user);
}

void memory_audit_free(struct memory_audit *audit)
{
    arena_release(&audit->arena);
    free(audit);
}

void memory_key_free(struct memory_key *key)
{
    free(key->owner);
    free(key->key);
    free(key);
}

void memory_late_free(struct memory_late *late)
{
    arena_release(&late->arena);
    free(late);
}
