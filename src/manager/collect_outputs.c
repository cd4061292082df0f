/* SPDX-License-Identifier: Apache-2.0 */
/* Long outputs whose runs are gone. */
#include <stdlib.h>

#include "base/mem.h"

#include "core/run_hash.h"

#include "ports/outputs.h"

#include "manager/collect.h"

enum { RUNS_AT_ONCE = 500, OUTPUTS_A_PASS = 100000 /* what is left is for the next */ };

/* The objects are listed, and a few at a time their runs are looked for in the store. */
struct outputs_pass {
    const struct collect_config *config;
    struct run_key asked[RUNS_AT_ONCE]; /* in the order of their keys, for bsearch */
    bool kept[RUNS_AT_ONCE];
    size_t asked_count;
    struct run_key *gone;
    size_t gone_count, gone_capacity;
    enum rc rc; /* of asking the store */
    struct err err;
};

static int compare(const void *a, const void *b)
{
    return run_key_compare(a, b);
}

static bool note_kept(void *context, const struct run_record *run)
{
    struct outputs_pass *pass = context;
    const struct run_key *found =
        bsearch(&run->run.key, pass->asked, pass->asked_count, sizeof(*pass->asked), compare);

    if (found)
        pass->kept[found - pass->asked] = true;
    return true;
}

/* Answers whether there is room for more. */
static bool ask_store(struct outputs_pass *pass)
{
    struct run_query query = run_query_all();

    if (!pass->asked_count)
        return true;
    qsort(pass->asked, pass->asked_count, sizeof(*pass->asked), compare);
    query.keys = pass->asked;
    query.key_count = pass->asked_count;
    pass->rc = store_read_runs(pass->config->store, &query, note_kept, pass, &pass->err);
    for (size_t i = 0; i < pass->asked_count && pass->rc == RC_OK; i++) {
        if (pass->kept[i])
            continue;
        pass->gone = xgrow(pass->gone, pass->gone_count, &pass->gone_capacity, sizeof(*pass->gone));
        pass->gone[pass->gone_count++] = pass->asked[i];
    }
    pass->asked_count = 0;
    for (size_t i = 0; i < RUNS_AT_ONCE; i++)
        pass->kept[i] = false;
    return pass->rc == RC_OK && pass->gone_count < OUTPUTS_A_PASS;
}

/* What is no output by its key is nobody's to remove. */
static bool note_output(void *context, const char *key, const struct object_info *info)
{
    struct outputs_pass *pass = context;

    (void)info;
    if (output_object_key_read(key, &pass->asked[pass->asked_count]))
        pass->asked_count++;
    if (pass->asked_count < RUNS_AT_ONCE)
        return true;
    return pass->config->goes_on(pass->config->context) && ask_store(pass);
}

static enum rc remove_gone(struct outputs_pass *pass, size_t *ret_removed, struct err *err)
{
    const struct collect_config *config = pass->config;
    char key[OUTPUT_OBJECT_KEY];
    enum rc rc = RC_OK;

    for (size_t i = 0; i < pass->gone_count && config->goes_on(config->context); i++) {
        rc = objects_remove(config->objects, output_object_key(&pass->gone[i], key), err);
        if (rc != RC_OK)
            return rc;
        (*ret_removed)++;
    }
    return rc;
}

enum rc collect_outputs(const struct collect_config *config, job_id job, size_t *ret_removed,
                        struct err *err)
{
    struct outputs_pass *pass AUTO_FREE = xcalloc(1, sizeof(*pass));
    char prefix[OUTPUT_OBJECT_KEY];
    enum rc rc;

    pass->config = config;
    *ret_removed = 0;
    rc = objects_list(config->objects, job ? output_object_prefix(job, prefix) : OBJECT_OUTPUTS,
                      note_output, pass, err);
    if (rc == RC_OK && pass->rc == RC_OK)
        (void)ask_store(pass); /* its outcome is in the pass */
    if (rc == RC_OK && pass->rc != RC_OK)
        rc = err_fail(err, pass->rc, "%s", pass->err.message);
    if (rc == RC_OK)
        rc = remove_gone(pass, ret_removed, err);
    free(pass->gone);
    return rc;
}
