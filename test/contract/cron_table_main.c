/* SPDX-License-Identifier: Apache-2.0 */
/* The contract of ports/cron_table.h: contract_cron_table memory|file|command. crontab(1) is played
 * by a script here; the real one is in test/e2e/test_crontab.py. */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapters/memory/cron_table.h"
#include "adapters/posix/cron_command.h"
#include "adapters/posix/cron_file.h"
#include "adapters/posix/cron_mark.h"
#include "testing.h"

#define FILE_HEAD                                                                              \
    "# Kept by cronjob's worker: it undoes changes, and takes the file away when `scheduler` " \
    "is\n"                                                                                     \
    "# no longer `crontab`. Each line hands the tick of a job to the worker.\n"                \
    "# Data directory: "
#define LINE "* * * * * root /c fire 1 --data /d\n"

/* What it says is kept in $SPOOL, as crontab(1) does: it lists, installs and fails with words. */
#define SCRIPT                                                           \
    "#!/bin/sh\n"                                                        \
    "spool=%s/spool\n"                                                   \
    "[ ! -e %s/broken ] || { echo 'cannot: broken' >&2; exit 1; }\n"     \
    "case $1 in\n"                                                       \
    "-l) [ -e $spool ] || { echo 'no crontab for root' >&2; exit 1; }\n" \
    "    cat $spool;;\n"                                                 \
    "-) cat >$spool;;\n"                                                 \
    "*) exit 2;;\n"                                                      \
    "esac\n"

static enum kind { KIND_MEMORY, KIND_FILE, KIND_COMMAND } kind;
static char directory[64], data[96], place[96], program[96];
static struct cron_table *table;

static void write_text(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static const char *read_text(const char *path)
{
    static char text[4096];
    FILE *file = fopen(path, "re");

    text[0] = '\0';
    if (!file)
        return text;
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    (void)fclose(file);
    return text;
}

static void make_program(void)
{
    char text[1024];

    (void)snprintf(program, sizeof(program), "%s/crontab", directory);
    (void)snprintf(text, sizeof(text), SCRIPT, directory, directory);
    write_text(program, text, 0700);
}

static enum rc open_file(const char *of_data, struct cron_table **ret_table, struct err *err)
{
    const struct cron_file_config config = {.path = place, .data = of_data, .owner = geteuid()};

    return cron_file_new(&config, ret_table, err);
}

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof(directory), "/tmp/cronjob-crontab-XXXXXX");
    assert_non_null(mkdtemp(directory));
    (void)snprintf(data, sizeof(data), "%s/data", directory);
    assert_int_equal(mkdir(data, 0700), 0);
    (void)snprintf(place, sizeof(place), "%s/%s", directory,
                   kind == KIND_COMMAND ? "spool" : "jobs");
    make_program();
    if (kind == KIND_FILE)
        assert_int_equal(open_file(data, &table, NULL), RC_OK);
    else if (kind == KIND_COMMAND)
        assert_int_equal(
            cron_command_new(&(struct cron_command_config){.program = program, .data = data},
                             &table, NULL),
            RC_OK);
    else
        table = memory_cron_table_new();
    return 0;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)status;
    (void)type;
    (void)where;
    return remove(path);
}

static int tear_down(void **state)
{
    (void)state;
    cron_table_free(TAKE(table));
    return nftw(directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- what every adapter does ------------------------------------------------------------------
 */

static const char *now_says(void)
{
    return kind == KIND_MEMORY ? memory_cron_table_text(table) : read_text(place);
}

static void keep(const char *text, enum cron_found expected)
{
    enum cron_found found = CRON_FOUND_LINK;
    struct err err = {0};

    if (cron_table_keep(table, text, strlen(text), &found, &err) != RC_OK)
        fail_msg("%s", err.message);
    assert_int_equal(found, expected);
}

/* The lines of this data directory, as the adapter would get them. */
static const char *text_of(const char *lines)
{
    static char texts[2][1024];
    static unsigned turn;
    char *text = texts[turn++ % 2];

    if (kind == KIND_COMMAND)
        (void)snprintf(text, 1024, "%s", lines);
    else
        (void)snprintf(text, 1024, FILE_HEAD "%s\nMAILTO=\"\"\n%s", data, lines);
    return text;
}

static void it_says_what_it_is_told(void **state)
{
    (void)state;
    keep(text_of(LINE), CRON_FOUND_NONE);
    assert_non_null(strstr(now_says(), LINE));
    keep(text_of(LINE), CRON_FOUND_SAME);
    keep(text_of(LINE LINE), CRON_FOUND_OTHER);
    assert_non_null(strstr(now_says(), LINE LINE));
    keep("", CRON_FOUND_OTHER);
    assert_string_equal(now_says(), "");
    keep("", kind == KIND_COMMAND ? CRON_FOUND_SAME : CRON_FOUND_NONE);
}

static void change_by_others_is_undone(void **state)
{
    (void)state;
    keep(text_of(LINE), CRON_FOUND_NONE);
    if (kind == KIND_MEMORY)
        memory_cron_table_set(table, "other\n");
    else if (kind == KIND_FILE)
        write_text(place, "other\n", 0644);
    else
        write_text(place, "other\n* * * * * /evil fire 1 --data /d 2>/dev/null\n", 0600);
    keep(text_of(LINE), kind == KIND_COMMAND ? CRON_FOUND_NONE : CRON_FOUND_OTHER);
    assert_non_null(strstr(now_says(), LINE));
    if (kind == KIND_MEMORY)
        memory_cron_table_set(table, NULL);
    else
        assert_int_equal(unlink(place), 0);
    keep(text_of(LINE), CRON_FOUND_NONE);
    assert_non_null(strstr(now_says(), LINE));
}

/* ---- a file -----------------------------------------------------------------------------------
 */

static void expect_plain_file(void)
{
    struct stat status;

    assert_int_equal(lstat(place, &status), 0);
    assert_true(S_ISREG(status.st_mode));
    assert_int_equal(status.st_mode & 07777, 0644);
    assert_int_equal(status.st_uid, geteuid());
    assert_int_equal(status.st_nlink, 1);
    assert_string_equal(read_text(place), text_of(LINE));
}

static void a_link_is_replaced_not_followed(void **state)
{
    char target[96];

    (void)state;
    (void)snprintf(target, sizeof(target), "%s/target", directory);
    write_text(target, "precious\n", 0600);
    assert_int_equal(symlink(target, place), 0);
    keep(text_of(LINE), CRON_FOUND_LINK);
    expect_plain_file();
    assert_string_equal(read_text(target), "precious\n");
    assert_int_equal(unlink(place), 0);
    assert_int_equal(symlink("/nowhere/at/all", place), 0);
    keep(text_of(LINE), CRON_FOUND_LINK);
    expect_plain_file();
    assert_int_equal(unlink(place), 0);
    assert_int_equal(mkfifo(place, 0666), 0);
    keep(text_of(LINE), CRON_FOUND_LINK);
    expect_plain_file();
}

static void mode_owner_and_names_are_mended(void **state)
{
    char second[96];

    (void)state;
    keep(text_of(LINE), CRON_FOUND_NONE);
    assert_int_equal(chmod(place, 0666), 0);
    keep(text_of(LINE), CRON_FOUND_OTHER);
    expect_plain_file();
    (void)snprintf(second, sizeof(second), "%s/second", directory);
    assert_int_equal(link(place, second), 0);
    keep(text_of(LINE), CRON_FOUND_OTHER);
    expect_plain_file();
    assert_int_equal(unlink(second), 0);
    if (geteuid() == 0) {
        assert_int_equal(chown(place, 1, 1), 0);
        keep(text_of(LINE), CRON_FOUND_OTHER);
        expect_plain_file();
    }
}

static void what_a_crash_left_is_no_hindrance(void **state)
{
    char next[96], target[96];

    (void)state;
    (void)snprintf(next, sizeof(next), "%s/.jobs.new", directory);
    (void)snprintf(target, sizeof(target), "%s/target", directory);
    write_text(target, "precious\n", 0600);
    assert_int_equal(symlink(target, next), 0);
    keep(text_of(LINE), CRON_FOUND_NONE);
    expect_plain_file();
    assert_int_not_equal(access(next, F_OK), 0);
    assert_string_equal(read_text(target), "precious\n");
}

static void expect_refused(enum rc expected, const char *words)
{
    enum cron_found found;
    struct err err = {0};
    const char *text = text_of(LINE);

    assert_int_equal(cron_table_keep(table, text, strlen(text), &found, &err), expected);
    if (!strstr(err.message, words))
        fail_msg("%s", err.message);
}

static void what_cannot_be_written_says_why(void **state)
{
    (void)state;
    assert_int_equal(chmod(directory, 0777), 0);
    expect_refused(RC_FORBIDDEN, "can be written by others");
    assert_int_equal(chmod(directory, 0700), 0);
    assert_int_equal(mkdir(place, 0755), 0);
    expect_refused(RC_IO, "/jobs: ");
    assert_int_equal(rmdir(place), 0);
    cron_table_free(TAKE(table));
    (void)snprintf(place, sizeof(place), "%s/none/jobs", directory);
    assert_int_equal(open_file(data, &table, NULL), RC_OK);
    expect_refused(RC_IO, "/none: No such file or directory");
    keep("", CRON_FOUND_NONE); /* but nothing of ours is there */
}

static void another_workers_file_is_left_alone(void **state)
{
    char other_data[96], text[512];
    struct cron_table *other = NULL;
    enum cron_found found;

    (void)state;
    keep(text_of(LINE), CRON_FOUND_NONE);
    (void)snprintf(other_data, sizeof(other_data), "%s/other", directory);
    assert_int_equal(mkdir(other_data, 0700), 0);
    assert_int_equal(open_file(other_data, &other, NULL), RC_OK);
    (void)snprintf(text, sizeof(text), FILE_HEAD "%s\nMAILTO=\"\"\n", other_data);
    assert_int_equal(cron_table_keep(other, text, strlen(text), &found, NULL), RC_CONFLICT);
    assert_int_equal(cron_table_keep(other, "", 0, &found, NULL), RC_OK); /* not its to remove */
    expect_plain_file();
    assert_int_equal(rmdir(data), 0); /* it is gone for good */
    assert_int_equal(cron_table_keep(other, text, strlen(text), &found, NULL), RC_OK);
    assert_string_equal(read_text(place), text);
    cron_table_free(other);
    assert_int_equal(mkdir(data, 0700), 0);
}

static void only_its_owner_can_have_one(void **state)
{
    const struct cron_file_config config = {.path = place, .data = data, .owner = geteuid() + 1};
    struct cron_table *other = NULL;
    struct err err = {0};

    (void)state;
    assert_int_equal(cron_file_new(&config, &other, &err), RC_FORBIDDEN);
    assert_non_null(strstr(err.message, "only root can write"));
}

/* ---- a program --------------------------------------------------------------------------------
 */

static void other_lines_stay(void **state)
{
    (void)state;
    write_text(place, "MAILTO=me\n5 4 * * * backup\n", 0600);
    keep(LINE, CRON_FOUND_NONE);
    assert_true(strncmp(now_says(), "MAILTO=me\n5 4 * * * backup\n# BEGIN", 34) == 0);
    keep(LINE, CRON_FOUND_SAME);
    keep("", CRON_FOUND_OTHER);
    assert_string_equal(now_says(), "MAILTO=me\n5 4 * * * backup\n");
}

static void what_the_program_says_is_passed_on(void **state)
{
    char broken[96];

    (void)state;
    (void)snprintf(broken, sizeof(broken), "%s/broken", directory);
    write_text(broken, "", 0600);
    expect_refused(RC_IO, "/crontab -l: cannot: broken");
    assert_int_equal(unlink(broken), 0);
    assert_int_equal(chmod(program, 0600), 0);
    expect_refused(RC_FORBIDDEN, "/crontab: Permission denied");
    assert_int_equal(unlink(program), 0);
    expect_refused(RC_IO, "/crontab: No such file or directory");
}

static void a_program_that_hangs_is_ended(void **state)
{
    (void)state;
    write_text(program, "#!/bin/sh\nexec sleep 1000\n", 0700);
    expect_refused(RC_TIMEOUT, "did not end within 5 s");
}

/* ---- where it is ------------------------------------------------------------------------------
 */

static void move(const struct cron_place *to)
{
    struct err err = {0};

    if (cron_mark_move(data, to, &err) != RC_OK)
        fail_msg("%s", err.message);
}

static void lines_go_when_the_place_changes(void **state)
{
    char mark[128];

    (void)state;
    (void)snprintf(mark, sizeof(mark), "%s/crontab", data);
    move(&(struct cron_place){0}); /* nothing was anywhere */
    move(kind == KIND_FILE ? &(struct cron_place){.file = place}
                           : &(struct cron_place){.command = program});
    keep(text_of(LINE), CRON_FOUND_NONE);
    move(kind == KIND_FILE ? &(struct cron_place){.file = place}
                           : &(struct cron_place){.command = program});
    assert_non_null(strstr(now_says(), LINE)); /* the same place */
    move(kind == KIND_FILE ? &(struct cron_place){.command = program}
                           : &(struct cron_place){.file = "/nowhere/jobs"});
    assert_string_equal(now_says(), "");
    assert_int_equal(access(mark, F_OK), 0);
    move(&(struct cron_place){0});
    assert_int_not_equal(access(mark, F_OK), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_says_what_it_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(change_by_others_is_undone, set_up, tear_down),
    };
    const struct CMUnitTest file_tests[] = {
        cmocka_unit_test_setup_teardown(a_link_is_replaced_not_followed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(mode_owner_and_names_are_mended, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_a_crash_left_is_no_hindrance, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_written_says_why, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_workers_file_is_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_its_owner_can_have_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lines_go_when_the_place_changes, set_up, tear_down),
    };
    const struct CMUnitTest command_tests[] = {
        cmocka_unit_test_setup_teardown(other_lines_stay, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_the_program_says_is_passed_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_program_that_hangs_is_ended, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lines_go_when_the_place_changes, set_up, tear_down),
    };
    int failed;

    if (argc > 1)
        kind = strcmp(argv[1], "file") == 0      ? KIND_FILE
               : strcmp(argv[1], "command") == 0 ? KIND_COMMAND
                                                 : KIND_MEMORY;
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (kind == KIND_FILE)
        failed += cmocka_run_group_tests(file_tests, NULL, NULL);
    if (kind == KIND_COMMAND)
        failed += cmocka_run_group_tests(command_tests, NULL, NULL);
    return failed;
}
