/* SPDX-License-Identifier: Apache-2.0 */
/* test/contract/launcher_suite.h: the suites of launcher_main.c; each answers how many failed. */
#ifndef CRONJOB_TEST_CONTRACT_LAUNCHER_SUITE_H
#define CRONJOB_TEST_CONTRACT_LAUNCHER_SUITE_H

#include <stdbool.h>

int run_launcher_suite(const char *name, bool real);
int run_guardian_process_suite(void); /* what runs find, and how they end */
int run_guardian_output_suite(void);  /* what becomes of what they write */
int run_guardian_file_suite(void);    /* scripts and binaries */
int run_guardian_account_suite(void); /* accounts that are closed or deleted */

#endif
