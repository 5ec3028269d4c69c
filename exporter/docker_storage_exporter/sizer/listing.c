/* Promise: every name of a directory is looked at once, by this worker or by another one that it was handed to; what
 * is on another device or is a mount point is left out, entry by entry; what vanished meanwhile is no error.
 */
#define _GNU_SOURCE
#include "walker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What the kernel writes; musl before 1.2.3 hides getdents64, so the system call is made directly. */
struct entry {
    uint64_t inode;
    int64_t position;
    uint16_t length;
    uint8_t type;
    char name[];
};

static bool is_self_or_parent(const char *name)
{
    return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

/* Have a directory visited later; if it is in one of the levels told apart it is a part of its own. */
static bool note_directory(struct worker *worker, const char *name, const struct stat *status)
{
    const struct node *node = worker->frames[worker->count - 1].node;
    size_t part = node->part;

    if (node->depth < worker->tree->root->depth)
        part = parts_add(worker, part, name, (uint64_t)status->st_blocks);
    if (part == NO_PART) {
        walk_end(worker->walk, ENOMEM);
        return false;
    }
    return descent_note(worker, name, status->st_ino, part);
}

/* Count one entry of the directory on top of the stack; false if there is no memory. */
static bool count_entry(struct worker *worker, const char *name)
{
    const struct frame *frame = &worker->frames[worker->count - 1];
    struct boundary below;
    struct stat status;

    worker->tally.entries++;
    if (boundary_at(&frame->node->boundary, name, &below))
        return true;
    if (fstatat(frame->descriptor, name, &status, AT_SYMLINK_NOFOLLOW) < 0) {
        tally_error(worker, errno);
        return true;
    }
    if (status.st_dev != worker->tree->device)
        return true;
    if (S_ISDIR(status.st_mode)) {
        tally_change(worker, changed_at(&status));
        worker->tally.inodes++;
        worker->tally.blocks += (uint64_t)status.st_blocks;
        return note_directory(worker, name, &status);
    }
    if (status.st_nlink > 1) {
        worker->linked[worker->linked_count++] =
            (struct linked){status.st_ino, (uint64_t)status.st_blocks, (uint64_t)status.st_size, changed_at(&status)};
        return true;
    }
    tally_change(worker, changed_at(&status));
    worker->tally.inodes++;
    worker->tally.blocks += (uint64_t)status.st_blocks;
    worker->tally.apparent_bytes = saturated(worker->tally.apparent_bytes, (uint64_t)status.st_size);
    return true;
}

bool listing_count(struct worker *worker, char *buffer, size_t length)
{
    for (size_t at = 0; at < length;) {
        const struct entry *entry = (const struct entry *)(buffer + at);

        at += entry->length;
        if (is_self_or_parent(entry->name))
            continue;
        if (walk_halted(worker->walk) || !count_entry(worker, entry->name))
            return false;
        if (++worker->unchecked >= ENTRIES_PER_CHECK) {
            if (!tally_check(worker))
                return false;
            if (queue_hungry(worker->walk))
                worker_share_subdirectories(worker);
        }
    }
    return true;
}

/* Hand a full buffer to the first free worker, with a descriptor of its own; false if it stays with this worker. */
static bool share_names(struct worker *worker, size_t length)
{
    struct walk *walk = worker->walk;
    const struct frame *frame = &worker->frames[worker->count - 1];
    char *fresh;

    if (length < BUFFER_BYTES / 4 * 3 || atomic_load(&walk->queued) >= walk->worker_count || walk->worker_count == 1)
        return false;
    if ((fresh = malloc(BUFFER_BYTES)) == NULL)
        return false;
    struct task task = {NAMES,          worker->tree, frame->node, fcntl(frame->descriptor, F_DUPFD_CLOEXEC, 0),
                        worker->buffer, length};
    atomic_fetch_add(&frame->node->references, 1);
    if (task.descriptor < 0 || !queue_give(walk, &task)) {
        if (task.descriptor >= 0)
            close(task.descriptor);
        node_release(frame->node);
        free(fresh);
        return false;
    }
    worker->buffer = fresh;
    return true;
}

bool listing_read(struct worker *worker)
{
    size_t part = worker->frames[worker->count - 1].node->part;

    if (worker->part != part && !tally_merge(worker))
        return false;
    worker->part = part;
    while (!walk_halted(worker->walk)) {
        int descriptor = worker->frames[worker->count - 1].descriptor;
        long length = syscall(SYS_getdents64, descriptor, worker->buffer, BUFFER_BYTES);

        if (length < 0)
            tally_error(worker, errno);
        if (length <= 0)
            return true;
        if (!share_names(worker, (size_t)length) && !listing_count(worker, worker->buffer, (size_t)length))
            return false;
    }
    return false;
}
