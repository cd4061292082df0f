/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

/* The table of RFC 3629 section 4: what the first byte is and what the second must then be. */
static const struct {
    uint8_t first_low, first_high, second_low, second_high, length;
} forms[] = {
    {0x00, 0x7F, 0x00, 0x00, 1}, {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
    {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
    {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
};

static bool within(char byte, uint8_t low, uint8_t high)
{
    return (uint8_t)byte >= low && (uint8_t)byte <= high;
}

size_t utf8_length(const char *text, size_t length)
{
    for (size_t i = 0; length && i < ARRAY_SIZE(forms); i++) {
        size_t seen = 2;

        if (!within(text[0], forms[i].first_low, forms[i].first_high))
            continue;
        if (forms[i].length == 1)
            return 1;
        if (length < forms[i].length || !within(text[1], forms[i].second_low, forms[i].second_high))
            return 0;
        while (seen < forms[i].length && within(text[seen], 0x80, 0xBF))
            seen++;
        return seen == forms[i].length ? seen : 0;
    }
    return 0;
}
