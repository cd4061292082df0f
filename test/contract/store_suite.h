/* SPDX-License-Identifier: Apache-2.0 */
/* test/contract/store_suite.h: the clauses of ports/store.h, by what they are about. */
#ifndef CRONJOB_TEST_CONTRACT_STORE_SUITE_H
#define CRONJOB_TEST_CONTRACT_STORE_SUITE_H

#include "contract/store_fixture.h"

struct clause {
    const char *name;
    void (*function)(void **state);
};

struct clauses {
    const struct clause *items;
    size_t count;
};

/* clang-format off */
#define CLAUSE(function) {#function, function}
/* clang-format on */

extern const struct clauses store_job_clauses;
extern const struct clauses store_query_clauses;
extern const struct clauses store_claim_clauses;
extern const struct clauses store_run_clauses;
extern const struct clauses store_kept_clauses;
extern const struct clauses store_people_clauses;
extern const struct clauses store_other_clauses;
extern const struct clauses store_memory_clauses; /* the memory adapter's own: its faults */
extern const struct clauses store_sqlite_clauses; /* SQLite's own: crashes, full disks, locks */
extern const struct clauses store_mysql_clauses;  /* MySQL's own: batches, servers that go */
extern const struct clauses store_mysql_table_clauses; /* tables of other versions */
extern const struct clauses store_fight_clauses;       /* several stores over one database */

int store_memory_setup(void **state);
int store_memory_teardown(void **state);
int store_sqlite_setup(void **state);
int store_sqlite_teardown(void **state);
int store_mysql_begin(void **state); /* of all clauses; not 0: there is no server */
int store_mysql_end(void **state);
int store_mysql_setup(void **state);
int store_mysql_teardown(void **state);

#endif
