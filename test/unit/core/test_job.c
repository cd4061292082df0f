/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <string.h>

#include "core/job.h"

#include "table.h"

static struct job sound_job(void)
{
    struct job job = job_default();

    job.executable = "true";
    job.schedule = "* * * * *";
    return job;
}

/* "" when the job is sound, else its first problem: "field: message". */
static const char *first_problem(const struct job *job, struct arena *arena)
{
    struct problems problems = {.arena = arena};
    enum rc rc = job_validate(job, 0, &problems);

    if (rc == RC_OK)
        return problems.count ? "RC_OK with problems" : "";
    return arena_printf(arena, "%s: %s", problems.items[0].field, problems.items[0].message);
}

static void default_job_lacks_what_is_required(void **state)
{
    struct arena AUTO_ARENA arena = {0};
    struct problems problems = {.arena = &arena};
    struct job job = job_default();

    (void)state;
    assert_int_equal(job_validate(&job, 0, &problems), RC_INVALID);
    assert_int_equal(problems.count, 2);
    assert_string_equal(problems.items[0].field, "executable");
    assert_string_equal(problems.items[1].field, "schedule");
    job = sound_job();
    assert_string_equal(first_problem(&job, &arena), "");
}

static const struct {
    const char *name;
    const char *problem;
} names[] = {
    {"", ""},
    {"a", ""},
    {"Back-up_2.daily", ""},
    {"1a", ""},
    {"12", "name: '12' could be taken for an id: use a letter too"},
    {"a b", "name: 'a b' is not a name: 1 to 64 of the characters A-Z a-z 0-9 . _ -"},
    {"a/b", "name: 'a/b' is not a name: 1 to 64 of the characters A-Z a-z 0-9 . _ -"},
    {"\xc3\xa4", "name: '\xc3\xa4' is not a name: 1 to 64 of the characters A-Z a-z 0-9 . _ -"},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", ""},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
     "name: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab' is not a name: 1 "
     "to "
     "64 of the characters A-Z a-z 0-9 . _ -"},
};

static void names_are_short_and_plain(void **state)
{
    struct table table = {"names_are_short_and_plain", 0, 0};
    struct arena AUTO_ARENA arena = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct job job = sound_job();

        job.name = names[i].name;
        table_same(&table, names[i].name, names[i].problem, first_problem(&job, &arena));
    }
    table_end(&table);
}

static const struct {
    const char *account;
    bool sound;
} accounts[] = {
    {"", true},
    {"root", true},
    {"www-data", true},
    {"_apt", true},
    {"machine$", true},
    {"a.b", true},
    {"0day", false},
    {"-rf", false},
    {"Root", false},
    {"a b", false},
    {"a$b", false},
    {"$", false},
    {"../etc", false},
    {"a:b", false},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", true},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
};

static void accounts_look_like_accounts(void **state)
{
    struct table table = {"accounts_look_like_accounts", 0, 0};
    struct arena AUTO_ARENA arena = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(accounts); i++) {
        struct job job = sound_job();

        job.run_as = accounts[i].account;
        table_equal(&table, accounts[i].account, accounts[i].sound,
                    !first_problem(&job, &arena)[0]);
    }
    table_end(&table);
}

/* One change of a sound job, and what is said of it. */
static void empty_command(struct job *job)
{
    job->executable = " \t\n";
}

static void bad_schedule(struct job *job)
{
    job->schedule = "75 * * * *";
}

static void relative_directory(struct job *job)
{
    job->working_directory = "srv/data";
}

static void bad_zone(struct job *job)
{
    job->time_zone = "../../etc/passwd";
}

static void ends_first(struct job *job)
{
    job->starts_at = 10 * SECOND;
    job->ends_at = 10 * SECOND;
}

static void long_jitter(struct job *job)
{
    job->jitter = 25 * HOUR;
}

static void short_timeout(struct job *job)
{
    job->timeout = 999 * MILLISECOND;
}

static void many_retries(struct job *job)
{
    job->retries.limit = 101;
}

static void weak_backoff(struct job *job)
{
    job->retries.backoff = 0.5;
}

static void absent_backoff(struct job *job)
{
    job->retries.backoff = __builtin_nan("");
}

static void little_memory(struct job *job)
{
    job->limits.memory = 4096;
}

static void negative_cpu(struct job *job)
{
    job->limits.cpu = -1;
}

static void much_output(struct job *job)
{
    job->limits.output = (int64_t)2 << 30;
}

static void very_nice(struct job *job)
{
    job->limits.nice = 20;
}

static void odd_variable(struct job *job)
{
    static struct pair env = {"1BAD", "x"};

    job->env = (struct pairs){&env, 1};
}

static void variable_with_equals(struct job *job)
{
    static struct pair env = {"A=B", "x"};

    job->env = (struct pairs){&env, 1};
}

static void odd_label(struct job *job)
{
    static struct pair label = {"team:db", "x"};

    job->labels = (struct pairs){&label, 1};
}

static void label_with_newline(struct job *job)
{
    static struct pair label = {"team", "a\nb"};

    job->labels = (struct pairs){&label, 1};
}

static void command_of_two_lines(struct job *job)
{
    job->executable = "cd /srv\nmake";
}

static void script(struct job *job)
{
    job->type = JOB_SCRIPT;
    job->executable = "s3://b/executables/x";
    job->sha256 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    job->filename = "a b.sh";
}

static void script_without_hash(struct job *job)
{
    script(job);
    job->sha256 = "";
}

static void script_of_content(struct job *job)
{
    script(job);
    job->executable = "IyEvYmluL3NoCg==";
}

static void script_of_split_url(struct job *job)
{
    script(job);
    job->executable = "http://a/b\r\nHost: c";
}

static void script_somewhere_else(struct job *job)
{
    script(job);
    job->filename = "../etc/passwd";
}

static void script_above(struct job *job)
{
    script(job);
    job->filename = "..";
}

static void command_with_hash(struct job *job)
{
    job->sha256 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
}

static void command_with_filename(struct job *job)
{
    job->filename = "a.sh";
}

static const struct {
    void (*change)(struct job *job);
    const char *problem;
} changes[] = {
    {empty_command, "executable: must not be empty"},
    {bad_schedule, "schedule: minute 75 is not in 0-59"},
    {relative_directory, "working_directory: 'srv/data' must begin with /"},
    {bad_zone, "time_zone: '../../etc/passwd' is not a zone like Europe/Berlin"},
    {ends_first, "ends_at: must be later than starts_at"},
    {long_jitter, "jitter: 25h is not between 0s and 24h"},
    {short_timeout, "timeout: 999ms is not between 1s and 8784h"},
    {many_retries, "retries.limit: 101 is not in 0-100"},
    {weak_backoff, "retries.backoff: 0.5 is not in 1-10"},
    {absent_backoff, "retries.backoff: nan is not in 1-10"},
    {little_memory, "limits.memory: 4096 is less than 1MiB"},
    {negative_cpu, "limits.cpu: -1 is not in 0-1024 cores"},
    {much_output, "limits.output: 2147483648 is not in 0-1073741824 bytes"},
    {very_nice, "limits.nice: 20 is not in -20 to 19"},
    {odd_variable, "env: '1BAD' is not a variable's name: letters, digits and _, no digit first"},
    {variable_with_equals,
     "env: 'A=B' is not a variable's name: letters, digits and _, no digit first"},
    {odd_label, "labels: 'team:db' is not a label's name: 1 to 63 of the characters A-Z a-z 0-9 . "
                "_ / -"},
    {label_with_newline,
     "labels: the value of 'team' must have at most 63 bytes and no control characters"},
    {command_of_two_lines, ""},
    {script, ""},
    {script_without_hash, "sha256: '' is not a SHA-256: 64 digits 0-9 a-f"},
    {script_of_content, "executable: must be the URL of the script"},
    {script_of_split_url,
     "executable: 'http://a/b\r\nHost: c' is not a URL: it has a space or a control character"},
    {script_somewhere_else, "filename: '../etc/passwd' is not the name of a file: no / and no "
                            "control characters"},
    {script_above, "filename: '..' is not the name of a file: no / and no control characters"},
    {command_with_hash, "sha256: is for the types script and binary; this is a command"},
    {command_with_filename, "filename: is for the types script and binary; this is a command"},
};

static void rules_name_field_value_and_what_is_allowed(void **state)
{
    struct table table = {"rules_name_field_value_and_what_is_allowed", 0, 0};
    struct arena AUTO_ARENA arena = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
        struct job job = sound_job();

        changes[i].change(&job);
        table_same(&table, changes[i].problem, changes[i].problem, first_problem(&job, &arena));
    }
    table_end(&table);
}

static void problems_are_kept_up_to_a_limit(void **state)
{
    struct arena AUTO_ARENA arena = {0};
    struct problems problems = {.arena = &arena};

    (void)state;
    for (int i = 0; i < LIMIT_PROBLEMS + 5; i++)
        problems_add(&problems, "field", "number %d", i);
    assert_int_equal(problems.count, LIMIT_PROBLEMS);
    assert_string_equal(problems.items[0].message, "number 0");
}

static const struct {
    struct retries retries;
    uint32_t attempt;
    span_us delay;
} delays[] = {
    {{.delay = 30 * SECOND, .backoff = 2, .max_delay = HOUR}, 1, 30 * SECOND},
    {{.delay = 30 * SECOND, .backoff = 2, .max_delay = HOUR}, 2, 60 * SECOND},
    {{.delay = 30 * SECOND, .backoff = 2, .max_delay = HOUR}, 4, 240 * SECOND},
    {{.delay = 30 * SECOND, .backoff = 2, .max_delay = HOUR}, 9, HOUR},
    {{.delay = 30 * SECOND, .backoff = 10, .max_delay = HOUR}, UINT32_MAX, HOUR},
    {{.delay = 30 * SECOND, .backoff = 1, .max_delay = HOUR}, UINT32_MAX, 30 * SECOND},
    {{.delay = 30 * SECOND, .backoff = 2, .max_delay = SECOND}, 1, SECOND},
    {{.delay = 0, .backoff = 2, .max_delay = HOUR}, 50, 0},
    {{.delay = SECOND, .backoff = 1.5, .max_delay = HOUR}, 3, 2250 * MILLISECOND},
};

static void retries_wait_longer_each_time(void **state)
{
    struct table table = {"retries_wait_longer_each_time", 0, 0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(delays); i++) {
        char row[16];

        (void)snprintf(row, sizeof(row), "row %zu", i);
        table_equal(&table, row, delays[i].delay,
                    retries_delay(&delays[i].retries, delays[i].attempt));
    }
    table_end(&table);
}

static void words_are_read_as_written(void **state)
{
    (void)state;
    for (int i = 0; i < JOB_TYPE_COUNT; i++)
        assert_int_equal(job_type_parse(job_type_text((enum job_type)i)), i);
    for (int i = 0; i < JOB_STATUS_COUNT; i++)
        assert_int_equal(job_status_parse(job_status_text((enum job_status)i)), i);
    for (int i = 0; i < CONCURRENCY_COUNT; i++)
        assert_int_equal(concurrency_parse(concurrency_text((enum concurrency)i)), i);
    for (int i = 0; i < CATCH_UP_COUNT; i++)
        assert_int_equal(catch_up_parse(catch_up_text((enum catch_up)i)), i);
    for (int i = 0; i < WORKER_LOSS_COUNT; i++)
        assert_int_equal(worker_loss_parse(worker_loss_text((enum worker_loss)i)), i);
    assert_int_equal(job_status_parse("Scheduled"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(default_job_lacks_what_is_required),
        cmocka_unit_test(names_are_short_and_plain),
        cmocka_unit_test(accounts_look_like_accounts),
        cmocka_unit_test(rules_name_field_value_and_what_is_allowed),
        cmocka_unit_test(problems_are_kept_up_to_a_limit),
        cmocka_unit_test(retries_wait_longer_each_time),
        cmocka_unit_test(words_are_read_as_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
