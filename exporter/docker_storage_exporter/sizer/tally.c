/* Promise: counters reach their tree and the caller's meter every ENTRIES_PER_CHECK entries, so a lock is taken once
 * per many entries; at the same points the walk notices that it has to sleep, or to end. (A stop it notices before
 * every entry.)
 *
 * Files with several names wait in a batch until then: which of them count is known only to the tree's inode set.
 */
#define _GNU_SOURCE
#include "walker.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

/* A stop is noticed within one nap. */
enum { LONGEST_NAP_NANOSECONDS = 5 * 1000 * 1000 };

static int64_t nanoseconds(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t changed_at(const struct stat *status)
{
    enum { PER_SECOND = 1000000000 };

    if (status->st_ctim.tv_sec >= INT64_MAX / PER_SECOND)
        return INT64_MAX;
    if (status->st_ctim.tv_sec <= INT64_MIN / PER_SECOND)
        return WALK_NO_TIME + 1;
    return (int64_t)status->st_ctim.tv_sec * PER_SECOND + status->st_ctim.tv_nsec;
}

int64_t thread_cpu_nanoseconds(void)
{
    return nanoseconds(CLOCK_THREAD_CPUTIME_ID);
}

int64_t monotonic_nanoseconds(void)
{
    return nanoseconds(CLOCK_MONOTONIC);
}

/* Add the files of the batch whose inode is new; false if there is no memory. The tree is locked. */
static bool count_linked(struct worker *worker)
{
    for (unsigned i = 0; i < worker->linked_count; i++) {
        const struct linked *file = &worker->linked[i];
        int added = inodeset_add(&worker->tree->linked, file->inode);

        if (added < 0)
            return false;
        if (added) {
            tally_change(worker, file->changed);
            worker->tally.inodes++;
            worker->tally.blocks += file->blocks;
            worker->tally.apparent_bytes = saturated(worker->tally.apparent_bytes, file->apparent_bytes);
        }
    }
    return true;
}

bool tally_merge(struct worker *worker)
{
    struct tree *tree = worker->tree;
    struct walk_meter *meter = worker->walk->control->meter;
    struct tally *tally = &worker->tally;

    pthread_mutex_lock(&tree->lock);
    bool remembered = count_linked(worker);
    tree->usage->entries += tally->entries;
    tree->usage->inodes += tally->inodes;
    tree->usage->allocated_bytes += tally->blocks * 512;
    tree->usage->apparent_bytes = saturated(tree->usage->apparent_bytes, tally->apparent_bytes);
    tree->usage->future += tally->future;
    if (tally->changed > tree->usage->changed)
        tree->usage->changed = tally->changed;
    if (worker->part < tree->usage->part_count) {
        struct walk_part *part = &tree->usage->parts[worker->part];
        part->inodes += tally->inodes;
        part->allocated_bytes += tally->blocks * 512;
        part->apparent_bytes = saturated(part->apparent_bytes, tally->apparent_bytes);
    }
    pthread_mutex_unlock(&tree->lock);

    __atomic_fetch_add(&meter->entries, (int64_t)tally->entries, __ATOMIC_RELAXED);
    __atomic_fetch_add(&meter->allocated_bytes, (int64_t)tally->blocks * 512, __ATOMIC_RELAXED);
    __atomic_fetch_add(&meter->beats, 1, __ATOMIC_RELAXED);
    *tally = (struct tally){.changed = WALK_NO_TIME};
    worker->linked_count = 0;
    worker->unchecked = 0;
    if (!remembered)
        walk_end(worker->walk, ENOMEM);
    return remembered;
}

void tally_error(struct worker *worker, int error)
{
    struct walk_usage *usage = worker->tree->usage;
    bool counted;

    /* A directory that was listed and is now gone, or is now a file or a link, vanished. */
    if (error == ENOENT || error == ENOTDIR || error == ELOOP)
        return;
    pthread_mutex_lock(&worker->tree->lock);
    if (usage->unreadable == NULL)
        usage->unreadable = calloc(WALK_ERRNO_LIMIT, sizeof *usage->unreadable);
    counted = usage->unreadable != NULL;
    if (counted)
        usage->unreadable[error < WALK_ERRNO_LIMIT ? error : 0]++;
    pthread_mutex_unlock(&worker->tree->lock);
    if (!counted)
        walk_end(worker->walk, ENOMEM);
}

static bool has_to_end(const struct walk *walk)
{
    const struct walk_control *control = walk->control;

    return __atomic_load_n(&control->meter->stopped, __ATOMIC_RELAXED) ||
           __atomic_load_n(&control->meter->entries, __ATOMIC_RELAXED) > control->max_entries ||
           (double)monotonic_nanoseconds() * 1e-9 > control->deadline;
}

/* For how many seconds the walk has to sleep to keep within its share. */
static double debt(struct worker *worker)
{
    struct walk *walk = worker->walk;
    const struct walk_control *control = walk->control;

    double share = (double)__atomic_load_n(&control->meter->share, __ATOMIC_RELAXED) * 1e-6;
    if (share >= 1)
        return 0;

    int64_t now = thread_cpu_nanoseconds();
    int64_t spent = now - worker->cpu_merged;
    double over = (double)(atomic_fetch_add(&walk->cpu_used, spent) + spent) * 1e-9 - control->burst;

    worker->cpu_merged = now;
    if (over <= 0)
        return 0;
    return over / share - (double)(monotonic_nanoseconds() - walk->started) * 1e-9;
}

/* Sleep so long, or until the walk has to end. What the naps cost is not charged: with a small share it would never
 * be paid off. */
static void sleep_off(struct worker *worker, double seconds)
{
    double due = (double)monotonic_nanoseconds() * 1e-9 + seconds;

    while (seconds > 0 && !atomic_load(&worker->walk->ended) && !has_to_end(worker->walk)) {
        struct timespec nap = {.tv_nsec = LONGEST_NAP_NANOSECONDS};
        if (seconds * 1e9 < LONGEST_NAP_NANOSECONDS)
            nap.tv_nsec = (long)(seconds * 1e9);
        nanosleep(&nap, NULL);
        __atomic_fetch_add(&worker->walk->control->meter->beats, 1, __ATOMIC_RELAXED);
        seconds = due - (double)monotonic_nanoseconds() * 1e-9;
    }
    worker->cpu_merged = thread_cpu_nanoseconds();
}

bool tally_check(struct worker *worker)
{
    if (!tally_merge(worker))
        return false;

    double owed = debt(worker);
    if (owed > 0)
        sleep_off(worker, owed);
    if (has_to_end(worker->walk))
        walk_end(worker->walk, 0);
    return !atomic_load(&worker->walk->ended);
}
