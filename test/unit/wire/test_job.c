/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "table.h"
#include "wire/job.h"

#define LEAST "\"executable\":\"true\",\"schedule\":\"0 2 * * *\",\"type\":\"command\""

/* What every default is, in the order of the document. */
static const char default_document[] =
    "{" LEAST ",\"name\":null,\"description\":\"\",\"labels\":{},\"args\":[],\"env\":{},"
    "\"stdin\":null,\"working_directory\":null,\"run_as\":null,\"time_zone\":null,"
    "\"enabled\":true,\"starts_at\":null,\"ends_at\":null,\"jitter\":\"0s\","
    "\"concurrency\":\"forbid\",\"catch_up\":\"last\",\"catch_up_window\":\"1h\","
    "\"timeout\":null,\"kill_grace\":\"10s\",\"retries\":{\"limit\":0,\"delay\":\"30s\","
    "\"backoff\":2,\"max_delay\":\"1h\",\"elsewhere\":false},\"on_worker_loss\":\"rerun\","
    "\"placement\":{\"workers\":\"one\",\"labels\":{}},\"limits\":{\"memory\":null,"
    "\"cpu\":null,\"tasks\":null,\"output\":\"10MiB\",\"nice\":0},\"after\":[],\"notify\":[],"
    "\"filename\":null,\"sha256\":null,\"executable_changed_at\":null}";

static const char full_document[] =
    "{\"executable\":\"echo \\\"x\\\"\",\"schedule\":\"@every 90s\",\"type\":\"command\","
    "\"name\":\"full\",\"description\":\"all of it\",\"labels\":{\"a\":\"b\",\"c\":\"\"},"
    "\"args\":[\"1\",\"\"],\"env\":{\"A\":\"1\"},\"stdin\":\"in\\n\","
    "\"working_directory\":\"/srv\",\"run_as\":\"www-data\",\"time_zone\":\"Europe/Berlin\","
    "\"enabled\":false,\"starts_at\":\"2030-01-01T00:00:00Z\","
    "\"ends_at\":\"2031-01-01T00:00:00.500000Z\",\"jitter\":\"5s\",\"concurrency\":\"replace\","
    "\"catch_up\":\"all\",\"catch_up_window\":\"2h\",\"timeout\":\"1m30s\","
    "\"kill_grace\":\"250ms\",\"retries\":{\"limit\":3,\"delay\":\"1m\",\"backoff\":1.5,"
    "\"max_delay\":\"30m\",\"elsewhere\":true},\"on_worker_loss\":\"fail\","
    "\"placement\":{\"workers\":\"one\",\"labels\":{}},\"limits\":{\"memory\":\"512MiB\","
    "\"cpu\":1.5,\"tasks\":64,\"output\":1000001,\"nice\":-5},\"after\":[],\"notify\":[],"
    "\"filename\":null,\"sha256\":null,\"executable_changed_at\":null}";

struct reading {
    struct arena arena;
    struct problems problems;
    struct job job;
    struct err err;
};

static enum rc read_text(struct reading *reading, const char *text, enum wire_job_mode mode,
                         const struct job *base)
{
    struct wire_job_source source = {text, strlen(text), mode, base};

    reading->problems = (struct problems){.arena = &reading->arena};
    reading->err = (struct err){0};
    return wire_job_read(&source, &reading->problems, &reading->job, &reading->err);
}

/* "" or the first problem as "field: message". */
static const char *said_of(struct reading *reading, const char *text, enum wire_job_mode mode,
                           const struct job *base)
{
    enum rc rc = read_text(reading, text, mode, base);

    if (rc == RC_OK)
        return "";
    if (rc == RC_MALFORMED)
        return reading->err.message;
    return arena_printf(&reading->arena, "%s: %s", reading->problems.items[0].field,
                        reading->problems.items[0].message);
}

static const char *document_of(struct reading *reading)
{
    struct buf AUTO_BUF text;

    buf_init(&text, SIZE_MAX);
    assert_int_equal(wire_job_document(&reading->job, &text), RC_OK);
    return arena_strdup(&reading->arena, text.data);
}

static void document_shows_every_default(void **state)
{
    struct reading reading = {.arena = {0}};

    (void)state;
    assert_int_equal(read_text(&reading, "{" LEAST "}", WIRE_JOB_CREATE, NULL), RC_OK);
    assert_string_equal(document_of(&reading), default_document);
    arena_release(&reading.arena);
}

static void document_reads_back_as_itself(void **state)
{
    static const char *const documents[] = {default_document, full_document};
    struct reading reading = {.arena = {0}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(documents); i++) {
        for (int mode = WIRE_JOB_CREATE; mode <= WIRE_JOB_STORED; mode++) {
            if (mode == WIRE_JOB_PATCH)
                continue;
            assert_string_equal(said_of(&reading, documents[i], (enum wire_job_mode)mode, NULL),
                                "");
            assert_string_equal(document_of(&reading), documents[i]);
        }
    }
    arena_release(&reading.arena);
}

static const struct {
    const char *text;
    const char *said;
} mistakes[] = {
    {"[]", "a job is an object, not an array"},
    {"{\"schedule\":\"@daily\",\"type\":\"command\"}", "executable: is required"},
    {"{\"executable\":\"x\",\"type\":\"command\"}", "schedule: is required"},
    {"{\"executable\":\"x\",\"schedule\":\"@daily\"}", "type: is required"},
    {"{\"executable\":null,\"schedule\":\"@daily\",\"type\":\"command\"}",
     "executable: is required"},
    {"{" LEAST ",\"schedules\":1}", "schedules: unknown field"},
    {"{" LEAST ",\"retries\":{\"limmit\":1}}", "retries.limmit: unknown field"},
    {"{" LEAST ",\"name\":7}", "name: must be a string, is a number"},
    {"{" LEAST ",\"enabled\":\"yes\"}", "enabled: must be a boolean, is a string"},
    {"{" LEAST ",\"labels\":[]}", "labels: must be an object, is an array"},
    {"{" LEAST ",\"labels\":{\"a\":1}}", "labels: the value of 'a' must be a string, is a number"},
    {"{" LEAST ",\"args\":[\"a\",1]}", "args: item 1 must be a string, is a number"},
    {"{" LEAST ",\"retries\":5}", "retries: must be an object, is a number"},
    {"{" LEAST ",\"retries\":{\"limit\":-1}}", "retries.limit: -1 is not between 0 and 4294967295"},
    {"{" LEAST ",\"retries\":{\"limit\":1.5}}",
     "retries.limit: must be a whole number, is a number"},
    {"{" LEAST ",\"timeout\":\"soon\"}", "timeout: 'soon' is not a duration like 90s, 5m or 1h30m"},
    {"{" LEAST ",\"timeout\":-1}", "timeout: -1 is not between 0 and 3162240000"},
    {"{" LEAST ",\"timeout\":true}",
     "timeout: must be whole seconds or a string like 1h30m, is a boolean"},
    {"{" LEAST ",\"starts_at\":\"tomorrow\"}",
     "starts_at: 'tomorrow' is not an RFC 3339 time like 2030-01-31T09:00:00Z"},
    {"{" LEAST ",\"concurrency\":\"maybe\"}",
     "concurrency: 'maybe' is not one of forbid, allow, replace, queue"},
    {"{" LEAST ",\"limits\":{\"memory\":\"10M\"}}",
     "limits.memory: '10M' is not a size like 512KiB, 10MiB or 1GiB"},
    {"{" LEAST ",\"limits\":{\"memory\":\"99999999999GiB\"}}",
     "limits.memory: '99999999999GiB' is not a size like 512KiB, 10MiB or 1GiB"},
    {"{" LEAST ",\"after\":[{\"job\":\"1\",\"on\":\"failed\"}]}",
     "after: not supported yet by this version"},
    {"{" LEAST ",\"notify\":[1]}", "notify: not supported yet by this version"},
    {"{" LEAST ",\"placement\":{\"workers\":\"all\"}}",
     "placement.workers: not supported yet by this version: all"},
    {"{\"executable\":\"x\",\"schedule\":\"@daily\",\"type\":\"program\"}",
     "type: 'program' is not one of command, script, binary"},
    {"{\"executable\":\"x\",\"schedule\":\"CRON_TZ=UTC @daily\",\"type\":\"command\","
     "\"time_zone\":\"Asia/Tokyo\"}",
     "time_zone: is Asia/Tokyo, but the schedule says UTC"},
};

static void mistakes_are_named(void **state)
{
    struct table table = {"mistakes_are_named", 0, 0};
    struct reading reading = {.arena = {0}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++)
        table_same(&table, mistakes[i].text, mistakes[i].said,
                   said_of(&reading, mistakes[i].text, WIRE_JOB_CREATE, NULL));
    arena_release(&reading.arena);
    table_end(&table);
}

static void all_mistakes_are_named_at_once(void **state)
{
    struct reading reading = {.arena = {0}};

    (void)state;
    assert_int_equal(
        read_text(&reading, "{\"name\":1,\"timeout\":[],\"x\":0}", WIRE_JOB_CREATE, NULL),
        RC_INVALID);
    assert_int_equal(reading.problems.count, 6);
    arena_release(&reading.arena);
}

static void answer_can_be_sent_back(void **state)
{
    struct reading reading = {.arena = {0}};
    struct run run = {
        .key = {0, 12, 1, 0},
        .reason = "",
        .worker = "",
        .result = {.status = RUN_FAILED, .started_at = 0, .finished_at = SECOND, .exit_code = 2}};
    struct job_record record = {.id = 12,
                                .revision = 3,
                                .status = JOB_ERROR,
                                .owner = "alice",
                                .worker = "w1",
                                .last_run = &run,
                                .document = default_document,
                                .document_length = sizeof(default_document) - 1};
    struct json_writer writer;
    struct buf AUTO_BUF text;

    (void)state;
    buf_init(&text, SIZE_MAX);
    json_writer_init(&writer, &text);
    wire_job_write(&writer, &record,
                   &(struct job_outlook){.next_run = MINUTE, .scheduler = "timer"});
    assert_non_null(strstr(text.data, "{\"id\":\"12\",\"status\":\"error\"," LEAST ","));
    assert_non_null(
        strstr(text.data,
               "\"notify\":[],\"filename\":null,\"sha256\":null,\"executable_changed_at\":null,"
               "\"owner\":\"alice\",\"revision\":3,\"worker\":\"w1\",\"scheduler\":\"timer\","
               "\"next_run\":\"1970-01-01T00:01:00Z\",\"last_run\":{\"id\":\"12-0-1\","
               "\"scheduled_at\":\"1970-01-01T00:00:00Z\",\"status\":\"failed\","
               "\"started_at\":\"1970-01-01T00:00:00Z\",\"finished_at\":\"1970-01-01T00:00:01Z\","
               "\"exit_code\":2,\"reason\":null},"
               "\"created_at\":\"1970-01-01T00:00:00Z\",\"updated_at\":\"1970-01-01T00:00:00Z\"}"));
    assert_string_equal(said_of(&reading, text.data, WIRE_JOB_REPLACE, NULL), "");
    assert_string_equal(document_of(&reading), default_document);
    arena_release(&reading.arena);
}

static void schedule_may_name_its_zone(void **state)
{
    struct reading reading = {.arena = {0}};

    (void)state;
    assert_string_equal(said_of(&reading,
                                "{\"executable\":\"x\",\"type\":\"command\","
                                "\"schedule\":\"CRON_TZ=Asia/Tokyo 0 9 * * *\"}",
                                WIRE_JOB_CREATE, NULL),
                        "");
    assert_string_equal(reading.job.schedule, "0 9 * * *");
    assert_string_equal(reading.job.time_zone, "Asia/Tokyo");
    arena_release(&reading.arena);
}

/* Patches of the full document: a member of the result, as its text. */
static const struct {
    const char *patch;
    const char *member;
} patches[] = {
    {"{}", "\"name\":\"full\""},
    {"{\"name\":\"x\"}", "\"name\":\"x\""},
    {"{\"name\":null}", "\"name\":null"},
    {"{\"timeout\":null}", "\"timeout\":null"},
    {"{\"timeout\":120}", "\"timeout\":\"2m\""},
    {"{\"labels\":{\"a\":null,\"d\":\"e\"}}", "\"labels\":{\"c\":\"\",\"d\":\"e\"}"},
    {"{\"labels\":null}", "\"labels\":{}"},
    {"{\"args\":[\"z\"]}", "\"args\":[\"z\"]"},
    {"{\"retries\":{\"limit\":9}}", "\"retries\":{\"limit\":9,\"delay\":\"1m\""},
    {"{\"retries\":{\"delay\":null}}", "\"retries\":{\"limit\":3,\"delay\":\"30s\""},
    {"{\"retries\":null}", "\"retries\":{\"limit\":0,\"delay\":\"30s\""},
    {"{\"schedule\":\"CRON_TZ=Asia/Tokyo 1 * * * *\"}", "\"time_zone\":\"Asia/Tokyo\""},
    {"{\"id\":\"99\",\"revision\":7}", "\"name\":\"full\""},
};

static void patch_changes_what_it_names(void **state)
{
    struct table table = {"patch_changes_what_it_names", 0, 0};
    struct reading base = {.arena = {0}}, reading = {.arena = {0}};

    (void)state;
    assert_int_equal(read_text(&base, full_document, WIRE_JOB_STORED, NULL), RC_OK);
    for (size_t i = 0; i < ARRAY_SIZE(patches); i++) {
        table_same(&table, patches[i].patch, "",
                   said_of(&reading, patches[i].patch, WIRE_JOB_PATCH, &base.job));
        if (!strstr(document_of(&reading), patches[i].member))
            table_same(&table, patches[i].patch, patches[i].member, document_of(&reading));
    }
    table_same(&table, "null", "executable: is required",
               said_of(&reading, "{\"executable\":null}", WIRE_JOB_PATCH, &base.job));
    table_same(&table, "unknown", "color: unknown field",
               said_of(&reading, "{\"color\":1}", WIRE_JOB_PATCH, &base.job));
    arena_release(&reading.arena);
    arena_release(&base.arena);
    table_end(&table);
}

#define HASH "0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789abcdef"
#define FILE_JOB                                                                                  \
    "{\"executable\":\"s3://b/x\",\"schedule\":\"@daily\",\"type\":\"script\",\"sha256\":\"" HASH \
    "\",\"filename\":\"a.sh\",\"executable_changed_at\":\"2030-01-01T00:00:00Z\"}"

/* Patches of a script's job: what becomes of its name and hash. */
static const struct {
    const char *patch;
    const char *file; /* filename, sha256 */
} file_patches[] = {
    {"{\"enabled\":false}",
     "a.sh 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"},
    {"{\"executable\":\"eA==\"}", "a.sh "},
    {"{\"executable\":\"eA==\",\"filename\":\"b.sh\"}", "b.sh "},
    {"{\"executable\":\"eA==\",\"sha256\":\"00\"}", "a.sh 00"},
    {"{\"executable\":\"date\",\"type\":\"command\"}", " "},
    {"{\"sha256\":null,\"filename\":null}", " "},
};

static void patch_of_a_file_takes_its_hash_away(void **state)
{
    struct table table = {"patch_of_a_file_takes_its_hash_away", 0, 0};
    struct reading base = {.arena = {0}}, reading = {.arena = {0}};

    (void)state;
    assert_int_equal(read_text(&base, FILE_JOB, WIRE_JOB_CREATE, NULL), RC_OK);
    assert_int_equal(base.job.executable_changed_at, INSTANT_NONE);
    for (size_t i = 0; i < ARRAY_SIZE(file_patches); i++) {
        table_same(&table, file_patches[i].patch, "",
                   said_of(&reading, file_patches[i].patch, WIRE_JOB_PATCH, &base.job));
        table_same(&table, file_patches[i].patch, file_patches[i].file,
                   arena_printf(&reading.arena, "%s %s", reading.job.filename, reading.job.sha256));
    }
    assert_int_equal(read_text(&reading, FILE_JOB, WIRE_JOB_STORED, NULL), RC_OK);
    assert_int_equal(reading.job.executable_changed_at, (instant_us)1893456000 * SECOND);
    arena_release(&reading.arena);
    arena_release(&base.arena);
    table_end(&table);
}

static void document_obeys_its_limit(void **state)
{
    struct job job = job_default();
    struct buf AUTO_BUF text;

    (void)state;
    buf_init(&text, 100);
    assert_int_equal(wire_job_document(&job, &text), RC_TOO_BIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(document_shows_every_default),
        cmocka_unit_test(document_reads_back_as_itself),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(all_mistakes_are_named_at_once),
        cmocka_unit_test(answer_can_be_sent_back),
        cmocka_unit_test(schedule_may_name_its_zone),
        cmocka_unit_test(patch_changes_what_it_names),
        cmocka_unit_test(patch_of_a_file_takes_its_hash_away),
        cmocka_unit_test(document_obeys_its_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
