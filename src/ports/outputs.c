/* SPDX-License-Identifier: Apache-2.0 */
#include "ports/outputs.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { TAIL_BLOCK = 64 * 1024 };

const char *output_object_key(const struct run_key *run, char key[OUTPUT_OBJECT_KEY])
{
    char id[RUN_ID_TEXT];

    (void)snprintf(key, OUTPUT_OBJECT_KEY, OBJECT_OUTPUTS "%llu/%s", (unsigned long long)run->job,
                   run_id_format(run, id)); /* fits */
    return key;
}

bool output_object_key_read(const char *key, struct run_key *ret_run)
{
    char again[OUTPUT_OBJECT_KEY];
    const char *id = strrchr(key, '/');

    return id && run_id_parse(id + 1, ret_run, NULL) == RC_OK &&
           strcmp(output_object_key(ret_run, again), key) == 0;
}

const char *output_object_prefix(job_id job, char prefix[OUTPUT_OBJECT_KEY])
{
    (void)snprintf(prefix, OUTPUT_OBJECT_KEY, OBJECT_OUTPUTS "%llu/",
                   (unsigned long long)job); /* fits */
    return prefix;
}

static enum rc read_block(struct outputs *outputs, const struct run_key *run, int64_t offset,
                          void *block, size_t length, struct err *err)
{
    struct output_piece piece = {.offset = offset, .data = block, .capacity = length};
    enum rc rc;

    while (piece.capacity) {
        rc = outputs_read(outputs, run, &piece, err);
        if (rc != RC_OK)
            return rc;
        if (piece.length == 0)
            return err_fail(err, RC_IO, "the output has become shorter");
        piece.offset += (int64_t)piece.length;
        piece.data = (char *)piece.data + piece.length;
        piece.capacity -= piece.length;
    }
    return RC_OK;
}

enum rc outputs_find_tail(struct outputs *outputs, const struct run_key *run, int64_t size,
                          int64_t lines, int64_t *ret_offset, struct err *err)
{
    AUTO_FREE char *block = xmalloc(TAIL_BLOCK);
    int64_t end = size;
    enum rc rc;

    if (lines == 0) {
        *ret_offset = size;
        return RC_OK;
    }
    while (end > 0) {
        int64_t start = end > TAIL_BLOCK ? end - TAIL_BLOCK : 0;
        size_t left = (size_t)(end - start);
        const char *newline;

        rc = read_block(outputs, run, start, block, left, err);
        if (rc != RC_OK)
            return rc;
        if (end == size && block[left - 1] == '\n')
            left--; /* the end of the last line, not the beginning of one more */
        while ((newline = memrchr(block, '\n', left))) {
            left = (size_t)(newline - block);
            if (--lines == 0) {
                *ret_offset = start + (int64_t)left + 1;
                return RC_OK;
            }
        }
        end = start;
    }
    *ret_offset = 0;
    return RC_OK;
}
