/* SPDX-License-Identifier: Apache-2.0 */
#include "api/executable.h"

#include <string.h>

#include "base/check.h"

#include "core/limits.h"

#include "api/answer.h"
#include "api/import.h"

enum { STORE_TRIES = 3, DIGITS = CRYPTO_DIGEST_TEXT - 1 };

static const char no_hash[] = "0000000000000000000000000000000000000000000000000000000000000000";

/* ---- what is needed ------------------------------------------------------------------------ */

/* A job whose executable is no good is refused, but the rest of it is looked at all the same. */
static void stand_in(struct job *job)
{
    job->executable = "https://none/";
    job->sha256 = no_hash;
}

static const char *url_of(const struct call *call, const char *sha256, struct arena *arena)
{
    return arena_printf(arena, "%s/%s%s", objects_url(call->api->config.objects),
                        OBJECT_EXECUTABLES, sha256);
}

/* The hash in a URL of the own object store; NULL: it is none. */
static const char *own_hash(const struct call *call, const char *url)
{
    const char *base = objects_url(call->api->config.objects);
    const char *hash = url + strlen(base) + strlen("/" OBJECT_EXECUTABLES);
    uint8_t digest[CRYPTO_DIGEST];

    if (!*base || strncmp(url, base, strlen(base)) != 0 ||
        strncmp(url + strlen(base), "/" OBJECT_EXECUTABLES, strlen("/" OBJECT_EXECUTABLES)) != 0)
        return NULL;
    return crypto_digest_read(hash, digest) && strspn(hash, "0123456789abcdef") == DIGITS ? hash
                                                                                          : NULL;
}

static void wrong_hash(struct problems *problems, const char *given, const char *actual)
{
    problems_add(problems, "sha256", "is %.64s, but the file has %s", given, actual);
}

/* The whole of a short content is in the body; it is decoded as a long one is. */
static void decode_short(struct intake *intake, const char *text)
{
    const struct api_config *config = &intake->call->api->config;

    upload_close(&intake->upload); /* of a try before */
    intake->rc =
        upload_open(&intake->upload, config->upload_directory, config->upload_limit, &intake->err);
    if (intake->rc == RC_OK)
        intake->rc = upload_decode(&intake->upload, text, strlen(text), &intake->err);
}

static enum rc read_content(struct intake *intake, struct problems *problems, struct job *job,
                            struct err *err)
{
    struct upload *upload = &intake->upload;

    if (!intake->sift.taken)
        decode_short(intake, job->executable);
    if (intake->rc == RC_OK && !upload->sha256[0])
        intake->rc = upload_end(upload, true, &intake->err);
    if (intake->rc == RC_INVALID) {
        problems_add(problems, "executable", "%s", intake->err.message);
        stand_in(job);
        return RC_OK;
    }
    if (intake->rc != RC_OK)
        return err_fail(err, intake->rc, "%s", intake->err.message);
    if (job->sha256[0] && strcmp(job->sha256, upload->sha256) != 0)
        wrong_hash(problems, job->sha256, upload->sha256);
    intake->need = NEED_STORE;
    job->sha256 = arena_strdup(problems->arena, upload->sha256);
    job->executable = url_of(intake->call, job->sha256, problems->arena);
    return RC_OK;
}

static void read_own(struct intake *intake, const char *hash, struct problems *problems,
                     struct job *job)
{
    if (job->sha256[0] && strcmp(job->sha256, hash) != 0)
        wrong_hash(problems, job->sha256, hash);
    intake->need = NEED_CHECK;
    job->sha256 = hash;
}

static void read_foreign(struct intake *intake, struct problems *problems, struct job *job)
{
    const struct api *api = intake->call->api;
    struct err why = {0};
    bool is_web = strncmp(job->executable, "http", 4) == 0;

    if (!is_web) {
        problems_add(problems, "executable", "'%.200s' is no executable of the object store %s",
                     job->executable, objects_url(api->config.objects));
        stand_in(job);
    } else if (import_check(&api->sources, job->executable, &why) != RC_OK) {
        problems_add(problems, "executable", "%s", why.message);
        stand_in(job);
    } else {
        intake->need = NEED_FETCH;
    }
}

/* It executes what it did: nobody is asked for what is stored already. */
static bool is_as_before(const struct job_found *current, const struct job *job)
{
    return current && current->job.type != JOB_COMMAND && job->sha256[0] &&
           strcmp(current->job.sha256, job->sha256) == 0 &&
           strcmp(current->job.executable, job->executable) == 0;
}

static enum rc read_file(struct intake *intake, const struct job_found *current,
                         struct problems *problems, struct job *job, struct err *err)
{
    const char *hash = own_hash(intake->call, job->executable);

    intake->need = NEED_NOTHING;
    if (!intake->sift.taken && is_as_before(current, job))
        return RC_OK;
    if (!*objects_url(intake->call->api->config.objects))
        return err_fail(err, RC_UNAVAILABLE,
                        "this server was not told where to keep files: the setting is objects");
    if (intake->sift.taken || !executable_is_url(job->executable))
        return read_content(intake, problems, job, err);
    if (hash)
        read_own(intake, hash, problems, job);
    else
        read_foreign(intake, problems, job);
    return RC_OK;
}

/* The request is read once more, upon a job that has changed: what was done for it stays done. */
static void read_again(const struct intake *intake, struct arena *arena, struct job *job)
{
    job->executable = arena_strdup(arena, intake->url);
    job->sha256 = arena_strdup(arena, intake->sha256);
}

enum rc executable_read(struct call *call, const struct job_found *current,
                        struct problems *problems, struct job *job, struct err *err)
{
    struct intake *intake = call->intake;
    enum rc rc;

    if (job->type == JOB_COMMAND) {
        if (intake && intake->sift.taken)
            problems_add(problems, "executable", "has more than %d bytes", LIMIT_EXECUTABLE);
        return RC_OK;
    }
    CHECK(intake); /* the type came with a body, or with the job that it changes */
    if (intake->ready && strcmp(intake->given, job->executable) == 0) {
        read_again(intake, problems->arena, job);
        return RC_OK;
    }
    intake->ready = false;
    intake->given = arena_strdup(call->arena, job->executable);
    rc = read_file(intake, current, problems, job, err);
    intake->url = arena_strdup(call->arena, job->executable);
    intake->sha256 = arena_strdup(call->arena, job->sha256);
    return rc;
}

/* ---- what is done -------------------------------------------------------------------------- */

/* An object that may soon be collected is stored again, so that it is there when its job is. */
static bool is_old(const struct call *call, const struct object_info *info)
{
    return call_now(call) - info->stored_at >= call->api->config.keep_files_for / 2;
}

static enum rc put(struct objects *objects, const char *key, const struct upload *upload,
                   struct err *err)
{
    struct object_source source = {.fd = upload->fd, .size = upload->size};
    enum rc rc = RC_UNKNOWN;

    for (int i = 0; i < STORE_TRIES && rc == RC_UNKNOWN; i++)
        rc = objects_put(objects, key, &source, err);
    return rc;
}

/* The object store refusing this server is no fault of who asks it. */
static enum rc of_store(enum rc rc, struct err *err)
{
    if (rc == RC_FORBIDDEN || rc == RC_NOT_FOUND)
        rc = RC_UNAVAILABLE;
    return rc == RC_OK ? rc : err_prefix(err, rc, "the object store");
}

/* The same bytes are one object, whoever brings them. */
static enum rc store_upload(const struct call *call, const struct upload *upload, struct err *err)
{
    struct objects *objects = call->api->config.objects;
    char key[sizeof(OBJECT_EXECUTABLES) + CRYPTO_DIGEST_TEXT] = OBJECT_EXECUTABLES;
    struct object_info info;
    enum rc rc;

    memcpy(key + strlen(key), upload->sha256, CRYPTO_DIGEST_TEXT);
    rc = objects_stat(objects, key, &info, err);
    if (rc == RC_OK && info.size == upload->size && !is_old(call, &info))
        return RC_OK;
    if (rc == RC_OK || rc == RC_NOT_FOUND)
        rc = put(objects, key, upload, err);
    return of_store(rc, err);
}

struct copying {
    struct upload *upload;
    struct err *err;
    enum rc rc;
};

static bool copy_piece(void *context, const void *data, size_t length)
{
    struct copying *copying = context;

    copying->rc = upload_write(copying->upload, data, length, copying->err);
    return copying->rc == RC_OK;
}

/* Nobody brings the bytes, so they are taken from where they are, to be young again. */
static enum rc renew(struct intake *intake, const char *key, const struct object_info *info,
                     struct err *err)
{
    const struct api_config *config = &intake->call->api->config;
    struct copying copying = {.upload = &intake->upload, .err = err, .rc = RC_OK};
    struct object_range whole = {.length = -1};
    enum rc rc;

    upload_close(copying.upload);
    rc = upload_open(copying.upload, config->upload_directory, info->size, err);
    if (rc == RC_OK)
        rc = objects_get(config->objects, key, &whole, copy_piece, &copying, err);
    if (rc == RC_CLOSED)
        rc = copying.rc;
    if (rc == RC_OK)
        rc = upload_end(copying.upload, false, err);
    if (rc == RC_OK && strcmp(copying.upload->sha256, intake->sha256) != 0)
        rc = err_fail(err, RC_IO, "%s has other bytes than it should", key);
    return rc == RC_OK ? put(config->objects, key, copying.upload, err) : rc;
}

static enum rc check_stored(struct intake *intake, struct problems *problems, struct err *err)
{
    char key[sizeof(OBJECT_EXECUTABLES) + CRYPTO_DIGEST_TEXT] = OBJECT_EXECUTABLES;
    struct object_info info;
    enum rc rc;

    memcpy(key + strlen(key), intake->sha256, CRYPTO_DIGEST_TEXT);
    rc = objects_stat(intake->call->api->config.objects, key, &info, err);
    if (rc == RC_OK && is_old(intake->call, &info))
        rc = renew(intake, key, &info, err);
    if (rc != RC_NOT_FOUND)
        return of_store(rc, err);
    problems_add(problems, "executable",
                 "there is no file %.64s in the object store; send the file itself",
                 intake->sha256);
    return RC_INVALID;
}

static enum rc fetch(struct intake *intake, struct problems *problems, struct err *err)
{
    const struct api *api = intake->call->api;
    struct upload *upload = &intake->upload;
    enum rc rc;

    upload_close(upload);
    rc = upload_open(upload, api->config.upload_directory, api->config.upload_limit, err);
    if (rc == RC_OK)
        rc = import_fetch(&api->sources, intake->url, upload, err);
    if (rc == RC_INVALID)
        problems_add(problems, "executable", "%s", err->message);
    if (rc != RC_OK)
        return rc;
    if (*intake->sha256 && strcmp(intake->sha256, upload->sha256) != 0) {
        wrong_hash(problems, intake->sha256, upload->sha256);
        return RC_INVALID;
    }
    intake->sha256 = upload->sha256;
    return store_upload(intake->call, upload, err);
}

static enum rc do_needed(struct intake *intake, struct problems *problems, struct err *err)
{
    switch (intake->need) {
    case NEED_NOTHING:
        return RC_OK;
    case NEED_STORE:
        return store_upload(intake->call, &intake->upload, err);
    case NEED_CHECK:
        return check_stored(intake, problems, err);
    case NEED_FETCH:
        return fetch(intake, problems, err);
    }
    return RC_INTERNAL;
}

static void run(struct transfer *transfer, bool cancelled)
{
    struct intake *intake = container_of(transfer, struct intake, transfer);
    struct pending *pending = intake->pending;
    struct problems problems = {.arena = &pending->change.arena};
    struct err err = {"the server is stopping"};
    enum rc rc = cancelled ? RC_CLOSED : do_needed(intake, &problems, &err);

    upload_close(&intake->upload);
    if (rc != RC_OK) {
        answer_rejected(pending->call, rc, &problems, &err);
        pending_drop(pending);
        return;
    }
    intake->ready = true;
    pending->change.job.sha256 = arena_strdup(&pending->change.arena, intake->sha256);
    pending_submit(pending);
}

void executable_submit(struct pending *pending)
{
    struct call *call = pending->call;
    struct intake *intake = call->intake;
    struct err err = {0};
    enum rc rc;

    if (pending->change.job.type == JOB_COMMAND || !intake || intake->ready ||
        intake->need == NEED_NOTHING) {
        pending_submit(pending);
        return;
    }
    intake->pending = pending;
    intake->transfer.run = run;
    rc = transfers_submit(call->api->transfers, &intake->transfer, &err);
    if (rc == RC_OK)
        return;
    answer_failure(call, rc, &err);
    pending_drop(pending);
}
