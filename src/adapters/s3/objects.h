/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/s3/objects.h: objects in a bucket of an S3 server: AWS, Ceph, Swift, MinIO and others.
 *
 * Every request is signed with version 4 and names the SHA-256 of what it carries, so that bytes
 * which came damaged are refused. A file beyond 16 MiB goes in parts, each sent again by itself;
 * parts of an upload that failed are taken back. A reading that breaks off goes on from there as
 * long as the object is the same. What may help when it is said again (no connection, silence for
 * ten seconds, 5xx) is said again for some twelve seconds.
 */
#ifndef CRONJOB_ADAPTERS_S3_OBJECTS_H
#define CRONJOB_ADAPTERS_S3_OBJECTS_H

#include <stdbool.h>

#include "ports/clock.h"
#include "ports/objects.h"

/* All texts are copied. */
struct s3_objects_config {
    const char
        *endpoint; /* "https://s3.eu-central-1.amazonaws.com": scheme, host, perhaps a port */
    const char *bucket;
    const char *prefix; /* of all keys, without slashes around it; "": none */
    const char *region;
    bool in_host; /* the bucket is a part of the host's name, else of the path */
    const char *key;
    const char *secret;
    const char *ca_file; /* certificates to trust instead of the system's; NULL: those */
    struct clock *clock; /* borrowed */
    span_us patience;    /* how long it is said again; 0: twelve seconds */
};

/* Asks nobody yet. RC_UNAVAILABLE: there is no HTTP client. RC_INVALID: the endpoint is no address.
 */
MUST_USE enum rc s3_objects_new(const struct s3_objects_config *config,
                                struct objects **ret_objects, struct err *err);

#endif
