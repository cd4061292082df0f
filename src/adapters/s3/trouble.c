/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/s3/trouble.h"

#include <string.h>

enum kind {
    NO_OBJECT,
    NO_BUCKET,
    NO_UPLOAD,
    DENIED,
    WRONG_SECRET,
    WRONG_KEY,
    WRONG_CLOCK,
    WRONG_REGION,
    DAMAGED,
    BUSY,
    FULL,
    OTHER,
};

/* clang-format off */
static const struct kind_row {
    enum rc rc;
    bool may_pass;
} kinds[] = {
    [NO_OBJECT]    = {RC_NOT_FOUND,   false},
    [NO_BUCKET]    = {RC_UNAVAILABLE, false}, /* not RC_NOT_FOUND: objects may be in it once it is made */
    [NO_UPLOAD]    = {RC_NOT_FOUND,   false},
    [DENIED]       = {RC_FORBIDDEN,   false},
    [WRONG_SECRET] = {RC_FORBIDDEN,   false},
    [WRONG_KEY]    = {RC_FORBIDDEN,   false},
    [WRONG_CLOCK]  = {RC_FORBIDDEN,   false},
    [WRONG_REGION] = {RC_FORBIDDEN,   false},
    [DAMAGED]      = {RC_IO,          true},
    [BUSY]         = {RC_UNAVAILABLE, true},
    [FULL]         = {RC_FULL,        false},
    [OTHER]        = {RC_IO,          false},
};

/* "Error responses" of S3's API reference, and what other servers have of their own. */
static const struct code_row {
    const char *code;
    enum kind kind;
} codes[] = {
    {"NoSuchKey", NO_OBJECT},
    {"NoSuchBucket", NO_BUCKET},
    {"NoSuchUpload", NO_UPLOAD},
    {"SignatureDoesNotMatch", WRONG_SECRET},
    {"InvalidAccessKeyId", WRONG_KEY},
    {"RequestTimeTooSkewed", WRONG_CLOCK},
    {"AuthorizationHeaderMalformed", WRONG_REGION},
    {"PermanentRedirect", WRONG_REGION},
    {"TemporaryRedirect", WRONG_REGION},
    {"IllegalLocationConstraintException", WRONG_REGION},
    {"BadDigest", DAMAGED},
    {"XAmzContentSHA256Mismatch", DAMAGED},
    {"IncompleteBody", DAMAGED},
    {"RequestTimeout", BUSY},
    {"SlowDown", BUSY},
    {"OperationAborted", BUSY},
    {"ConcurrentModification", BUSY},
    {"QuotaExceeded", FULL},
    {"InsufficientStorage", FULL},
    {"XMinioStorageFull", FULL},
};
/* clang-format on */

static enum kind kind_of_status(unsigned status)
{
    if (status == 404)
        return NO_OBJECT;
    if (status == 401 || status == 403)
        return DENIED;
    if (status == 507)
        return FULL;
    if (status == 408 || status == 429 || status >= 500)
        return BUSY;
    return status >= 300 && status < 400 ? WRONG_REGION : OTHER;
}

static enum kind kind_of(const struct trouble *trouble)
{
    for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
        if (!strcmp(codes[i].code, trouble->error.code))
            return codes[i].kind;
    return kind_of_status(trouble->status);
}

bool trouble_may_pass(const struct trouble *trouble)
{
    return kinds[kind_of(trouble)].may_pass;
}

/* ---- words ----------------------------------------------------------------------------------- */

/* What the server says itself, in brackets behind our words. */
static void add_code(const struct trouble *trouble, struct err *err)
{
    struct err said = {0};

    if (!err)
        return;
    said = *err;
    if (*trouble->error.code)
        err_set(err, "%.300s (%u %.60s: %.100s)", said.message, trouble->status,
                trouble->error.code, trouble->error.message);
    else
        err_set(err, "%.400s (%u)", said.message, trouble->status);
}

static void tell_clock(const struct trouble *trouble, struct err *err)
{
    span_us off = trouble->date == INSTANT_NONE ? 0 : trouble->now - trouble->date;
    char text[SPAN_TEXT];

    if (off / SECOND == 0)
        err_set(err, "%s takes no requests of this machine, whose clock is off", trouble->where);
    else
        err_set(err, "%s takes no requests of this machine, whose clock is %s %s", trouble->where,
                span_format((off < 0 ? -off : off) / SECOND * SECOND, text),
                off < 0 ? "behind" : "ahead");
}

static void tell_region(const struct trouble *trouble, struct err *err)
{
    if (*trouble->error.region)
        err_set(err, "%s has the bucket in the region '%.60s', not in '%s'", trouble->where,
                trouble->error.region, trouble->region);
    else
        err_set(err, "%s has the bucket elsewhere than in the region '%s'", trouble->where,
                trouble->region);
}

static void tell_object(const struct trouble *trouble, struct err *err)
{
    if (trouble->key)
        err_set(err, "there is no object '%s' in %s", trouble->key, trouble->where);
    else
        err_set(err, "there is no such thing at %s", trouble->where);
}

static void tell(const struct trouble *trouble, enum kind kind, struct err *err)
{
    const char *where = trouble->where;

    switch (kind) {
    case NO_OBJECT:
        tell_object(trouble, err);
        return;
    case NO_BUCKET:
        err_set(err, "%s: there is no bucket '%s' there", where, trouble->bucket);
        return;
    case NO_UPLOAD:
        err_set(err, "%s has forgotten the parts that it was sent", where);
        return;
    case DENIED:
        err_set(err, "%s does not allow it", where);
        return;
    case WRONG_SECRET:
        err_set(err, "%s refuses the key or its secret", where);
        return;
    case WRONG_KEY:
        err_set(err, "%s does not know the key of who asks", where);
        return;
    case WRONG_CLOCK:
        tell_clock(trouble, err);
        return;
    case WRONG_REGION:
        tell_region(trouble, err);
        return;
    case DAMAGED:
        err_set(err, "%s got other bytes than were sent", where);
        return;
    case BUSY:
        err_set(err, "%s cannot answer now", where);
        return;
    case FULL:
        err_set(err, "%s is full", where);
        return;
    case OTHER:
        err_set(err, "%s refuses a request", where);
        return;
    }
}

enum rc trouble_tell(const struct trouble *trouble, struct err *err)
{
    enum kind kind = kind_of(trouble);

    tell(trouble, kind, err);
    if (kind != NO_OBJECT || *trouble->error.code)
        add_code(trouble, err);
    return kinds[kind].rc;
}
