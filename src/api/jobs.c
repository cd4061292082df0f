/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs, looked at: one, or all of them.
 *
 * A list may be longer than memory is large, so it is made while it is sent: a page of jobs is read
 * from the store when the connection has room for more. What is held is one page.
 */
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"

#include "api/answer.h"
#include "api/etag.h"
#include "api/handlers.h"
#include "api/job_find.h"
#include "api/link.h"
#include "api/outlook.h"
#include "wire/job.h"

enum { PAGE_JOBS = 200, PAGE_BYTES = 256 * 1024 };

struct job_list {
    struct call *call;
    struct job_query query; /* its strings are the request's */
    size_t left;            /* how many more may be given; SIZE_MAX: all */
    size_t in_page;
    bool first; /* no comma yet */
    bool ended; /* the closing bracket is in the page */
    struct buf page;
    size_t sent; /* of the page */
};

static bool visit_listed(void *context, const struct job_record *job)
{
    struct job_list *list = context;
    struct json_writer writer;
    struct job_outlook outlook;

    if (!list->first)
        buf_putc(&list->page, ',');
    list->first = false;
    json_writer_init(&writer, &list->page);
    outlook = outlook_of(list->call->api, job, call_now(list->call));
    wire_job_write(&writer, job, &outlook);
    list->query.after = job->id;
    list->in_page++;
    list->left--;
    return list->page.length < PAGE_BYTES;
}

/* The next page; with the closing bracket when it is the last. */
static enum rc read_page(struct job_list *list, struct err *err)
{
    enum rc rc = RC_OK;

    buf_reset(&list->page);
    list->sent = 0;
    list->in_page = 0;
    list->query.limit = MIN(list->left, (size_t)PAGE_JOBS);
    if (list->first)
        buf_putc(&list->page, '[');
    if (list->left > 0)
        rc = store_read_jobs(list->call->api->config.store, &list->query, visit_listed, list, err);
    if (rc != RC_OK)
        return rc;
    if (list->left == 0 || (list->in_page < list->query.limit && list->page.length < PAGE_BYTES)) {
        buf_putc(&list->page, ']');
        list->ended = true;
    }
    return list->page.failed ? RC_TOO_BIG : RC_OK;
}

static ssize_t next_part(void *context, char *data, size_t capacity)
{
    struct job_list *list = context;
    size_t length;

    if (list->sent == list->page.length) {
        if (list->ended)
            return HTTP_STREAM_END;
        if (read_page(list, NULL) != RC_OK)
            return HTTP_STREAM_ABORT; /* the status is sent; a cut answer tells of the failure */
    }
    length = MIN(capacity, list->page.length - list->sent);
    memcpy(data, list->page.data + list->sent, length);
    list->sent += length;
    return (ssize_t)length;
}

static void close_list(void *context)
{
    struct job_list *list = context;

    buf_release(&list->page);
    free(list);
}

static void read_label(struct call *call, struct job_query *query)
{
    const char *label = http_request_query(call->request, "label");
    const char *colon = label ? strchr(label, ':') : NULL;

    if (!colon)
        return;
    query->label_name = arena_strndup(call->arena, label, (size_t)(colon - label));
    query->label_value = colon + 1;
}

static struct job_query read_query(struct call *call)
{
    const struct http_request *request = call->request;
    const char *status = http_request_query(request, "status");
    const char *type = http_request_query(request, "type");
    const char *owner = http_request_query(request, "owner");
    struct job_query query = job_query_all();

    query.after = (job_id)query_integer(request, "after", 0);
    query.status = status ? job_status_parse(status) : -1;
    query.type = type ? job_type_parse(type) : -1;
    query.worker = http_request_query(request, "worker");
    query.text = http_request_query(request, "q");
    query.owner = owner ? owner : call_owner_filter(call);
    read_label(call, &query);
    return query;
}

struct page_end {
    size_t left;
    job_id last;
    bool more;
};

static bool visit_end(void *context, const struct job_record *job)
{
    struct page_end *end = context;

    end->more = end->left == 0;
    if (end->left == 0)
        return false;
    end->left--;
    end->last = job->id;
    return true;
}

/* Where a page of `limit` ends, before it is sent: the address of the next stands in the head. */
static enum rc link_page(struct call *call, const struct job_query *query, size_t limit,
                         struct answer *answer, struct err *err)
{
    struct page_end end = {.left = limit};
    struct job_query light = *query;
    enum rc rc;

    light.parts = 0;
    light.limit = limit + 1;
    rc = store_read_jobs(call->api->config.store, &light, visit_end, &end, err);
    if (rc == RC_OK && end.more)
        answer_header(answer, "Link",
                      link_next(call, "after", arena_printf(call->arena, "%" PRIu64, end.last)));
    return rc;
}

static void send_list(struct call *call, struct job_list *list, const struct answer *answer)
{
    struct http_stream stream = {
        .next = next_part, .close = close_list, .context = list, .length = -1};
    struct err err = {0};
    enum rc rc = read_page(list, &err);

    if (rc != RC_OK) {
        answer_failure(call, rc, &err);
        close_list(list);
    } else if (list->ended) {
        answer_send(call, answer, &list->page);
        close_list(list);
    } else {
        answer_stream(call, answer, &stream);
    }
}

static bool foreign_owner(const struct call *call)
{
    const char *owner = http_request_query(call->request, "owner");

    return owner && !call_may_see(call, owner);
}

void handle_job_list(struct call *call)
{
    struct answer answer = answer_new(200, ANSWER_JSON);
    int64_t limit = query_integer(call->request, "limit", 0);
    struct job_list *list;
    struct err err = {0};

    if (foreign_owner(call)) {
        answer_send(call, &answer, &(struct buf){.data = (char[]){"[]"}, .length = 2});
        return;
    }
    list = xcalloc(1, sizeof(*list));
    list->call = call;
    list->query = read_query(call);
    list->left = limit ? (size_t)limit : SIZE_MAX;
    list->first = true;
    buf_init(&list->page, ANSWER_LIMIT);
    enum rc rc = limit ? link_page(call, &list->query, (size_t)limit, &answer, &err) : RC_OK;
    if (rc != RC_OK) {
        answer_failure(call, rc, &err);
        close_list(list);
        return;
    }
    list->query.parts = JOB_PART_DOCUMENT | JOB_PART_LAST_RUN;
    send_list(call, list, &answer);
}

void handle_job_get(struct call *call)
{
    const char *known = http_request_header(call->request, "If-None-Match");
    struct answer answer = answer_new(200, ANSWER_JSON);
    char tag[ETAG_TEXT];
    job_id id;
    uint64_t revision = 0;
    struct err err = {0};
    AUTO_BUF struct buf body;
    enum rc rc;

    buf_init(&body, ANSWER_LIMIT);
    rc = job_find_id(call, http_request_parameter(call->request, "id"), &id, &err);
    if (rc == RC_OK)
        rc = job_find_write(call, id, &body, &revision, &err);
    if (rc != RC_OK) {
        answer_failure(call, rc, &err);
        return;
    }
    answer_header(&answer, "ETag", etag_format(revision, tag));
    if (known && etag_list_holds(known, revision, true)) {
        answer.status = 304;
        answer.type = NULL;
        answer_send(call, &answer, NULL);
        return;
    }
    answer_send(call, &answer, &body);
}
