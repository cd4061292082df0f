/* SPDX-License-Identifier: Apache-2.0 */
/* What other servers change is known here after a while: what is new sooner than what is gone. */
#include <string.h>

#include "base/mem.h"

#include "adapters/memory/clock.h"
#include "adapters/memory/store.h"
#include "api/people.h"
#include "api/secret.h"
#include "testing.h"

struct fixture {
    struct clock *clock;
    struct store *store;
    struct people *people;
    char secret[SECRET_TEXT];
};

static int start(void **state)
{
    struct fixture *fixture = xcalloc(1, sizeof(*fixture));

    assert_int_equal(secret_init(NULL), RC_OK);
    secret_new(fixture->secret);
    fixture->clock = memory_clock_new(SECOND);
    fixture->store = memory_store_new(&(struct memory_store_config){.clock = fixture->clock});
    fixture->people = people_new(fixture->store, fixture->clock, NULL);
    *state = fixture;
    return 0;
}

static int stop(void **state)
{
    struct fixture *fixture = *state;

    people_free(fixture->people);
    store_free(fixture->store);
    clock_free(fixture->clock);
    free(fixture);
    return 0;
}

/* As another server would. */
static void change(struct fixture *fixture, struct store_write write)
{
    assert_int_equal(store_apply(fixture->store, &write, 1, NULL), RC_OK);
    assert_int_equal(write.outcome, RC_OK);
}

static struct store_write token_write(struct fixture *fixture, enum write_kind kind)
{
    struct store_write write = {.kind = kind};

    write.access = (struct access_token){.id = "aaaaaaaa",
                                         .name = "ci",
                                         .account = "ann",
                                         .scope = ROLE_ADMIN,
                                         .expires_at = INSTANT_NONE,
                                         .last_used_at = INSTANT_NONE};
    secret_digest(fixture->secret, strlen(fixture->secret), write.access.hash);
    return write;
}

static enum rc find_secret(struct fixture *fixture)
{
    struct arena AUTO_ARENA arena = {0};
    struct person person;

    return people_find_secret(fixture->people, fixture->secret, &arena, &person, NULL);
}

static enum rc find_user(struct fixture *fixture)
{
    struct arena AUTO_ARENA arena = {0};
    struct user_record user;

    return people_find_user(fixture->people, "ann", &arena, &user, NULL);
}

static void a_token_is_known_soon_and_its_end_a_little_later(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(find_secret(fixture), RC_UNAUTHORIZED);
    change(fixture, token_write(fixture, WRITE_TOKEN_CREATE));
    assert_int_equal(find_secret(fixture), RC_UNAUTHORIZED);
    memory_clock_advance(fixture->clock, PEOPLE_AGE_NEW);
    assert_int_equal(find_secret(fixture), RC_OK);
    change(fixture, token_write(fixture, WRITE_TOKEN_REVOKE));
    memory_clock_advance(fixture->clock, PEOPLE_AGE_NEW);
    assert_int_equal(find_secret(fixture), RC_OK);
    memory_clock_advance(fixture->clock, PEOPLE_AGE - PEOPLE_AGE_NEW);
    assert_int_equal(find_secret(fixture), RC_UNAUTHORIZED);
}

static void a_user_is_known_soon(void **state)
{
    struct fixture *fixture = *state;
    struct store_write write = {.kind = WRITE_USER_CREATE,
                                .user.record = {.name = "ann", .password = ""}};

    assert_int_equal(find_user(fixture), RC_NOT_FOUND);
    change(fixture, write);
    assert_int_equal(find_user(fixture), RC_NOT_FOUND);
    memory_clock_advance(fixture->clock, PEOPLE_AGE_NEW);
    assert_int_equal(find_user(fixture), RC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_token_is_known_soon_and_its_end_a_little_later, start,
                                        stop),
        cmocka_unit_test_setup_teardown(a_user_is_known_soon, start, stop),
    };

    return cmocka_run_group_tests_name("api people", tests, NULL, NULL);
}
