/* SPDX-License-Identifier: Apache-2.0 */
/* test/unit/link/sent.h: changes that a test sends, and clients that send them. */
#ifndef CRONJOB_TEST_UNIT_LINK_SENT_H
#define CRONJOB_TEST_UNIT_LINK_SENT_H

#include <stdatomic.h>

#include "fixture.h"
#include "link/changes.h"

struct sent {
    struct change change;
    atomic_bool done;
};

struct job sent_job(void);

/* With an owner, a job and an empty request, whether it needs them or not. */
struct sent *sent_new(enum change_kind kind);
void sent_free(struct sent *sent);

void sent_submit(struct changes *changes, struct sent *sent);
/* Waits for it, and for this outcome. */
void sent_await(struct fixture *fixture, struct sent *sent, enum rc outcome);
/* Submits and waits: the outcome. */
enum rc sent_make(struct fixture *fixture, struct changes *changes, struct sent *sent);

/* A client of the store, clock and secret of the fixture, unless others are given. */
struct changes *fixture_client(struct fixture *fixture, struct link_changes_config config);
struct changes *fixture_patient_client(struct fixture *fixture);

job_id fixture_create_job(struct fixture *fixture, struct changes *changes);
size_t fixture_count_runs(struct fixture *fixture);

#endif
