/* SPDX-License-Identifier: Apache-2.0 */
/* Outputs go from the node to store and objects, and nothing is lost on the way. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#include "adapters/kept/outputs.h"
#include "fixture.h"
#include "worker/deliver.h"

enum { LONG = 300000 };

struct node {
    struct clock *clock;
    struct store *store;
    struct objects *objects;
    struct outputs *outputs; /* of the node */
    struct outputs *kept;    /* as the API reads them */
    struct deliverer *deliverer;
    job_id job;
    enum memory_objects_fault fault;
    enum memory_store_fault store_fault;
    unsigned puts;
    const struct run_key *walk; /* the node's outputs */
    size_t walk_count;
};

static const struct claim_token token = {{1}};

static enum memory_objects_fault ask_fault(void *context, enum memory_objects_call call,
                                           const char *key)
{
    struct node *node = context;

    (void)key;
    node->puts += call == MEMORY_OBJECTS_PUT;
    return call == MEMORY_OBJECTS_PUT ? node->fault : MEMORY_OBJECTS_FAULT_NONE;
}

static enum memory_store_fault ask_store_fault(void *context, const struct store_write *writes,
                                               size_t count)
{
    struct node *node = context;

    (void)count;
    return writes[0].kind == WRITE_RUN_OUTPUT ? node->store_fault : MEMORY_STORE_FAULT_NONE;
}

static bool next_output(void *context, struct run_key *ret_run)
{
    struct node *node = context;

    if (!node->walk_count)
        return false;
    *ret_run = *node->walk++;
    node->walk_count--;
    return true;
}

static void make_deliverer(struct node *node, struct objects *objects)
{
    deliverer_free(node->deliverer);
    node->deliverer = deliverer_new(&(struct deliver_config){.name = "node",
                                                             .store = node->store,
                                                             .objects = objects,
                                                             .outputs = node->outputs,
                                                             .clock = node->clock,
                                                             .spool = "/tmp",
                                                             .next_output = next_output,
                                                             .context = node});
}

static void apply(struct node *node, struct store_write *write)
{
    assert_int_equal(store_apply(node->store, write, 1, NULL), RC_OK);
    assert_int_equal(write->outcome, RC_OK);
}

static int set_up(void **state)
{
    struct node *node = xcalloc(1, sizeof(*node));
    struct job job = job_default();
    struct store_write create = {
        .kind = WRITE_JOB_CREATE,
        .job = {.job = &job, .document = "{}", .document_length = 2, .owner = "", .worker = ""}};

    node->clock = memory_clock_new(START);
    node->store = memory_store_new(&(struct memory_store_config){
        .clock = node->clock, .fault = ask_store_fault, .context = node});
    node->objects = memory_objects_new(
        &(struct memory_objects_config){.clock = node->clock, .fault = ask_fault, .context = node});
    node->outputs = memory_outputs_new();
    node->kept = kept_outputs_new(&(struct kept_outputs_config){.store = node->store,
                                                                .objects = node->objects,
                                                                .of_worker = node->outputs,
                                                                .clock = node->clock});
    make_deliverer(node, node->objects);
    apply(node, &create);
    node->job = create.job.id;
    *state = node;
    return 0;
}

static int tear_down(void **state)
{
    struct node *node = *state;

    deliverer_free(node->deliverer);
    outputs_free(node->kept);
    outputs_free(node->outputs);
    objects_free(node->objects);
    store_free(node->store);
    clock_free(node->clock);
    free(node);
    return 0;
}

/* ---- runs and what they wrote ---------------------------------------------------------------- */

static char *make_text(size_t length)
{
    char *text = xmalloc(length + 1);

    for (size_t i = 0; i < length; i++)
        text[i] = (char)(i % 50 == 49 ? '\n' : 'a' + i * 7 % 26);
    text[length] = '\0';
    return text;
}

/* An ended run that wrote so much, on this node. */
static struct run_key given_run(struct node *node, uint32_t attempt, size_t length)
{
    struct run_key run = {.scheduled_at = START, .job = node->job, .attempt = attempt};
    struct store_write claim = {.kind = WRITE_RUN_CLAIM}, end = {.kind = WRITE_RUN_FINISHED};
    char *text AUTO_FREE = make_text(length);

    claim.claim = (struct write_claim){
        .key = run, .token = token, .worker = "node", .revision = 1, .deadline = START + HOUR};
    apply(node, &claim);
    end.run = (struct write_run){
        .key = run, .token = token, .worker = "node", .reason = "", .request = "", .count = 1};
    end.run.result = (struct run_result){.status = RUN_SUCCEEDED,
                                         .started_at = START,
                                         .finished_at = START,
                                         .output_bytes = (int64_t)length};
    apply(node, &end);
    if (length)
        memory_outputs_append(node->outputs, &run, text, length);
    return run;
}

static void add(struct node *node, const struct run_key *run, bool stored)
{
    deliverer_add(node->deliverer, run, &token, stored);
}

static bool is_here(struct node *node, const struct run_key *run)
{
    int64_t size;

    return outputs_size(node->outputs, run, &size, NULL) == RC_OK;
}

/* Wherever it is. */
static void assert_output(struct node *node, const struct run_key *run, size_t length)
{
    char *text AUTO_FREE = make_text(length), *data AUTO_FREE = xmalloc(length);
    int64_t size;

    assert_int_equal(outputs_size(node->kept, run, &size, NULL), RC_OK);
    assert_int_equal(size, length);
    for (size_t done = 0; done < length;) {
        struct output_piece piece = {
            .offset = (int64_t)done, .data = data + done, .capacity = length - done};

        assert_int_equal(outputs_read(node->kept, run, &piece, NULL), RC_OK);
        assert_true(piece.length > 0);
        done += piece.length;
    }
    assert_memory_equal(data, text, length);
}

static bool has_object(struct node *node, const struct run_key *run)
{
    char key[OUTPUT_OBJECT_KEY];
    struct object_info info;

    return objects_stat(node->objects, output_object_key(run, key), &info, NULL) == RC_OK;
}

/* Steps until the deliverer wants to wait. */
static span_us step(struct node *node)
{
    mono_us next, now = clock_mono(node->clock);

    for (int i = 0; i < 1000; i++) {
        next = deliverer_step(node->deliverer);
        if (next > now)
            return next - now;
    }
    fail_msg("it never waits");
    return 0;
}

/* ---- what is to happen ----------------------------------------------------------------------- */

static void outputs_go_where_they_belong(void **state)
{
    static const struct {
        size_t length;
        bool is_object;
    } rows[] = {{1, false},
                {LIMIT_OUTPUT_SHORT, false},
                {LIMIT_OUTPUT_SHORT + 1, true},
                {64 * 1024, true},
                {LONG, true}};
    struct node *node = *state;

    for (uint32_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct run_key run = given_run(node, i + 1, rows[i].length);

        add(node, &run, false);
        (void)step(node);
        assert_false(is_here(node, &run));
        assert_int_equal(has_object(node, &run), rows[i].is_object);
        assert_output(node, &run, rows[i].length);
    }
}

static void what_is_stored_already_is_only_removed(void **state)
{
    struct node *node = *state;
    struct run_key run = given_run(node, 1, 10), none = given_run(node, 2, 0);

    add(node, &run, true);
    add(node, &none, false);
    (void)step(node);
    assert_false(is_here(node, &run));
    assert_int_equal(node->puts, 0);
}

static void it_stays_readable_while_the_objects_are_away(void **state)
{
    static const enum memory_objects_fault faults[] = {
        MEMORY_OBJECTS_FAULT_FAIL, MEMORY_OBJECTS_FAULT_REFUSE, MEMORY_OBJECTS_FAULT_FULL,
        MEMORY_OBJECTS_FAULT_UNKNOWN_DONE};
    struct node *node = *state;

    for (uint32_t i = 0; i < ARRAY_SIZE(faults); i++) {
        struct run_key run = given_run(node, i * 2 + 1, LONG);
        struct run_key brief = given_run(node, i * 2 + 2, 100);

        node->fault = faults[i];
        add(node, &run, false);
        assert_int_equal(step(node), SECOND);
        assert_true(is_here(node, &run));
        assert_output(node, &run, LONG);
        add(node, &brief, false); /* others are not held up */
        (void)step(node);
        assert_false(is_here(node, &brief));
        node->fault = MEMORY_OBJECTS_FAULT_NONE;
        memory_clock_advance(node->clock, SECOND);
        (void)step(node);
        assert_false(is_here(node, &run));
        assert_output(node, &run, LONG);
    }
}

static void it_is_tried_after_longer_and_longer_pauses(void **state)
{
    struct node *node = *state;
    struct run_key run = given_run(node, 1, LONG);
    span_us pause = 0, longest = 0;

    node->fault = MEMORY_OBJECTS_FAULT_FAIL;
    add(node, &run, false);
    for (int i = 0; i < 100; i++) {
        pause = step(node);
        longest = MAX(longest, pause);
        memory_clock_advance(node->clock, pause);
    }
    assert_int_equal(longest, 30 * SECOND); /* the node's outputs are looked at then */
    assert_true(node->puts > 20 && node->puts < 70);
    node->fault = MEMORY_OBJECTS_FAULT_NONE;
    memory_clock_advance(node->clock, MINUTE);
    (void)step(node);
    assert_output(node, &run, LONG);
    assert_false(is_here(node, &run));
}

static void it_stays_until_its_row_is_written(void **state)
{
    static const enum memory_store_fault faults[] = {MEMORY_STORE_FAULT_FAIL,
                                                     MEMORY_STORE_FAULT_UNKNOWN_WRITTEN};
    static const size_t lengths[] = {100, LONG};
    struct node *node = *state;

    for (uint32_t i = 0; i < ARRAY_SIZE(faults) * ARRAY_SIZE(lengths); i++) {
        size_t length = lengths[i % 2];
        struct run_key run = given_run(node, i + 1, length);

        node->store_fault = faults[i / 2];
        add(node, &run, false);
        assert_true(step(node) <= SECOND);
        assert_true(is_here(node, &run));
        assert_output(node, &run, length);
        node->store_fault = MEMORY_STORE_FAULT_NONE;
        memory_clock_advance(node->clock, SECOND);
        (void)step(node);
        assert_false(is_here(node, &run));
        assert_output(node, &run, length);
    }
}

static void without_a_place_for_objects_a_long_one_stays(void **state)
{
    struct node *node = *state;
    struct run_key run = given_run(node, 1, LONG), brief = given_run(node, 2, 10);

    make_deliverer(node, objects_absent());
    add(node, &run, false);
    add(node, &brief, false);
    (void)step(node);
    assert_true(is_here(node, &run));
    assert_output(node, &run, LONG);
    assert_false(is_here(node, &brief));
}

static void a_run_that_is_gone_leaves_no_object(void **state)
{
    struct node *node = *state;
    struct run_key run = given_run(node, 1, LONG);
    struct store_write purge = {.kind = WRITE_RUN_PURGE, .run = {.key = run}};

    apply(node, &purge);
    add(node, &run, false);
    (void)step(node);
    assert_false(is_here(node, &run));
    assert_false(has_object(node, &run));
}

static void what_a_crash_left_is_found(void **state)
{
    struct node *node = *state;
    struct run_key runs[] = {given_run(node, 1, LONG),
                             given_run(node, 2, 100),
                             {.scheduled_at = START, .job = 77, .attempt = 1}};

    memory_outputs_append(node->outputs, &runs[2], "x", 1); /* of a run that is gone */
    node->walk = runs;
    node->walk_count = ARRAY_SIZE(runs);
    (void)step(node);
    assert_output(node, &runs[0], LONG);
    assert_output(node, &runs[1], 100);
    for (size_t i = 0; i < ARRAY_SIZE(runs); i++)
        assert_false(is_here(node, &runs[i]));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(outputs_go_where_they_belong),
        TEST(what_is_stored_already_is_only_removed),
        TEST(it_stays_readable_while_the_objects_are_away),
        TEST(it_is_tried_after_longer_and_longer_pauses),
        TEST(it_stays_until_its_row_is_written),
        TEST(without_a_place_for_objects_a_long_one_stays),
        TEST(a_run_that_is_gone_leaves_no_object),
        TEST(what_a_crash_left_is_found),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
