/* SPDX-License-Identifier: Apache-2.0 */
/* Objects in memory, and the faults that they play. */
#include <stdlib.h>
#include <string.h>

#include "adapters/memory/clock.h"
#include "adapters/memory/objects.h"
#include "contract/objects_suite.h"

static enum memory_objects_fault next_fault;

static enum memory_objects_fault fault(void *context, enum memory_objects_call call,
                                       const char *key)
{
    (void)context, (void)call, (void)key;
    return next_fault;
}

static void open_memory(struct objects_fixture *fixture)
{
    fixture->clock = memory_clock_new(1000000000 * SECOND);
    fixture->objects = memory_objects_new(
        &(struct memory_objects_config){.clock = fixture->clock, .fault = fault});
}

static void close_memory(struct objects_fixture *fixture)
{
    next_fault = MEMORY_OBJECTS_FAULT_NONE;
    objects_free(fixture->objects);
    clock_free(fixture->clock);
}

static void faults_show_as_they_are_asked_for(void **state)
{
    static const struct {
        enum memory_objects_fault fault;
        enum rc put, get;
        const char *got;
    } rows[] = {
        {MEMORY_OBJECTS_FAULT_NONE, RC_OK, RC_OK, "1234"},
        {MEMORY_OBJECTS_FAULT_FAIL, RC_UNAVAILABLE, RC_UNAVAILABLE, ""},
        {MEMORY_OBJECTS_FAULT_REFUSE, RC_FORBIDDEN, RC_FORBIDDEN, ""},
        {MEMORY_OBJECTS_FAULT_FULL, RC_FULL, RC_FULL, ""},
        {MEMORY_OBJECTS_FAULT_UNKNOWN_DONE, RC_UNKNOWN, RC_OK, "1234"},
        {MEMORY_OBJECTS_FAULT_CUT, RC_OK, RC_UNAVAILABLE, "12"},
        {MEMORY_OBJECTS_FAULT_CORRUPT, RC_OK, RC_OK, "0234"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct objects_fixture fixture = {0};
        struct objects_got got;

        open_memory(&fixture);
        objects_put_text(fixture.objects, "a", "1234");
        next_fault = rows[i].fault;
        assert_int_equal(objects_put_bytes(fixture.objects, "a", "1234", 4), rows[i].put);
        got = objects_get_all(fixture.objects, "a", 0, -1);
        assert_int_equal(got.rc, rows[i].get);
        assert_int_equal(got.length, strlen(rows[i].got));
        assert_memory_equal(got.data, rows[i].got, got.length);
        free(got.data);
        close_memory(&fixture);
    }
}

static int own(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(faults_show_as_they_are_asked_for)};

    return cmocka_run_group_tests_name("objects in memory", tests, NULL, NULL);
}

const struct objects_maker objects_memory_maker = {
    .name = "memory", .open = open_memory, .close = close_memory, .own = own};
