/* SPDX-License-Identifier: Apache-2.0 */
/* base/check.h: broken invariants stop the process, in every build. Never for bad input. */
#ifndef CRONJOB_BASE_CHECK_H
#define CRONJOB_BASE_CHECK_H

#include "base/compiler.h"

#define CHECK(condition) ((condition) ? (void)0 : check_failed(#condition, __FILE__, __LINE__))

void check_failed(const char *condition, const char *file, int line) NORETURN;

#endif
