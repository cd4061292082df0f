/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What it costs to know who asks: `bench_identity [TOKENS]`, 1000 unless said otherwise, and as
 * many users. Prints lines of "name value unit".
 *
 *     first        of each user and token, when they are read first: its seal is checked
 *     permission   a secret becomes a person with rights, which a role is compared with: all that a
 *                  request needs when the picture of users and tokens is at hand
 *     refresh      the picture is read anew, as every two seconds
 *     peer         the kernel is asked whose a loopback connection is
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"

#include "adapters/memory/store.h"
#include "adapters/posix/clock.h"
#include "api/people.h"
#include "api/secret.h"
#include "http/peer.h"
#include "wire/seal.h"

enum { TOKENS = 1000, CHECKS = 200000, REFRESHES = 100, PEERS = 20000 };

static double seconds(void)
{
    struct timespec now;

    CHECK(!clock_gettime(CLOCK_MONOTONIC, &now));
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void report(const char *name, double span, size_t count)
{
    (void)printf("%-16s %12.3f us\n", name, span / (double)count * 1e6);
}

static void fill(struct store *store, const uint8_t *seal, size_t count,
                 char (*secrets)[SECRET_TEXT])
{
    struct store_write *AUTO_FREE writes = xcalloc(2 * count, sizeof(*writes));
    AUTO_ARENA struct arena arena = {0};

    for (size_t i = 0; i < count; i++) {
        const char *name = arena_printf(&arena, "user-%zu", i);
        struct access_token token = {.id = arena_printf(&arena, "t%zu", i),
                                     .name = "t",
                                     .account = name,
                                     .scope = ROLE_ADMIN,
                                     .expires_at = INSTANT_NONE,
                                     .last_used_at = INT64_MAX / 2};
        struct user_record user = {
            .name = name, .role = ROLE_EDITOR, .accounts = {&name, 1}, .password = ""};

        secret_new(secrets[i]);
        secret_digest(secrets[i], strlen(secrets[i]), token.hash);
        token.seal = wire_token_seal(seal, &token, &arena);
        user.seal = wire_user_seal(seal, &user, &arena);
        writes[2 * i] = (struct store_write){.kind = WRITE_TOKEN_CREATE, .access = token};
        writes[2 * i + 1] = (struct store_write){.kind = WRITE_USER_CREATE, .user.record = user};
        CHECK(store_apply(store, &writes[2 * i], 2, NULL) == RC_OK);
    }
}

static void bench_first(struct people *people, size_t count, const char *secret)
{
    AUTO_ARENA struct arena arena = {0};
    struct person person;
    double start = seconds();

    CHECK(people_find_secret(people, secret, &arena, &person, NULL) == RC_OK);
    report("first", seconds() - start, 2 * count);
}

static void bench_permission(struct people *people, size_t count, char (*secrets)[SECRET_TEXT])
{
    double start = seconds();

    for (size_t i = 0; i < CHECKS; i++) {
        AUTO_ARENA struct arena arena = {0};
        struct person person;

        CHECK(people_find_secret(people, secrets[i % count], &arena, &person, NULL) == RC_OK);
        CHECK(person.rights.role >= ROLE_OPERATOR);
    }
    report("permission", seconds() - start, CHECKS);
}

static void bench_refresh(struct people *people, const char *secret)
{
    double start = seconds();

    for (size_t i = 0; i < REFRESHES; i++) {
        AUTO_ARENA struct arena arena = {0};
        struct person person;

        people_expire(people);
        CHECK(people_find_secret(people, secret, &arena, &person, NULL) == RC_OK);
    }
    report("refresh", seconds() - start, REFRESHES);
}

static void bench_peer(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int server;
    double start;

    CHECK(!bind(listener, (struct sockaddr *)&address, length) && !listen(listener, 1));
    CHECK(!getsockname(listener, (struct sockaddr *)&address, &length));
    CHECK(!connect(client, (struct sockaddr *)&address, length));
    server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    CHECK(server >= 0);
    start = seconds();
    for (size_t i = 0; i < PEERS; i++) {
        uid_t uid = 0;

        CHECK(http_peer_uid(server, &uid, NULL) == RC_OK && uid == geteuid());
    }
    report("peer", seconds() - start, PEERS);
    (void)close(server);
    (void)close(client);
    (void)close(listener);
}

int main(int argc, char **argv)
{
    size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : TOKENS;
    struct clock *clock = posix_clock_new();
    struct store *store = memory_store_new(&(struct memory_store_config){.clock = clock});
    struct seal_keys seal = {0};
    struct people *people = people_new(store, clock, seal.known);
    char(*secrets)[SECRET_TEXT] = xcalloc(count, SECRET_TEXT);

    CHECK(count && secret_init(NULL) == RC_OK);
    seal_keys_derive("the secret", 10, &seal);
    fill(store, seal.own, count, secrets);
    bench_first(people, count, secrets[0]);
    bench_permission(people, count, secrets);
    bench_refresh(people, secrets[0]);
    bench_peer();
    free(secrets);
    people_free(people);
    store_free(store);
    clock_free(clock);
    return 0;
}
