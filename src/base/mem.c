/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

enum { FIRST_CAPACITY = 16 };

void *xmalloc(size_t size)
{
    void *memory = malloc(size ? size : 1);

    CHECK(memory);
    return memory;
}

void *xcalloc(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size ? size : 1);

    CHECK(memory);
    return memory;
}

void *xrealloc(void *memory, size_t count, size_t size)
{
    size_t total;

    CHECK(!__builtin_mul_overflow(count, size, &total));
    memory = realloc(memory, total ? total : 1);
    CHECK(memory);
    return memory;
}

void *xgrow(void *array, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return array;
    *capacity = MAX(*capacity * 2, (size_t)FIRST_CAPACITY);
    return xrealloc(array, *capacity, size);
}

char *xstrdup(const char *text)
{
    return xstrndup(text, strlen(text));
}

char *xstrndup(const char *text, size_t length)
{
    char *copy = xmalloc(length + 1);

    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

char *xasprintf(const char *format, ...)
{
    va_list args;
    char *text;
    int length;

    va_start(args, format);
    length = vasprintf(&text, format, args);
    va_end(args);
    CHECK(length >= 0);
    return text;
}

void mem_free_at(void *pointer)
{
    free(*(void **)pointer);
}
