/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/mysql/nodes.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "base/crypto.h"
#include "base/mem.h"

enum { DEFAULT_PORT = 3306 };

/* How long after a look at an avoided host the next one is. */
#define LOOK_FIRST (100 * MILLISECOND)
#define LOOK_MAX   (5 * SECOND)

struct node {
    struct mysql_target target;
    bool avoided;
    mono_us look_at; /* when it is avoided: the next look */
    span_us pause;   /* between the last look and that one */
};

struct mysql_nodes {
    struct clock *clock;
    char *hosts[MYSQL_HOSTS_MAX];
    char *user;
    char *password;
    char *database;
    char *ca_file;
    struct node nodes[MYSQL_HOSTS_MAX];
    size_t count;
    pthread_mutex_t mutex; /* protects what follows, and all but the targets above */
    pthread_cond_t changed;
    struct err why; /* the last host that failed said */
    pthread_t thread;
    bool has_thread; /* from the first failure on */
    bool ending;
};

/* ---- looking after what is avoided ----------------------------------------------------------- */

/* With the mutex held: the avoided host whose turn is first. */
static struct node *next_to_look_at(struct mysql_nodes *nodes)
{
    struct node *first = NULL;

    for (size_t i = 0; i < nodes->count; i++) {
        struct node *node = &nodes->nodes[i];

        if (node->avoided && (!first || node->look_at < first->look_at))
            first = node;
    }
    return first;
}

/* With the mutex held, until something changes or the span has passed. */
static void wait_changed(struct mysql_nodes *nodes, span_us span)
{
    struct timespec deadline;

    CHECK(!clock_gettime(CLOCK_MONOTONIC, &deadline));
    deadline.tv_sec += (time_t)(span / SECOND);
    deadline.tv_nsec += (long)(span % SECOND) * 1000;
    if (deadline.tv_nsec >= 1000000000) {
        deadline.tv_sec++;
        deadline.tv_nsec -= 1000000000;
    }
    (void)pthread_cond_clockwait(&nodes->changed, &nodes->mutex, CLOCK_MONOTONIC, &deadline);
}

/* Releases the mutex meanwhile. */
static void look_at(struct mysql_nodes *nodes, struct node *node)
{
    struct sql_connection *connection = NULL;
    enum rc rc;

    CHECK(!pthread_mutex_unlock(&nodes->mutex));
    rc = mysql_connection_open(&node->target, MYSQL_READER, &connection, NULL);
    if (rc == RC_OK)
        sql_connection_free(connection);
    CHECK(!pthread_mutex_lock(&nodes->mutex));
    node->avoided = rc == RC_UNAVAILABLE;
    node->pause = MIN(node->pause * 2, LOOK_MAX);
    node->look_at = clock_mono(nodes->clock) + node->pause;
}

static void *look_after(void *context)
{
    struct mysql_nodes *nodes = context;

    CHECK(!pthread_mutex_lock(&nodes->mutex));
    while (!nodes->ending) {
        struct node *node = next_to_look_at(nodes);
        span_us span = node ? node->look_at - clock_mono(nodes->clock) : LOOK_MAX;

        if (node && span <= 0)
            look_at(nodes, node);
        else
            wait_changed(nodes, MIN(span, LOOK_MAX));
    }
    CHECK(!pthread_mutex_unlock(&nodes->mutex));
    return NULL;
}

/* ---- choosing -------------------------------------------------------------------------------- */

enum rc mysql_nodes_choose(struct mysql_nodes *nodes, size_t *ret_node, struct err *err)
{
    enum rc rc = RC_UNAVAILABLE;

    CHECK(!pthread_mutex_lock(&nodes->mutex));
    for (size_t i = nodes->count; i-- > 0;) {
        if (nodes->nodes[i].avoided)
            continue;
        *ret_node = i;
        rc = RC_OK;
    }
    if (rc != RC_OK && err)
        *err = nodes->why;
    CHECK(!pthread_mutex_unlock(&nodes->mutex));
    return rc;
}

const struct mysql_target *mysql_nodes_target(const struct mysql_nodes *nodes, size_t node)
{
    return &nodes->nodes[node].target;
}

void mysql_nodes_avoid(struct mysql_nodes *nodes, size_t node, const struct err *why)
{
    struct node *avoided = &nodes->nodes[node];

    CHECK(!pthread_mutex_lock(&nodes->mutex));
    nodes->why = *why;
    if (!avoided->avoided) {
        avoided->avoided = true;
        avoided->pause = LOOK_FIRST;
        avoided->look_at = clock_mono(nodes->clock) + LOOK_FIRST;
    }
    if (!nodes->has_thread)
        CHECK(!pthread_create(&nodes->thread, NULL, look_after, nodes));
    nodes->has_thread = true;
    CHECK(!pthread_cond_broadcast(&nodes->changed));
    CHECK(!pthread_mutex_unlock(&nodes->mutex));
}

enum rc mysql_nodes_connect(struct mysql_nodes *nodes, enum mysql_role role,
                            struct sql_connection **ret_connection, size_t *ret_node,
                            struct err *err)
{
    for (;;) {
        struct err why = {0};
        size_t node;
        enum rc rc = mysql_nodes_choose(nodes, &node, err);

        if (rc != RC_OK)
            return rc;
        rc = mysql_connection_open(&nodes->nodes[node].target, role, ret_connection, &why);
        if (rc == RC_OK)
            *ret_node = node;
        if (rc != RC_OK && err)
            *err = why;
        if (rc != RC_UNAVAILABLE)
            return rc;
        mysql_nodes_avoid(nodes, node, &why);
    }
}

void mysql_nodes_pause(struct mysql_nodes *nodes, span_us span)
{
    CHECK(!pthread_mutex_lock(&nodes->mutex));
    if (!nodes->ending)
        wait_changed(nodes, span);
    CHECK(!pthread_mutex_unlock(&nodes->mutex));
}

/* ---- from beginning to end ------------------------------------------------------------------- */

static struct mysql_target target_of(const struct mysql_nodes *nodes,
                                     const struct mysql_store_config *config, size_t i)
{
    return (struct mysql_target){
        .host = nodes->hosts[i],
        .port = config->hosts[i].port ? config->hosts[i].port : DEFAULT_PORT,
        .user = nodes->user,
        .password = nodes->password,
        .database = nodes->database,
        .ca_file = nodes->ca_file,
        .clock = config->clock,
        .now = config->now,
    };
}

struct mysql_nodes *mysql_nodes_new(const struct mysql_store_config *config)
{
    struct mysql_nodes *nodes = xcalloc(1, sizeof(*nodes));

    nodes->clock = config->clock;
    nodes->count = config->host_count;
    nodes->user = xstrdup(config->user);
    nodes->password = xstrdup(config->password);
    nodes->database = xstrdup(config->database);
    nodes->ca_file = config->ca_file ? xstrdup(config->ca_file) : NULL;
    for (size_t i = 0; i < nodes->count; i++) {
        nodes->hosts[i] = xstrdup(config->hosts[i].name);
        nodes->nodes[i].target = target_of(nodes, config, i);
    }
    CHECK(!pthread_mutex_init(&nodes->mutex, NULL));
    CHECK(!pthread_cond_init(&nodes->changed, NULL));
    return nodes;
}

static void end_thread(struct mysql_nodes *nodes)
{
    CHECK(!pthread_mutex_lock(&nodes->mutex));
    nodes->ending = true;
    CHECK(!pthread_cond_broadcast(&nodes->changed));
    CHECK(!pthread_mutex_unlock(&nodes->mutex));
    if (nodes->has_thread)
        CHECK(!pthread_join(nodes->thread, NULL));
}

void mysql_nodes_free(struct mysql_nodes *nodes)
{
    end_thread(nodes);
    CHECK(!pthread_cond_destroy(&nodes->changed));
    CHECK(!pthread_mutex_destroy(&nodes->mutex));
    for (size_t i = 0; i < nodes->count; i++)
        free(nodes->hosts[i]);
    crypto_forget(nodes->password, strlen(nodes->password));
    free(nodes->password);
    free(nodes->user);
    free(nodes->database);
    free(nodes->ca_file);
    free(nodes);
}
