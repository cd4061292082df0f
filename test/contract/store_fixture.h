/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test/contract/store_fixture.h: a fresh store, a clock that the test sets, and short words for
 * what a clause does with them. All of it fails the test when the store does not answer RC_OK.
 */
#ifndef CRONJOB_TEST_CONTRACT_STORE_FIXTURE_H
#define CRONJOB_TEST_CONTRACT_STORE_FIXTURE_H

#include "base/arena.h"

#include "ports/clock.h"
#include "ports/store.h"

#include "testing.h"

/* Where the clock of every fixture begins: 2030-01-01T00:00:00Z. */
#define START ((instant_us)1893456000 * SECOND)

struct fixture {
    struct clock clock;
    instant_us now;
    struct store *store;
    struct arena arena;  /* of what was read */
    char directory[128]; /* "" when the store needs none */
    char path[160];
};

struct fixture *fixture_new(void);
void fixture_free(struct fixture *fixture);
/* A folder of its own under $TMPDIR, and fixture->path in it. */
void fixture_make_directory(struct fixture *fixture);
void fixture_remove_directory(struct fixture *fixture);

/* ---- writing ------------------------------------------------------------------------------------
 */

enum rc apply_one(struct fixture *fixture, struct store_write *write); /* its outcome */
void apply_all(struct fixture *fixture, struct store_write *writes, size_t count);

/* A write that creates a job; its texts live as long as the fixture. */
struct job *new_job(struct fixture *fixture, const char *name);
struct store_write create_write(struct fixture *fixture, const struct job *job);
struct store_write replace_write(struct fixture *fixture, job_id id, const struct job *job);
struct store_write claim_write(job_id job, uint64_t revision, instant_us at, uint8_t token);
struct store_write run_write(enum write_kind kind, const struct run_key *key, uint8_t token);

job_id given_job(struct fixture *fixture, const char *name); /* created, "" for no name */
struct run_key given_run(struct fixture *fixture, job_id job, instant_us at, uint8_t token);
void given_finished(struct fixture *fixture, const struct run_key *key, uint8_t token,
                    enum run_status status);

struct claim_token token_of(uint8_t number);
struct run_key key_of(job_id job, instant_us at);

/* ---- reading: copies in the fixture's arena
 * ------------------------------------------------------ */

/* NULL when there is none. */
const struct job_record *job_of(struct fixture *fixture, job_id id);
const struct run_record *run_of(struct fixture *fixture, const struct run_key *key);

struct jobs_read {
    struct job_record items[64];
    size_t count;
};
struct runs_read {
    struct run_record items[64];
    size_t count;
};
struct jobs_read read_all_jobs(struct fixture *fixture, const struct job_query *query);
struct runs_read read_all_runs(struct fixture *fixture, const struct run_query *query);
size_t count_jobs(struct fixture *fixture, const struct job_query *query);
size_t count_runs(struct fixture *fixture, const struct run_query *query);
size_t count_token(struct fixture *fixture, uint8_t token); /* runs that carry it */

#endif
