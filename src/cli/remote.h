/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/remote.h: questions to the server.
 *
 * What goes wrong is said on stderr here: that the server can't be reached, or the problem it
 * answers with, its detail and each wrong field on a line of its own. So callers only pass on the
 * exit code, CLI_DONE for an answer of 2xx.
 */
#ifndef CRONJOB_CLI_REMOTE_H
#define CRONJOB_CLI_REMOTE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#include "cli/cli.h"
#include "cli/file_body.h"
#include "wire/json.h"

struct remote_request {
    const char *method;
    const char *path; /* with its query, encoded */
    const char *body; /* JSON; NULL when there is none */
    size_t body_length;
    struct file_body *file;      /* a body with a file in it instead; NULL when there is none */
    bool is_patch;               /* application/merge-patch+json */
    const char *if_match;        /* an ETag, or NULL */
    const char *idempotency_key; /* or NULL */
    bool quiet;                  /* say nothing of an answer that is not 2xx */
};

/* `body` and `json` live until remote_answer_release(); json is NULL when there is no body. */
struct remote_answer {
    unsigned status; /* 0 when there was no answer */
    struct buf body;
    struct json_value *json;
    char etag[80];   /* "" when there is none */
    instant_us date; /* the server's clock, INSTANT_NONE when it did not say */
};

/* `ret_answer` is always to be released. */
int remote_call(struct cli *cli, const struct remote_request *request,
                struct remote_answer *ret_answer);
void remote_answer_release(struct remote_answer *answer);
#define AUTO_ANSWER CLEANUP(remote_answer_release)

/* GET: the body of an answer of 2xx goes to `sink` as it comes; false ends it, with CLI_FAILED. */
typedef bool (*remote_sink)(void *context, const char *data, size_t length);
struct remote_stream {
    const char *path;
    remote_sink sink;
    void *context;
    span_us patience;    /* the most between two pieces; 0 is that of all other calls */
    bool ends_quietly;   /* when the patience is over: CLI_DONE, for somebody who asks again */
    const char *subject; /* NULL, or whose stream it is: a path that is asked when it was cut, and
                            whose refusal is then what is told */
};
int remote_stream(struct cli *cli, const struct remote_stream *stream);

/* GET of a list: each element as a document, whose memory is the call's; `text` is the element as
 * it came. False ends it. */
typedef bool (*remote_visit)(void *context, const struct json_value *element, const char *text,
                             size_t length);
int remote_each(struct cli *cli, const char *path, remote_visit visit, void *context);

/* The path with the segment, encoded, in place of its "{}". */
const char *remote_path(struct cli *cli, const char *pattern, const char *segment);

/* The path with "name=value" added to its query, encoded; as it is when the value is NULL. */
const char *remote_query(struct cli *cli, const char *path, const char *name, const char *value);

/* Prints the answer's body and a newline, for --json. */
void remote_print(const struct remote_answer *answer);

#endif
