/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stores of several processes at once, each with a node of its own to prefer: they claim the same
 * ticks, and lead at the same time. Threads stand for processes, since stores share nothing.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "contract/store_mysql.h"
#include "contract/store_suite.h"

enum { FIGHTERS = 3, JOBS = 20, ROUNDS = 60 };
#define LIMIT (30 * SECOND) /* until an answer */

struct fight {
    struct store *stores[FIGHTERS];
    job_id jobs[JOBS];
    instant_us base;         /* the first round's tick */
    pthread_barrier_t round; /* of all fighters and of who disturbs them */
};

struct fighter {
    struct fight *fight;
    uint8_t number;
    bool owned[ROUNDS][JOBS]; /* by its reading back */
    int failures;
};

static void open_stores(struct fight *fight)
{
    const struct servers *servers = servers_of_suite();

    for (size_t i = 0; i < FIGHTERS; i++) {
        struct mysql_host hosts[MYSQL_HOSTS_MAX];
        struct mysql_store_config config = servers_config(servers, i, servers->count, hosts);
        struct err err = {0};
        enum rc rc = mysql_store_new(&config, &fight->stores[i], &err);

        if (rc != RC_OK)
            fail_msg("%s", err_message(&err, rc));
    }
}

static void close_stores(struct fight *fight)
{
    for (size_t i = 0; i < FIGHTERS; i++)
        store_free(fight->stores[i]);
}

/* ---- claims ------------------------------------------------------------------------------------
 */

static struct claim_token round_token(uint8_t number, size_t round)
{
    struct claim_token token = token_of(number);

    token.bytes[0] = (uint8_t)round;
    return token;
}

static void note_owned(struct fighter *fighter, size_t round, const struct run_key *key)
{
    for (size_t i = 0; i < JOBS; i++) {
        if (fighter->fight->jobs[i] == key->job)
            fighter->owned[round][i] = true;
    }
}

struct reading_back {
    struct fighter *fighter;
    size_t round;
};

static bool see_owned(void *context, const struct run_record *run)
{
    struct reading_back *reading = context;

    note_owned(reading->fighter, reading->round, &run->run.key);
    return true;
}

static bool read_back(struct fighter *fighter, size_t round)
{
    struct claim_token token = round_token(fighter->number, round);
    struct run_query query = run_query_all();
    struct reading_back reading = {fighter, round};

    query.token = &token;
    for (mono_us end = clock_mono(servers_clock()) + LIMIT; clock_mono(servers_clock()) < end;) {
        if (store_read_runs(fighter->fight->stores[fighter->number - 1], &query, see_owned,
                            &reading, NULL) == RC_OK)
            return true;
    }
    return false;
}

/* The batch of a round, said again with its token until there is an answer. */
static bool claim_round(struct fighter *fighter, size_t round)
{
    struct fight *fight = fighter->fight;
    mono_us end = clock_mono(servers_clock()) + LIMIT;
    struct store_write writes[JOBS];

    for (size_t i = 0; i < JOBS; i++) {
        writes[i] = claim_write(fight->jobs[i], 1, fight->base + (instant_us)round, 0);
        writes[i].claim.token = round_token(fighter->number, round);
        writes[i].claim.deadline = fight->base + HOUR;
    }
    while (clock_mono(servers_clock()) < end) {
        if (store_apply(fight->stores[fighter->number - 1], writes, JOBS, NULL) == RC_OK)
            return true;
    }
    return false;
}

static void *claim_all(void *context)
{
    struct fighter *fighter = context;

    for (size_t round = 0; round < ROUNDS; round++) {
        (void)pthread_barrier_wait(&fighter->fight->round);
        if (!claim_round(fighter, round) || !read_back(fighter, round))
            fighter->failures++;
    }
    return NULL;
}

/* What the rows say in the end, beside what was read back at the time. */
static void check_owners(struct fixture *fixture, const struct fight *fight,
                         const struct fighter *fighters)
{
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < JOBS; i++) {
            struct run_key key = key_of(fight->jobs[i], fight->base + (instant_us)round);
            const struct run_record *run = run_of(fixture, &key);
            int owners = 0;

            assert_non_null(run);
            for (size_t j = 0; j < FIGHTERS; j++)
                owners += fighters[j].owned[round][i];
            assert_int_equal(owners, 1);
            assert_true(fighters[run->token.bytes[15] - 1].owned[round][i]);
        }
    }
}

/* `disturb` is called while a round is fought. */
static void fight_for_ticks(struct fixture *fixture, void (*disturb)(size_t round))
{
    static struct fighter fighters[FIGHTERS];
    struct fight fight = {.base = clock_now(servers_clock())};
    pthread_t threads[FIGHTERS];

    for (size_t i = 0; i < JOBS; i++)
        fight.jobs[i] = given_job(fixture, "");
    open_stores(&fight);
    assert_int_equal(pthread_barrier_init(&fight.round, NULL, FIGHTERS + 1), 0);
    for (size_t i = 0; i < FIGHTERS; i++) {
        fighters[i] = (struct fighter){.fight = &fight, .number = (uint8_t)(i + 1)};
        assert_int_equal(pthread_create(&threads[i], NULL, claim_all, &fighters[i]), 0);
    }
    for (size_t round = 0; round < ROUNDS; round++) {
        (void)pthread_barrier_wait(&fight.round);
        disturb(round);
    }
    for (size_t i = 0; i < FIGHTERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (size_t i = 0; i < FIGHTERS; i++)
        assert_int_equal(fighters[i].failures, 0);
    check_owners(fixture, &fight, fighters);
    close_stores(&fight);
    assert_int_equal(pthread_barrier_destroy(&fight.round), 0);
}

static void leave_alone(size_t round)
{
    (void)round;
}

static void each_tick_has_one_owner(void **state)
{
    fight_for_ticks(*state, leave_alone);
}

static void end_connections(size_t round)
{
    servers_end_connections(servers_of_suite(), round % servers_of_suite()->count, false);
}

static void each_tick_has_one_owner_while_connections_end(void **state)
{
    fight_for_ticks(*state, end_connections);
}

/* It is thawed a round later: what it had under way is then decided, or is refused. */
static void freeze_server(size_t round)
{
    pid_t pid = servers_of_suite()->pids[1];

    if (round == ROUNDS / 3)
        assert_int_equal(kill(pid, SIGSTOP), 0);
    else if (round == ROUNDS / 3 + 1)
        assert_int_equal(kill(pid, SIGCONT), 0);
}

static void each_tick_has_one_owner_while_a_server_freezes(void **state)
{
    if (servers_of_suite()->count < 3 || !servers_of_suite()->pids[1])
        skip();
    fight_for_ticks(*state, freeze_server);
}

/* ---- leaders ------------------------------------------------------------------------------------
 */

struct leaders {
    struct fight *fight;
    atomic_ulong newest;   /* epoch that was ever tried */
    atomic_ulong accepted; /* the newest that was answered with RC_OK */
    atomic_long written;   /* answers of RC_OK */
    atomic_long late;      /* of an epoch although a newer one had been accepted before */
    atomic_long failures;
    atomic_int number;
};

static void raise_to(atomic_ulong *value, unsigned long to)
{
    unsigned long now = atomic_load(value);

    while (now < to && !atomic_compare_exchange_weak(value, &now, to))
        ;
}

/* Sometimes as a new leader, sometimes as one that does not know that it was deposed. */
static void *lead(void *context)
{
    struct leaders *leaders = context;
    struct store *store = leaders->fight->stores[atomic_fetch_add(&leaders->number, 1)];
    unsigned long epoch = 0;

    for (int i = 0; i < ROUNDS; i++) {
        struct store_write write = {.kind = WRITE_LEADER};
        unsigned long before;

        if (i % 5 == 0)
            epoch = atomic_fetch_add(&leaders->newest, 1) + 1;
        write.leader.epoch = epoch;
        before = atomic_load(&leaders->accepted);
        if (store_apply(store, &write, 1, NULL) != RC_OK)
            atomic_fetch_add(&leaders->failures, 1);
        else if (write.outcome == RC_OK)
            atomic_fetch_add(&leaders->written, 1);
        if (write.outcome == RC_OK && epoch < before)
            atomic_fetch_add(&leaders->late, 1);
        if (write.outcome == RC_OK)
            raise_to(&leaders->accepted, epoch);
    }
    return NULL;
}

static int64_t count_leader_writes(void)
{
    const struct servers *servers = servers_of_suite();
    struct sql_connection *connection = servers_connect(servers, 0);
    struct sql_statement *row;
    char text[160];
    int64_t writes;

    (void)snprintf(text, sizeof(text), "SELECT writes FROM %s.leader WHERE id = 1",
                   servers->database);
    assert_int_equal(sql_first(connection, text, NULL, 0, &row, NULL), RC_OK);
    assert_non_null(row);
    writes = sql_column_number(row, 0);
    sql_done(row);
    sql_connection_free(connection);
    return writes;
}

/* Had two committed at the same time, one would have overwritten the other's count. */
static void deposed_leader_never_writes(void **state)
{
    struct fight fight = {.base = 0};
    struct leaders leaders = {.fight = &fight};
    pthread_t threads[FIGHTERS];
    int64_t before;

    (void)state;
    open_stores(&fight);
    before = count_leader_writes();
    for (size_t i = 0; i < FIGHTERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, lead, &leaders), 0);
    for (size_t i = 0; i < FIGHTERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(atomic_load(&leaders.failures), 0);
    assert_int_equal(atomic_load(&leaders.late), 0);
    assert_true(atomic_load(&leaders.written) > 0);
    assert_int_equal(count_leader_writes() - before, atomic_load(&leaders.written));
    close_stores(&fight);
}

static const struct clause clauses[] = {
    CLAUSE(each_tick_has_one_owner),
    CLAUSE(each_tick_has_one_owner_while_connections_end),
    CLAUSE(each_tick_has_one_owner_while_a_server_freezes),
    CLAUSE(deposed_leader_never_writes),
};
const struct clauses store_fight_clauses = {clauses, ARRAY_SIZE(clauses)};
