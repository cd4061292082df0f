/* SPDX-License-Identifier: Apache-2.0 */
#include "main/objects.h"

#include "base/crypto.h"

#include "adapters/directory/objects.h"
#include "adapters/s3/objects.h"
#include "main/credentials.h"

static enum rc open_s3(const struct server_options *options, struct clock *clock, span_us patience,
                       struct objects **ret_objects, struct err *err)
{
    const struct objects_place *place = &options->objects;
    struct credentials credentials;
    struct s3_objects_config config = {
        .endpoint = place->endpoint,
        .bucket = place->bucket,
        .prefix = place->prefix,
        .region = place->region,
        .in_host = place->in_host,
        .key = options->objects_key ? options->objects_key : credentials.key,
        .secret = options->objects_key ? options->objects_secret : credentials.secret,
        .ca_file = place->ca_file,
        .clock = clock,
        .patience = patience,
    };
    enum rc rc = RC_OK;

    if (!options->objects_key && !options->objects_credentials)
        return err_fail(err, RC_INVALID, "no key and no secret: see objects-credentials");
    if (!options->objects_key)
        rc = credentials_load(options->objects_credentials, &credentials, err);
    if (rc == RC_OK)
        rc = s3_objects_new(&config, ret_objects, err);
    crypto_forget(&credentials, sizeof(credentials));
    return rc;
}

enum rc objects_open(const struct server_options *options, struct clock *clock, span_us patience,
                     struct objects **ret_objects, struct err *err)
{
    const struct objects_place *place = &options->objects;
    enum rc rc = RC_OK;

    if (place->kind == OBJECTS_S3)
        rc = open_s3(options, clock, patience, ret_objects, err);
    else if (*place->path)
        rc = directory_objects_open(place->path, ret_objects, err);
    else
        *ret_objects = objects_absent();
    return rc == RC_OK ? rc : err_prefix(err, rc, "objects");
}
