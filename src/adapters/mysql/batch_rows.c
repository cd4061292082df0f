/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/mysql/batch_rows.h"

void batch_rows_init(struct batch_rows *rows)
{
    buf_init(&rows->text, SIZE_MAX);
    batch_rows_clear(rows);
}

void batch_rows_release(struct batch_rows *rows)
{
    buf_release(&rows->text);
}

void batch_rows_clear(struct batch_rows *rows)
{
    buf_reset(&rows->text);
    json_writer_init(&rows->json, &rows->text);
    json_write_array_begin(&rows->json);
    rows->count = 0;
}

bool batch_rows_is_full(const struct batch_rows *rows)
{
    return rows->count >= BATCH_ROWS || rows->text.length >= BATCH_BYTES;
}

static void write_token(struct batch_rows *rows, const struct claim_token *token)
{
    static const char digits[] = "0123456789abcdef";
    char text[2 * sizeof(token->bytes) + 1];
    unsigned any = 0;

    for (size_t i = 0; i < sizeof(token->bytes); i++) {
        text[2 * i] = digits[token->bytes[i] >> 4];
        text[2 * i + 1] = digits[token->bytes[i] & 15];
        any |= token->bytes[i];
    }
    text[any ? 2 * sizeof(token->bytes) : 0] = '\0'; /* none is an empty text */
    json_write_string(&rows->json, text);
}

void batch_rows_begin(struct batch_rows *rows, size_t n, const struct run_key *key,
                      const struct claim_token *token)
{
    json_write_array_begin(&rows->json);
    json_write_integer(&rows->json, (int64_t)n);
    json_write_integer(&rows->json, key->scheduled_at);
    json_write_integer(&rows->json, (int64_t)key->job);
    json_write_integer(&rows->json, key->attempt);
    json_write_integer(&rows->json, key->target);
    write_token(rows, token);
}

void batch_rows_end(struct batch_rows *rows)
{
    json_write_array_end(&rows->json);
    rows->count++;
}

void batch_rows_instant(struct batch_rows *rows, instant_us instant)
{
    if (instant == INSTANT_NONE)
        json_write_null(&rows->json);
    else
        json_write_integer(&rows->json, instant);
}

void batch_rows_bytes(struct batch_rows *rows, const void *data, size_t length)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *bytes = data;
    struct buf AUTO_BUF text;

    buf_init(&text, SIZE_MAX); /* without a limit nothing of it can fail */
    for (size_t i = 0; i < length; i++) {
        (void)buf_putc(&text, digits[bytes[i] >> 4]);
        (void)buf_putc(&text, digits[bytes[i] & 15]);
    }
    (void)buf_putc(&text, '\0');
    json_write_string(&rows->json, text.data);
}

static struct sql_value close_rows(struct batch_rows *rows)
{
    if (rows->json.depth)
        json_write_array_end(&rows->json);
    return sql_text_of(rows->text.data, rows->text.length);
}

enum rc batch_rows_run(struct batch_rows *rows, struct sql_connection *connection, const char *text,
                       int64_t *ret_changes, struct err *err)
{
    struct sql_value values[] = {close_rows(rows)};

    return sql_run(connection, text, SQL_VALUES(values), ret_changes, err);
}

enum rc batch_rows_query(struct batch_rows *rows, struct sql_connection *connection,
                         const char *text, void (*visit)(void *context, size_t n), void *context,
                         struct err *err)
{
    struct sql_value values[] = {close_rows(rows)};
    struct sql_statement *found;
    bool row = true;
    enum rc rc = sql_open(connection, text, SQL_VALUES(values), &found, err);

    if (rc != RC_OK)
        return rc;
    while (rc == RC_OK && row) {
        rc = sql_step(found, &row, err);
        if (rc == RC_OK && row)
            visit(context, (size_t)sql_column_number(found, 0));
    }
    sql_done(found);
    return rc;
}
