/* SPDX-License-Identifier: Apache-2.0 */
/* What runs wrote travels with their results, when it is short: in the same commit. */
#include "base/mem.h"

#include "worker/internal.h"

/* Whether its output may travel with this result. */
static bool is_short(const struct work *work, const struct item *item)
{
    const struct run_result *result = &item->write.run.result;

    return work->worker->config.outputs && item->write.kind == WRITE_RUN_FINISHED &&
           result->output_bytes > 0 && result->output_bytes <= LIMIT_OUTPUT_SHORT;
}

size_t work_count_outputs(const struct work *work)
{
    const struct item *item;
    size_t count = 0;

    list_for_each (item, &work->items, link)
        count += is_short(work, item);
    return count;
}

/* Of a short output the whole is kept, but where the job keeps less. What cannot be read now is
 * delivered later. */
static bool read_output(const struct work *work, const struct run_key *run, struct arena *arena,
                        struct kept_output *ret_output)
{
    struct output_piece piece = {.data = arena_alloc(arena, LIMIT_OUTPUT_SHORT + 1),
                                 .capacity = LIMIT_OUTPUT_SHORT + 1};

    if (outputs_read(work->worker->config.outputs, run, &piece, NULL) != RC_OK || !piece.length ||
        piece.length > LIMIT_OUTPUT_SHORT)
        return false;
    *ret_output = (struct kept_output){.data = piece.data, .length = piece.length};
    return true;
}

size_t work_add_outputs(struct work *work, struct store_write *writes, struct arena *arena)
{
    struct kept_output output;
    struct item *item;
    size_t count = 0;

    list_for_each (item, &work->items, link) {
        item->output = NULL;
        if (!is_short(work, item) || !read_output(work, &item->write.run.key, arena, &output))
            continue;
        item->output = &writes[count];
        writes[count] = (struct store_write){.kind = WRITE_RUN_OUTPUT};
        writes[count++].output = (struct write_output){
            .key = item->write.run.key, .token = item->write.run.token, .output = output};
    }
    return count;
}

void work_note_outputs(struct work *work)
{
    struct item *item;

    list_for_each (item, &work->items, link) {
        item->has_stored_output = item->output && item->output->outcome == RC_OK;
        item->output = NULL;
    }
}

void worker_deliver_output(struct worker *worker, const struct item *item)
{
    const struct write_run *run = &item->write.run;

    if (!worker->deliverer || item->write.kind != WRITE_RUN_FINISHED || !run->result.output_bytes)
        return;
    deliverer_add(worker->deliverer, &run->key, &run->token, item->has_stored_output);
    if (worker->steps_outputs)
        worker->deliver_at = clock_mono(worker->config.clock);
}

void worker_make_deliverer(struct worker *worker)
{
    const struct worker_config *config = &worker->config;

    if (!config->outputs)
        return;
    worker->steps_outputs = true;
    worker->deliverer = deliverer_new(&(struct deliver_config){
        .name = config->alone ? NULL : config->name,
        .store = config->store,
        .objects = config->objects ? config->objects : objects_absent(),
        .outputs = config->outputs,
        .clock = config->clock,
        .spool = config->spool ? config->spool : "/tmp",
        .next_output = config->next_output,
        .context = config->context,
    });
}

void worker_step_outputs(struct worker *worker, mono_us now)
{
    if (worker->steps_outputs && now >= worker->deliver_at)
        worker->deliver_at = deliverer_step(worker->deliverer);
}
