/* Promise: a worker visits every directory below what it was given exactly once, holds few descriptors whatever the
 * shape of the tree, and never reads a directory that is not the inode that was listed.
 *
 * Each directory is opened relative to its parent, so no path is ever too long. A parent is closed as soon as its
 * last subdirectory is open; of the others the oldest are closed when more than OPEN_FRAMES are open or descriptors
 * run out. A closed one is opened again by climbing from the directory left last, or by name from the root, and must
 * be the same inode: otherwise it was moved or removed, and what was to be visited there is no longer part of this
 * tree.
 *
 * Closed frames always lie below the open ones, so when the top frame is closed, all are.
 */
#define _GNU_SOURCE
#include "walker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    LISTED = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
    PASSED = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, /* needs no permission to read */
};

/* The array, moved to where `needed` elements fit; NULL, and the walk ended, if there is no memory. */
static void *enlarge(struct worker *worker, void *array, size_t *capacity, size_t needed, size_t size)
{
    if (needed <= *capacity)
        return array;
    size_t larger = needed < 64 ? 128 : needed * 2;
    void *moved = realloc(array, larger * size);
    if (moved == NULL)
        walk_end(worker->walk, ENOMEM);
    else
        *capacity = larger;
    return moved;
}

bool descent_note(struct worker *worker, const char *name, ino_t inode, size_t part)
{
    size_t length = strlen(name) + 1;
    void *pendings = enlarge(worker, worker->pendings, &worker->pending_capacity, worker->pending_count + 1,
                             sizeof *worker->pendings);
    if (pendings == NULL)
        return false;
    worker->pendings = pendings;

    void *names = enlarge(worker, worker->names, &worker->names_capacity, worker->names_used + length, 1);
    if (names == NULL)
        return false;
    worker->names = names;

    worker->pendings[worker->pending_count++] = (struct pending){inode, part, worker->names_used};
    memcpy(worker->names + worker->names_used, name, length);
    worker->names_used += length;
    return true;
}

bool descent_push(struct worker *worker, struct node *node, int descriptor)
{
    void *frames = enlarge(worker, worker->frames, &worker->capacity, worker->count + 1, sizeof *worker->frames);

    if (frames == NULL) {
        if (descriptor >= 0)
            close(descriptor);
        node_release(node);
        return false;
    }
    worker->frames = frames;
    worker->frames[worker->count++] = (struct frame){node, descriptor, worker->pending_count};
    if (descriptor < 0)
        worker->open = worker->count;
    else if (worker->count - worker->open > OPEN_FRAMES)
        close(worker->frames[worker->open++].descriptor);
    return true;
}

static void forget_here(struct worker *worker)
{
    if (worker->here >= 0)
        close(worker->here);
    worker->here = -1;
}

/* Take the top frame off, with what was still to be visited there; its descriptor becomes the place to climb from. */
static void pop(struct worker *worker)
{
    struct frame *frame = &worker->frames[--worker->count];

    if (worker->open > worker->count) {
        worker->open = worker->count;
    } else {
        forget_here(worker);
        worker->here = frame->descriptor;
        worker->here_depth = frame->node->depth;
    }
    worker->pending_count = frame->first;
    node_release(frame->node);
    if (worker->count == worker->bottom)
        worker->count = worker->bottom = worker->open = worker->pending_count = worker->names_used = 0;
}

/* Free a descriptor that can be done without: that of the place to climb from, or of the oldest open frame. */
static bool make_room(struct worker *worker)
{
    if (worker->here >= 0) {
        forget_here(worker);
        return true;
    }
    if (worker->open + 1 >= worker->count)
        return false;
    close(worker->frames[worker->open++].descriptor);
    return true;
}

static int open_at(struct worker *worker, int parent, const char *name, int flags)
{
    int descriptor;

    do
        descriptor = openat(parent, name, flags);
    while (descriptor < 0 && (errno == EMFILE || errno == ENFILE) && make_room(worker));
    return descriptor;
}

/* The descriptor if it is this inode of the tree; otherwise it is closed and the answer is -1. */
static int only_if(struct worker *worker, int descriptor, ino_t inode)
{
    struct stat status;

    if (fstat(descriptor, &status) < 0)
        tally_error(worker, errno);
    else if (status.st_dev == worker->tree->device && status.st_ino == inode)
        return descriptor;
    close(descriptor);
    return -1;
}

static int open_listed(struct worker *worker, int parent, const char *name, ino_t inode, int flags)
{
    int descriptor = open_at(worker, parent, name, flags);

    if (descriptor >= 0)
        return only_if(worker, descriptor, inode);
    tally_error(worker, errno);
    return -1;
}

/* Open a directory that the one left last is below, through as many ".." as lie between; errors do not matter yet. */
static int climb(struct worker *worker, const struct node *node)
{
    int descriptor = worker->here;
    struct stat status;

    worker->here = -1; /* ours now: making room must not close it */
    for (unsigned depth = worker->here_depth; descriptor >= 0 && depth > node->depth; depth--) {
        int parent = open_at(worker, descriptor, "..", PASSED);
        close(descriptor);
        descriptor = parent;
    }
    if (descriptor < 0)
        return -1;
    if (fstat(descriptor, &status) == 0 && status.st_dev == worker->tree->device && status.st_ino == node->inode)
        return descriptor;
    close(descriptor);
    return -1;
}

/* Open a directory by the names that lead to it from the root. */
static int descend(struct worker *worker, const struct node *node)
{
    const struct node **way = malloc((node->depth + 1) * sizeof(const struct node *));
    unsigned depth = node->depth;

    if (way == NULL) {
        walk_end(worker->walk, ENOMEM);
        return -1;
    }
    for (const struct node *step = node; step != NULL; step = step->parent)
        way[step->depth] = step;
    int descriptor = open_listed(worker, worker->tree->root->descriptor, ".", way[0]->inode, PASSED);
    for (unsigned level = 1; level <= depth && descriptor >= 0; level++) {
        int child = open_listed(worker, descriptor, way[level]->name, way[level]->inode, PASSED);
        close(descriptor);
        descriptor = child;
    }
    free(way);
    return descriptor;
}

/* Open the top frame again; false if its directory is not where it was, and then what is pending there is dropped. */
static bool reopen(struct worker *worker)
{
    struct frame *frame = &worker->frames[worker->count - 1];
    int descriptor = climb(worker, frame->node);

    if (descriptor < 0)
        descriptor = descend(worker, frame->node);
    if (descriptor < 0) {
        worker->pending_count = frame->first;
        return false;
    }
    frame->descriptor = descriptor;
    worker->open = worker->count - 1;
    return true;
}

/* Open the next subdirectory of the top frame, make it the top frame and read it; false when the walk has to end. */
static bool visit_next(struct worker *worker)
{
    struct frame *parent = &worker->frames[worker->count - 1];
    struct pending next = worker->pendings[--worker->pending_count];
    struct node *node = node_new(parent->node, worker->names + next.name, &next);

    if (node == NULL) {
        walk_end(worker->walk, ENOMEM);
        return false;
    }
    worker->names_used = next.name;
    int descriptor = open_listed(worker, parent->descriptor, node->name, node->inode, LISTED);
    if (descriptor < 0) {
        node_release(node);
        return true;
    }
    if (worker->pending_count == parent->first)
        pop(worker);
    if (!descent_push(worker, node, descriptor))
        return false;
    /* Empty directories take their time too: without this, a walk over many of them would neither pace itself nor be
     * seen to get on. */
    if (++worker->unchecked >= ENTRIES_PER_CHECK && !tally_check(worker))
        return false;
    return listing_read(worker);
}

void descent_drop_spent(struct worker *worker)
{
    struct frame *oldest = &worker->frames[worker->bottom];

    if (worker->bottom + 1 == worker->count || oldest->first < oldest[1].first)
        return;
    if (worker->open == worker->bottom) {
        close(oldest->descriptor);
        worker->open++;
    }
    node_release(oldest->node);
    worker->bottom++;
}

int descent_open_root(struct worker *worker, ino_t inode)
{
    return open_listed(worker, worker->tree->root->descriptor, ".", inode, LISTED);
}

bool descent_finish(struct worker *worker)
{
    while (worker->count > 0) {
        const struct frame *top = &worker->frames[worker->count - 1];

        if (walk_halted(worker->walk))
            return false;
        if (queue_hungry(worker->walk))
            worker_share_subdirectories(worker);
        if (worker->pending_count == top->first)
            pop(worker);
        else if ((worker->open < worker->count || reopen(worker)) && !visit_next(worker))
            return false;
    }
    return true;
}

void descent_abandon(struct worker *worker)
{
    while (worker->count > 0)
        pop(worker);
    forget_here(worker);
}
