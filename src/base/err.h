/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/err.h: the detail of a failure, in words for a person.
 *
 * A `struct err` is a value: no initialiser and no release are needed beyond `= {0}`. It is
 * written on failure only, and may always be NULL. A caller that knows more puts it in front
 * with err_prefix(). Text longer than the buffer is cut.
 */
#ifndef CRONJOB_BASE_ERR_H
#define CRONJOB_BASE_ERR_H

#include "base/compiler.h"
#include "base/rc.h"

struct err {
    char message[512];
};

/*
 * Sets the message and answers `rc`, so that a failure is one line: return err_fail(...). A macro,
 * so that compiler and analyser see that the answer is `rc`.
 */
#define err_fail(err, rc, ...) (err_set((err), __VA_ARGS__), (rc))

/* As err_fail(), with ": " and the text of the errno value behind the message. */
#define err_errno(err, rc, error, ...) (err_set_errno((err), (error), __VA_ARGS__), (rc))

/* Puts text in front of the message: "opening /x: No such file". Answers `rc` unchanged. */
#define err_prefix(err, rc, ...) (err_put_before((err), (rc), __VA_ARGS__), (rc))

void err_set(struct err *err, const char *format, ...) PRINTF(2, 3);
void err_set_errno(struct err *err, int error, const char *format, ...) PRINTF(3, 4);
void err_put_before(struct err *err, enum rc rc, const char *format, ...) PRINTF(3, 4);

/* The message, or the code's own text when none was given. */
const char *err_message(const struct err *err, enum rc rc);

#endif
