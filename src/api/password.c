/* SPDX-License-Identifier: Apache-2.0 */
#include "api/password.h"

#include "api/answer.h"

static void refuse(struct password_work *work, enum rc rc, const struct err *err)
{
    struct pending *pending = work->pending;

    answer_failure(pending->call, rc, err);
    pending_drop(pending);
}

static void run(struct transfer *transfer, bool cancelled)
{
    /* The hash of a password that nobody has, with the cost of all others. */
    static const char nobody[] = "$argon2id$v=19$m=65536,t=3,p=1$XbwI4p0l3mXeoHq7i2yF2Q$zemy4mE/"
                                 "IUyuscb5JDCzx5z0mIHiNFqHfVGphcBiBl8";
    struct password_work *work = container_of(transfer, struct password_work, transfer);
    struct err err = {"the server is stopping"};
    enum rc rc = cancelled ? RC_CLOSED : RC_OK;

    work->matches = true;
    if (rc == RC_OK && work->given)
        work->matches =
            crypto_password_matches(work->given, work->hash ? work->hash : nobody) && work->hash;
    if (rc == RC_OK && work->matches && work->to_hash)
        rc = crypto_password_hash(work->to_hash, work->text, &err);
    if (rc == RC_OK)
        work->done(work);
    else
        refuse(work, rc, &err);
}

void password_submit(struct password_work *work)
{
    struct err err = {0};
    enum rc rc;

    work->transfer.run = run;
    rc = transfers_submit(work->pending->call->api->passwords, &work->transfer, &err);
    if (rc != RC_OK)
        refuse(work, rc, &err);
}
