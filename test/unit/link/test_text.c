/* SPDX-License-Identifier: Apache-2.0 */
/* What travels comes out as it went in, and nothing else does. */
#include <string.h>

#include "base/mem.h"

#include "link/change_text.h"
#include "link/event_text.h"
#include "link/leader.h"
#include "link/protocol.h"
#include "link/text.h"
#include "testing.h"
#include "wire/job.h"

/* ---- changes ------------------------------------------------------------------------------- */

static void write_changes(struct buf *buf, const struct change *changes, size_t count)
{
    struct json_writer writer;

    buf_init(buf, LINK_BODY_MAX);
    link_document_begin(&writer, buf);
    json_write_name(&writer, "changes");
    json_write_array_begin(&writer);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(link_change_write(&writer, &changes[i], NULL), RC_OK);
    json_write_array_end(&writer);
    json_write_object_end(&writer);
    assert_false(buf->failed);
}

static struct job make_job(void)
{
    static const char *args[] = {"-c", "echo \"\\n\" \xc3\xa9\x01"};
    static struct pair pairs[] = {{"A", "1 \"2\" \\3"}, {"B", ""}};
    struct job job = job_default();

    job.name = "nightly";
    job.executable = "/bin/sh";
    job.args = (struct strings){args, 2};
    job.env = (struct pairs){pairs, 2};
    job.placement = (struct pairs){pairs, 1};
    job.stdin_text = "a\nb\t\"c\"\n";
    job.schedule = "*/5 * * * *";
    job.time_zone = "Europe/Berlin";
    job.run_as = "ann";
    job.starts_at = 1764000000 * SECOND + 123456;
    job.retries = (struct retries){3, 1500 * MILLISECOND, 2.5, HOUR, true};
    job.limits.memory = 123456789;
    return job;
}

static void assert_same_job(const struct job *a, const struct job *b)
{
    AUTO_BUF struct buf first, second;

    buf_init(&first, LIMIT_DOCUMENT);
    buf_init(&second, LIMIT_DOCUMENT);
    assert_int_equal(wire_job_document(a, &first), RC_OK);
    assert_int_equal(wire_job_document(b, &second), RC_OK);
    assert_string_equal(first.data, second.data);
}

static const struct run_key run = {
    .job = 12, .scheduled_at = 1764000003250117, .attempt = 2, .target = 1};

static struct write_user make_user(void)
{
    static const char *accounts[] = {"ann", "a \"b\""};

    return (struct write_user){.record = {.name = "ann",
                                          .role = ROLE_EDITOR,
                                          .privileged = true,
                                          .disabled = true,
                                          .accounts = {accounts, 2},
                                          .password = "$argon2id$x",
                                          .created_at = 1764000000123456},
                               .sets = USER_ROLE | USER_PASSWORD};
}

/* One of each kind; those of two forms twice. */
static size_t make_changes(struct change *changes)
{
    struct access_token token = {.id = "abcdefgh",
                                 .name = "ci",
                                 .account = "ann",
                                 .admin = true,
                                 .hash = {1, 2, 255},
                                 .created_at = 1764000000123456,
                                 .expires_at = INSTANT_NONE};
    size_t count = 0;

    changes[count++] =
        (struct change){.kind = CHANGE_JOB_CREATE, .owner = "ann", .job = make_job()};
    changes[count++] = (struct change){.kind = CHANGE_JOB_CREATE,
                                       .owner = "ann",
                                       .job = make_job(),
                                       .idempotency_key = "k\"1\\",
                                       .request_hash = {9, 8, 7}};
    changes[count++] = (struct change){
        .kind = CHANGE_JOB_REPLACE, .id = INT64_MAX, .revision = 3, .job = make_job()};
    changes[count++] = (struct change){.kind = CHANGE_JOB_REMOVE, .id = 12, .revision = 4};
    changes[count++] = (struct change){.kind = CHANGE_JOB_PURGE, .id = 12};
    changes[count++] = (struct change){
        .kind = CHANGE_RUN_NOW, .id = 12, .request = "{\"args\":[\"\\u0001\",\"\xc3\xa9\"]}"};
    changes[count++] = (struct change){.kind = CHANGE_RUN_NOW, .id = 12, .request = ""};
    changes[count++] = (struct change){.kind = CHANGE_RUN_KILL, .run = run};
    changes[count++] =
        (struct change){.kind = CHANGE_WORKER_DRAIN, .worker = "node-1", .draining = true};
    changes[count++] = (struct change){.kind = CHANGE_WORKER_DRAIN, .worker = "node-1"};
    changes[count++] = (struct change){.kind = CHANGE_WORKER_REMOVE, .worker = "node-1"};
    changes[count++] = (struct change){.kind = CHANGE_TOKEN_CREATE, .access = token};
    token.expires_at = 1800000000123456;
    token.session = true;
    token.scope = ROLE_OPERATOR;
    changes[count++] = (struct change){.kind = CHANGE_TOKEN_CREATE, .access = token};
    changes[count++] = (struct change){.kind = CHANGE_TOKEN_REVOKE, .access.id = "abcdefgh"};
    changes[count++] = (struct change){
        .kind = CHANGE_TOKEN_USED,
        .access = {.id = "abcdefgh", .scope = ROLE_ADMIN, .last_used_at = 1764000000123456}};
    changes[count++] = (struct change){.kind = CHANGE_USER_CREATE, .user = make_user()};
    changes[count++] = (struct change){.kind = CHANGE_USER_CHANGE, .user = make_user()};
    changes[count++] = (struct change){.kind = CHANGE_USER_REMOVE, .user.record = {.name = "ann"}};
    changes[count++] = (struct change){.kind = CHANGE_AUDIT,
                                       .audit = {.who = "",
                                                 .source = "10.0.0.1 by 127.0.0.1",
                                                 .action = "refused",
                                                 .subject = "GET /users",
                                                 .outcome = "because \"so\""}};
    changes[count++] = (struct change){
        .kind = CHANGE_USER_REMOVE,
        .user.record = {.name = "ann"},
        .audit = {.who = "bob", .source = "10.0.0.1", .before = "{\"role\":\"admin\"}"}};
    return count;
}

static void assert_same_text(const char *a, const char *b)
{
    if (a && b)
        assert_string_equal(a, b);
    else
        assert_ptr_equal(a, b);
}

static void assert_same_token(const struct access_token *a, const struct access_token *b)
{
    assert_same_text(a->id, b->id);
    assert_same_text(a->name, b->name);
    assert_same_text(a->account, b->account);
    assert_int_equal(a->admin, b->admin);
    assert_memory_equal(a->hash, b->hash, sizeof(a->hash));
    assert_int_equal(a->created_at, b->created_at);
    assert_int_equal(a->expires_at, b->expires_at);
    assert_int_equal(a->session, b->session);
    if (a->last_used_at != 0 && a->last_used_at != INSTANT_NONE)
        assert_int_equal(a->last_used_at, b->last_used_at);
}

static void assert_same_user(const struct write_user *a, const struct write_user *b)
{
    assert_same_text(a->record.name, b->record.name);
    assert_int_equal(a->record.role, b->record.role);
    assert_int_equal(a->record.privileged, b->record.privileged);
    assert_int_equal(a->record.disabled, b->record.disabled);
    assert_int_equal(a->record.accounts.count, b->record.accounts.count);
    for (size_t i = 0; i < a->record.accounts.count; i++)
        assert_string_equal(a->record.accounts.items[i], b->record.accounts.items[i]);
    assert_same_text(a->record.password, b->record.password);
    assert_int_equal(a->record.created_at, b->record.created_at);
    assert_int_equal(a->sets, b->sets);
}

static void assert_same_change(const struct change *a, const struct change *b)
{
    bool has_job = a->kind == CHANGE_JOB_CREATE || a->kind == CHANGE_JOB_REPLACE;

    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->id, b->id);
    assert_int_equal(a->revision, b->revision);
    assert_same_text(a->owner, b->owner);
    assert_same_text(a->idempotency_key, b->idempotency_key);
    assert_memory_equal(a->request_hash, b->request_hash, sizeof(a->request_hash));
    assert_same_text(a->request, b->request);
    assert_same_text(a->worker, b->worker);
    assert_int_equal(a->draining, b->draining);
    assert_int_equal(run_key_compare(&a->run, &b->run), 0);
    assert_same_token(&a->access, &b->access);
    if (a->kind == CHANGE_TOKEN_CREATE)
        assert_int_equal(a->access.scope, b->access.scope);
    assert_same_user(&a->user, &b->user);
    assert_same_text(a->audit.who, b->audit.who);
    assert_same_text(a->audit.source, b->audit.source);
    assert_same_text(a->audit.before, b->audit.before);
    assert_same_text(a->audit.action, b->audit.action);
    assert_same_text(a->audit.subject, b->audit.subject);
    assert_same_text(a->audit.outcome, b->audit.outcome);
    if (has_job)
        assert_same_job(&a->job, &b->job);
}

static void changes_come_out_as_they_went_in(void **state)
{
    struct change changes[24];
    size_t count = make_changes(changes);
    struct link_changes read;
    AUTO_BUF struct buf text;
    struct err err = {0};

    (void)state;
    write_changes(&text, changes, count);
    if (link_changes_read(text.data, text.length, &read, &err) != RC_OK)
        fail_msg("%s", err.message);
    assert_int_equal(read.count, count);
    for (size_t i = 0; i < count; i++)
        assert_same_change(&changes[i], &read.items[i]);
    link_changes_release(&read);
}

static void refuses_other_changes(void **state)
{
    static const struct {
        const char *text;
        enum rc rc;
    } rows[] = {
        {"", RC_MALFORMED},
        {"[]", RC_MALFORMED},
        {"{}", RC_MALFORMED},
        {"{\"version\":\"1\"}", RC_MALFORMED},
        {"{\"version\":2,\"changes\":[]}", RC_INVALID},
        {"{\"version\":1}", RC_MALFORMED},
        {"{\"version\":1,\"changes\":{}}", RC_MALFORMED},
        {"{\"version\":1,\"changes\":[]}", RC_OK},
        {"{\"version\":1,\"changes\":[7]}", RC_MALFORMED},
        {"{\"version\":1,\"changes\":[{}]}", RC_MALFORMED},
        {"{\"version\":1,\"changes\":[{\"kind\":\"job_eat\"}]}", RC_MALFORMED},
        {"{\"version\":1,\"changes\":[{\"kind\":\"job_purge\"}]}", RC_MALFORMED},
        {"{\"version\":1,\"changes\":[{\"kind\":\"job_purge\",\"id\":7}]}", RC_MALFORMED},
        {"{\"version\":1,\"changes\":[{\"kind\":\"job_purge\",\"id\":\"0\"}]}", RC_MALFORMED},
        {"{\"version\":1,\"changes\":[{\"kind\":\"job_purge\",\"id\":\"-7\"}]}", RC_MALFORMED},
        {"{\"version\":1,\"changes\":[{\"kind\":\"job_purge\",\"id\":\"9223372036854775808\"}]}",
         RC_MALFORMED},
        {"{\"version\":1,\"changes\":[{\"kind\":\"job_purge\",\"id\":\"7\"}]}", RC_OK},
        {"{\"version\":1,\"changes\":[{\"kind\":\"job_purge\",\"id\":\"7\",\"more\":1}]}",
         RC_MALFORMED},
        {"{\"version\":1,\"changes\":[{\"kind\":\"job_remove\",\"id\":\"7\"}]}", RC_MALFORMED},
        {"{\"version\":1,\"changes\":[{\"kind\":\"run_now\",\"id\":\"7\"}]}", RC_MALFORMED},
        {"{\"version\":1,\"changes\":[{\"kind\":\"run_kill\",\"run\":\"7\"}]}", RC_MALFORMED},
        {"{\"version\":1,\"changes\":[{\"kind\":\"job_create\",\"owner\":\"a\"}]}", RC_MALFORMED},
        {"{\"version\":1,\"changes\":[{\"kind\":\"job_create\",\"owner\":\"a\","
         "\"document\":\"[]\"}]}",
         RC_MALFORMED},
        {"{\"version\":1,\"changes\":[{\"kind\":\"token_create\",\"token\":\"a\",\"name\":\"b\","
         "\"account\":\"c\",\"hash\":\"00\"}]}",
         RC_MALFORMED},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct link_changes read;
        struct err err = {0};
        enum rc rc = link_changes_read(rows[i].text, strlen(rows[i].text), &read, &err);

        if (rc != rows[i].rc)
            fail_msg("%s: %s", rows[i].text, err_message(&err, rc));
        if (rc == RC_OK)
            link_changes_release(&read);
        else
            assert_true(err.message[0]);
    }
}

static void limits_how_much_comes(void **state)
{
    struct change *changes = xcalloc(LINK_CHANGES_MAX + 1, sizeof(*changes));
    struct link_changes read;
    AUTO_BUF struct buf text;

    (void)state;
    for (size_t i = 0; i <= LINK_CHANGES_MAX; i++)
        changes[i] = (struct change){.kind = CHANGE_JOB_PURGE, .id = i + 1};
    write_changes(&text, changes, LINK_CHANGES_MAX + 1);
    assert_int_equal(link_changes_read(text.data, text.length, &read, NULL), RC_TOO_BIG);
    buf_release(&text);
    write_changes(&text, changes, LINK_CHANGES_MAX);
    assert_int_equal(link_changes_read(text.data, text.length, &read, NULL), RC_OK);
    link_changes_release(&read);
    free(changes);
}

/* ---- results ------------------------------------------------------------------------------- */

static void write_results(struct buf *buf, const struct change *changes, size_t count)
{
    struct json_writer writer;

    buf_init(buf, LINK_ANSWER_MAX);
    link_document_begin(&writer, buf);
    json_write_name(&writer, "results");
    json_write_array_begin(&writer);
    for (size_t i = 0; i < count; i++)
        link_result_write(&writer, &changes[i]);
    json_write_array_end(&writer);
    json_write_object_end(&writer);
    assert_false(buf->failed);
}

/* What a submitter has when the answer came, from what the manager's side had. */
static void travel(const struct change *done, struct change *ret_mine)
{
    AUTO_ARENA struct arena arena = {0};
    AUTO_BUF struct buf text;
    struct link_result result;
    struct err err = {0};

    write_results(&text, done, 1);
    if (link_results_read(text.data, text.length, 1, &arena, &result, &err) != RC_OK)
        fail_msg("%s", err.message);
    link_result_apply(&result, ret_mine);
}

static void results_come_out_as_they_went_in(void **state)
{
    struct job_record record = {.worker = "node-1", .created_at = 1764000000123456};
    struct change done = {.kind = CHANGE_JOB_CREATE, .id = 7, .revision = 1, .created = &record};
    struct change mine = {.kind = CHANGE_JOB_CREATE, .owner = "ann", .job = make_job()};

    (void)state;
    travel(&done, &mine);
    assert_int_equal(mine.outcome, RC_OK);
    assert_int_equal(mine.id, 7);
    assert_int_equal(mine.revision, 1);
    assert_false(mine.replayed);
    assert_string_equal(mine.created->worker, "node-1");
    assert_string_equal(mine.created->owner, "ann");
    assert_int_equal(mine.created->created_at, record.created_at);
    assert_non_null(strstr(mine.created->document, "\"*/5 * * * *\""));
    arena_release(&mine.arena);

    mine = (struct change){.kind = CHANGE_JOB_CREATE, .job = make_job()};
    done = (struct change){.kind = CHANGE_JOB_CREATE, .id = 7, .revision = 5, .replayed = true};
    travel(&done, &mine);
    assert_int_equal(mine.revision, 5);
    assert_true(mine.replayed);
    assert_null(mine.created);

    mine = (struct change){.kind = CHANGE_RUN_NOW, .id = 12};
    done = (struct change){.kind = CHANGE_RUN_NOW, .id = 12, .run = run};
    travel(&done, &mine);
    assert_int_equal(run_key_compare(&mine.run, &run), 0);
}

static void every_outcome_travels(void **state)
{
    static const enum rc outcomes[] = {
#define OUTCOME(code, text, status, retry) code,
        RC_TABLE(OUTCOME)
#undef OUTCOME
    };

    (void)state;
    for (size_t i = 1; i < ARRAY_SIZE(outcomes); i++) {
        struct change done = {.kind = CHANGE_JOB_PURGE, .outcome = outcomes[i]}, mine = done;

        err_set(&done.err, "because of \"%zu\"", i);
        mine.outcome = RC_OK;
        travel(&done, &mine);
        assert_int_equal(mine.outcome, outcomes[i]);
        assert_string_equal(mine.err.message, done.err.message);
    }
}

static void refuses_other_results(void **state)
{
    static const char *const texts[] = {
        "{}",
        "{\"version\":1,\"results\":[]}",
        "{\"version\":1,\"results\":[{}]}",
        "{\"version\":1,\"results\":[{\"outcome\":\"RC_FINE\"}]}",
        "{\"version\":1,\"results\":[{\"outcome\":\"RC_OK\",\"id\":\"x\"}]}",
        "{\"version\":1,\"results\":[{\"outcome\":\"RC_OK\",\"run\":\"x\"}]}",
        "{\"version\":1,\"results\":[{\"outcome\":\"RC_OK\"},{\"outcome\":\"RC_OK\"}]}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        AUTO_ARENA struct arena arena = {0};
        struct link_result result;

        assert_int_equal(link_results_read(texts[i], strlen(texts[i]), 1, &arena, &result, NULL),
                         RC_MALFORMED);
    }
}

/* ---- events -------------------------------------------------------------------------------- */

static const struct event events[] = {
    {.kind = EVENT_JOB, .job = 7},
    {.kind = EVENT_RUN, .job = 12, .run = {1764000003250117, 12, 2, 1}},
    {.kind = EVENT_WORKER, .worker = "node-1"},
    {.kind = EVENT_WORKER},
    {.kind = EVENT_OUTPUT, .job = 12, .run = {1764000003250117, 12, 2, 1}},
    {.kind = EVENT_MISSED},
};

static void assert_same_event(const struct event *a, const struct event *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->job, b->job);
    assert_int_equal(run_key_compare(&a->run, &b->run), 0);
    assert_string_equal(a->worker, b->worker);
}

static void events_come_out_as_they_went_in(void **state)
{
    struct event *read = xcalloc(LINK_EVENTS_MAX, sizeof(*read));
    size_t count;
    AUTO_BUF struct buf text;

    (void)state;
    buf_init(&text, LINK_BODY_MAX);
    assert_int_equal(link_events_write(&text, events, ARRAY_SIZE(events)), RC_OK);
    assert_int_equal(link_events_read(text.data, text.length, read, &count, NULL), RC_OK);
    assert_int_equal(count, ARRAY_SIZE(events));
    for (size_t i = 0; i < count; i++)
        assert_same_event(&events[i], &read[i]);
    free(read);
}

static void lines_are_understood(void **state)
{
    static const struct {
        const char *text;
        enum rc rc;
        enum link_line line;
    } rows[] = {
        {"{}", RC_OK, LINK_LINE_NOTHING},
        {"{\"version\":1}", RC_OK, LINK_LINE_BEGIN},
        {"{\"version\":2}", RC_INVALID, LINK_LINE_BEGIN},
        {"{\"job\":\"7\"}", RC_OK, LINK_LINE_EVENT},
        {"{\"missed\":true}", RC_OK, LINK_LINE_EVENT},
        {"{\"missed\":false}", RC_MALFORMED, LINK_LINE_EVENT},
        {"{\"job\":\"7\",\"worker\":\"a\"}", RC_MALFORMED, LINK_LINE_EVENT},
        {"{\"job\":\"x\"}", RC_MALFORMED, LINK_LINE_EVENT},
        {"{\"run\":\"x\"}", RC_MALFORMED, LINK_LINE_EVENT},
        {"{\"news\":\"x\"}", RC_MALFORMED, LINK_LINE_EVENT},
        {"[]", RC_MALFORMED, LINK_LINE_EVENT},
        {"", RC_MALFORMED, LINK_LINE_EVENT},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct event event;
        enum link_line line = LINK_LINE_EVENT;

        assert_int_equal(link_line_read(rows[i].text, strlen(rows[i].text), &line, &event, NULL),
                         rows[i].rc);
        if (rows[i].rc == RC_OK)
            assert_int_equal(line, rows[i].line);
    }
}

static void runs_come_out_as_they_went_in(void **state)
{
    struct run_key *read = xcalloc(LINK_RUNS_MAX, sizeof(*read));
    struct run_key runs[2] = {run, {1764000000 * SECOND, 1, 1, 0}};
    static const char other[] = "{\"version\":1,\"runs\":[\"7\"]}";
    size_t count;
    AUTO_BUF struct buf text;

    (void)state;
    buf_init(&text, LINK_BODY_MAX);
    assert_int_equal(link_runs_write(&text, runs, 2), RC_OK);
    assert_int_equal(link_runs_read(text.data, text.length, read, &count, NULL), RC_OK);
    assert_int_equal(count, 2);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(run_key_compare(&runs[i], &read[i]), 0);
    assert_int_equal(link_runs_read(other, sizeof(other) - 1, read, &count, NULL), RC_MALFORMED);
    free(read);
}

static void the_leader_is_named(void **state)
{
    struct leader_record leader = {.epoch = 5, .name = "m2", .url = "http://10.0.0.2:30001"};
    struct leader_record read;
    AUTO_BUF struct buf text;

    (void)state;
    buf_init(&text, LINK_ANSWER_MAX);
    link_leader_write(&text, &leader);
    assert_int_equal(link_leader_read(text.data, text.length, &read, NULL), RC_OK);
    assert_int_equal(read.epoch, 5);
    assert_string_equal(read.name, "m2");
    assert_string_equal(read.url, leader.url);
    buf_reset(&text);
    link_leader_write(&text, NULL);
    assert_int_equal(link_leader_read(text.data, text.length, &read, NULL), RC_OK);
    assert_int_equal(read.epoch, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_come_out_as_they_went_in),
        cmocka_unit_test(refuses_other_changes),
        cmocka_unit_test(limits_how_much_comes),
        cmocka_unit_test(results_come_out_as_they_went_in),
        cmocka_unit_test(every_outcome_travels),
        cmocka_unit_test(refuses_other_results),
        cmocka_unit_test(events_come_out_as_they_went_in),
        cmocka_unit_test(lines_are_understood),
        cmocka_unit_test(runs_come_out_as_they_went_in),
        cmocka_unit_test(the_leader_is_named),
    };

    return cmocka_run_group_tests_name("link text", tests, NULL, NULL);
}
