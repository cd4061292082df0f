/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes are a configuration file: refused with a message, or options within their ranges. */
#include <string.h>

#include "base/check.h"

#include "fuzz/fuzz.h"
#include "main/options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_ARENA struct arena arena = {0};
    struct server_options options;
    struct err err = {0};
    struct option_sources sources = {.role = ROLE_STANDALONE,
                                     .file = "fuzz.conf",
                                     .file_text = (const char *)data,
                                     .file_length = size};
    enum rc rc = server_options_read(&sources, &arena, &options, &err);
    if (rc != RC_OK) {
        CHECK(strncmp(err.message, "fuzz.conf:", 10) == 0 ||
              strncmp(err.message, "coordination:", 13) == 0);
        return 0;
    }
    CHECK(*options.data != '\0' && *options.store.path != '\0' && *options.address != '\0');
    CHECK(options.threads >= 1 && options.connection_limit >= 8 && options.keep_runs >= 1);
    CHECK(options.labels.count <= LIMIT_LABELS);
    return 0;
}
