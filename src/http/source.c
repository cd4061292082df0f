/* SPDX-License-Identifier: Apache-2.0 */
#include "http/source.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DIGITS  "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyz"

/* ---- reading a URL --------------------------------------------------------------------------- */

/* The rest behind "http://" or "https://"; NULL for anything else. */
static const char *read_scheme(const char *text, bool *ret_secure)
{
    *ret_secure = strncasecmp(text, "https://", 8) == 0;
    if (*ret_secure)
        return text + 8;
    return strncasecmp(text, "http://", 7) == 0 ? text + 7 : NULL;
}

static enum rc check_characters(const char *text, struct err *err)
{
    for (const char *c = text; *c; c++) {
        if (*c <= ' ' || *c >= 127)
            return err_fail(err, RC_INVALID,
                            "'%.80s': a URL has no spaces, control characters and other "
                            "characters than ASCII; they are written as %%XX",
                            text);
        if (*c == '\\' || *c == '#')
            return err_fail(err, RC_INVALID, "'%.80s': %c may not be in this URL", text, *c);
    }
    return RC_OK;
}

/* An address of IPv4 in an address of IPv6, as RFC 4291 section 2.5.5.2 has it. */
static struct in6_addr mapped(const uint8_t bytes[4])
{
    struct in6_addr address = {.s6_addr = {[10] = 0xff, [11] = 0xff}};

    memcpy(address.s6_addr + 12, bytes, 4);
    return address;
}

/* "a.b-c.example": labels of letters, digits and hyphens, the last of which has a letter, so that
 * no number is taken for a name. */
static bool is_name(const char *host)
{
    const char *last = strrchr(host, '.');

    last = last ? last + 1 : host;
    return *host != '.' && !strstr(host, "..") && *last && strpbrk(last, LETTERS) &&
           strncmp(last, "0x", 2) != 0 && strspn(host, LETTERS DIGITS "-._") == strlen(host);
}

static enum rc read_host(struct http_source *source, const char *text, bool is_bracketed,
                         struct err *err)
{
    struct in_addr address;

    if (is_bracketed)
        source->is_literal = inet_pton(AF_INET6, source->host, &source->address) == 1;
    else if (inet_pton(AF_INET, source->host, &address) == 1) {
        source->is_literal = true;
        source->address = mapped((const uint8_t *)&address.s_addr);
    }
    if (source->is_literal || (!is_bracketed && is_name(source->host)))
        return RC_OK;
    return err_fail(err, RC_INVALID,
                    "'%.80s': its host is neither a name nor an address like 192.0.2.1 or "
                    "[2001:db8::1]",
                    text);
}

static enum rc read_port(struct http_source *source, const char *port, size_t length,
                         const char *text, struct err *err)
{
    unsigned long number = 0;

    if (!port) {
        source->port = source->is_secure ? 443 : 80;
        return RC_OK;
    }
    if (length > 0 && length <= 5 && strspn(port, DIGITS) >= length)
        number = strtoul(port, NULL, 10);
    if (number < 1 || number > 65535)
        return err_fail(err, RC_INVALID, "'%.80s': its port is not in 1-65535", text);
    source->port = (uint16_t)number;
    return RC_OK;
}

/* "host", "host:port", "[address]:port", so many characters. */
static enum rc read_authority(struct http_source *source, const char *authority, size_t length,
                              const char *text, struct err *err)
{
    bool is_bracketed = *authority == '[';
    const char *end = authority + length, *host = authority + is_bracketed;
    const char *host_end = memchr(host, is_bracketed ? ']' : ':', (size_t)(end - host));
    const char *rest = host_end ? host_end + is_bracketed : end;
    size_t host_length = (size_t)((host_end ? host_end : end) - host);
    enum rc rc;

    if (memchr(authority, '@', length))
        return err_fail(err, RC_INVALID, "a URL with a name or password in it is not taken");
    if (host_length == 0 || host_length > HTTP_HOST_MAX || (rest < end && *rest != ':') ||
        (is_bracketed && !host_end))
        return err_fail(err, RC_INVALID, "'%.80s' has no host", text);
    for (size_t i = 0; i < host_length; i++)
        source->host[i] = (char)(host[i] >= 'A' && host[i] <= 'Z' ? host[i] + 32 : host[i]);
    rc = read_host(source, text, is_bracketed, err);
    if (rc != RC_OK)
        return rc;
    return read_port(source, rest < end ? rest + 1 : NULL,
                     rest < end ? (size_t)(end - rest - 1) : 0, text, err);
}

/* One character of a path, or what an escape of one stands for. */
static size_t path_character(const char *path, char *ret_character)
{
    static const char digits[] = "0123456789abcdef";
    const char *high, *low;

    *ret_character = *path;
    if (path[0] != '%' || !path[1] || !path[2])
        return 1;
    high = strchr(digits, path[1] | 32);
    low = strchr(digits, path[2] | 32);
    if (!high || !low)
        return 1;
    *ret_character = (char)((high - digits) << 4 | (low - digits));
    return 3;
}

/* A segment that is "." or "..", however it is spelled, leads elsewhere than it looks. */
static enum rc check_path(const char *path, const char *text, struct err *err)
{
    size_t dots = 0, others = 0;

    for (const char *at = path;;) {
        bool ends = *at == '\0' || *at == '/' || *at == '?';
        char c;

        if (ends && others == 0 && (dots == 1 || dots == 2))
            return err_fail(err, RC_INVALID, "'%.80s': its path goes through . or ..", text);
        if (*at == '\0' || *at == '?')
            return RC_OK;
        if (ends)
            dots = others = 0;
        at += path_character(at, &c);
        if (c == '\0' || c == '\\' || (c == '/' && at[-1] != '/'))
            return err_fail(err, RC_INVALID, "'%.80s': its path hides a separator", text);
        if (!ends && c == '.')
            dots++;
        else if (!ends)
            others++;
    }
}

enum rc http_source_read(const char *text, struct http_source *ret_source, struct err *err)
{
    struct http_source source = {0};
    const char *rest = read_scheme(text, &source.is_secure);
    size_t length;
    enum rc rc;

    if (!rest)
        return err_fail(err, RC_INVALID, "'%.80s' begins with neither http:// nor https://", text);
    rc = check_characters(text, err);
    if (rc != RC_OK)
        return rc;
    length = strcspn(rest, "/?");
    source.path = rest + length;
    rc = read_authority(&source, rest, length, text, err);
    if (rc == RC_OK)
        rc = check_path(source.path, text, err);
    if (rc == RC_OK)
        *ret_source = source;
    return rc;
}

bool http_source_covers(const struct http_source *allowed, const struct http_source *url)
{
    size_t length = strlen(allowed->path);

    if (allowed->is_secure != url->is_secure || allowed->port != url->port ||
        strcmp(allowed->host, url->host) != 0)
        return false;
    if (length == 0 || strcmp(allowed->path, "/") == 0)
        return true;
    if (strncmp(allowed->path, url->path, length) != 0)
        return false;
    return allowed->path[length - 1] == '/' || url->path[length] == '\0' ||
           url->path[length] == '/' || url->path[length] == '?';
}

/* ---- addresses ------------------------------------------------------------------------------- */

static bool has_prefix(const uint8_t *address, const uint8_t *prefix, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;

    return memcmp(address, prefix, whole) == 0 &&
           (rest == 0 || (address[whole] ^ prefix[whole]) >> (8 - rest) == 0);
}

/* RFC 6890 and its registries, as far as a connection to such an address makes mischief. */
static const struct {
    uint8_t prefix[4];
    unsigned bits;
    const char *what;
} refused_4[] = {
    {{169, 254, 169, 254}, 32, "the metadata service of a cloud"},
    {{100, 100, 100, 200}, 32, "the metadata service of a cloud"},
    {{127}, 8, "loopback"},
    {{0}, 8, "unspecified"},
    {{169, 254}, 16, "link-local"},
    {{224}, 4, "multicast"},
    {{240}, 4, "reserved"},
};

static const struct {
    uint8_t prefix[16];
    unsigned bits;
    const char *what;
} refused_6[] = {
    {{[15] = 1}, 128, "loopback"},
    {{0}, 128, "unspecified"},
    {{0xfd, 0, 0x0e, 0xc2, [14] = 2, [15] = 0x54}, 128, "the metadata service of a cloud"},
    {{0xfe, 0x80}, 10, "link-local"},
    {{0xfe, 0xc0}, 10, "site-local"},
    {{0xff}, 8, "multicast"},
};

/* Forms of IPv6 that an address of IPv4 may hide in, and where: mapped and compatible (RFC 4291),
 * NAT64 (RFC 6052, RFC 8215), 6to4 (RFC 3056). */
static const struct {
    uint8_t prefix[16];
    unsigned bits;
    unsigned at;
} hiding[] = {
    {{[10] = 0xff, [11] = 0xff}, 96, 12},  {{0}, 96, 12},         {{0, 0x64, 0xff, 0x9b}, 96, 12},
    {{0, 0x64, 0xff, 0x9b, 0, 1}, 48, 12}, {{0x20, 0x02}, 16, 2},
};

static const char *refusal_4(const uint8_t *address)
{
    for (size_t i = 0; i < ARRAY_SIZE(refused_4); i++)
        if (has_prefix(address, refused_4[i].prefix, refused_4[i].bits))
            return refused_4[i].what;
    return NULL;
}

/* What an address is that nobody is to be led to; NULL when it is fine. */
static const char *refusal_of(const struct in6_addr *address)
{
    const char *what = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(refused_6); i++)
        if (has_prefix(address->s6_addr, refused_6[i].prefix, refused_6[i].bits))
            return refused_6[i].what;
    for (size_t i = 0; i < ARRAY_SIZE(hiding) && !what; i++)
        if (has_prefix(address->s6_addr, hiding[i].prefix, hiding[i].bits))
            what = refusal_4(address->s6_addr + hiding[i].at);
    return what;
}

static bool read_address(const struct sockaddr *address, struct in6_addr *ret_address)
{
    struct sockaddr_in four;
    struct sockaddr_in6 six;

    if (address->sa_family == AF_INET) {
        memcpy(&four, address, sizeof(four));
        *ret_address = mapped((const uint8_t *)&four.sin_addr.s_addr);
        return true;
    }
    if (address->sa_family != AF_INET6)
        return false;
    memcpy(&six, address, sizeof(six));
    *ret_address = six.sin6_addr;
    return true;
}

enum rc http_source_check_address(const struct http_source *allowed, const struct sockaddr *address,
                                  struct err *err)
{
    char text[INET6_ADDRSTRLEN] = "?";
    struct in6_addr six;
    const char *what;

    if (!read_address(address, &six))
        return err_fail(err, RC_FORBIDDEN, "%s: not an address of the internet", allowed->host);
    if (allowed->is_literal && memcmp(&allowed->address, &six, sizeof(six)) == 0)
        return RC_OK;
    what = refusal_of(&six);
    if (!what)
        return RC_OK;
    if (IN6_IS_ADDR_V4MAPPED(&six))
        (void)inet_ntop(AF_INET, six.s6_addr + 12, text, sizeof(text)); /* it has room */
    else
        (void)inet_ntop(AF_INET6, &six, text, sizeof(text)); /* it has room */
    return err_fail(err, RC_FORBIDDEN, "%s has the address %s, which is %s", allowed->host, text,
                    what);
}
