/* SPDX-License-Identifier: Apache-2.0 */
#include "link/wait.h"

#include <errno.h>
#include <time.h>

#include "base/check.h"

void link_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, span_us at_most)
{
    struct timespec deadline;
    int64_t nanoseconds;
    int error;

    if (at_most <= 0)
        return;
    CHECK(!clock_gettime(CLOCK_MONOTONIC, &deadline));
    nanoseconds = deadline.tv_nsec + at_most % SECOND * 1000;
    deadline.tv_sec += at_most / SECOND + nanoseconds / 1000000000;
    deadline.tv_nsec = nanoseconds % 1000000000;
    error = pthread_cond_clockwait(cond, mutex, CLOCK_MONOTONIC, &deadline);
    CHECK(error == 0 || error == ETIMEDOUT);
}
