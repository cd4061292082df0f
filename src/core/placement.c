/* SPDX-License-Identifier: Apache-2.0 */
#include "core/placement.h"

#include <string.h>

#include "base/compiler.h"

static bool has_label(const struct pairs *labels, const struct pair *wanted)
{
    for (size_t i = 0; i < labels->count; i++) {
        if (!strcmp(labels->items[i].name, wanted->name))
            return !strcmp(labels->items[i].value, wanted->value);
    }
    return false;
}

static bool fits(const struct placement_worker *worker, const struct pairs *labels)
{
    if (!worker->present)
        return false;
    for (size_t i = 0; i < labels->count; i++) {
        if (!has_label(&worker->labels, &labels->items[i]))
            return false;
    }
    return true;
}

static bool takes_work(const struct placement_worker *worker)
{
    return worker->present && !worker->draining && !worker->unwell;
}

/* Of workers that fit. One that is unwell is worse than one that is draining. */
static bool is_better(const struct placement_worker *candidate, const struct placement_worker *best)
{
    if (!best)
        return true;
    if (takes_work(candidate) != takes_work(best))
        return takes_work(candidate);
    if (candidate->unwell != best->unwell)
        return !candidate->unwell;
    if (candidate->tasks != best->tasks)
        return candidate->tasks < best->tasks;
    return strcmp(candidate->name, best->name) < 0;
}

int placement_pick(const struct placement_worker *workers, size_t count, int current,
                   const struct pairs *labels)
{
    const struct placement_worker *best = NULL;
    bool stays = current >= 0 && fits(&workers[current], labels);

    if (stays && takes_work(&workers[current]))
        return current;
    for (size_t i = 0; i < count; i++) {
        if (fits(&workers[i], labels) && is_better(&workers[i], best))
            best = &workers[i];
    }
    if (!best)
        return -1;
    return stays && !takes_work(best) ? current : (int)(best - workers);
}

/* ---- balance ------------------------------------------------------------------------------- */

/*
 * With `least` = n/k rounded down and `most` rounded up: what a worker has above `most` must leave,
 * what it lacks of `least` must come. The larger of the two sums is how many moves are needed at
 * the least. When more must come than leave, the rest is taken from those with `most`, one each;
 * when more must leave, the rest is given to those with `least`, one each. So both sums are equal
 * and no move is wasted.
 */
int64_t placement_balance(struct placement_worker *workers, size_t count)
{
    int64_t total = 0, takers = 0, least, most, leaving = 0, coming = 0;

    for (size_t i = 0; i < count; i++) {
        workers[i].leave = workers[i].receive = 0;
        if (takes_work(&workers[i])) {
            total += workers[i].tasks;
            takers++;
        }
    }
    if (!takers)
        return 0;
    least = total / takers;
    most = least + (total % takers != 0);
    for (size_t i = 0; i < count; i++) {
        if (!takes_work(&workers[i]))
            continue;
        workers[i].leave = MAX(workers[i].tasks - most, 0);
        workers[i].receive = MAX(least - workers[i].tasks, 0);
        leaving += workers[i].leave;
        coming += workers[i].receive;
    }
    for (size_t i = 0; i < count && leaving != coming; i++) {
        struct placement_worker *worker = &workers[i];
        int64_t tasks = worker->tasks - worker->leave + worker->receive;

        if (takes_work(worker) && leaving < coming && tasks == most) {
            worker->leave++;
            leaving++;
        } else if (takes_work(worker) && leaving > coming && tasks == least) {
            worker->receive++;
            coming++;
        }
    }
    return leaving;
}

int placement_move(struct placement_worker *workers, size_t count, int current,
                   const struct pairs *labels)
{
    struct placement_worker *best = NULL;

    if (current < 0 || workers[current].leave <= 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        struct placement_worker *worker = &workers[i];

        if (worker->receive <= 0 || !fits(worker, labels))
            continue;
        if (!best || worker->receive > best->receive ||
            (worker->receive == best->receive && strcmp(worker->name, best->name) < 0))
            best = worker;
    }
    if (!best)
        return -1;
    workers[current].leave--;
    best->receive--;
    return (int)(best - workers);
}
