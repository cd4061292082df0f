/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever nodes are called: it is refused, or it is exactly the name that we would give. */
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

#include "adapters/zookeeper/path.h"
#include "fuzz/fuzz.h"

static void check_task(const char *name, unsigned bucket)
{
    struct arena AUTO_ARENA arena = {0};
    struct task task;

    if (!path_read_task(name, bucket, &task))
        return;
    CHECK(!task.removed && path_bucket(&task) == bucket);
    CHECK(!strcmp(strrchr(path_of_task(&arena, "/r", "w", &task), '/') + 1, name));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_FREE char *text = xstrndup((const char *)data, size);
    int bucket = path_read_bucket(text, "/r/tasks/w/");

    for (unsigned i = 0; i < ALL_BUCKETS; i++)
        check_task(text, i);
    CHECK(bucket >= -1 && bucket < ALL_BUCKETS);
    CHECK(path_read_sequence(text) >= -1);
    CHECK(path_read_epoch(text) < UINT64_MAX);
    CHECK(!path_are_hosts(text) || strchr(text, ':'));
    return 0;
}
