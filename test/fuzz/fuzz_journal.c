/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes are a journal file; its sound part alone gives the same records. */
#include "base/check.h"

#include "adapters/posix/journal_format.h"
#include "fuzz/fuzz.h"

static void count(void *context, const struct journal_record *record)
{
    size_t *total = context;

    CHECK(record->length <= JOURNAL_RECORD_MAX);
    *total += record->length + 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct journal_end end, again;
    size_t all = 0, sound = 0;

    if (journal_scan((const char *)data, size, count, &all, &end, NULL) != RC_OK) {
        CHECK(all == 0);
        return 0;
    }
    CHECK(end.at <= size);
    CHECK(journal_scan((const char *)data, end.at, count, &sound, &again, NULL) == RC_OK);
    CHECK(all == sound && again.at == end.at && again.sequence == end.sequence);
    return 0;
}
