/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/follow.h"

#include <poll.h>
#include <stdio.h>

#include "core/run.h"

#include "cli/text.h"

enum { PAUSE_MS = 500 };

/* After so long without output the run is looked at, and the stream asked for again. Lines counted
 * from the end cannot be asked for again. */
#define FOLLOW_PATIENCE (5 * MINUTE)
#define TAIL_PATIENCE   DAY

/* What of the output is written already: a stream that was cut is asked for again from its start.
 */
struct copy {
    bool quiet;
    size_t skip; /* bytes of this stream that a former one had */
    size_t done; /* bytes seen of all */
};

static bool copy_piece(void *context, const char *data, size_t length)
{
    struct copy *copy = context;
    size_t known = MIN(copy->skip, length);
    copy->skip -= known;
    copy->done += length - known;
    if (copy->quiet)
        return true;
    size_t fresh = length - known;
    return fwrite(data + known, 1, fresh, stdout) == fresh && fflush(stdout) == 0;
}

static const char *output_path(struct cli *cli, const char *run, const char *tail, bool follows)
{
    const char *path = remote_path(cli, "/runs/{}/output", run);
    path = remote_query(cli, path, "tail", tail);
    return remote_query(cli, path, "follow", follows ? "true" : NULL);
}

static bool is_final(const struct remote_answer *answer)
{
    enum run_status status = RUN_QUEUED;
    const char *text = text_string(answer->json, "status", "");
    return run_status_parse(text, &status, NULL) == RC_OK && run_status_is_final(status);
}

int follow_run(struct cli *cli, const char *run, bool quiet, struct remote_answer *ret_answer)
{
    struct copy copy = {.quiet = quiet};
    struct remote_request request = {.method = "GET", .path = remote_path(cli, "/runs/{}", run)};
    struct remote_stream stream = {.path = output_path(cli, run, NULL, true),
                                   .sink = copy_piece,
                                   .context = &copy,
                                   .patience = FOLLOW_PATIENCE,
                                   .ends_quietly = true,
                                   .subject = request.path};
    *ret_answer = (struct remote_answer){0};
    for (;;) {
        copy.skip = copy.done;
        size_t before = copy.done;
        int code = remote_stream(cli, &stream);
        if (code != CLI_DONE)
            return code;
        remote_answer_release(ret_answer);
        code = remote_call(cli, &request, ret_answer);
        if (code != CLI_DONE || is_final(ret_answer))
            return code;
        if (copy.done == before)
            (void)poll(NULL, 0, PAUSE_MS);
    }
}

int follow_output(struct cli *cli, const char *run, const char *tail, bool follows)
{
    struct copy copy = {0};
    if (follows && !tail) {
        AUTO_ANSWER struct remote_answer answer;
        return follow_run(cli, run, false, &answer);
    }
    struct remote_stream stream = {.path = output_path(cli, run, tail, follows),
                                   .sink = copy_piece,
                                   .context = &copy,
                                   .patience = follows ? TAIL_PATIENCE : 0,
                                   .subject = remote_path(cli, "/runs/{}", run)};
    return remote_stream(cli, &stream);
}
