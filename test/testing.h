/* SPDX-License-Identifier: Apache-2.0 */
/* test/testing.h: cmocka, behind the headers that it needs but does not include. */
#ifndef CRONJOB_TEST_TESTING_H
#define CRONJOB_TEST_TESTING_H

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
/* clang-format on */

#endif
