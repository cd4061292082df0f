/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#include "testing.h"
#include "wire/packed.h"

/* ---- texts, and what is made of them --------------------------------------------------------- */

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

/* Lines of all lengths; some texts end in a newline, some do not. */
static char *make_text(size_t size, uint64_t seed)
{
    char *text = xmalloc(size + 1);
    uint64_t state = seed;

    for (size_t i = 0; i < size; i++)
        text[i] =
            next_random(&state) % (seed % 97 + 2) ? (char)('a' + next_random(&state) % 26) : '\n';
    return text;
}

static struct buf pack(const char *text, size_t size, size_t step)
{
    struct packed_writer writer;
    struct buf out;

    packed_begin(&writer);
    buf_init(&out, SIZE_MAX);
    for (size_t at = 0; at < size; at += step)
        assert_int_equal(packed_add(&writer, text + at, MIN(step, size - at), &out), RC_OK);
    assert_int_equal(packed_end(&writer, &out), RC_OK);
    packed_release(&writer);
    return out;
}

static enum rc open_object(const struct buf *object, struct packed_index *ret_index)
{
    struct packed_footer footer;
    enum rc rc;

    if (object->length < PACKED_FOOTER)
        return RC_MALFORMED;
    rc = packed_footer_read(object->data + object->length - PACKED_FOOTER, (int64_t)object->length,
                            &footer, NULL);
    return rc == RC_OK ? packed_index_read(&footer, object->data + footer.index_at, ret_index, NULL)
                       : rc;
}

/* The bytes from `offset` on, at most `length`, of the pieces that have them. */
static size_t read_range(const struct buf *object, const struct packed_index *index, size_t offset,
                         size_t length, char *bytes)
{
    static char piece[PACKED_PIECE];
    size_t done = 0;

    while (done < length && (int64_t)(offset + done) < index->size) {
        uint32_t number = (uint32_t)((offset + done) / PACKED_PIECE);
        size_t from = (offset + done) % PACKED_PIECE;
        size_t part = MIN(length - done, packed_piece_length(index, number) - from);

        assert_int_equal(
            packed_piece_read(index, number, object->data + index->entries[number].at, piece, NULL),
            RC_OK);
        memcpy(bytes + done, piece + from, part);
        done += part;
    }
    return done;
}

/* ---- what is read is what was written -------------------------------------------------------- */

static const size_t sizes[] = {
    0, 1, 2, 1000, PACKED_PIECE - 1, PACKED_PIECE, PACKED_PIECE + 1, 3 * PACKED_PIECE, 400001,
};

static void any_range_is_that_of_the_text(void **state)
{
    static char bytes[200000];

    (void)state;
    for (uint64_t seed = 0; seed < 4 * ARRAY_SIZE(sizes); seed++) {
        size_t size = sizes[seed % ARRAY_SIZE(sizes)];
        AUTO_FREE char *text = make_text(size, seed);
        AUTO_BUF struct buf object = pack(text, size, 1 + (size_t)seed * 7919 % 100000);
        struct packed_index index;
        uint64_t random = seed;

        assert_int_equal(open_object(&object, &index), RC_OK);
        assert_int_equal(index.size, size);
        for (int i = 0; i < 20; i++) {
            size_t offset = next_random(&random) % (size + 10);
            size_t length = next_random(&random) % sizeof(bytes);
            size_t expected = offset < size ? MIN(length, size - offset) : 0;

            assert_int_equal(read_range(&object, &index, offset, length, bytes), expected);
            assert_memory_equal(bytes, text + MIN(offset, size), expected);
        }
        packed_index_release(&index);
    }
}

static void newlines_are_found(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 4 * ARRAY_SIZE(sizes); seed++) {
        size_t size = sizes[seed % ARRAY_SIZE(sizes)];
        AUTO_FREE char *text = make_text(size, seed);
        AUTO_BUF struct buf object = pack(text, size, PACKED_PIECE);
        struct packed_index index;
        int64_t number = 0;

        assert_int_equal(open_object(&object, &index), RC_OK);
        for (size_t at = 0; at < size; at++) {
            if (text[at] == '\n')
                assert_int_equal(packed_find_newline(&index, ++number), at / PACKED_PIECE);
        }
        assert_int_equal(index.lines, number + (size && text[size - 1] != '\n'));
        packed_index_release(&index);
    }
}

static void the_way_it_is_cut_does_not_matter(void **state)
{
    AUTO_FREE char *text = make_text(200001, 3);
    AUTO_BUF struct buf whole = pack(text, 200001, 200001), cut = pack(text, 200001, 13);

    (void)state;
    assert_int_equal(whole.length, cut.length);
    assert_memory_equal(whole.data, cut.data, whole.length);
}

static void logs_become_much_smaller(void **state)
{
    AUTO_BUF struct buf text, object;

    (void)state;
    buf_init(&text, SIZE_MAX);
    for (int i = 0; i < 20000; i++)
        assert_int_equal(buf_printf(&text, "2026-11-24 12:00:%02d line %d of many\n", i % 60, i),
                         RC_OK);
    object = pack(text.data, text.length, text.length);
    assert_true(object.length < text.length / 4);
}

/* ---- damage ---------------------------------------------------------------------------------- */

/* Every byte of footer and index, and of a piece, is seen to be another one. */
static void any_changed_byte_is_noticed(void **state)
{
    static char piece[PACKED_PIECE];
    AUTO_FREE char *text = make_text(70000, 9);
    AUTO_BUF struct buf object = pack(text, 70000, 70000);
    struct packed_index index, other;
    size_t first_piece;

    (void)state;
    assert_int_equal(open_object(&object, &index), RC_OK);
    first_piece = (size_t)index.entries[1].at;
    for (size_t at = (size_t)index.entries[2].at; at < object.length; at++) {
        object.data[at] = (char)(object.data[at] ^ 4);
        assert_int_equal(open_object(&object, &other), RC_MALFORMED);
        object.data[at] = (char)(object.data[at] ^ 4);
    }
    for (size_t at = 0; at < first_piece; at += 97) {
        object.data[at] = (char)(object.data[at] ^ 4);
        if (packed_piece_read(&index, 0, object.data, piece, NULL) == RC_OK)
            assert_memory_equal(piece, text, PACKED_PIECE); /* a bit that says nothing */
        object.data[at] = (char)(object.data[at] ^ 4);
    }
    packed_index_release(&index);
}

static void part_of_an_object_is_none(void **state)
{
    AUTO_FREE char *text = make_text(70000, 5);
    AUTO_BUF struct buf object = pack(text, 70000, 70000);
    struct packed_index index;

    (void)state;
    while (object.length-- > 0)
        assert_int_equal(open_object(&object, &index), RC_MALFORMED);
    object.length = 0;
}

static void text_has_a_limit(void **state)
{
    struct packed_writer writer;
    AUTO_BUF struct buf out;
    AUTO_FREE char *text = make_text(100, 5);

    (void)state;
    packed_begin(&writer);
    buf_init(&out, 10);
    assert_int_equal(packed_add(&writer, text, 100, &out), RC_OK);
    assert_int_equal(packed_end(&writer, &out), RC_TOO_BIG);
    packed_release(&writer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_range_is_that_of_the_text),
        cmocka_unit_test(newlines_are_found),
        cmocka_unit_test(the_way_it_is_cut_does_not_matter),
        cmocka_unit_test(logs_become_much_smaller),
        cmocka_unit_test(any_changed_byte_is_noticed),
        cmocka_unit_test(part_of_an_object_is_none),
        cmocka_unit_test(text_has_a_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
