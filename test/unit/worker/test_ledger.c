/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "adapters/memory/journal.h"
#include "testing.h"
#include "worker/ledger.h"

static const struct claim_token token = {{1, 2, 3}};

struct fixture {
    struct memory_disk *disk;
    struct journal *journal;
    struct ledger ledger;
};

static void open_ledger(struct fixture *fixture)
{
    fixture->journal = memory_journal_open(fixture->disk);
    assert_int_equal(ledger_open(&fixture->ledger, fixture->journal, NULL), RC_OK);
}

/* As a worker that dies: what was not synced is gone. */
static void reopen(struct fixture *fixture)
{
    ledger_release(&fixture->ledger);
    journal_free(fixture->journal);
    open_ledger(fixture);
}

static int setup(void **state)
{
    static struct fixture fixture;

    fixture = (struct fixture){.disk = memory_disk_new()};
    open_ledger(&fixture);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    ledger_release(&fixture->ledger);
    journal_free(fixture->journal);
    memory_disk_free(fixture->disk);
    return 0;
}

static struct run_key key_of(job_id job)
{
    return (struct run_key){.scheduled_at = 60 * SECOND, .job = job, .attempt = 1};
}

static void start(struct fixture *fixture, job_id job)
{
    struct run_key key = key_of(job);

    assert_int_equal(ledger_start(&fixture->ledger, &key, &token, NULL), RC_OK);
}

static void end(struct fixture *fixture, job_id job)
{
    struct write_run result = {.key = key_of(job),
                               .token = token,
                               .result = {.status = RUN_FAILED, .exit_code = 3, .max_rss = 4096},
                               .job_status = JOB_ERROR,
                               .reason = "because"};

    assert_int_equal(ledger_end(&fixture->ledger, &result, NULL), RC_OK);
}

static void done(struct fixture *fixture, job_id job)
{
    struct run_key key = key_of(job);

    assert_int_equal(ledger_done(&fixture->ledger, &key, NULL), RC_OK);
}

static void sync_ledger(struct fixture *fixture)
{
    assert_int_equal(ledger_sync(&fixture->ledger, NULL), RC_OK);
}

static const struct ledger_entry *find(const struct fixture *fixture, job_id job)
{
    struct run_key key = key_of(job);

    return ledger_find(&fixture->ledger, &key);
}

static void knows_what_was_started(void **state)
{
    const struct ledger_entry *entry;

    start(*state, 7);
    sync_ledger(*state);
    reopen(*state);
    entry = find(*state, 7);
    assert_non_null(entry);
    assert_false(entry->ended);
    assert_memory_equal(&entry->token, &token, sizeof(token));
    assert_null(find(*state, 8));
}

static void knows_how_it_ended(void **state)
{
    const struct ledger_entry *entry;

    start(*state, 7);
    end(*state, 7);
    sync_ledger(*state);
    reopen(*state);
    entry = find(*state, 7);
    assert_non_null(entry);
    assert_true(entry->ended);
    assert_int_equal(entry->result.status, RUN_FAILED);
    assert_int_equal(entry->result.exit_code, 3);
    assert_int_equal(entry->result.max_rss, 4096);
    assert_int_equal(entry->job_status, JOB_ERROR);
    assert_string_equal(entry->reason, "because");
}

static void an_end_needs_no_start(void **state)
{
    end(*state, 7);
    sync_ledger(*state);
    reopen(*state);
    assert_true(find(*state, 7)->ended);
}

static void forgets_what_the_store_has(void **state)
{
    struct fixture *fixture = *state;

    start(fixture, 7);
    start(fixture, 8);
    done(fixture, 7);
    done(fixture, 9); /* of which it never knew */
    sync_ledger(fixture);
    reopen(fixture);
    assert_null(find(fixture, 7));
    assert_non_null(find(fixture, 8));
    assert_int_equal(fixture->ledger.entries.count, 1);
}

static void what_was_not_synced_is_not_known(void **state)
{
    start(*state, 7);
    sync_ledger(*state);
    end(*state, 7);
    start(*state, 8);
    reopen(*state);
    assert_false(find(*state, 7)->ended);
    assert_null(find(*state, 8));
}

static void runs_of_one_job_are_told_apart(void **state)
{
    struct fixture *fixture = *state;
    struct run_key second = key_of(7);

    second.attempt = 2;
    start(fixture, 7);
    assert_null(ledger_find(&fixture->ledger, &second));
    assert_int_equal(ledger_start(&fixture->ledger, &second, &token, NULL), RC_OK);
    done(fixture, 7);
    assert_non_null(ledger_find(&fixture->ledger, &second));
}

/* Its runs count as never handed over: what was claimed and is not known anywhere is lost. */
static void passes_over_records_of_other_versions(void **state)
{
    struct fixture *fixture = *state;
    char other[4096];

    (void)memset(other, 0xff, sizeof(other));
    start(fixture, 7);
    for (size_t length = 0; length <= sizeof(other); length += 8) /* one is of our length */
        assert_int_equal(journal_append(fixture->journal, other, length, NULL), RC_OK);
    start(fixture, 8);
    sync_ledger(fixture);
    reopen(fixture);
    assert_int_equal(fixture->ledger.entries.count, 2);
    assert_non_null(find(fixture, 7));
    assert_non_null(find(fixture, 8));
}

static void compacts_what_has_grown(void **state)
{
    struct fixture *fixture = *state;
    size_t largest = 0;

    start(fixture, 1);
    end(fixture, 2);
    for (job_id job = 10; job < 10000; job++) {
        start(fixture, job);
        end(fixture, job);
        sync_ledger(fixture);
        done(fixture, job);
        largest =
            largest > journal_size(fixture->journal) ? largest : journal_size(fixture->journal);
    }
    sync_ledger(fixture);
    assert_true(largest < 2 * 1024 * 1024);
    reopen(fixture);
    assert_int_equal(fixture->ledger.entries.count, 2);
    assert_false(find(fixture, 1)->ended);
    assert_true(find(fixture, 2)->ended);
    assert_string_equal(find(fixture, 2)->reason, "because");
}

static void a_full_disk_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct run_key key = key_of(7);

    memory_disk_fail(fixture->disk, 1, RC_FULL, false);
    assert_int_equal(ledger_start(&fixture->ledger, &key, &token, NULL), RC_FULL);
    assert_null(find(fixture, 7));
    start(fixture, 7);
    sync_ledger(fixture);
    assert_non_null(find(fixture, 7));
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(knows_what_was_started),
        TEST(knows_how_it_ended),
        TEST(an_end_needs_no_start),
        TEST(forgets_what_the_store_has),
        TEST(what_was_not_synced_is_not_known),
        TEST(runs_of_one_job_are_told_apart),
        TEST(passes_over_records_of_other_versions),
        TEST(compacts_what_has_grown),
        TEST(a_full_disk_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
