/* SPDX-License-Identifier: Apache-2.0 */
/* test/fuzz/fuzz.h: what a fuzzer is to libFuzzer and to replay.c. A broken promise aborts. */
#ifndef CRONJOB_TEST_FUZZ_H
#define CRONJOB_TEST_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
