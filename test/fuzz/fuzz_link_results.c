/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes are refused or are the result of a change, which takes it without harm. */
#include "base/check.h"

#include "fuzz/fuzz.h"
#include "link/change_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_ARENA struct arena arena = {0};
    struct link_result result;
    struct err err = {0};
    enum rc rc = link_results_read((const char *)data, size, 1, &arena, &result, &err);

    if (rc != RC_OK) {
        CHECK(rc == RC_MALFORMED || rc == RC_INVALID || rc == RC_TOO_BIG);
        CHECK(err.message[0]);
        return 0;
    }
    for (int kind = CHANGE_JOB_CREATE; kind <= CHANGE_AUDIT; kind++) {
        struct change change = {
            .kind = (enum change_kind)kind, .owner = "ann", .job = job_default()};

        link_result_apply(&result, &change);
        CHECK(change.outcome == result.outcome);
        CHECK(!change.created || change.created->id == result.id);
        arena_release(&change.arena);
    }
    return 0;
}
