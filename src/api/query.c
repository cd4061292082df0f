/* SPDX-License-Identifier: Apache-2.0 */
#include "api/query.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/run.h"

enum { QUERY_TEXT_MAX = 1000, QUERY_RULES_MAX = 32 };

struct check {
    const struct query_rule *rules;
    size_t count;
    struct problems *problems;
    bool given[QUERY_RULES_MAX];
};

static bool read_integer(const char *text, int64_t *ret_number)
{
    char *end;

    if (text[0] == '\0' || text[strspn(text, "0123456789")] != '\0')
        return false;
    errno = 0;
    *ret_number = strtoll(text, &end, 10);
    return errno == 0 && *end == '\0';
}

static void check_integer(const struct query_rule *rule, const char *value,
                          struct problems *problems)
{
    int64_t number;

    if (!read_integer(value, &number) || number < rule->least || number > rule->most)
        problems_add(problems, rule->name, "%.40s is not a whole number in %" PRId64 "-%" PRId64,
                     value[0] ? value : "nothing", rule->least, rule->most);
}

static void check_word(const struct query_rule *rule, const char *value, struct problems *problems)
{
    char allowed[256];
    size_t used = 0;

    for (const char *const *word = rule->words; *word; word++) {
        if (strcmp(value, *word) == 0)
            return;
        if (used < sizeof(allowed))
            used += (size_t)snprintf(allowed + used, sizeof(allowed) - used, "%s%s",
                                     used ? ", " : "", *word);
    }
    problems_add(problems, rule->name, "%.40s is none of %s", value, allowed);
}

static void check_value(const struct query_rule *rule, const char *value, struct problems *problems)
{
    struct err err = {0};
    struct run_key key;
    instant_us instant;
    const char *colon;

    switch (rule->kind) {
    case QUERY_TEXT:
        if (strlen(value) > QUERY_TEXT_MAX)
            problems_add(problems, rule->name, "longer than %d bytes", QUERY_TEXT_MAX);
        return;
    case QUERY_INTEGER:
        check_integer(rule, value, problems);
        return;
    case QUERY_BOOLEAN:
        if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
            problems_add(problems, rule->name, "%.40s is neither true nor false", value);
        return;
    case QUERY_INSTANT:
        if (instant_parse(value, &instant, &err) != RC_OK)
            problems_add(problems, rule->name, "%s", err.message);
        return;
    case QUERY_WORD:
        check_word(rule, value, problems);
        return;
    case QUERY_LABEL:
        colon = strchr(value, ':');
        if (!colon || colon == value)
            problems_add(problems, rule->name, "%.140s is not NAME:VALUE", value);
        return;
    case QUERY_RUN:
        if (run_id_parse(value, &key, &err) != RC_OK)
            problems_add(problems, rule->name, "%.80s is not the id of a run", value);
        return;
    }
}

static bool check_parameter(void *context, const char *name, const char *value)
{
    struct check *check = context;

    for (size_t i = 0; i < check->count; i++) {
        if (strcmp(check->rules[i].name, name) != 0)
            continue;
        if (check->given[i])
            problems_add(check->problems, check->rules[i].name, "given twice");
        else
            check_value(&check->rules[i], value ? value : "", check->problems);
        check->given[i] = true;
        return true;
    }
    problems_add(check->problems, name, "unknown parameter");
    return true;
}

void query_check(const struct http_request *request, const struct query_rule *rules, size_t count,
                 struct problems *problems)
{
    struct check check = {
        .rules = rules, .count = MIN(count, QUERY_RULES_MAX), .problems = problems};

    http_request_each_query(request, check_parameter, &check);
    for (size_t i = 0; i < check.count; i++)
        if (rules[i].required && !check.given[i])
            problems_add(problems, rules[i].name, "is needed");
}

int64_t query_integer(const struct http_request *request, const char *name, int64_t missing)
{
    const char *value = http_request_query(request, name);
    int64_t number;

    return value && read_integer(value, &number) ? number : missing;
}

bool query_boolean(const struct http_request *request, const char *name)
{
    const char *value = http_request_query(request, name);

    return value && strcmp(value, "true") == 0;
}

instant_us query_instant(const struct http_request *request, const char *name, instant_us missing)
{
    const char *value = http_request_query(request, name);
    instant_us instant;

    return value && instant_parse(value, &instant, NULL) == RC_OK ? instant : missing;
}
