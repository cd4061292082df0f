/* SPDX-License-Identifier: Apache-2.0 */
/* base/compiler.h: attributes, ownership helpers and small macros used everywhere. */
#ifndef CRONJOB_BASE_COMPILER_H
#define CRONJOB_BASE_COMPILER_H

#include <stddef.h>

#define MUST_USE            __attribute__((warn_unused_result))
#define PRINTF(text, first) __attribute__((format(printf, text, first)))
#define NORETURN            __attribute__((noreturn))
#define UNUSED              __attribute__((unused))

/* A local declared with CLEANUP(f) is handed to f(&local) when it leaves its scope. */
#define CLEANUP(function) __attribute__((cleanup(function)))

/* Ownership leaves a variable: evaluates to its value and leaves NULL behind. */
#define TAKE(pointer)                           \
    __extension__({                             \
        __typeof__(pointer) taken_ = (pointer); \
        (pointer) = NULL;                       \
        taken_;                                 \
    })

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define MIN(a, b)         ((a) < (b) ? (a) : (b))
#define MAX(a, b)         ((a) > (b) ? (a) : (b))

/* The object that holds `member` at `pointer`; through void * for -Wcast-align. */
#define container_of(pointer, type, member) \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
