/* SPDX-License-Identifier: Apache-2.0 */
/* wire/user.h: a user in JSON, and the requests about one. */
#ifndef CRONJOB_WIRE_USER_H
#define CRONJOB_WIRE_USER_H

#include "core/record.h"

#include "wire/json.h"

/* The password's hash is never shown, only whether there is one. */
void wire_user_write(struct json_writer *writer, const struct user_record *user);

struct user_request {
    const char *name;
    const char *password; /* in clear; "" when none was given */
    enum user_role role;
    bool privileged;
    bool disabled;
    struct strings accounts;
    unsigned given; /* enum user_part, or-ed: what was there */
};

/*
 * {"name","role","accounts","privileged","disabled","password"}; name and role are required. Memory
 * of this and of all below comes from problems->arena. RC_MALFORMED: not an object; RC_INVALID:
 * problems.
 */
MUST_USE enum rc wire_user_request_read(const char *text, size_t length, struct problems *problems,
                                        struct user_request *ret_request, struct err *err);

/* The same of a change: any of {"role","accounts","privileged","disabled"}. */
MUST_USE enum rc wire_user_patch_read(const char *text, size_t length, struct problems *problems,
                                      struct user_request *ret_request, struct err *err);

struct password_request {
    const char *password;
    const char *old; /* "" when it was not given */
};

/* {"password","old"}, password required. */
MUST_USE enum rc wire_password_read(const char *text, size_t length, struct problems *problems,
                                    struct password_request *ret_request, struct err *err);

struct login_request {
    const char *user;
    const char *password;
    bool token;         /* answer with a bearer token instead of a cookie */
    span_us expires_in; /* 0: as long as a session holds */
};

/* {"user","password","token","expires_in"}; user and password are required. */
MUST_USE enum rc wire_login_read(const char *text, size_t length, struct problems *problems,
                                 struct login_request *ret_request, struct err *err);

/* An array of strings as text and back, for stores that keep it in one column. */
void wire_strings_write(const struct strings *strings, struct buf *buf);
MUST_USE enum rc wire_strings_read(const char *text, size_t length, struct arena *arena,
                                   struct strings *ret_strings, struct err *err);

#endif
