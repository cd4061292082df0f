/* SPDX-License-Identifier: Apache-2.0 */
/* A long output is packed into a file without a name, which is then put among the objects: so it is
 * sent with its size known, and a part of it again when need be. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"

#include "wire/packed.h"
#include "worker/deliver.h"

enum { READ_SIZE = 256 * 1024 };

static enum rc open_spool(const struct deliver_config *config, int *ret_fd, struct err *err)
{
    char *AUTO_FREE path = xasprintf("%s/.output-XXXXXX", config->spool);
    int fd = mkostemp(path, O_CLOEXEC);

    if (fd < 0)
        return err_errno(err, errno == ENOSPC || errno == EDQUOT ? RC_FULL : RC_IO, errno,
                         "a file in %s", config->spool);
    (void)unlink(path); /* one that stays is a file too many */
    *ret_fd = fd;
    return RC_OK;
}

/* All of `out`, which is empty then. */
static enum rc flush(int fd, struct buf *out, int64_t *size, struct err *err)
{
    size_t done = 0;

    while (done < out->length) {
        ssize_t wrote = write(fd, out->data + done, out->length - done);

        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return err_errno(err, errno == ENOSPC || errno == EDQUOT ? RC_FULL : RC_IO, errno,
                             "an output on its way");
        done += (size_t)wrote;
    }
    *size += (int64_t)done;
    buf_reset(out);
    return RC_OK;
}

struct packing {
    const struct deliver_config *config;
    const struct run_key *run;
    struct packed_writer writer;
    struct buf out;
    char *data; /* READ_SIZE */
    int fd;
    int64_t size; /* of what is in the file */
};

static enum rc pack_all(struct packing *packing, int64_t size, struct err *err)
{
    struct output_piece piece = {.data = packing->data};
    enum rc rc = RC_OK;

    while (rc == RC_OK && piece.offset < size) {
        piece.capacity = (size_t)MIN(size - piece.offset, (int64_t)READ_SIZE);
        rc = outputs_read(packing->config->outputs, packing->run, &piece, err);
        if (rc == RC_OK && !piece.length)
            return err_fail(err, RC_IO, "an output has become shorter");
        if (rc == RC_OK)
            rc = packed_add(&packing->writer, piece.data, piece.length, &packing->out);
        if (rc == RC_OK)
            rc = flush(packing->fd, &packing->out, &packing->size, err);
        piece.offset += (int64_t)piece.length;
    }
    if (rc == RC_OK)
        rc = packed_end(&packing->writer, &packing->out);
    return rc == RC_OK ? flush(packing->fd, &packing->out, &packing->size, err) : rc;
}

static enum rc pack_and_put(struct packing *packing, int64_t size, struct err *err)
{
    char key[OUTPUT_OBJECT_KEY];
    enum rc rc = pack_all(packing, size, err);

    if (rc != RC_OK)
        return rc;
    return objects_put(packing->config->objects, output_object_key(packing->run, key),
                       &(struct object_source){.fd = packing->fd, .size = packing->size}, err);
}

enum rc deliver_long(const struct deliver_config *config, const struct run_key *run, int64_t size,
                     struct err *err)
{
    struct packing packing = {.config = config, .run = run};
    enum rc rc = open_spool(config, &packing.fd, err);

    if (rc != RC_OK)
        return rc;
    packed_begin(&packing.writer);
    buf_init(&packing.out, SIZE_MAX);
    packing.data = xmalloc(READ_SIZE);
    rc = pack_and_put(&packing, size, err);
    free(packing.data);
    buf_release(&packing.out);
    packed_release(&packing.writer);
    (void)close(packing.fd); /* it is gone with that */
    return rc;
}
