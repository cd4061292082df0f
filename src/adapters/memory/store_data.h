/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/memory/store_data.h: what the memory store holds, and how it is found.
 *
 * Sorted arrays of pointers: jobs by id, runs by key, workers, tokens and users by name. Everything
 * is protected by the store's mutex.
 */
#ifndef CRONJOB_ADAPTERS_MEMORY_STORE_DATA_H
#define CRONJOB_ADAPTERS_MEMORY_STORE_DATA_H

#include <pthread.h>

#include "base/arena.h"

#include "ports/store.h"

#include "adapters/memory/store.h"

/* What a job was. */
struct memory_revision {
    uint64_t revision;
    instant_us until; /* the last instant at which a run of it may have been claimed */
    char *document;
    size_t length;
    char *sha256;
};

/* A growing array of pointers. */
struct memory_array {
    void **items;
    size_t count;
    size_t capacity;
};

struct memory_job {
    struct job_record record;      /* owner and worker are the job's own strings */
    struct memory_array revisions; /* struct memory_revision, older first */
    struct arena arena;            /* all other texts of the record, labels and search */
    struct pairs labels;
    const char *search; /* name, executable and description in lower case */
};

struct memory_run {
    struct run run; /* its texts are its own strings */
    struct claim_token token;
    bool has_output;
    struct kept_output output; /* data is its own */
};

struct memory_worker {
    struct arena arena;
    struct worker_record record;
};

struct memory_token {
    struct arena arena;
    struct access_token record;
};

struct memory_user {
    struct arena arena;
    struct user_record record;
};

struct memory_audit {
    struct arena arena;
    struct audit_record record;
};

/* An idempotency key, and the job that was made with it. */
struct memory_key {
    char *owner;
    char *key;
    uint8_t request_hash[32];
    job_id job;
    instant_us kept_at;
};

struct memory_late {
    struct arena arena;
    struct store_write *writes;
    size_t count;
};

struct memory_store {
    struct store base;
    struct memory_store_config config;
    pthread_mutex_t mutex;
    job_id last_id;
    struct memory_array jobs;    /* struct memory_job */
    struct memory_array runs;    /* struct memory_run */
    struct memory_array workers; /* struct memory_worker */
    struct memory_array tokens;  /* struct memory_token */
    struct memory_array users;   /* struct memory_user */
    struct memory_array audit;   /* struct memory_audit, by id */
    struct memory_array keys;    /* struct memory_key, in no order */
    struct memory_array late;    /* struct memory_late, in their order */
    uint64_t audited;            /* the newest id of the audit */
    struct leader_record leader;
};

void memory_array_insert(struct memory_array *array, size_t index, void *item);
void *memory_array_remove(struct memory_array *array, size_t index); /* answers the item */

/* Where the item is, or belongs: *ret_found tells which. */
size_t memory_job_index(const struct memory_store *store, job_id id, bool *ret_found);
size_t memory_run_index(const struct memory_store *store, const struct run_key *key,
                        bool *ret_found);
size_t memory_worker_index(const struct memory_store *store, const char *name, bool *ret_found);
size_t memory_token_index(const struct memory_store *store, const char *id, bool *ret_found);
size_t memory_user_index(const struct memory_store *store, const char *name, bool *ret_found);

/* NULL when there is none. */
struct memory_job *memory_job_find(const struct memory_store *store, job_id id);
struct memory_run *memory_run_find(const struct memory_store *store, const struct run_key *key);
const struct worker_record *memory_worker_find(const struct memory_store *store, const char *name);

void memory_revision_free(struct memory_revision *revision);
void memory_job_free(struct memory_job *job);
void memory_run_free(struct memory_run *run);
void memory_worker_free(struct memory_worker *worker);
void memory_token_free(struct memory_token *token);
void memory_user_free(struct memory_user *user);
void memory_audit_free(struct memory_audit *audit);
void memory_key_free(struct memory_key *key);
void memory_late_free(struct memory_late *late);

/* A string that the record owns, replaced. */
void memory_text_set(const char **text, const char *value);

/* Lower case of ASCII, in place. */
char *memory_lower(char *text);

/* A copy of writes that lives on its own (store_late.c). */
struct memory_late *memory_late_new(const struct store_write *writes, size_t count);

#endif
