/* SPDX-License-Identifier: Apache-2.0 */
/* base/crc.h: CRC-32 as in zlib and Ethernet, to notice damage; not against an adversary. */
#ifndef CRONJOB_BASE_CRC_H
#define CRONJOB_BASE_CRC_H

#include <stddef.h>
#include <stdint.h>

/* Of `data` behind what gave `crc`; begin with 0. */
uint32_t crc32_extend(uint32_t crc, const void *data, size_t length);

#endif
