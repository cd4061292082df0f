/* SPDX-License-Identifier: Apache-2.0 */
#include "ports/fires.h"

#include "table.h"

static void a_call_is_a_job_with_one_name(void **state)
{
    static const struct {
        const char *text;
        job_id job; /* 0: none */
    } rows[] = {
        {"fire 1", 1},
        {"fire 12", 12},
        {"fire 9223372036854775807", INT64_MAX},
        {"fire 9223372036854775808", 0},
        {"fire 99999999999999999999", 0},
        {"fire 0", 0},
        {"fire 012", 0},
        {"fire ", 0},
        {"fire", 0},
        {"", 0},
        {"fire -1", 0},
        {"fire 1 ", 0},
        {"fire 1\n", 0},
        {"fire  1", 0},
        {"Fire 1", 0},
        {"fire 1234567890123456789012345678901234567890", 0},
    };
    struct table table = {"a_call_is_a_job_with_one_name", 0, 0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char text[FIRE_TEXT];
        job_id job = 0;

        table_equal(&table, rows[i].text, rows[i].job != 0,
                    fire_parse(rows[i].text, strlen(rows[i].text), &job));
        table_equal(&table, rows[i].text, (long long)rows[i].job, (long long)job);
        if (!job)
            continue;
        table_equal(&table, rows[i].text, (long long)strlen(rows[i].text),
                    (long long)fire_print(job, text));
        table_same(&table, rows[i].text, rows[i].text, text);
    }
    table_end(&table);
}

static void every_answer_is_read_again(void **state)
{
    struct table table = {"every_answer_is_read_again", 0, 0};
    enum fire_answer read;

    (void)state;
    for (enum fire_answer answer = 0; answer < FIRE_ANSWERS; answer++) {
        const char *text = fire_answer_text(answer);

        table_equal(&table, text, true, strlen(text) < FIRE_TEXT);
        table_equal(&table, text, true, fire_answer_parse(text, strlen(text), &read));
        table_equal(&table, text, answer, read);
        table_equal(&table, text, false, fire_answer_parse(text, strlen(text) - 1, &read));
    }
    table_equal(&table, "", false, fire_answer_parse("", 0, &read));
    table_end(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_is_a_job_with_one_name),
        cmocka_unit_test(every_answer_is_read_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
