/* SPDX-License-Identifier: Apache-2.0 */
/* adapters/directory/outputs.h: outputs as a guardian leaves them (ports/output_file.h). */
#ifndef CRONJOB_ADAPTERS_DIRECTORY_OUTPUTS_H
#define CRONJOB_ADAPTERS_DIRECTORY_OUTPUTS_H

#include "ports/outputs.h"

/* Of the guardian of this data directory. RC_IO. */
MUST_USE enum rc directory_outputs_open(const char *data_directory, struct outputs **ret_outputs,
                                        struct err *err);

#endif
