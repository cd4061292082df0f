/* SPDX-License-Identifier: Apache-2.0 */
#include "ports/fires.h"

#include <stdio.h>
#include <string.h>

#define CALL "fire "

static const char *const answers[FIRE_ANSWERS] = {
    [FIRE_TAKEN] = "taken",       [FIRE_NOT_DUE] = "not-due", [FIRE_UNKNOWN] = "unknown",
    [FIRE_STARTING] = "starting", [FIRE_REFUSED] = "refused",
};

size_t fire_print(job_id job, char text[FIRE_TEXT])
{
    return (size_t)snprintf(text, FIRE_TEXT, CALL "%llu", (unsigned long long)job); /* fits */
}

/* Digits alone, without zeros in front: every job has one name. */
bool fire_parse(const char *text, size_t length, job_id *ret_job)
{
    size_t at = sizeof(CALL) - 1;
    job_id job = 0;

    if (length <= at || length >= FIRE_TEXT || memcmp(text, CALL, at) != 0 || text[at] == '0')
        return false;
    for (; at < length; at++) {
        job_id digit = (job_id)(unsigned char)text[at] - '0';

        if (digit > 9 || job > (INT64_MAX - digit) / 10)
            return false;
        job = job * 10 + digit;
    }
    *ret_job = job;
    return true;
}

const char *fire_answer_text(enum fire_answer answer)
{
    return answers[answer];
}

bool fire_answer_parse(const char *text, size_t length, enum fire_answer *ret_answer)
{
    for (size_t i = 0; i < FIRE_ANSWERS; i++) {
        if (strlen(answers[i]) != length || memcmp(text, answers[i], length) != 0)
            continue;
        *ret_answer = (enum fire_answer)i;
        return true;
    }
    return false;
}
