/* SPDX-License-Identifier: Apache-2.0 */
/* main/sign.h: an administrator vouches for jobs that no manager signed. */
#ifndef CRONJOB_MAIN_SIGN_H
#define CRONJOB_MAIN_SIGN_H

#include "cli/command.h"

extern const struct command command_sign;

#endif
