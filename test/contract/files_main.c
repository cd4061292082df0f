/* SPDX-License-Identifier: Apache-2.0 */
/* The contract of ports/files.h: contract_files memory, or directory. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/mem.h"

#include "ports/files.h"

#include "adapters/directory/files.h"
#include "adapters/memory/files.h"
#include "testing.h"

static bool real;
static struct files *files;
static char directory[64];

static void open_again(void)
{
    if (!real)
        return;
    files_free(files);
    assert_int_equal(directory_files_open(directory, &files, NULL), RC_OK);
}

static int open_fixture(void **state)
{
    (void)state;
    if (!real) {
        files = memory_files_new();
        return 0;
    }
    (void)snprintf(directory, sizeof(directory), "/tmp/cronjob-files-XXXXXX");
    assert_non_null(mkdtemp(directory));
    assert_int_equal(directory_files_open(directory, &files, NULL), RC_OK);
    return 0;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)status;
    (void)kind;
    (void)where;
    return remove(path);
}

static int close_fixture(void **state)
{
    (void)state;
    files_free(files);
    return real ? nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS) : 0;
}

static const char *hash_of(const char *text)
{
    static char hash[CRYPTO_DIGEST_TEXT];
    uint8_t digest[CRYPTO_DIGEST];

    crypto_digest(text, strlen(text), digest);
    return crypto_digest_text(digest, hash);
}

static struct file_copy keep(const char *text)
{
    struct file_draft *draft;
    struct file_copy copy;

    assert_int_equal(files_begin(files, hash_of(text), &draft, NULL), RC_OK);
    for (const char *at = text; *at; at++)
        assert_int_equal(files_append(files, draft, at, 1, NULL), RC_OK);
    assert_int_equal(files_keep(files, draft, &copy, NULL), RC_OK);
    return copy;
}

static void expect_text(const struct file_copy *copy, const char *text)
{
    char got[64] = {0};

    assert_int_equal(pread(copy->fd, got, sizeof(got) - 1, 0), strlen(text));
    assert_string_equal(got, text);
    assert_int_equal(copy->stamp.size, strlen(text));
}

static void close_copy(const struct file_copy *copy)
{
    assert_return_code(close(copy->fd), errno);
}

static void opens_what_was_kept(void **state)
{
    struct file_copy kept = keep("hello"), opened, known;

    (void)state;
    expect_text(&kept, "hello");
    open_again();
    assert_int_equal(files_open(files, hash_of("hello"), NULL, &opened, NULL), RC_OK);
    assert_true(file_stamp_equal(&kept.stamp, &opened.stamp));
    expect_text(&opened, "hello");
    assert_int_equal(files_open(files, hash_of("hello"), &opened.stamp, &known, NULL), RC_OK);
    expect_text(&known, "hello");
    assert_int_equal(fcntl(known.fd, F_GETFL) & O_ACCMODE, O_RDONLY);
    close_copy(&kept);
    close_copy(&opened);
    close_copy(&known);
}

static void has_nothing_that_was_not_kept(void **state)
{
    struct file_draft *draft;
    struct file_copy copy;

    (void)state;
    assert_int_equal(files_open(files, hash_of("x"), NULL, &copy, NULL), RC_NOT_FOUND);
    assert_int_equal(files_begin(files, hash_of("x"), &draft, NULL), RC_OK);
    assert_int_equal(files_append(files, draft, "x", 1, NULL), RC_OK);
    assert_int_equal(files_open(files, hash_of("x"), NULL, &copy, NULL), RC_NOT_FOUND);
    files_drop(files, draft);
    assert_int_equal(files_open(files, hash_of("x"), NULL, &copy, NULL), RC_NOT_FOUND);
    assert_int_equal(files_open(files, hash_of("x"), &(struct file_stamp){0}, &copy, NULL),
                     RC_STALE);
}

static void removes(void **state)
{
    struct file_copy kept = keep("hello"), copy;

    (void)state;
    assert_int_equal(files_remove(files, hash_of("hello"), NULL), RC_OK);
    assert_int_equal(files_remove(files, hash_of("hello"), NULL), RC_OK);
    assert_int_equal(files_open(files, hash_of("hello"), NULL, &copy, NULL), RC_NOT_FOUND);
    expect_text(&kept, "hello"); /* whoever has it has it */
    close_copy(&kept);
}

static void damage(const char *text)
{
    char path[256];
    const char *hash = hash_of(text);
    int fd;

    if (!real) {
        assert_true(memory_files_damage(files, hash));
        return;
    }
    (void)snprintf(path, sizeof(path), "%s/cache/%.2s/%s", directory, hash, hash);
    assert_return_code(chmod(path, 0755), errno);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_return_code(fd, errno);
    assert_int_equal(pwrite(fd, "#", 1, 0), 1);
    close(fd);
    assert_return_code(chmod(path, 0555), errno);
}

static void gives_out_no_other_bytes(void **state)
{
    struct file_copy kept = keep("hello"), copy;
    struct err err;

    (void)state;
    damage("hello");
    assert_int_equal(files_open(files, hash_of("hello"), &kept.stamp, &copy, NULL), RC_STALE);
    assert_int_equal(files_open(files, hash_of("hello"), NULL, &copy, &err), RC_NOT_FOUND);
    assert_non_null(strstr(err.message, "had become another"));
    close_copy(&kept);
    kept = keep("hello");
    assert_int_equal(files_open(files, hash_of("hello"), NULL, &copy, NULL), RC_OK);
    close_copy(&copy);
    close_copy(&kept);
}

struct listed {
    size_t count;
    int64_t bytes;
};

static bool count(void *context, const char *hash, int64_t size, instant_us used_at)
{
    struct listed *listed = context;

    assert_int_equal(strlen(hash), 64);
    assert_true(used_at > 0);
    listed->count++;
    listed->bytes += size;
    return true;
}

static void lists_what_there_is(void **state)
{
    static const char *const texts[] = {"", "a", "bb", "ccc"};
    struct listed listed = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct file_copy copy = keep(texts[i]);

        close_copy(&copy);
    }
    open_again();
    assert_int_equal(files_list(files, count, &listed, NULL), RC_OK);
    assert_int_equal(listed.count, 4);
    assert_int_equal(listed.bytes, 6);
}

/* ---- in a directory ------------------------------------------------------------------------ */

/* Strange names, and links to what others may read. */
static void does_not_follow_or_take_what_others_put_there(void **state)
{
    struct file_copy copy = keep("hello");
    const char *hash = hash_of("secret");
    struct listed listed = {0};
    char path[256];

    (void)state;
    if (!real)
        skip();
    close_copy(&copy);
    (void)snprintf(path, sizeof(path), "%s/cache/%.2s", directory, hash);
    assert_return_code(mkdir(path, 0700) == 0 || errno == EEXIST ? 0 : -1, errno);
    (void)snprintf(path, sizeof(path), "%s/cache/%.2s/%s", directory, hash, hash);
    assert_return_code(symlink("/etc/passwd", path), errno);
    assert_int_equal(files_open(files, hash, NULL, &copy, NULL), RC_NOT_FOUND);
    (void)snprintf(path, sizeof(path), "%s/cache/%.2s/..x", directory, hash);
    assert_return_code(mkfifo(path, 0600), errno);
    open_again();
    assert_int_equal(files_list(files, count, &listed, NULL), RC_OK);
    assert_int_equal(listed.count, 1);
    assert_int_equal(access(path, F_OK), -1);
    (void)snprintf(path, sizeof(path), "%s/cache/%.2s", directory, hash_of("other"));
    assert_return_code(symlink("/tmp", path), errno);
    assert_int_equal(files_open(files, hash_of("other"), NULL, &copy, NULL), RC_NOT_FOUND);
    copy = keep("other"); /* not where the link leads */
    close_copy(&copy);
    (void)snprintf(path, sizeof(path), "/tmp/%s", hash_of("other"));
    assert_int_equal(access(path, F_OK), -1);
}

static void forgets_drafts_of_a_crash(void **state)
{
    char path[256];
    int fd;

    (void)state;
    if (!real)
        skip();
    (void)snprintf(path, sizeof(path), "%s/cache/unfinished/%s", directory, hash_of("x"));
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_return_code(fd, errno);
    close(fd);
    open_again();
    assert_int_equal(access(path, F_OK), -1);
}

static void says_when_there_is_no_room(void **state)
{
    struct file_copy copy = keep("hello");
    struct file_draft *draft;

    (void)state;
    close_copy(&copy);
    if (real)
        skip();
    memory_files_set_room(files, 6);
    assert_int_equal(files_begin(files, hash_of("xy"), &draft, NULL), RC_OK);
    assert_int_equal(files_append(files, draft, "xy", 2, NULL), RC_FULL);
    files_drop(files, draft);
    copy = keep("x");
    close_copy(&copy);
}

int main(int argc, char **argv)
{
#define CLAUSE(f) cmocka_unit_test_setup_teardown(f, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        CLAUSE(opens_what_was_kept),
        CLAUSE(has_nothing_that_was_not_kept),
        CLAUSE(removes),
        CLAUSE(gives_out_no_other_bytes),
        CLAUSE(lists_what_there_is),
        CLAUSE(does_not_follow_or_take_what_others_put_there),
        CLAUSE(forgets_drafts_of_a_crash),
        CLAUSE(says_when_there_is_no_room),
    };

    real = argc > 1 && !strcmp(argv[1], "directory");
    assert_int_equal(crypto_init(NULL), RC_OK);
    return cmocka_run_group_tests_name("files", tests, NULL, NULL);
}
