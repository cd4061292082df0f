/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "main/options.h"
#include "testing.h"

/* What three sources come to; each may be NULL. `ret_options` lives as long as the arena. */
static enum rc read_as(enum role role, const char *file, const char *const *environment,
                       const char *const *words, struct arena *arena,
                       struct server_options *ret_options, struct err *err)
{
    static const char *const nothing[] = {NULL};
    const struct option *const tables[OPTION_TABLES] = {server_options_of(role)};
    struct arguments arguments;
    size_t count = 0;
    while (words && words[count])
        count++;
    assert_int_equal(
        arguments_parse(tables, words ? words : nothing, count, arena, &arguments, NULL), RC_OK);
    struct option_sources sources = {.role = role,
                                     .file = file ? "x.conf" : NULL,
                                     .file_text = file,
                                     .file_length = file ? strlen(file) : 0,
                                     .environment = environment ? environment : nothing,
                                     .arguments = &arguments};
    return server_options_read(&sources, arena, ret_options, err);
}

static enum rc read(const char *file, const char *const *environment, const char *const *words,
                    struct arena *arena, struct server_options *ret_options, struct err *err)
{
    return read_as(ROLE_STANDALONE, file, environment, words, arena, ret_options, err);
}

static void everything_has_a_default(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = {0};
    struct server_options options;
    assert_int_equal(read(NULL, NULL, NULL, &arena, &options, NULL), RC_OK);
    assert_string_equal(options.address, "127.0.0.1");
    assert_int_equal(options.port, 30000);
    assert_string_equal(options.data, "/var/lib/cronjob");
    assert_string_equal(options.store.path, "/var/lib/cronjob/cronjob.db");
    assert_string_equal(options.objects.path, "/var/lib/cronjob/objects");
    assert_string_equal(options.name, "");
    assert_int_equal(options.labels.count, 0);
    assert_int_equal(options.log_level, LEVEL_INFO);
    assert_int_equal(options.log_format, LOG_FORMAT_TEXT);
    assert_string_equal(options.time_zone, "");
    assert_false(options.token_only);
    assert_int_equal(options.threads, 4);
    assert_int_equal(options.drain_timeout, 30 * SECOND);
    assert_int_equal(options.keep_runs_for, 90 * DAY);
    assert_int_equal(options.keep_runs, 1000);
    assert_int_equal(options.upload_limit, 64 * 1024 * 1024);
    assert_int_equal(options.allowed_sources.count, 0);
}

static void the_later_source_wins(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = {0};
    struct server_options options;
    const char *const environment[] = {
        "CRONJOB_LOG_LEVEL=warn", "CRONJOB_NAME=two", "CRONJOB_LABEL=c=3,d=4",
        "CRONJOB_THREADS=",       "OTHER=x",          NULL};
    const char *const words[] = {"--name", "three", "--token-only", NULL};
    assert_int_equal(read("# comment\n; comment\n\n[cronjob]\n"
                          "name = one\r\nlog_level=debug\n  data = \"/a b\"  \n"
                          "label = a=1\nlabel = b=2\nallowed-host = x.example\nthreads=9",
                          environment, words, &arena, &options, NULL),
                     RC_OK);
    assert_string_equal(options.name, "three");
    assert_int_equal(options.log_level, LEVEL_WARN);
    assert_string_equal(options.data, "/a b");
    assert_string_equal(options.store.path, "/a b/cronjob.db");
    assert_int_equal(options.labels.count, 2);
    assert_string_equal(options.labels.items[0].name, "c");
    assert_string_equal(options.labels.items[1].value, "4");
    assert_int_equal(options.allowed_hosts.count, 1);
    assert_int_equal(options.threads, 9);
    assert_true(options.token_only);
}

static void files_have_a_limit_and_sources(void **state)
{
    static const char *const bad[][2] = {{"--upload-limit", "2GiB"},
                                         {"--upload-limit", "0B"},
                                         {"--upload-limit", "many"},
                                         {"--allowed-source", "ftp://a.example/"},
                                         {"--allowed-source", "http://u@a.example/"}};
    const char *const words[] = {"--upload-limit",
                                 "5MiB",
                                 "--allowed-source",
                                 "https://a.example/x/",
                                 "--allowed-source",
                                 "http://127.0.0.1:80",
                                 NULL};
    AUTO_ARENA struct arena arena = {0};
    struct server_options options;

    (void)state;
    assert_int_equal(read(NULL, NULL, words, &arena, &options, NULL), RC_OK);
    assert_int_equal(options.upload_limit, 5 * 1024 * 1024);
    assert_int_equal(options.allowed_sources.count, 2);
    assert_string_equal(options.allowed_sources.items[1], "http://127.0.0.1:80");
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        const char *const word[] = {bad[i][0], bad[i][1], NULL};
        struct err err = {0};

        assert_int_equal(read(NULL, NULL, word, &arena, &options, &err), RC_INVALID);
        assert_non_null(strstr(err.message, bad[i][0]));
    }
}

static void addresses_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *address; /* NULL: refused */
        uint16_t port;
    } rows[] = {
        {"127.0.0.1:30000", "127.0.0.1", 30000},
        {"[::1]:80", "::1", 80},
        {"localhost:0", "127.0.0.1", 0},
        {":80", "0.0.0.0", 80},
        {"*:80", "0.0.0.0", 80},
        {"8080", "127.0.0.1", 8080},
        {"::1:80", NULL, 0},
        {"1.2.3:80", NULL, 0},
        {"127.0.0.1:65536", NULL, 0},
        {"127.0.0.1:", NULL, 0},
        {"127.0.0.1:x", NULL, 0},
        {"host.example:80", NULL, 0},
        {"", NULL, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        AUTO_ARENA struct arena arena = {0};
        struct server_options options;
        const char *const words[] = {"--listen", rows[i].text, NULL};
        enum rc rc = read(NULL, NULL, words, &arena, &options, NULL);
        if ((rc == RC_OK) != (rows[i].address != NULL))
            fail_msg("%s", rows[i].text);
        if (rc != RC_OK)
            continue;
        assert_string_equal(options.address, rows[i].address);
        assert_int_equal(options.port, rows[i].port);
    }
}

static void places_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        const char *path;
    } rows[] = {{"sqlite:/x/y.db", "/x/y.db"},
                {"sqlite:///x/y.db", "/x/y.db"},
                {"sqlite:y.db", "y.db"},
                {"", "/d/cronjob.db"}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        AUTO_ARENA struct arena arena = {0};
        struct server_options options;
        const char *const words[] = {"--store", rows[i].url, "--data=/d", NULL};
        assert_int_equal(read(NULL, NULL, words, &arena, &options, NULL), RC_OK);
        assert_string_equal(options.store.path, rows[i].path);
    }
}

static void mistakes_name_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        const char *environment[2];
        const char *words[3];
        const char *message;
    } rows[] = {
        {"\n\nlisten = x\n",
         {0},
         {0},
         "x.conf:3: listen: 'x' is not ADDRESS:PORT, like 127.0.0.1:30000 or [::1]:30000"},
        {"lisen = x", {0}, {0}, "x.conf:1: unknown key 'lisen'; did you mean 'listen'?"},
        {"frobnicate = x", {0}, {0}, "x.conf:1: unknown key 'frobnicate'"},
        {"name", {0}, {0}, "x.conf:1: expected `key = value`"},
        {"= x", {0}, {0}, "x.conf:1: expected `key = value`"},
        {NULL, {"CRONJOB_LOG_LEVEL=loud"}, {0}, "CRONJOB_LOG_LEVEL: "},
        {NULL, {0}, {"--threads", "0"}, "--threads: '0' is not in 1-256"},
        {NULL, {0}, {"--drain-timeout=2d"}, "--drain-timeout: '2d' is not in 0s to 24h"},
        {NULL, {0}, {"--name=a/b"}, "--name: 'a/b' is not 1 to 64 of A-Z a-z 0-9 . _ -"},
        {NULL, {0}, {"--label=a"}, "--label: 'a' is not NAME=VALUE, of up to 63 bytes each"},
        {NULL, {0}, {"--time-zone=../x"}, "--time-zone: '../x' is not a time zone's name"},
        {NULL, {0}, {"--data="}, "--data: the path is empty"},
        {NULL, {0}, {"--store=sqlite:"}, "--store: the path is empty"},
        {NULL,
         {0},
         {"--coordination=zookeeper://h:2181/x"},
         "coordination: standalone needs none but local:; "},
        {"[other]\nname=x", {0}, {0}, "x.conf:1: '[other]' is no section: there are [cronjob], "},
        {NULL,
         {0},
         {"--objects=ftp://b"},
         "--objects: ftp: is not known, but file:DIR or s3://BUCKET/PREFIX?endpoint=URL&region=R"},
        {NULL, {0}, {"--objects=s3://bucket"}, "objects: s3: needs a key and a secret, by "},
        {NULL,
         {"CRONJOB_OBJECTS_KEY=k"},
         {"--objects=s3://bucket"},
         "objects: s3: needs a key and a secret, by "},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        AUTO_ARENA struct arena arena = {0};
        struct server_options options;
        struct err err = {0};
        assert_int_equal(
            read(rows[i].file, rows[i].environment, rows[i].words, &arena, &options, &err),
            RC_INVALID);
        if (strncmp(err.message, rows[i].message, strlen(rows[i].message)) != 0)
            assert_string_equal(err.message, rows[i].message);
    }
}

static void a_file_serves_all_roles(void **state)
{
    (void)state;
    static const char file[] = "[worker]\nlisten = 10.0.0.9:7\nlabel = gpu=yes\n"
                               "[cronjob]\nstore = mysql://c@db/cron\nlisten = 10.0.0.8:8\n"
                               "coordination = zookeeper://z/cron\ncluster-secret = /s\n";
    static const struct {
        enum role role;
        const char *address;
        uint16_t port;
        size_t labels;
    } rows[] = {{ROLE_API, "10.0.0.8", 8, 0},
                {ROLE_MANAGER, "10.0.0.8", 8, 0},
                {ROLE_WORKER, "10.0.0.9", 7, 1}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        AUTO_ARENA struct arena arena = {0};
        struct server_options options;
        struct err err = {0};
        if (read_as(rows[i].role, file, NULL, NULL, &arena, &options, &err) != RC_OK)
            fail_msg("%s", err.message);
        assert_string_equal(options.address, rows[i].address);
        assert_int_equal(options.port, rows[i].port);
        assert_int_equal(options.labels.count, rows[i].labels);
        assert_string_equal(options.store.hosts.items[0].name, "db");
        assert_int_equal(options.coordination.hosts.items[0].port, 2181);
    }
}

static void accounts_that_jobs_may_run_as(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = {0};
    const char *words[] = {"--run-as=deploy", "--run-as", "www-data", NULL};
    const char *wrong[] = {"--run-as=a b", NULL};
    struct server_options options;
    struct err err = {0};
    assert_int_equal(read(NULL, NULL, NULL, &arena, &options, NULL), RC_OK);
    assert_int_equal(options.run_as.count, 0);
    assert_false(options.new_privileges);
    assert_false(options.unsigned_jobs);
    assert_int_equal(read("run-as = root", NULL, words, &arena, &options, NULL), RC_OK);
    assert_int_equal(options.run_as.count, 2);
    assert_string_equal(options.run_as.items[1], "www-data");
    assert_int_equal(read(NULL, NULL, wrong, &arena, &options, &err), RC_INVALID);
    assert_string_equal(err.message, "--run-as: 'a b' is not the name of an account");
}

static void roles_of_a_cluster_need_what_they_share(void **state)
{
    (void)state;
    static const struct {
        enum role role;
        const char *words[4];
        const char *message;
    } rows[] = {
        {ROLE_API, {NULL}, "store: the roles of a cluster share one: "},
        {ROLE_WORKER, {"--store=sqlite:x"}, "store: the roles of a cluster share one: "},
        {ROLE_WORKER, {"--store=mysql://u@h/d"}, "coordination: needed, like zookeeper://"},
        {ROLE_API, {"--store=mysql://u@h/d"}, "cluster-secret: needed, "},
        {ROLE_MANAGER, {"--advertise=ftp://x"}, "--advertise: 'ftp://x' is not an address like "},
        {ROLE_STANDALONE, {"--tls-key=k"}, "tls-key: there is no tls-certificate for it"},
        {ROLE_STANDALONE, {"--tls-certificate=c"}, "tls-certificate: there is no tls-key for it"},
        {ROLE_MANAGER, {"--advertise=https://"}, "--advertise: 'https://' is not an address like "},
        {ROLE_MANAGER, {"--advertise=http://x/y"}, "--advertise: 'http://x/y' is not an address"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        AUTO_ARENA struct arena arena = {0};
        struct server_options options;
        struct err err = {0};
        assert_int_equal(read_as(rows[i].role, NULL, NULL, rows[i].words, &arena, &options, &err),
                         RC_INVALID);
        if (strncmp(err.message, rows[i].message, strlen(rows[i].message)) != 0)
            assert_string_equal(err.message, rows[i].message);
    }
}

static void long_lines_are_fine(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = {0};
    struct server_options options;
    char *text = arena_alloc(&arena, 100000);
    memset(text, ' ', 99999);
    memcpy(text, "#", 1);
    memcpy(text + 50000, "\nname =", 7);
    memcpy(text + 99990, "one\n", 4);
    text[99999] = '\0';
    assert_int_equal(read(text, NULL, NULL, &arena, &options, NULL), RC_OK);
    assert_string_equal(options.name, "one");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_has_a_default),
        cmocka_unit_test(the_later_source_wins),
        cmocka_unit_test(files_have_a_limit_and_sources),
        cmocka_unit_test(addresses_are_read),
        cmocka_unit_test(places_are_read),
        cmocka_unit_test(mistakes_name_their_place),
        cmocka_unit_test(long_lines_are_fine),
        cmocka_unit_test(a_file_serves_all_roles),
        cmocka_unit_test(accounts_that_jobs_may_run_as),
        cmocka_unit_test(roles_of_a_cluster_need_what_they_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
