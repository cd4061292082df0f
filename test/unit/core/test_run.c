/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <string.h>

#include "core/run.h"

#include "table.h"

static const struct {
    struct run_key key;
    const char *id;
} ids[] = {
    {{1764000000 * SECOND, 12, 1, 0}, "12-1764000000-1"},
    {{1764000003 * SECOND + 250117, 12, 1, 0}, "12-1764000003.250117-1"},
    {{1764000003 * SECOND + 7, 12, 1, 0}, "12-1764000003.000007-1"},
    {{0, 1, 2, 0}, "1-0-2"},
    {{0, 1, 1, 5}, "1-0-1-5"},
    {{INSTANT_MAX, 999999999999999999, UINT32_MAX, UINT32_MAX},
     "999999999999999999-253402300799-4294967295-4294967295"},
};

static void ids_are_keys_in_text(void **state)
{
    struct table table = {"ids_are_keys_in_text", 0, 0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        char text[RUN_ID_TEXT];
        struct run_key key;

        table_same(&table, ids[i].id, ids[i].id, run_id_format(&ids[i].key, text));
        table_equal(&table, ids[i].id, RC_OK, run_id_parse(ids[i].id, &key, NULL));
        table_equal(&table, ids[i].id, 0, run_key_compare(&key, &ids[i].key));
    }
    table_end(&table);
}

static void other_texts_are_no_ids(void **state)
{
    static const char *const texts[] = {
        "",
        "12",
        "12-",
        "12-5",
        "12-5-",
        "0-5-1",
        "012-5-1",
        "12-05-1",
        "12-5-01",
        "12-5-0",
        "12-5-1-0",
        "12-5.5-1",
        "12-5.-1",
        "12-5.000000-1",
        "12-5-1-",
        "12-5-1x",
        " 12-5-1",
        "+12-5-1",
        "12--5-1",
        "-12-5-1",
        "12-5-4294967296",
        "12-253402300800-1",
        "a-b-c",
        "12-5.1000000-1",
        "99999999999999999999-5-1",
        "12-5-1-1-1",
        "../../etc/passwd",
    };
    struct table table = {"other_texts_are_no_ids", 0, 0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct run_key key;
        struct err err = {0};

        table_equal(&table, texts[i], RC_INVALID, run_id_parse(texts[i], &key, &err));
        table_equal(&table, texts[i], true, strstr(err.message, "is not the id of a run") != NULL);
    }
    table_end(&table);
}

static void keys_are_ordered_by_all_their_parts(void **state)
{
    static const struct run_key keys[] = {
        {1, 1, 1, 0}, {1, 1, 1, 1}, {1, 1, 2, 0}, {1, 2, 1, 0}, {2, 1, 1, 0}, {2, UINT64_MAX, 1, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        for (size_t j = 0; j < ARRAY_SIZE(keys); j++) {
            int order = run_key_compare(&keys[i], &keys[j]);

            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
        }
    }
}

static void words_are_read_as_written(void **state)
{
    enum run_status status;
    enum run_trigger trigger;

    (void)state;
    for (unsigned i = 0; i < RUN_STATUS_COUNT; i++) {
        assert_int_equal(run_status_parse(run_status_text((enum run_status)i), &status, NULL),
                         RC_OK);
        assert_int_equal(status, i);
        assert_int_equal(run_status_is_final(status), i > RUN_RUNNING);
    }
    for (unsigned i = 0; i < RUN_TRIGGER_COUNT; i++) {
        assert_int_equal(run_trigger_parse(run_trigger_text((enum run_trigger)i), &trigger, NULL),
                         RC_OK);
        assert_int_equal(trigger, i);
    }
    assert_int_equal(run_status_parse("done", &status, NULL), RC_INVALID);
    assert_int_equal(run_trigger_parse("", &trigger, NULL), RC_INVALID);
}

static void late_results_become_one_note(void **state)
{
    static const struct run_result failed = {.status = RUN_FAILED, .exit_code = 3};
    static const struct run_result killed = {.status = RUN_KILLED, .exit_code = -1, .signal = 9};
    static const struct run_result missed = {.status = RUN_MISSED, .exit_code = -1};
    char text[LIMIT_REASON + 1], again[LIMIT_REASON + 1];

    (void)state;
    assert_string_equal(run_reason_late("", &failed, text), "late result: failed, exit code 3");
    assert_string_equal(run_reason_late("gone", &killed, text),
                        "gone; late result: killed, signal 9");
    assert_string_equal(run_reason_late("gone", &missed, text), "gone; late result: missed");
    (void)run_reason_late("gone", &killed, text);
    assert_string_equal(run_reason_late(text, &failed, again), text);
}

static void late_note_fits_behind_any_reason(void **state)
{
    static const struct run_result failed = {.status = RUN_FAILED, .exit_code = 3};
    char reason[LIMIT_REASON + 1], text[LIMIT_REASON + 1];

    (void)state;
    for (size_t i = 0; i + 1 < sizeof(reason); i += 2)
        memcpy(reason + i, "\xc3\xa4", 2); /* one character */
    reason[sizeof(reason) - 1] = '\0';
    (void)run_reason_late(reason, &failed, text);
    assert_true(strlen(text) <= LIMIT_REASON);
    assert_non_null(strstr(text, "\xc3\xa4; late result: failed, exit code 3"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_keys_in_text),
        cmocka_unit_test(other_texts_are_no_ids),
        cmocka_unit_test(keys_are_ordered_by_all_their_parts),
        cmocka_unit_test(words_are_read_as_written),
        cmocka_unit_test(late_results_become_one_note),
        cmocka_unit_test(late_note_fits_behind_any_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
