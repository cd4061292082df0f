/* SPDX-License-Identifier: Apache-2.0 */
/* Objects in a directory, and what only files can suffer. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#include "adapters/directory/objects.h"
#include "contract/objects_suite.h"

static void open_again(struct objects_fixture *fixture)
{
    struct err err = {0};

    if (directory_objects_open(fixture->directory, &fixture->objects, &err) != RC_OK)
        fail_msg("%s", err.message);
}

static void open_directory(struct objects_fixture *fixture)
{
    (void)snprintf(fixture->directory, sizeof(fixture->directory), "/tmp/cronjob-objects-XXXXXX");
    assert_non_null(mkdtemp(fixture->directory));
    open_again(fixture);
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)status, (void)kind, (void)where;
    return remove(path);
}

static void close_directory(struct objects_fixture *fixture)
{
    objects_free(fixture->objects);
    assert_int_equal(nftw(fixture->directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static struct objects_fixture fixture;

static int set_up(void **state)
{
    (void)state;
    open_directory(&fixture);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    close_directory(&fixture);
    return 0;
}

static const char *path_of(const char *name)
{
    static char path[256];

    (void)snprintf(path, sizeof(path), "%s/%s", fixture.directory, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void only_their_owner_reads_them(void **state)
{
    struct stat status;

    (void)state;
    objects_put_text(fixture.objects, "a/b", "x");
    assert_int_equal(stat(path_of("a"), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);
    assert_int_equal(stat(path_of("a/b"), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
}

static void links_are_not_followed(void **state)
{
    struct object_source source = objects_source("x", 1);
    struct object_info info;

    (void)state;
    objects_put_text(fixture.objects, "real/b", "secret");
    assert_int_equal(symlink("real", path_of("folder")), 0);
    assert_int_equal(symlink("real/b", path_of("file")), 0);
    assert_int_equal(objects_stat(fixture.objects, "folder/b", &info, NULL), RC_NOT_FOUND);
    objects_assert_missing(fixture.objects, "file");
    assert_int_equal(objects_put(fixture.objects, "folder/b", &source, NULL), RC_IO);
    assert_int_equal(objects_put(fixture.objects, "file", &source, NULL), RC_OK);
    assert_int_equal(objects_remove(fixture.objects, "folder/b", NULL), RC_OK);
    objects_assert_text(fixture.objects, "real/b", "secret"); /* not through the links */
    objects_assert_text(fixture.objects, "file", "x");
    objects_source_close(&source);
}

static void what_is_no_file_is_no_object(void **state)
{
    struct object_info info;
    char *keys;

    (void)state;
    assert_int_equal(mkfifo(path_of("pipe"), 0600), 0);
    assert_int_equal(objects_stat(fixture.objects, "pipe", &info, NULL), RC_NOT_FOUND);
    objects_assert_missing(fixture.objects, "pipe");
    keys = objects_keys(fixture.objects, "");
    assert_string_equal(keys, "");
    free(keys);
}

static void folders_go_with_their_last_file(void **state)
{
    (void)state;
    objects_put_text(fixture.objects, "a/b/c", "x");
    objects_put_text(fixture.objects, "a/d", "x");
    assert_int_equal(objects_remove(fixture.objects, "a/b/c", NULL), RC_OK);
    assert_int_equal(access(path_of("a/b"), F_OK), -1);
    assert_int_equal(access(path_of("a"), F_OK), 0);
    assert_int_equal(objects_remove(fixture.objects, "a/d", NULL), RC_OK);
    assert_int_equal(access(path_of("a"), F_OK), -1);
}

static void a_file_and_a_folder_of_one_name_cannot_both_be(void **state)
{
    struct object_source source = objects_source("x", 1);

    (void)state;
    objects_put_text(fixture.objects, "a/b", "x");
    assert_int_equal(objects_put(fixture.objects, "a", &source, NULL), RC_IO);
    assert_int_equal(objects_put(fixture.objects, "a/b/c", &source, NULL), RC_IO);
    objects_source_close(&source);
    objects_assert_text(fixture.objects, "a/b", "x");
}

static void leftovers_go_when_it_is_opened_again(void **state)
{
    (void)state;
    objects_put_text(fixture.objects, "kept", "x");
    write_file("~unfinished/leftover", "half of");
    objects_free(fixture.objects);
    open_again(&fixture);
    assert_int_equal(access(path_of("~unfinished/leftover"), F_OK), -1);
    objects_assert_text(fixture.objects, "kept", "x");
}

/* Several threads put and remove in one folder, which comes and goes, while others open the
 * directory and sweep it. */
static void *put_and_remove(void *context)
{
    char key[32];

    (void)snprintf(key, sizeof(key), "shared/%c", *(char *)context);
    for (int i = 0; i < 200; i++) {
        struct object_source source = objects_source("x", 1);

        assert_int_equal(objects_put(fixture.objects, key, &source, NULL), RC_OK);
        assert_int_equal(objects_remove(fixture.objects, key, NULL), RC_OK);
        objects_source_close(&source);
    }
    return NULL;
}

static void many_may_put_and_sweep_at_once(void **state)
{
    static char names[] = "abcd";
    pthread_t threads[4];

    (void)state;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, put_and_remove, &names[i]), 0);
    for (int i = 0; i < 100; i++) {
        struct objects *other = NULL;

        assert_int_equal(directory_objects_open(fixture.directory, &other, NULL), RC_OK);
        objects_free(other);
    }
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static void its_url_is_the_path_that_it_has(void **state)
{
    struct objects *other = NULL;
    AUTO_FREE char *path = xasprintf("%s/a b%%", fixture.directory);
    AUTO_FREE char *expected = xasprintf("file://%s/a%%20b%%25", fixture.directory);

    (void)state;
    assert_int_equal(directory_objects_open(path, &other, NULL), RC_OK);
    assert_string_equal(objects_url(other), expected);
    objects_free(other);
}

static void a_place_that_cannot_be_is_named(void **state)
{
    struct objects *other = NULL;
    struct err err = {0};

    (void)state;
    write_file("file", "x");
    assert_int_equal(directory_objects_open(path_of("file"), &other, &err), RC_IO);
    assert_non_null(strstr(err.message, path_of("file")));
}

static int own(void)
{
#define CLAUSE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CLAUSE(only_their_owner_reads_them),
        CLAUSE(links_are_not_followed),
        CLAUSE(what_is_no_file_is_no_object),
        CLAUSE(folders_go_with_their_last_file),
        CLAUSE(a_file_and_a_folder_of_one_name_cannot_both_be),
        CLAUSE(leftovers_go_when_it_is_opened_again),
        CLAUSE(many_may_put_and_sweep_at_once),
        CLAUSE(its_url_is_the_path_that_it_has),
        CLAUSE(a_place_that_cannot_be_is_named),
    };
#undef CLAUSE

    return cmocka_run_group_tests_name("objects in a directory", tests, NULL, NULL);
}

const struct objects_maker objects_directory_maker = {
    .name = "directory", .open = open_directory, .close = close_directory, .own = own};
