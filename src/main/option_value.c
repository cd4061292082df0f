/* SPDX-License-Identifier: Apache-2.0 */
#include "main/option_value.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/limits.h"
#include "core/zone.h"

#include "http/source.h"
#include "wire/field.h"

enum { HOST_MAX = 253 };

static void *member(const struct option_value *value)
{
    return (char *)value->options + value->target->offset;
}

static void set_text(const struct option_value *value, const char *text)
{
    const char **place = member(value);
    *place = arena_strdup(value->arena, text);
}

/* ---- addresses ----------------------------------------------------------------------------- */

static bool is_address(const char *text)
{
    struct in6_addr address;
    return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

static bool take_port(const char *text, uint16_t *ret_port)
{
    char *end = NULL;
    unsigned long port = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || port > UINT16_MAX)
        return false;
    *ret_port = (uint16_t)port;
    return true;
}

/* The part before the last colon, without brackets; what is short for an address spelt out. */
static const char *address_part(const char *text, size_t length, struct arena *arena)
{
    if (length >= 2 && text[0] == '[' && text[length - 1] == ']')
        return arena_strndup(arena, text + 1, length - 2);
    if (length == 0 || (length == 1 && *text == '*'))
        return "0.0.0.0";
    if (length == strlen("localhost") && memcmp(text, "localhost", length) == 0)
        return "127.0.0.1";
    return arena_strndup(arena, text, length);
}

enum rc option_set_listen(const struct option_value *value, const char *text, struct err *err)
{
    const char *colon = strrchr(text, ':');
    const char *address =
        colon ? address_part(text, (size_t)(colon - text), value->arena) : "127.0.0.1";
    uint16_t port = 0;
    if (!take_port(colon ? colon + 1 : text, &port) || !is_address(address) ||
        (strchr(address, ':') && text[0] != '['))
        return err_fail(err, RC_INVALID,
                        "'%.80s' is not ADDRESS:PORT, like 127.0.0.1:30000 or [::1]:30000", text);
    value->options->address = address;
    value->options->port = port;
    return RC_OK;
}

/* One more of a list that begins anew with each source. */
static void add_text(const struct option_value *value, const char *text)
{
    struct strings *texts = member(value);
    size_t kept = value->is_first ? 0 : texts->count;
    const char **items = arena_alloc(value->arena, (kept + 1) * sizeof *items);
    if (kept)
        memcpy(items, texts->items, kept * sizeof *items);
    items[kept] = arena_strdup(value->arena, text);
    *texts = (struct strings){.items = items, .count = kept + 1};
}

enum rc option_set_host(const struct option_value *value, const char *text, struct err *err)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                  ".-:[]";
    size_t length = strlen(text);
    if (length == 0 || length > HOST_MAX || strspn(text, allowed) != length)
        return err_fail(err, RC_INVALID, "'%.80s' is not the name of a host", text);
    add_text(value, text);
    return RC_OK;
}

/* Read here so that a mistake is told with its place; the API server reads it again. */
enum rc option_set_source(const struct option_value *value, const char *text, struct err *err)
{
    struct http_source source;
    enum rc rc = http_source_read(text, &source, err);
    if (rc == RC_OK)
        add_text(value, text);
    return rc;
}

/* ---- places -------------------------------------------------------------------------------- */

static enum rc check_path(const char *path, struct err *err)
{
    if (*path == '\0')
        return err_fail(err, RC_INVALID, "the path is empty");
    if (strlen(path) > LIMIT_PATH)
        return err_fail(err, RC_INVALID, "a path of more than %d bytes", LIMIT_PATH);
    return RC_OK;
}

enum rc option_set_path(const struct option_value *value, const char *text, struct err *err)
{
    enum rc rc = check_path(text, err);
    if (rc == RC_OK)
        set_text(value, text);
    return rc;
}

/* Debian's cron passes over names with anything else in them, a dot above all. */
enum rc option_set_crontab_file(const struct option_value *value, const char *text, struct err *err)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                  "_-";
    const char *slash = strrchr(text, '/');
    enum rc rc = check_path(text, err);
    if (rc == RC_OK && text[0] != '/')
        return err_fail(err, RC_INVALID, "'%.80s' is not an absolute path", text);
    if (rc == RC_OK && (!slash[1] || slash[1 + strspn(slash + 1, allowed)]))
        return err_fail(err, RC_INVALID,
                        "'%.80s' is not a name that cron reads: it may have A-Z a-z 0-9 _ -, and "
                        "no dot",
                        slash + 1);
    if (rc == RC_OK)
        set_text(value, text);
    return rc;
}

enum rc option_set_program(const struct option_value *value, const char *text, struct err *err)
{
    enum rc rc = check_path(text, err);
    if (rc == RC_OK && text[0] != '/')
        return err_fail(err, RC_INVALID, "'%.80s' is not an absolute path, like /usr/bin/crontab",
                        text);
    if (rc == RC_OK)
        set_text(value, text);
    return rc;
}

enum rc option_set_store(const struct option_value *value, const char *text, struct err *err)
{
    return place_store_read(text, value->arena, &value->options->store, err);
}

enum rc option_set_objects(const struct option_value *value, const char *text, struct err *err)
{
    return place_objects_read(text, value->arena, &value->options->objects, err);
}

enum rc option_set_coordination(const struct option_value *value, const char *text, struct err *err)
{
    return place_coordination_read(text, value->arena, &value->options->coordination, err);
}

/* "https://10.0.0.1:30001", which a path would follow. */
enum rc option_set_advertise(const struct option_value *value, const char *text, struct err *err)
{
    size_t length = strlen(text);
    size_t scheme = strncmp(text, "https://", 8) == 0  ? 8
                    : strncmp(text, "http://", 7) == 0 ? 7
                                                       : 0;
    const char *host = text + scheme;
    if (length == 0) {
        set_text(value, text);
        return RC_OK;
    }
    if (length > LIMIT_URL || !scheme || *host == '\0' || strcspn(host, "/?#@ \t") != strlen(host))
        return err_fail(err, RC_INVALID, "'%.80s' is not an address like https://10.0.0.1:30001",
                        text);
    set_text(value, text);
    return RC_OK;
}

/* ---- names --------------------------------------------------------------------------------- */

static bool is_name(const char *text, size_t length, size_t limit)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                  "._-";
    return length > 0 && length <= limit && strspn(text, allowed) >= length;
}

enum rc option_set_name(const struct option_value *value, const char *text, struct err *err)
{
    if (*text != '\0' && !is_name(text, strlen(text), LIMIT_NAME))
        return err_fail(err, RC_INVALID, "'%.80s' is not 1 to %d of A-Z a-z 0-9 . _ -", text,
                        LIMIT_NAME);
    set_text(value, text);
    return RC_OK;
}

enum rc option_set_label(const struct option_value *value, const char *text, struct err *err)
{
    struct pairs *labels = member(value);
    size_t length = strcspn(text, "=");
    size_t kept = value->is_first ? 0 : labels->count;
    if (text[length] != '=' || !is_name(text, length, LIMIT_LABEL) ||
        strlen(text + length + 1) > LIMIT_LABEL)
        return err_fail(err, RC_INVALID, "'%.130s' is not NAME=VALUE, of up to %d bytes each", text,
                        LIMIT_LABEL);
    if (kept == LIMIT_LABELS)
        return err_fail(err, RC_INVALID, "more than %d labels", LIMIT_LABELS);
    struct pair *items = arena_alloc(value->arena, (kept + 1) * sizeof *items);
    if (kept)
        memcpy(items, labels->items, kept * sizeof *items);
    items[kept] = (struct pair){.name = arena_strndup(value->arena, text, length),
                                .value = arena_strdup(value->arena, text + length + 1)};
    *labels = (struct pairs){.items = items, .count = kept + 1};
    return RC_OK;
}

enum rc option_set_account(const struct option_value *value, const char *text, struct err *err)
{
    const struct strings *accounts = member(value);
    if (!job_account_is_valid(text))
        return err_fail(err, RC_INVALID, "'%.80s' is not the name of an account", text);
    if (!value->is_first && accounts->count == LIMIT_ACCOUNTS)
        return err_fail(err, RC_INVALID, "more than %d accounts", LIMIT_ACCOUNTS);
    add_text(value, text);
    return RC_OK;
}

enum rc option_set_zone(const struct option_value *value, const char *text, struct err *err)
{
    if (*text != '\0' && !zone_name_is_valid(text))
        return err_fail(err, RC_INVALID, "'%.80s' is not a time zone's name", text);
    set_text(value, text);
    return RC_OK;
}

/* ---- words, numbers, spans ----------------------------------------------------------------- */

enum rc option_set_level(const struct option_value *value, const char *text, struct err *err)
{
    return log_level_parse(text, &value->options->log_level, err);
}

enum rc option_set_format(const struct option_value *value, const char *text, struct err *err)
{
    return log_format_parse(text, &value->options->log_format, err);
}

enum rc option_set_scheduler(const struct option_value *value, const char *text, struct err *err)
{
    enum scheduler *place = member(value);
    bool is_crontab = strcmp(text, "crontab") == 0;
    if (!is_crontab && strcmp(text, "timer") != 0)
        return err_fail(err, RC_INVALID, "'%.80s' is not timer or crontab", text);
    *place = is_crontab ? SCHEDULER_CRONTAB : SCHEDULER_TIMER;
    return RC_OK;
}

enum rc option_set_switch(const struct option_value *value, const char *text, struct err *err)
{
    bool *place = member(value);
    bool yes = strcmp(text, "yes") == 0 || strcmp(text, "true") == 0 || strcmp(text, "1") == 0;
    bool no = strcmp(text, "no") == 0 || strcmp(text, "false") == 0 || strcmp(text, "0") == 0;
    if (!yes && !no)
        return err_fail(err, RC_INVALID, "'%.80s' is not yes or no", text);
    *place = yes;
    return RC_OK;
}

enum rc option_set_count(const struct option_value *value, const char *text, struct err *err)
{
    uint32_t *place = member(value);
    char *end = NULL;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno || number < value->target->least ||
        number > value->target->most)
        return err_fail(err, RC_INVALID, "'%.80s' is not in %" PRId64 "-%" PRId64, text,
                        value->target->least, value->target->most);
    *place = (uint32_t)number;
    return RC_OK;
}

enum rc option_set_span(const struct option_value *value, const char *text, struct err *err)
{
    char least[SPAN_TEXT];
    char most[SPAN_TEXT];
    span_us *place = member(value);
    span_us span = 0;
    enum rc rc = span_parse(text, &span, err);
    if (rc != RC_OK)
        return rc;
    if (span < value->target->least || span > value->target->most)
        return err_fail(err, RC_INVALID, "'%.80s' is not in %s to %s", text,
                        span_format(value->target->least, least),
                        span_format(value->target->most, most));
    *place = span;
    return RC_OK;
}

enum rc option_set_size(const struct option_value *value, const char *text, struct err *err)
{
    int64_t *place = member(value);
    int64_t size = 0;
    enum rc rc = size_parse(text, &size, err);
    if (rc != RC_OK)
        return rc;
    if (size < value->target->least || size > value->target->most)
        return err_fail(err, RC_INVALID, "'%.80s' is not in %" PRId64 "-%" PRId64 " bytes", text,
                        value->target->least, value->target->most);
    *place = size;
    return RC_OK;
}
