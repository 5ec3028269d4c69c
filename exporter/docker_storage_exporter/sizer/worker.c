/* Promise: whatever a worker takes up it finishes or, when the walk has to end, abandons whole: nothing stays open,
 * and the tree is then marked incomplete.
 */
#define _GNU_SOURCE
#include "walker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How many of the oldest frame's subdirectories to give away; the only frame keeps at least half. */
static size_t spare(const struct worker *worker)
{
    const struct frame *oldest = &worker->frames[worker->bottom];

    if (worker->bottom + 1 == worker->count)
        return (worker->pending_count - oldest->first) / 2;
    return (oldest[1].first - oldest->first + 1) / 2;
}

/* A block with pending and name of the oldest frame's first subdirectories; NULL if there is no memory. */
static char *pack(const struct worker *worker, size_t count, size_t *length)
{
    const struct pending *pendings = &worker->pendings[worker->frames[worker->bottom].first];
    size_t at = 0;

    for (size_t i = 0; i < count; i++)
        at += sizeof pendings[i] + strlen(worker->names + pendings[i].name) + 1;
    char *block = malloc(at);
    *length = at;
    at = 0;
    for (size_t i = 0; i < count && block != NULL; i++) {
        const char *name = worker->names + pendings[i].name;
        memcpy(block + at, &pendings[i], sizeof pendings[i]);
        at += sizeof pendings[i];
        memcpy(block + at, name, strlen(name) + 1);
        at += strlen(name) + 1;
    }
    return block;
}

/* The oldest frame is above all others, so what lies below its subdirectories is likely to be much. */
void worker_share_subdirectories(struct worker *worker)
{
    if (worker->count == 0)
        return;
    size_t count = spare(worker);
    if (count == 0)
        return;

    struct frame *oldest = &worker->frames[worker->bottom];
    struct task task = {.kind = SUBDIRECTORIES, .tree = worker->tree, .node = oldest->node, .descriptor = -1};
    if ((task.block = pack(worker, count, &task.length)) == NULL)
        return;
    if (worker->open == worker->bottom)
        task.descriptor = fcntl(oldest->descriptor, F_DUPFD_CLOEXEC, 0); /* without one it is opened by name */
    atomic_fetch_add(&oldest->node->references, 1);
    if (queue_give(worker->walk, &task)) {
        oldest->first += count;
        descent_drop_spent(worker);
        return;
    }
    task_discard(&task);
}

/* Begin with a root itself; false when the walk has to end. */
static bool begin(struct worker *worker)
{
    struct tree *tree = worker->tree;
    struct stat status;

    if (!tally_check(worker))
        return false;
    if (fstat(tree->root->descriptor, &status) < 0) {
        if (errno == EBADF) {
            walk_end(worker->walk, EBADF); /* the caller's mistake, not something found in a tree */
            return false;
        }
        tally_error(worker, errno);
        return true;
    }
    tree->device = status.st_dev;
    worker->tally =
        (struct tally){.entries = 1, .inodes = 1, .blocks = (uint64_t)status.st_blocks, .changed = WALK_NO_TIME};
    tally_change(worker, changed_at(&status));
    if (!S_ISDIR(status.st_mode)) {
        worker->tally.apparent_bytes = (uint64_t)status.st_size;
        return tally_merge(worker);
    }
    if (tree->root->depth > 0 && parts_add(worker, 0, ".", 0) == NO_PART) {
        walk_end(worker->walk, ENOMEM);
        return false;
    }
    int descriptor = descent_open_root(worker, status.st_ino);
    if (descriptor < 0)
        return tally_merge(worker);
    struct node *node = node_new(NULL, ".", &(struct pending){.inode = status.st_ino});
    if (node == NULL) {
        close(descriptor);
        walk_end(worker->walk, ENOMEM);
        return false;
    }
    node->boundary = (struct boundary){tree->root->mountpoints, tree->root->mountpoint_count, 0};
    return descent_push(worker, node, descriptor) && listing_read(worker) && descent_finish(worker) &&
           tally_check(worker);
}

/* Go on where another worker's task says. */
static bool proceed(struct worker *worker, struct task *task)
{
    bool going = descent_push(worker, task->node, task->descriptor);

    if (going && task->kind == NAMES)
        going = listing_count(worker, task->block, task->length);
    for (size_t at = 0; going && task->kind == SUBDIRECTORIES && at < task->length;) {
        struct pending pending;
        const char *name = task->block + at + sizeof pending;

        memcpy(&pending, task->block + at, sizeof pending);
        going = descent_note(worker, name, pending.inode, pending.part);
        at += sizeof pending + strlen(name) + 1;
    }
    free(task->block);
    return going && descent_finish(worker) && tally_check(worker);
}

static void perform(struct worker *worker, struct task *task)
{
    struct tree *tree = worker->tree = task->tree;
    worker->part = task->kind == ROOT ? 0 : task->node->part;
    bool complete = task->kind == ROOT ? begin(worker) : proceed(worker, task);

    descent_abandon(worker);
    if (!complete)
        tally_merge(worker);
    pthread_mutex_lock(&tree->lock);
    tree->usage->complete &= complete;
    int64_t now = thread_cpu_nanoseconds(); /* since the thread's beginning, which is work as well */
    tree->usage->cpu_seconds += (double)(now - worker->cpu_counted) * 1e-9;
    worker->cpu_counted = now;
    if (atomic_fetch_sub(&tree->tasks, 1) == 1)
        inodeset_clear(&tree->linked);
    pthread_mutex_unlock(&tree->lock);
}

void worker_run(struct worker *worker)
{
    struct task task;

    worker->cpu_merged = thread_cpu_nanoseconds();
    while (queue_take(worker->walk, &task))
        perform(worker, &task);
}

void worker_clear(struct worker *worker)
{
    free(worker->buffer);
    free(worker->frames);
    free(worker->pendings);
    free(worker->names);
}
