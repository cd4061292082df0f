/* SPDX-License-Identifier: Apache-2.0 */
/* The contract of ports/journal.h: contract_journal memory|posix. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#include "adapters/memory/journal.h"
#include "adapters/posix/journal.h"
#include "testing.h"

enum { SEEN_MAX = 4096 };

static bool real;
static char directory[64];
static struct memory_disk *disk;
static struct journal *journal;
static char seen[SEEN_MAX]; /* records of the last replay, each with a ',' behind it */

static void note(void *context, const struct journal_record *record)
{
    size_t length = strlen(seen);

    (void)context;
    (void)snprintf(seen + length, sizeof(seen) - length, "%.*s,", (int)MIN(record->length, 40u),
                   (const char *)record->data);
}

static void open_journal(void)
{
    struct err err = {0};

    if (!real)
        journal = memory_journal_open(disk);
    else if (posix_journal_open(directory, &journal, &err) != RC_OK)
        fail_msg("%s", err.message);
}

static enum rc replay(void)
{
    seen[0] = '\0';
    return journal_replay(journal, note, NULL, NULL);
}

/* The process dies and another one opens the journal. */
static void reopen(void)
{
    journal_free(journal);
    open_journal();
    assert_int_equal(replay(), RC_OK);
}

static int set_up(void **state)
{
    (void)state;
    disk = memory_disk_new();
    (void)snprintf(directory, sizeof(directory), "/tmp/cronjob-journal-XXXXXX");
    assert_non_null(mkdtemp(directory));
    open_journal();
    assert_int_equal(replay(), RC_OK);
    return 0;
}

static int tear_down(void **state)
{
    char path[96];

    (void)state;
    journal_free(journal);
    memory_disk_free(disk);
    (void)snprintf(path, sizeof(path), "%s/journal", directory);
    (void)unlink(path); /* there is none in memory */
    return rmdir(directory);
}

static void append(const char *text)
{
    assert_int_equal(journal_append(journal, text, strlen(text), NULL), RC_OK);
}

static void sync_all(void)
{
    assert_int_equal(journal_sync(journal, NULL), RC_OK);
}

static void gives_back_what_was_synced_in_order(void **state)
{
    (void)state;
    append("one");
    append("two");
    sync_all();
    append("three");
    sync_all();
    sync_all();
    reopen();
    assert_string_equal(seen, "one,two,three,");
    append("four");
    sync_all();
    reopen();
    assert_string_equal(seen, "one,two,three,four,");
}

static void promises_nothing_before_sync(void **state)
{
    (void)state;
    append("one");
    sync_all();
    append("two");
    reopen();
    assert_string_equal(seen, "one,");
}

static void takes_records_of_any_bytes_up_to_the_limit(void **state)
{
    AUTO_FREE char *big = xcalloc(1, 65537);

    (void)state;
    memset(big, 'x', 65536);
    assert_int_equal(journal_append(journal, big, 65537, NULL), RC_TOO_BIG);
    assert_int_equal(journal_append(journal, big, 65536, NULL), RC_OK);
    assert_int_equal(journal_append(journal, "", 0, NULL), RC_OK);
    sync_all();
    assert_true(journal_size(journal) >= 65536);
    reopen();
    assert_string_equal(seen, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx,,");
}

static void compacts_to_what_is_given(void **state)
{
    const struct journal_record records[] = {{"two", 3}, {"new", 3}};

    (void)state;
    append("one");
    append("two");
    sync_all();
    append("never promised");
    assert_int_equal(journal_compact(journal, records, 2, NULL), RC_OK);
    append("three");
    sync_all();
    reopen();
    assert_string_equal(seen, "two,new,three,");
    assert_int_equal(journal_compact(journal, NULL, 0, NULL), RC_OK);
    reopen();
    assert_string_equal(seen, "");
}

/* ---- faults made to order ------------------------------------------------------------------ */

static void believes_no_disk_that_failed(void **state)
{
    (void)state;
    append("one");
    sync_all();
    memory_disk_fail(disk, 2, RC_IO, false);
    append("two");
    assert_int_equal(journal_sync(journal, NULL), RC_IO);
    assert_int_equal(journal_append(journal, "x", 1, NULL), RC_IO);
    assert_int_equal(journal_sync(journal, NULL), RC_IO);
    assert_int_equal(journal_compact(journal, NULL, 0, NULL), RC_IO);
    reopen();
    assert_string_equal(seen, "one,");
}

/* ---- the file ------------------------------------------------------------------------------ */

static int open_file(void)
{
    char path[96];
    int fd;

    (void)snprintf(path, sizeof(path), "%s/journal", directory);
    fd = open(path, O_RDWR | O_CLOEXEC);
    assert_return_code(fd, errno);
    return fd;
}

static void fill_three_batches(void)
{
    append("one");
    sync_all();
    append("two");
    sync_all();
    append("three");
    sync_all();
}

static void drops_a_torn_end_wherever_it_is_torn(void **state)
{
    off_t whole, two_batches;

    (void)state;
    append("one");
    sync_all();
    append("two");
    sync_all();
    two_batches = (off_t)journal_size(journal);
    append("three");
    sync_all();
    whole = (off_t)journal_size(journal);
    for (off_t size = whole - 1; size >= two_batches; size--) {
        int fd = open_file();

        assert_return_code(ftruncate(fd, size), errno);
        close(fd);
        reopen();
        assert_string_equal(seen, "one,two,");
        append("three");
        sync_all();
        assert_int_equal(journal_size(journal), whole);
    }
}

static void tells_of_damage_in_the_middle(void **state)
{
    size_t size;

    (void)state;
    fill_three_batches();
    size = journal_size(journal) - 24 - 4 - 5; /* the last batch: its head, a length, "three" */
    for (size_t at = 8; at < size; at++) {
        int fd = open_file();
        char byte;

        assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
        byte ^= 0x10;
        assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
        journal_free(journal);
        open_journal();
        assert_int_equal(replay(), RC_IO);
        assert_string_equal(seen, "");
        byte ^= 0x10;
        assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
        close(fd);
    }
    reopen();
    assert_string_equal(seen, "one,two,three,");
}

/* A file that may not grow answers EFBIG, not ENOSPC: a failure like any other of the disk. */
static void stops_when_a_write_fails(void **state)
{
    struct rlimit before, none;

    (void)state;
    append("one");
    sync_all();
    assert_return_code(getrlimit(RLIMIT_FSIZE, &before), errno);
    none = before;
    none.rlim_cur = journal_size(journal) + 10;
    append("a record that does not fit");
    assert_return_code(setrlimit(RLIMIT_FSIZE, &none), errno);
    assert_int_equal(journal_sync(journal, NULL), RC_IO);
    assert_return_code(setrlimit(RLIMIT_FSIZE, &before), errno);
    assert_int_equal(journal_append(journal, "x", 1, NULL), RC_IO);
    reopen();
    assert_string_equal(seen, "one,");
}

static void refuses_a_file_that_is_no_journal(void **state)
{
    int fd = open_file();

    (void)state;
    assert_int_equal(pwrite(fd, "something else", 14, 0), 14);
    close(fd);
    journal_free(journal);
    open_journal();
    assert_int_equal(replay(), RC_IO);
}

int main(int argc, char **argv)
{
#define CLAUSE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest memory[] = {
        CLAUSE(gives_back_what_was_synced_in_order),
        CLAUSE(promises_nothing_before_sync),
        CLAUSE(takes_records_of_any_bytes_up_to_the_limit),
        CLAUSE(compacts_to_what_is_given),
        CLAUSE(believes_no_disk_that_failed),
    };
    const struct CMUnitTest posix[] = {
        CLAUSE(gives_back_what_was_synced_in_order),
        CLAUSE(promises_nothing_before_sync),
        CLAUSE(takes_records_of_any_bytes_up_to_the_limit),
        CLAUSE(compacts_to_what_is_given),
        CLAUSE(drops_a_torn_end_wherever_it_is_torn),
        CLAUSE(tells_of_damage_in_the_middle),
        CLAUSE(stops_when_a_write_fails),
        CLAUSE(refuses_a_file_that_is_no_journal),
    };
#undef CLAUSE

    real = argc > 1 && strcmp(argv[1], "posix") == 0;
    (void)signal(SIGXFSZ, SIG_IGN);
    return real ? cmocka_run_group_tests_name("journal posix", posix, NULL, NULL)
                : cmocka_run_group_tests_name("journal memory", memory, NULL, NULL);
}
