/* SPDX-License-Identifier: Apache-2.0 */
/* wire/audit.h: a record of who did what, in JSON. */
#ifndef CRONJOB_WIRE_AUDIT_H
#define CRONJOB_WIRE_AUDIT_H

#include "core/record.h"

#include "wire/json.h"

void wire_audit_write(struct json_writer *writer, const struct audit_record *record);

#endif
