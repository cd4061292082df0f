/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/mysql/library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

#include "base/check.h"

static struct mysql_library library;
static const char *failure; /* NULL when it is loaded */

static void find_functions(void *handle)
{
    void *found;

    /* POSIX lets dlsym() answer a function's address; ISO C has no conversion for it. */
#define FIND(name, function)                      \
    found = dlsym(handle, #function);             \
    memcpy(&library.name, &found, sizeof(found)); \
    if (!found)                                   \
        failure = #function "() is missing";
    MYSQL_LIBRARY_TABLE(FIND)
#undef FIND
}

static void load(void)
{
    void *handle = dlopen("libmariadb.so.3", RTLD_NOW | RTLD_LOCAL);

    if (!handle) {
        failure = "libmariadb.so.3 cannot be loaded";
        return;
    }
    find_functions(handle);
    if (!failure && library.server_init(0, NULL, NULL) != 0)
        failure = "it cannot be initialised";
}

enum rc mysql_library_load(const struct mysql_library **ret_library, struct err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    CHECK(!pthread_once(&once, load));
    if (failure)
        return err_fail(err, RC_UNAVAILABLE, "no client library of MariaDB: %s", failure);
    *ret_library = &library;
    return RC_OK;
}
