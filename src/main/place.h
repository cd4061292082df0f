/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main/place.h: where a store, a coordination service or objects are, from its URL. Pure.
 *
 *     sqlite:PATH
 *     mysql://USER[:PASSWORD]@HOST[:PORT][,HOST[:PORT]...]/DATABASE
 *     local:
 *     zookeeper://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT]...]/PATH
 *     file:DIR
 *     s3://BUCKET[/PREFIX][?endpoint=URL][&region=R][&style=path|host][&ca=FILE]
 *
 * User, password, database, path and what follows "?" may hold %XX. An IPv6 address stands in
 * brackets. Messages never repeat what stands between "//" and "@".
 */
#ifndef CRONJOB_MAIN_PLACE_H
#define CRONJOB_MAIN_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

enum { PLACE_HOSTS = 16 }; /* the most that a URL may list */

struct place_host {
    const char *name;
    uint16_t port;
};

/* All texts belong to the arena. */
struct place_hosts {
    struct place_host items[PLACE_HOSTS]; /* in order of preference */
    size_t count;
    const char *user;     /* "" when none */
    const char *password; /* "" when none */
    const char *path;     /* what follows the first slash, decoded, without it */
};

enum store_kind { STORE_SQLITE, STORE_MYSQL };
struct store_place {
    enum store_kind kind;
    const char *path; /* SQLITE: the file; "" when the URL was empty */
    struct place_hosts hosts;
    const char *ca_file; /* MYSQL: the file of those who vouch for it; NULL: not encrypted */
};

enum coordination_kind { COORDINATION_LOCAL, COORDINATION_ZOOKEEPER };
struct coordination_place {
    enum coordination_kind kind;
    struct place_hosts hosts;
};

/* RC_INVALID says what is missing or wrong. An empty text is sqlite: with an empty path. */
MUST_USE enum rc place_store_read(const char *text, struct arena *arena,
                                  struct store_place *ret_place, struct err *err);
MUST_USE enum rc place_coordination_read(const char *text, struct arena *arena,
                                         struct coordination_place *ret_place, struct err *err);

enum objects_kind { OBJECTS_DIRECTORY, OBJECTS_S3 };
struct objects_place {
    enum objects_kind kind;
    const char *path; /* DIRECTORY; "" when the URL was empty */
    const char *bucket;
    const char *prefix;   /* of all keys, without slashes around it; "" when none */
    const char *endpoint; /* AWS's of the region unless told */
    const char *region;   /* us-east-1 unless told */
    const char *ca_file;  /* NULL: the certificates that the system trusts */
    bool in_host;         /* style=host: the bucket is a part of the host's name. Otherwise of the
                             path, unless the endpoint is AWS's */
};

/* As the others. An empty text is file: with an empty path. */
MUST_USE enum rc place_objects_read(const char *text, struct arena *arena,
                                    struct objects_place *ret_place, struct err *err);

/* "mysql://h1:3306,h2:3306/cronjob": to be shown, without user and password. */
const char *place_hosts_text(const char *scheme, const struct place_hosts *hosts,
                             struct arena *arena);

#endif
