/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/list.h"

#include <stdio.h>

#include "cli/remote.h"

static void print_table(struct cli *cli, const struct json_value *list,
                        const struct column *columns, size_t count)
{
    struct listing listing = {.columns = columns, .column_count = count, .arena = &cli->arena};
    bool is_list = list && json_value_kind(list) == JSON_KIND_ARRAY;
    for (size_t i = 0; is_list && i < json_value_count(list); i++)
        listing_add(&listing, json_value_at(list, i));
    listing_print(&listing, listing_width(), stdout);
}

int list_show(struct cli *cli, const char *path, const struct column *columns, size_t count)
{
    struct remote_request request = {.method = "GET", .path = path};
    AUTO_ANSWER struct remote_answer answer;
    int code = remote_call(cli, &request, &answer);
    if (code == CLI_DONE && cli->json)
        remote_print(&answer);
    else if (code == CLI_DONE)
        print_table(cli, answer.json, columns, count);
    return code;
}
