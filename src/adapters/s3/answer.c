/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/s3/answer.h"

#include <errno.h>
#include <expat.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"

enum { PATH_MAX_BYTES = 512, TEXT_MAX = 16 * 1024, DEPTH_MAX = 32 };

/* Hears the text of an element when it ends, and false ends the reading. Elements that hold others
 * have the text behind the last of them. */
typedef bool (*answer_visit)(void *context, const char *path, const char *text);

struct reading {
    XML_Parser parser;
    answer_visit visit;
    void *context;
    struct buf path; /* of the element that is open: "/ListBucketResult/Contents/Key" */
    struct buf text; /* since the last tag */
    unsigned depth;
    const char *refusal; /* why it was broken off from our side */
};

/* ---- expat ----------------------------------------------------------------------------------- */

static void refuse(struct reading *reading, const char *why)
{
    reading->refusal = why;
    (void)XML_StopParser(reading->parser, XML_FALSE); /* fails only when it has ended already */
}

/* Of "ns:Key" the "Key": which letters stand before it is the server's choice. */
static const char *local_name(const char *name)
{
    const char *colon = strrchr(name, ':');

    return colon ? colon + 1 : name;
}

static void on_start(void *context, const char *name, const char **attributes)
{
    struct reading *reading = context;

    (void)attributes;
    buf_reset(&reading->text);
    if (++reading->depth > DEPTH_MAX ||
        buf_printf(&reading->path, "/%s", local_name(name)) != RC_OK)
        refuse(reading, "its elements are too deep");
}

static void on_end(void *context, const char *name)
{
    struct reading *reading = context;
    char *slash;

    (void)name;
    if (reading->refusal)
        return;
    if (!reading->visit(reading->context, reading->path.data,
                        reading->text.data ? reading->text.data : ""))
        refuse(reading, "it holds more than it should");
    slash = strrchr(reading->path.data, '/');
    reading->path.length = (size_t)(slash - reading->path.data);
    *slash = '\0';
    reading->depth--;
    buf_reset(&reading->text);
}

static void on_text(void *context, const char *text, int length)
{
    struct reading *reading = context;

    if (buf_append(&reading->text, text, (size_t)length) != RC_OK)
        refuse(reading, "a text of it is too long");
}

static void on_document_type(void *context, const char *name, const char *system,
                             const char *public, int has_subset)
{
    (void)name, (void)system, (void)public, (void)has_subset;
    refuse(context, "it declares a document type");
}

static enum rc parse(struct reading *reading, const char *text, size_t length, struct err *err)
{
    if (length > ANSWER_MAX)
        return err_fail(err, RC_IO, "an answer of more than %d bytes", ANSWER_MAX);
    if (XML_Parse(reading->parser, text, (int)length, XML_TRUE) == XML_STATUS_OK &&
        !reading->refusal)
        return RC_OK;
    return err_fail(err, RC_IO, "an answer that cannot be read: %s",
                    reading->refusal ? reading->refusal
                                     : XML_ErrorString(XML_GetErrorCode(reading->parser)));
}

static enum rc read_xml(const char *text, size_t length, answer_visit visit, void *context,
                        struct err *err)
{
    struct reading reading = {.visit = visit, .context = context};
    enum rc rc;

    reading.parser = XML_ParserCreate(NULL);
    CHECK(reading.parser);
    buf_init(&reading.path, PATH_MAX_BYTES);
    buf_init(&reading.text, TEXT_MAX);
    XML_SetUserData(reading.parser, &reading);
    XML_SetElementHandler(reading.parser, on_start, on_end);
    XML_SetCharacterDataHandler(reading.parser, on_text);
    XML_SetStartDoctypeDeclHandler(reading.parser, on_document_type);
    rc = parse(&reading, text, length, err);
    XML_ParserFree(reading.parser);
    buf_release(&reading.path);
    buf_release(&reading.text);
    return rc;
}

/* ---- errors ---------------------------------------------------------------------------------- */

struct error_reading {
    struct arena *arena;
    struct answer_error error;
    bool is_error;
};

static bool visit_error(void *context, const char *path, const char *text)
{
    struct error_reading *reading = context;

    if (!strcmp(path, "/Error/Code"))
        reading->error.code = arena_strdup(reading->arena, text);
    else if (!strcmp(path, "/Error/Message"))
        reading->error.message = arena_strdup(reading->arena, text);
    else if (!strcmp(path, "/Error/Region"))
        reading->error.region = arena_strdup(reading->arena, text);
    else if (!strcmp(path, "/Error"))
        reading->is_error = true;
    return true;
}

bool answer_read_error(const char *text, size_t length, struct arena *arena,
                       struct answer_error *ret_error)
{
    struct error_reading reading = {.arena = arena, .error = {"", "", ""}};

    if (!length || read_xml(text, length, visit_error, &reading, NULL) != RC_OK ||
        !reading.is_error)
        return false;
    *ret_error = reading.error;
    return true;
}

/* ---- lists ----------------------------------------------------------------------------------- */

struct page_reading {
    struct arena *arena;
    struct answer_page *page;
    struct answer_item item; /* of the element that is open */
    bool is_page;
    bool is_wrong; /* a number or an instant is none */
};

static int64_t read_size(struct page_reading *reading, const char *text)
{
    char *end;
    long long size;

    errno = 0;
    size = strtoll(text, &end, 10);
    reading->is_wrong |= errno || end == text || *end || size < 0;
    return size;
}

static bool add_item(struct page_reading *reading)
{
    if (reading->page->count == ANSWER_PAGE)
        return false;
    if (!reading->item.key || reading->item.size < 0)
        reading->is_wrong = true;
    else
        reading->page->items[reading->page->count++] = reading->item;
    reading->item = (struct answer_item){.size = -1};
    return true;
}

static bool visit_page(void *context, const char *path, const char *text)
{
    static const char root[] = "/ListBucketResult";
    struct page_reading *reading = context;
    const char *name = path + sizeof(root) - 1;

    if (strncmp(path, root, sizeof(root) - 1) != 0)
        return true;
    if (!*name)
        reading->is_page = true;
    else if (!strcmp(name, "/Contents/Key"))
        reading->item.key = arena_strdup(reading->arena, text);
    else if (!strcmp(name, "/Contents/Size"))
        reading->item.size = read_size(reading, text);
    else if (!strcmp(name, "/Contents/LastModified"))
        reading->is_wrong |= instant_parse(text, &reading->item.stored_at, NULL) != RC_OK;
    else if (!strcmp(name, "/Contents"))
        return add_item(reading);
    else if (!strcmp(name, "/IsTruncated"))
        reading->page->is_truncated = !strcmp(text, "true");
    else if (!strcmp(name, "/NextContinuationToken"))
        reading->page->continuation = arena_strdup(reading->arena, text);
    return true;
}

enum rc answer_read_page(const char *text, size_t length, struct arena *arena,
                         struct answer_page *ret_page, struct err *err)
{
    struct page_reading reading = {.arena = arena, .page = ret_page, .item = {.size = -1}};
    enum rc rc;

    ret_page->count = 0;
    ret_page->is_truncated = false;
    ret_page->continuation = "";
    rc = read_xml(text, length, visit_page, &reading, err);
    if (rc == RC_OK && !reading.is_page)
        return err_fail(err, RC_IO, "an answer that is no list of objects");
    if (rc == RC_OK && reading.is_wrong)
        return err_fail(err, RC_IO, "a list of objects with one that is none");
    if (rc == RC_OK && ret_page->is_truncated && !*ret_page->continuation)
        return err_fail(err, RC_IO, "a list of objects that does not say how it goes on");
    return rc;
}

/* ---- uploads in parts ------------------------------------------------------------------------ */

struct upload_reading {
    struct arena *arena;
    const char *id;
};

static bool visit_upload(void *context, const char *path, const char *text)
{
    struct upload_reading *reading = context;

    if (!strcmp(path, "/InitiateMultipartUploadResult/UploadId"))
        reading->id = arena_strdup(reading->arena, text);
    return true;
}

enum rc answer_read_upload(const char *text, size_t length, struct arena *arena,
                           const char **ret_id, struct err *err)
{
    struct upload_reading reading = {.arena = arena};
    enum rc rc = read_xml(text, length, visit_upload, &reading, err);

    if (rc != RC_OK)
        return rc;
    if (!reading.id || !*reading.id)
        return err_fail(err, RC_IO, "an answer that does not begin an upload");
    *ret_id = reading.id;
    return RC_OK;
}

static bool visit_completed(void *context, const char *path, const char *text)
{
    bool *is_completed = context;

    (void)text;
    *is_completed |= !strcmp(path, "/CompleteMultipartUploadResult");
    return true;
}

enum rc answer_read_completed(const char *text, size_t length, struct err *err)
{
    bool is_completed = false;
    enum rc rc = read_xml(text, length, visit_completed, &is_completed, err);

    if (rc != RC_OK)
        return rc;
    return is_completed ? RC_OK : err_fail(err, RC_IO, "an answer that completes no upload");
}
