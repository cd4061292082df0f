/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link/change_text.h: changes and what became of them, as the body of a call and of its answer.
 * Pure.
 *
 *     {"version":1,"changes":[{"kind":"job_create","owner":"ann","document":"{...}",...},...]}
 *     {"version":1,"results":[{"outcome":"RC_OK","id":"7","revision":"1",...},...]}
 *
 * A job travels as the text that the store keeps of it, so nothing of it can get lost. Ids are
 * numbers in text. A member that the reader does not know is an error: a new one is a new version.
 */
#ifndef CRONJOB_LINK_CHANGE_TEXT_H
#define CRONJOB_LINK_CHANGE_TEXT_H

#include "ports/changes.h"

#include "wire/json.h"

/* Appends a change to an open array. RC_TOO_BIG: its document is larger than a document may be. */
MUST_USE enum rc link_change_write(struct json_writer *writer, const struct change *change,
                                   struct err *err);

/* Each change lives on its own, in its own arena. */
struct link_changes {
    struct change *items;
    size_t count;
};

/* RC_MALFORMED, RC_TOO_BIG, RC_INVALID: another version. That a job is valid is the manager's to
 * check. */
MUST_USE enum rc link_changes_read(const char *text, size_t length,
                                   struct link_changes *ret_changes, struct err *err);
void link_changes_release(struct link_changes *changes);

/* ---- results ------------------------------------------------------------------------------- */

/* What the change came to: its outcome and what it wrote, onto an open array. */
void link_result_write(struct json_writer *writer, const struct change *change);

struct link_result {
    enum rc outcome;
    const char *detail; /* "" when it was made */
    job_id id;
    uint64_t revision;
    bool replayed;
    struct run_key run; /* .job 0: none */
    const char *worker; /* of a job that was created and not replayed: who has it; else NULL */
    instant_us created_at;
};

/* Exactly `count` results. Texts are the arena's. RC_MALFORMED, RC_INVALID, RC_TOO_BIG. */
MUST_USE enum rc link_results_read(const char *text, size_t length, size_t count,
                                   struct arena *arena, struct link_result *ret_results,
                                   struct err *err);

/* Puts it into the change, with the new job's record. */
void link_result_apply(const struct link_result *result, struct change *change);

#endif
