/* SPDX-License-Identifier: Apache-2.0 */
/* The body of a job's request, as it arrives. */
#include <string.h>

#include "api/answer.h"
#include "api/executable.h"
#include "api/secret.h"

#define MEMBER "executable"

enum { UPLOADS = 32 }; /* at once; each may fill upload-limit of the disk */

/* The file's text. What is wrong with it is told when it is known to be a file's: until then it may
 * be the command line of somebody who has no idea how long those may be. */
static enum rc take_text(void *context, const char *text, size_t length, struct err *err)
{
    struct intake *intake = context;
    const struct api_config *config = &intake->call->api->config;

    if (!intake->upload.is_open && intake->rc == RC_OK)
        intake->rc = upload_open(&intake->upload, config->upload_directory, config->upload_limit,
                                 &intake->err);
    if (intake->rc == RC_OK)
        intake->rc = upload_decode(&intake->upload, text, length, &intake->err);
    if (intake->rc != RC_TOO_BIG)
        return RC_OK;
    *err = intake->err; /* nobody need send the rest */
    return RC_TOO_BIG;
}

static struct intake *intake_of(struct call *call)
{
    if (!call->intake) {
        call->intake = arena_calloc(call->arena, sizeof(*call->intake));
        call->intake->call = call;
        call->intake->sift = (struct sift){
            .name = MEMBER, .most = LIMIT_EXECUTABLE, .take = take_text, .context = call->intake};
    }
    return call->intake;
}

/* Each upload takes of the disk what nobody else can have. False: it is one too many. */
static bool count_upload(struct intake *intake)
{
    struct api *api = intake->call->api;

    if (!intake->sift.taken || intake->counted)
        return true;
    intake->counted = true;
    return atomic_fetch_add(&api->uploads, 1) < UPLOADS;
}

bool intake_take(struct http_request *request, const char *data, size_t length, struct buf *body)
{
    struct call *call = http_request_data(request);
    struct intake *intake = intake_of(call);
    struct err err = {0};
    enum rc rc = sift_feed(&intake->sift, data, length, body, &err);

    if (body->failed)
        rc = err_fail(&err, RC_TOO_BIG, "the body is larger than %d bytes without its file",
                      LIMIT_BODY);
    if (rc == RC_OK && !count_upload(intake))
        rc = err_fail(&err, RC_BUSY, "%d files are being uploaded already", UPLOADS);
    if (rc == RC_OK)
        return true;
    upload_close(&intake->upload);
    answer_failure(call, rc, &err);
    return false;
}

void intake_release(struct intake *intake)
{
    upload_close(&intake->upload);
    if (intake->counted)
        atomic_fetch_sub(&intake->call->api->uploads, 1);
    intake->counted = false;
}

void intake_digest(const struct call *call, uint8_t ret_digest[CRYPTO_DIGEST])
{
    const struct intake *intake = call->intake;
    struct crypto_hash hash;
    size_t length;
    const char *body = http_request_body(call->request, &length);

    crypto_hash_begin(&hash);
    crypto_hash_add(&hash, body, length);
    if (intake && intake->sift.taken)
        crypto_hash_add(&hash, intake->upload.sha256, strlen(intake->upload.sha256));
    crypto_hash_end(&hash, ret_digest);
}
