/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/zookeeper/library.h"

#include <pthread.h>

#include "base/check.h"
#include "base/log.h"

static struct library library;
static const struct library_symbol symbols[] = {ZK_LIBRARY_TABLE(LIBRARY_SYMBOL)};

static enum rc loaded; /* that, and why not, is written once, by load() */
static struct err failure;

/*
 * It speaks only when it is written: what it says passes through one buffer for all sessions
 * (ZOOKEEPER-4810), and at DEBUG it reads what is freed (ZOOKEEPER-4809).
 */
static void choose_words(void)
{
    library.set_debug_level(log_is_written(LEVEL_DEBUG) ? ZOO_LOG_LEVEL_WARN : (ZooLogLevel)0);
}

static void load(void)
{
    loaded = library_load("libzookeeper_mt.so.2", symbols, ARRAY_SIZE(symbols), &library, &failure);
    if (loaded == RC_OK)
        choose_words();
}

enum rc zk_library_load(const struct library **ret_library, struct err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    CHECK(!pthread_once(&once, load));
    if (loaded != RC_OK)
        return err_fail(err, loaded, "no client library of ZooKeeper: %s", failure.message);
    *ret_library = &library;
    return RC_OK;
}
