/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/listing.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/check.h"

#include "cli/text.h"

enum { GAP = 2, COLUMNS_MAX = 16 };

static void make_room(struct listing *listing)
{
    if (listing->row_count < listing->capacity)
        return;
    size_t capacity = listing->capacity ? 2 * listing->capacity : 16;
    size_t row = listing->column_count * sizeof *listing->cells;
    const char **cells = arena_alloc(listing->arena, capacity * row);
    if (listing->row_count)
        memcpy(cells, listing->cells, listing->row_count * row);
    listing->cells = cells;
    listing->capacity = capacity;
}

void listing_add(struct listing *listing, const struct json_value *object)
{
    make_room(listing);
    const char **row = listing->cells + listing->row_count * listing->column_count;
    for (size_t i = 0; i < listing->column_count; i++) {
        const struct column *column = &listing->columns[i];
        row[i] = column->cell ? column->cell(object, listing->arena)
                              : text_of_member(object, column->path, listing->arena);
    }
    listing->row_count++;
}

static void print_row(const struct listing *listing, const char *const *cells, const size_t *widths,
                      size_t terminal, FILE *stream)
{
    size_t at = 0;
    size_t last = listing->column_count - 1;
    for (size_t i = 0; i < last; i++) {
        size_t fill = widths[i] - text_width(cells[i]) + GAP;
        (void)fprintf(stream, "%s%*s", cells[i], (int)fill, "");
        at += widths[i] + GAP;
    }
    size_t room = terminal > at ? terminal - at : 0;
    if (room > 1 && text_width(cells[last]) > room)
        (void)fprintf(stream, "%.*s…\n", (int)text_bytes(cells[last], room - 1), cells[last]);
    else
        (void)fprintf(stream, "%s\n", cells[last]);
}

void listing_print(const struct listing *listing, size_t width, FILE *stream)
{
    size_t widths[COLUMNS_MAX] = {0};
    const char *titles[COLUMNS_MAX] = {0};
    CHECK(listing->column_count > 0 && listing->column_count <= COLUMNS_MAX);
    for (size_t i = 0; i < listing->column_count; i++) {
        titles[i] = listing->columns[i].title;
        widths[i] = text_width(titles[i]);
        for (size_t r = 0; r < listing->row_count; r++)
            widths[i] = MAX(widths[i], text_width(listing->cells[r * listing->column_count + i]));
    }
    print_row(listing, titles, widths, width, stream);
    for (size_t r = 0; r < listing->row_count; r++)
        print_row(listing, listing->cells + r * listing->column_count, widths, width, stream);
}

size_t listing_width(void)
{
    struct winsize size;
    if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
        return 0;
    return size.ws_col;
}
