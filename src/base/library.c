/* SPDX-License-Identifier: Apache-2.0 */
#include "base/library.h"

#include <dlfcn.h>
#include <string.h>

enum rc library_load(const char *file, const struct library_symbol *symbols, size_t count,
                     void *addresses, struct err *err)
{
    void *handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);

    if (!handle)
        return err_fail(err, RC_UNAVAILABLE, "%s cannot be loaded", file);
    for (size_t i = 0; i < count; i++) {
        void *found = dlsym(handle, symbols[i].name);

        if (!found)
            return err_fail(err, RC_UNAVAILABLE, "%s has no %s", file, symbols[i].name);
        /* POSIX lets dlsym() answer a function's address; ISO C has no conversion for it. */
        memcpy((char *)addresses + symbols[i].offset, &found, sizeof(found));
    }
    return RC_OK;
}
