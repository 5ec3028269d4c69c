/* Promise: every task given is taken once or drained; `queue_take` returns false to all workers once none works and
 * nothing is queued, or once the walk was ended, and never leaves one waiting.
 *
 * Roots are taken in order and before a share of another tree, but after what is queued: a tree begun is finished
 * first, so that few trees hold memory at a time.
 */
#include "walker.h"

/* The queue has room for a task per worker: enough to keep all busy, and it bounds what is held open and in memory. */
bool queue_give(struct walk *walk, const struct task *task)
{
    bool given = false;

    pthread_mutex_lock(&walk->lock);
    unsigned queued = atomic_load(&walk->queued);
    if (queued < walk->worker_count && !atomic_load(&walk->ended)) {
        walk->tasks[queued] = *task;
        atomic_store(&walk->queued, queued + 1);
        atomic_fetch_add(&task->tree->tasks, 1);
        pthread_cond_signal(&walk->changed);
        given = true;
    }
    pthread_mutex_unlock(&walk->lock);
    return given;
}

static bool take_queued(struct walk *walk, struct task *task)
{
    unsigned queued = atomic_load(&walk->queued);

    if (queued == 0)
        return false;
    *task = walk->tasks[queued - 1];
    atomic_store(&walk->queued, queued - 1);
    return true;
}

static bool take_root(struct walk *walk, struct task *task)
{
    if (walk->next_tree == walk->tree_count)
        return false;
    *task = (struct task){.kind = ROOT, .tree = &walk->trees[walk->next_tree++], .descriptor = -1};
    atomic_store(&task->tree->tasks, 1);
    return true;
}

bool queue_take(struct walk *walk, struct task *task)
{
    bool taken = false;

    pthread_mutex_lock(&walk->lock);
    while (!atomic_load(&walk->ended)) {
        taken = take_queued(walk, task) || take_root(walk, task);
        if (taken)
            break;
        if (atomic_fetch_add(&walk->idle, 1) + 1 == walk->worker_count) {
            /* Nobody is left to give anything. `idle` stays up, so the others find the same when they wake. */
            pthread_cond_broadcast(&walk->changed);
            break;
        }
        pthread_cond_wait(&walk->changed, &walk->lock);
        if (atomic_load(&walk->idle) == walk->worker_count)
            break;
        atomic_fetch_sub(&walk->idle, 1);
    }
    pthread_mutex_unlock(&walk->lock);
    return taken;
}

void queue_drain(struct walk *walk)
{
    struct task task;

    while (take_queued(walk, &task)) {
        task.tree->usage->complete = false;
        task_discard(&task);
    }
    while (take_root(walk, &task))
        task.tree->usage->complete = false;
}

void walk_end(struct walk *walk, int error)
{
    int none = 0;

    pthread_mutex_lock(&walk->lock);
    if (error != 0)
        atomic_compare_exchange_strong(&walk->error, &none, error);
    atomic_store(&walk->ended, true);
    pthread_cond_broadcast(&walk->changed);
    pthread_mutex_unlock(&walk->lock);
}
