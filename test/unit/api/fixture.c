/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

#include "adapters/local/coordination.h"
#include "adapters/local/events.h"
#include "adapters/memory/objects.h"
#include "adapters/memory/outputs.h"
#include "adapters/memory/store.h"
#include "adapters/posix/clock.h"
#include "adapters/posix/zones.h"
#include "testing.h"

enum { REPLY_LIMIT = 512 * 1024 * 1024, PATIENCE_MS = 10000 };

void fixture_write_output(struct fixture *fixture, const struct run_key *run, const void *data,
                          size_t length)
{
    memory_outputs_append(fixture->outputs, run, data, length);
    events_publish(fixture->events, &(struct event){.kind = EVENT_OUTPUT, .run = *run});
}

/* ---- the server ---------------------------------------------------------------------------- */

static struct clock *mono_clock;

static mono_us read_mono(void)
{
    return clock_mono(mono_clock);
}

static bool is_away(void *context)
{
    struct fixture *fixture = context;

    return atomic_load(&fixture->store_is_away);
}

static enum memory_objects_fault objects_fault(void *context, enum memory_objects_call call,
                                               const char *key)
{
    struct fixture *fixture = context;

    (void)key;
    if (call == MEMORY_OBJECTS_PUT)
        atomic_fetch_add(&fixture->objects_stored, 1);
    return (enum memory_objects_fault)atomic_load(&fixture->objects_fault);
}

static struct api_config plain_config(const struct fixture *fixture)
{
    return (struct api_config){.store = fixture->store,
                               .events = fixture->events,
                               .outputs = fixture->outputs,
                               .objects = fixture->objects,
                               .upload_directory = "/tmp",
                               .upload_limit = 1024 * 1024,
                               .keep_files_for = DAY,
                               .zones = fixture->zones,
                               .clock = fixture->clock,
                               .mono = read_mono,
                               .address = "127.0.0.1",
                               .threads = 2,
                               .connection_limit = 100,
                               .version = "1.2.3",
                               .leader = "here",
                               .time_zone = "Europe/Berlin",
                               .uid = geteuid()};
}

struct api_config fixture_config(struct fixture *fixture)
{
    struct memory_store_config store = {.unreachable = is_away, .context = fixture};

    *fixture = (struct fixture){.clock = posix_clock_new(),
                                .events = local_events_new(),
                                .coordination = local_coordination_new(),
                                .outputs = memory_outputs_new()};
    mono_clock = fixture->clock;
    store.clock = fixture->clock;
    fixture->store = memory_store_new(&store);
    fixture->objects = memory_objects_new(&(struct memory_objects_config){
        .clock = fixture->clock, .fault = objects_fault, .context = fixture});
    fixture->zones = posix_zones_new(NULL, NULL);
    return plain_config(fixture);
}

void fixture_start(struct fixture *fixture, const struct api_config *config)
{
    struct manager_config manager = {.name = "here",
                                     .store = fixture->store,
                                     .coordination = fixture->coordination,
                                     .events = fixture->events,
                                     .outputs = fixture->outputs,
                                     .zones = fixture->zones,
                                     .clock = fixture->clock,
                                     .keep_runs_for = 36500 * DAY, /* runs of 1970 stay */
                                     .keep_runs_of_job = 1000};
    struct api_config whole = *config;
    struct err err = {0};

    seal_keys_derive("the secret", 10, &fixture->seal);
    manager.seal = &fixture->seal;
    whole.seal = fixture->seal.known;

    assert_int_equal(manager_new(&manager, &fixture->manager, &err), RC_OK);
    assert_int_equal(manager_start(fixture->manager, &err), RC_OK);
    whole.changes = manager_changes(fixture->manager);
    if (api_new(&whole, &fixture->api, &err) != RC_OK)
        fail_msg("%s", err.message);
    api_set_ready(fixture->api, true, NULL);
}

void fixture_second_config(const struct fixture *fixture, struct api_config *ret_config)
{
    *ret_config = plain_config(fixture);
    ret_config->changes = manager_changes(fixture->manager);
    ret_config->seal = fixture->seal.known;
}

void fixture_stop(struct fixture *fixture)
{
    api_drain(fixture->api, 5 * SECOND);
    manager_stop(fixture->manager);
    manager_free(fixture->manager);
    api_free(fixture->api);
    outputs_free(fixture->outputs);
    objects_free(fixture->objects);
    store_free(fixture->store);
    zones_free(fixture->zones);
    events_free(fixture->events);
    coordination_free(fixture->coordination);
    clock_free(fixture->clock);
}

/* ---- the client ---------------------------------------------------------------------------- */

static int dial(const struct fixture *fixture)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(api_port(fixture->api)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(client >= 0);
    assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof(address)), 0);
    return client;
}

static void send_all(int client, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(client, data, length, MSG_NOSIGNAL);

        assert_true(sent > 0);
        data += sent;
        length -= (size_t)sent;
    }
}

/* Some more bytes; 0 at the end. */
static ssize_t read_more(int client, struct buf *seen)
{
    struct pollfd waited = {.fd = client, .events = POLLIN};
    char data[65536];
    ssize_t length;

    if (poll(&waited, 1, PATIENCE_MS) != 1)
        fail_msg("nothing came; so far: %s", seen->data ? seen->data : "");
    length = recv(client, data, sizeof(data), 0);
    if (length > 0)
        assert_int_equal(buf_append(seen, data, (size_t)length), RC_OK);
    return length > 0 ? length : 0;
}

static void send_request(int client, const char *method, const char *target, const char *fields,
                         const char *body)
{
    AUTO_BUF struct buf request;

    buf_init(&request, REPLY_LIMIT);
    buf_printf(&request, "%s %s HTTP/1.1\r\n%s%s", method, target,
               fields && strstr(fields, "Host:") ? "" : "Host: localhost\r\n",
               fields ? fields : "");
    if (body)
        buf_printf(&request, "Content-Length: %zu\r\n", strlen(body));
    buf_puts(&request, "\r\n");
    buf_puts(&request, body ? body : "");
    send_all(client, request.data, request.length);
}

/* RFC 9112, section 7.1. */
static void take_chunks(struct buf *body, const char *data, const char *end)
{
    while (data < end) {
        char *rest;
        size_t length = strtoull(data, &rest, 16);

        data = rest + 2;
        if (length == 0)
            return;
        assert_true(data + length <= end);
        assert_int_equal(buf_append(body, data, length), RC_OK);
        data += length + 2;
    }
    fail_msg("the body was cut");
}

struct reply ask(struct fixture *fixture, const char *method, const char *target,
                 const char *fields, const char *body)
{
    int client = dial(fixture);
    struct reply reply = {0};
    const char *content;
    char *all_fields = xasprintf("Connection: close\r\n%s", fields ? fields : "");
    AUTO_BUF struct buf seen;

    buf_init(&seen, REPLY_LIMIT);
    buf_init(&reply.body, REPLY_LIMIT);
    send_request(client, method, target, all_fields, body);
    await_end(client, &seen);
    close(client);
    free(all_fields);
    content = strstr(seen.data, "\r\n\r\n");
    assert_non_null(content);
    reply.head = xstrndup(seen.data, (size_t)(content + 2 - seen.data));
    assert_int_equal(sscanf(reply.head, "HTTP/1.1 %u", &reply.status), 1);
    if (reply_field(&reply, "Transfer-Encoding"))
        take_chunks(&reply.body, content + 4, seen.data + seen.length);
    else
        buf_append(&reply.body, content + 4, (size_t)(seen.data + seen.length - content - 4));
    return reply;
}

struct reply get(struct fixture *fixture, const char *target)
{
    return ask(fixture, "GET", target, NULL, NULL);
}

struct reply post_json(struct fixture *fixture, const char *target, const char *body)
{
    return ask(fixture, "POST", target, "Content-Type: application/json\r\n", body);
}

void reply_release(struct reply *reply)
{
    free(reply->head);
    buf_release(&reply->body);
}

unsigned status_of(struct reply reply)
{
    reply_release(&reply);
    return reply.status;
}

const char *reply_field(const struct reply *reply, const char *name)
{
    static char value[4096];
    size_t length = strlen(name);

    for (const char *line = strstr(reply->head, "\r\n"); line; line = strstr(line + 2, "\r\n")) {
        const char *at = line + 2;

        if (strncasecmp(at, name, length) != 0 || at[length] != ':')
            continue;
        (void)snprintf(value, sizeof(value), "%.*s", (int)strcspn(at + length + 2, "\r"),
                       at + length + 2);
        return value;
    }
    return NULL;
}

void assert_body_has(const struct reply *reply, const char *text)
{
    if (!reply->body.data || !strstr(reply->body.data, text))
        fail_msg("%u: no %s in: %s", reply->status, text, reply->body.data ? reply->body.data : "");
}

void assert_body_lacks(const struct reply *reply, const char *text)
{
    if (reply->body.data && strstr(reply->body.data, text))
        fail_msg("%u: %s in: %s", reply->status, text, reply->body.data);
}

int open_stream(struct fixture *fixture, const char *target, const char *fields)
{
    int client = dial(fixture);

    send_request(client, "GET", target, fields, NULL);
    return client;
}

void await_text(int client, struct buf *seen, const char *text)
{
    while (!seen->data || !strstr(seen->data, text))
        if (read_more(client, seen) == 0)
            fail_msg("ended before %s; so far: %s", text, seen->data ? seen->data : "");
}

void await_end(int client, struct buf *seen)
{
    while (read_more(client, seen) > 0)
        continue;
}
