/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/zookeeper/library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"

static struct zk_library library;
static const char *failure; /* NULL when it is loaded */

static void find_symbols(void *handle)
{
    void *found;

    /* POSIX lets dlsym() answer a function's address; ISO C has no conversion for it. */
#define FIND(name, symbol)                        \
    found = dlsym(handle, #symbol);               \
    memcpy(&library.name, &found, sizeof(found)); \
    if (!found)                                   \
        failure = #symbol " is missing";
    ZK_LIBRARY_TABLE(FIND)
#undef FIND
}

/*
 * It speaks only when it is written: what it says passes through one buffer for all sessions
 * (ZOOKEEPER-4810), and at DEBUG it reads what is freed (ZOOKEEPER-4809).
 */
static void choose_words(void)
{
    library.set_debug_level(log_is_written(LEVEL_DEBUG) ? ZOO_LOG_LEVEL_WARN : (ZooLogLevel)0);
}

/* It stays loaded: a library that has threads cannot be unloaded safely. */
static void load(void)
{
    void *handle = dlopen("libzookeeper_mt.so.2", RTLD_NOW | RTLD_LOCAL);

    if (!handle) {
        failure = "libzookeeper_mt.so.2 cannot be loaded";
        return;
    }
    find_symbols(handle);
    if (!failure)
        choose_words();
}

enum rc zk_library_load(const struct zk_library **ret_library, struct err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    CHECK(!pthread_once(&once, load));
    if (failure)
        return err_fail(err, RC_UNAVAILABLE, "no client library of ZooKeeper: %s", failure);
    *ret_library = &library;
    return RC_OK;
}
