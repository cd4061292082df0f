/* SPDX-License-Identifier: Apache-2.0 */
/* wire/problem.h: an error as application/problem+json (RFC 9457). */
#ifndef CRONJOB_WIRE_PROBLEM_H
#define CRONJOB_WIRE_PROBLEM_H

#include "core/job.h"

#include "wire/json.h"

#define WIRE_PROBLEM_TYPE "application/problem+json"

/* title, status, detail, and with `problems` (may be NULL) errors: [{field, message}]. */
void wire_problem_write(struct json_writer *writer, int status, const char *title,
                        const char *detail, const struct problems *problems);

#endif
