/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite store: its set-up, and what only a store on a disk can show. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"

#include "adapters/sql/schema.h"
#include "adapters/sqlite/connection.h"
#include "adapters/sqlite/store.h"
#include "contract/store_suite.h"

static enum rc open_store(struct fixture *fixture, struct err *err)
{
    struct sqlite_store_config config = {.path = fixture->path, .clock = &fixture->clock};

    return sqlite_store_new(&config, &fixture->store, err);
}

static void reopen(struct fixture *fixture)
{
    struct err err = {0};
    enum rc rc;

    store_free(fixture->store);
    fixture->store = NULL;
    rc = open_store(fixture, &err);
    if (rc != RC_OK)
        fail_msg("opening again: %s", err_message(&err, rc));
}

static void set_file_limit(rlim_t limit)
{
    struct rlimit value;

    CHECK(!getrlimit(RLIMIT_FSIZE, &value));
    value.rlim_cur = MIN(limit, value.rlim_max);
    CHECK(!setrlimit(RLIMIT_FSIZE, &value));
}

static void lift_file_limit(struct fixture *fixture)
{
    (void)fixture;
    set_file_limit(RLIM_INFINITY);
}

int store_sqlite_setup(void **state)
{
    struct fixture *fixture = fixture_new();
    struct err err = {0};

    fixture_make_directory(fixture);
    if (open_store(fixture, &err) != RC_OK)
        fail_msg("%s", err.message);
    *state = fixture;
    return 0;
}

int store_sqlite_teardown(void **state)
{
    struct fixture *fixture = *state;

    lift_file_limit(fixture);
    store_free(fixture->store);
    fixture->store = NULL;
    (void)umount(fixture->directory); /* when a clause failed in between */
    fixture_remove_directory(fixture);
    fixture_free(fixture);
    return 0;
}

static void everything_is_there_after_a_restart(void **state)
{
    struct fixture *fixture = *state;
    job_id id = given_job(fixture, "a"), purged = given_job(fixture, "");
    struct run_key key = given_run(fixture, id, START, 1);
    struct store_write purge = {.kind = WRITE_JOB_PURGE, .job.id = purged};

    assert_int_equal(apply_one(fixture, &purge), RC_OK);
    reopen(fixture);
    assert_string_equal(job_of(fixture, id)->name, "a");
    assert_non_null(run_of(fixture, &key));
    assert_true(given_job(fixture, "") > purged);
}

/* A database as the first version made it, with one job and one worker. */
static void make_old_database(struct fixture *fixture)
{
    static const char job[] =
        "INSERT INTO jobs VALUES (1, 1, 0, 0, 1, 'alice', '', 1, 1, 1, 'old', 'old', '* * * * *',"
        " 'UTC', 0, NULL, NULL, 0, 0, 1, 0, 0, 0, 0, 2000000, 0, 0)";
    static const char *const rows[] = {
        job,
        "INSERT INTO documents VALUES (1, '{\"placement\":{\"labels\":{\"zone\":\"a\"}}}', '')",
        "INSERT INTO workers VALUES ('w', '', '1', 'timer', '{}', 0, 0, 0, 0, 1, 2)",
    };
    int fd = open(fixture->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    struct sql_connection *connection;

    assert_true(fd >= 0);
    (void)close(fd);
    assert_int_equal(
        sqlite_connection_open(fixture->path, SQLITE_WRITER, &fixture->clock, &connection, NULL),
        RC_OK);
    assert_int_equal(sql_schema_prepare(connection, NULL), RC_OK);
    assert_int_equal(sql_schema_step(connection, 1, NULL), RC_OK);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        assert_int_equal(sql_run(connection, rows[i], NULL, 0, NULL, NULL), RC_OK);
    sql_connection_free(connection);
}

static bool count_worker(void *context, const struct worker_record *worker)
{
    (*(int *)context) += !worker->clock_synchronised;
    return true;
}

static void database_of_an_older_version_is_upgraded(void **state)
{
    struct fixture *fixture = *state;
    struct leader_record leader;
    int workers = 0;

    store_free(fixture->store);
    fixture->store = NULL;
    fixture_remove_directory(fixture);
    fixture_make_directory(fixture);
    make_old_database(fixture);
    for (int i = 0; i < 2; i++)
        reopen(fixture);
    assert_string_equal(job_of(fixture, 1)->placement.items[0].value, "a");
    assert_int_equal(store_read_leader(fixture->store, &leader, NULL), RC_OK);
    assert_int_equal(leader.epoch, 0);
    assert_int_equal(store_read_workers(fixture->store, count_worker, &workers, NULL), RC_OK);
    assert_int_equal(workers, 1);
}

static void second_opener_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct sqlite_store_config config = {.path = fixture->path, .clock = &fixture->clock};
    struct store *second;
    struct err err = {0};

    assert_int_equal(sqlite_store_new(&config, &second, &err), RC_BUSY);
    assert_non_null(strstr(err.message, "another cronjob process"));
    assert_true(given_job(fixture, "") >= 1);
}

static void files_are_their_owners_only(void **state)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", ".lock"};
    struct fixture *fixture = *state;

    (void)given_job(fixture, "");
    for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
        char path[256];
        struct stat file;

        (void)snprintf(path, sizeof(path), "%s%s", fixture->path, suffixes[i]);
        assert_int_equal(stat(path, &file), 0);
        assert_int_equal(file.st_mode & 0777, 0600);
    }
}

static void file_of_something_else_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct err err = {0};
    int fd;

    store_free(fixture->store);
    fixture->store = NULL;
    fd = open(fixture->path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_true(fd >= 0);
    for (int i = 0; i < 100; i++)
        assert_int_equal(write(fd, "this is a letter to my aunt, not a database at all\n", 51), 51);
    (void)close(fd);
    assert_int_equal(open_store(fixture, &err), RC_IO);
    assert_true(err.message[0]);
}

static void missing_folder_is_said(void **state)
{
    struct fixture *fixture = *state;
    struct sqlite_store_config config = {.path = "/nonexistent/folder/x.db",
                                         .clock = &fixture->clock};
    struct store *store;
    struct err err = {0};

    assert_int_equal(sqlite_store_new(&config, &store, &err), RC_IO);
    assert_non_null(strstr(err.message, "/nonexistent/folder/x.db"));
}

/* ---- crashes ------------------------------------------------------------------------------------
 */

/* Creates jobs for ever in a child, and says the id of each once it is answered. */
static void create_for_ever(struct fixture *fixture, int acknowledged)
{
    struct err err = {0};

    if (open_store(fixture, &err) != RC_OK)
        _exit(1);
    for (;;) {
        struct store_write writes[3];

        for (size_t i = 0; i < 3; i++)
            writes[i] = create_write(fixture, new_job(fixture, ""));
        if (store_apply(fixture->store, writes, 3, &err) != RC_OK)
            _exit(1);
        for (size_t i = 0; i < 3; i++) {
            if (write(acknowledged, &writes[i].job.id, sizeof(job_id)) != sizeof(job_id))
                _exit(1);
        }
    }
}

/* Every job that was answered before the kill is there. */
static void crash_once(struct fixture *fixture, int acknowledgements)
{
    int pipe_fds[2], status;
    job_id id = 0, last = 0;
    pid_t child;

    store_free(fixture->store);
    fixture->store = NULL;
    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    child = fork();
    assert_true(child >= 0);
    if (!child)
        create_for_ever(fixture, pipe_fds[1]);
    (void)close(pipe_fds[1]);
    for (int i = 0; i < acknowledgements; i++)
        assert_int_equal(read(pipe_fds[0], &id, sizeof(id)), sizeof(id));
    assert_int_equal(kill(child, SIGKILL), 0);
    while (read(pipe_fds[0], &id, sizeof(id)) == sizeof(id))
        last = id;
    (void)close(pipe_fds[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    reopen(fixture);
    for (job_id i = 1; i <= MAX(id, last); i++) {
        if (!job_of(fixture, i))
            fail_msg("job %llu was answered and is lost", (unsigned long long)i);
    }
}

static bool count_job(void *context, const struct job_record *job)
{
    (void)job;
    (*(int *)context)++;
    return true;
}

static void killed_process_loses_nothing_it_answered(void **state)
{
    struct fixture *fixture = *state;
    struct job_query query = job_query_all();
    int jobs = 0;

    for (int i = 1; i <= 5; i++)
        crash_once(fixture, i * 20);
    assert_int_equal(store_read_jobs(fixture->store, &query, count_job, &jobs, NULL), RC_OK);
    assert_int_equal(jobs % 3, 0); /* each apply is there whole or not at all */
}

/* ---- full disks
 * ---------------------------------------------------------------------------------- */

static struct store_write big_create(struct fixture *fixture)
{
    enum { SIZE = 60000 };
    struct job *job = new_job(fixture, "");
    char *line = arena_alloc(&fixture->arena, SIZE + 1);
    struct store_write write;

    memset(line, 'x', SIZE);
    line[SIZE] = '\0';
    job->executable = line;
    write = create_write(fixture, job);
    write.job.document = line;
    write.job.document_length = SIZE;
    return write;
}

/* Creates jobs until the disk is full; answers how many. */
static int fill(struct fixture *fixture)
{
    for (int created = 0; created < 1000; created++) {
        struct store_write write = big_create(fixture);
        struct err err = {0};
        enum rc rc = store_apply(fixture->store, &write, 1, &err);

        if (rc != RC_OK) {
            assert_int_equal(rc, RC_FULL);
            assert_true(err.message[0]);
            return created;
        }
    }
    fail_msg("the disk did not fill");
    return 0;
}

static int count_all_jobs(struct fixture *fixture)
{
    struct job_query query = job_query_all();
    int jobs = 0;

    query.parts = JOB_PART_DOCUMENT;
    assert_int_equal(store_read_jobs(fixture->store, &query, count_job, &jobs, NULL), RC_OK);
    return jobs;
}

/* `relieve` makes space again. */
static void check_full(struct fixture *fixture, void (*relieve)(struct fixture *fixture))
{
    int jobs = fill(fixture);
    struct store_write small;

    relieve(fixture);
    assert_true(jobs > 0);
    assert_int_equal(count_all_jobs(fixture), jobs);
    small = big_create(fixture);
    assert_int_equal(apply_one(fixture, &small), RC_OK);
    assert_int_equal(count_all_jobs(fixture), jobs + 1);
    reopen(fixture);
    assert_int_equal(count_all_jobs(fixture), jobs + 1);
}

static void limit_of_file_size_refuses_writes_for_a_while(void **state)
{
    struct fixture *fixture = *state;

    (void)signal(SIGXFSZ, SIG_IGN); /* so that the call fails instead */
    set_file_limit(2 * 1024 * 1024);
    check_full(fixture, lift_file_limit);
}

static void remove_ballast(struct fixture *fixture)
{
    char path[256];

    (void)snprintf(path, sizeof(path), "%s/ballast", fixture->directory);
    assert_int_equal(unlink(path), 0);
}

static void put_ballast(struct fixture *fixture)
{
    char path[256];
    int fd;

    (void)snprintf(path, sizeof(path), "%s/ballast", fixture->directory);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(posix_fallocate(fd, 0, 2 * 1024 * 1024), 0);
    (void)close(fd);
}

static void full_disk_refuses_writes_for_a_while(void **state)
{
    struct fixture *fixture = *state;

    store_free(fixture->store);
    fixture->store = NULL;
    if (mount("tmpfs", fixture->directory, "tmpfs", MS_NOSUID | MS_NODEV, "size=4m") < 0) {
        reopen(fixture);
        print_message("no right to mount a small disk (%s)\n", strerror(errno));
        skip();
    }
    /* The old lock and database lie hidden beneath. */
    put_ballast(fixture);
    reopen(fixture);
    check_full(fixture, remove_ballast);
    store_free(fixture->store);
    fixture->store = NULL;
    assert_int_equal(umount(fixture->directory), 0);
    reopen(fixture);
}

static const struct clause clauses[] = {
    CLAUSE(everything_is_there_after_a_restart),
    CLAUSE(database_of_an_older_version_is_upgraded),
    CLAUSE(second_opener_is_refused),
    CLAUSE(files_are_their_owners_only),
    CLAUSE(file_of_something_else_is_refused),
    CLAUSE(missing_folder_is_said),
    CLAUSE(killed_process_loses_nothing_it_answered),
    CLAUSE(limit_of_file_size_refuses_writes_for_a_while),
    CLAUSE(full_disk_refuses_writes_for_a_while),
};
const struct clauses store_sqlite_clauses = {clauses, ARRAY_SIZE(clauses)};
