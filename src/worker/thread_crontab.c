/* SPDX-License-Identifier: Apache-2.0 */
/* The crontab is kept on a thread of its own: a disk, or crontab(1), may take its time. A worker
 * that has no threads waits for it. */
#include <poll.h>
#include <stdlib.h>

#include "base/mem.h"

#include "worker/internal.h"

static void execute(struct keeping *keeping)
{
    const struct buf *text = &keeping->text;

    if (keeping->rc == RC_OK)
        keeping->rc = cron_table_keep(keeping->table, text->data ? text->data : "", text->length,
                                      &keeping->found, &keeping->err);
}

void keeping_free(struct keeping *keeping)
{
    buf_release(&keeping->text);
    free(keeping);
}

void worker_send_keeping(struct worker *worker, struct keeping *keeping)
{
    if (worker->to_crontab.fd >= 0) {
        mailbox_post(&worker->to_crontab, &keeping->mail);
        return;
    }
    execute(keeping);
    mailbox_post(&worker->kept, &keeping->mail);
}

static void *run(void *context)
{
    struct worker *worker = context;
    struct pollfd pollfd = {.fd = worker->to_crontab.fd, .events = POLLIN};
    bool stop = false;

    while (!stop) {
        struct mail *mail = mailbox_take_all(&worker->to_crontab);

        if (!mail)
            (void)poll(&pollfd, 1, -1); /* the stop comes by the same way */
        while (mail) {
            struct keeping *keeping = container_of(mail, struct keeping, mail);

            mail = mail->next;
            stop = stop || !keeping->table;
            if (keeping->table)
                execute(keeping);
            mailbox_post(&worker->kept, &keeping->mail);
        }
    }
    return NULL;
}

enum rc worker_start_crontab(struct worker *worker, struct err *err)
{
    enum rc rc;

    if (!worker->config.cron_table)
        return RC_OK;
    rc = mailbox_init(&worker->to_crontab, err);
    if (rc == RC_OK && pthread_create(&worker->crontab_thread, NULL, run, worker))
        rc = err_fail(err, RC_INTERNAL, "the worker's threads cannot be created");
    return rc;
}

void worker_stop_crontab(struct worker *worker)
{
    struct keeping *stop;

    if (worker->to_crontab.fd < 0)
        return;
    stop = xcalloc(1, sizeof(*stop));
    mailbox_post(&worker->to_crontab, &stop->mail);
    (void)pthread_join(worker->crontab_thread,
                       NULL); /* fails only for a thread that is not there */
    mailbox_release(&worker->to_crontab);
    worker->to_crontab.fd = -1;
}
