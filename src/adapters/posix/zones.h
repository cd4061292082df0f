/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/posix/zones.h: time zones from the system's tzdata.
 *
 * Files are read once and kept: a new tzdata counts from the next start of the process. "UTC" needs
 * no file at all.
 */
#ifndef CRONJOB_ADAPTERS_POSIX_ZONES_H
#define CRONJOB_ADAPTERS_POSIX_ZONES_H

#include "ports/zones.h"

/*
 * `directory` holds the TZif files, NULL for /usr/share/zoneinfo; `etc` has the machine's own
 * choice in its localtime (a link into a directory "zoneinfo") or timezone (a line of text), NULL
 * for /etc. Neither needs to exist. The caller frees the port with zones_free().
 */
struct zones *posix_zones_new(const char *directory, const char *etc);

#endif
