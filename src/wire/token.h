/* SPDX-License-Identifier: Apache-2.0 */
/* wire/token.h: an access token in JSON, and the request for one. */
#ifndef CRONJOB_WIRE_TOKEN_H
#define CRONJOB_WIRE_TOKEN_H

#include "core/record.h"

#include "wire/json.h"

/* `secret` is shown once, in the answer to its creation; NULL leaves it out. The hash is never
 * shown. */
void wire_token_write(struct json_writer *writer, const struct access_token *token,
                      const char *secret);

struct token_request {
    const char *name;
    const char *account; /* "" is the account of who asks */
    bool admin;
    enum user_role scope; /* editor, or admin of an `admin` token, when it was left out */
    span_us expires_in;   /* 0: never */
};

/* {"name","account","admin","scope","expires_in"}, name required. RC_MALFORMED: not an object;
 * RC_INVALID: problems. Memory comes from problems->arena. */
MUST_USE enum rc wire_token_request_read(const char *text, size_t length, struct problems *problems,
                                         struct token_request *ret_request, struct err *err);

#endif
