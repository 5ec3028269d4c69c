/* Inside the C core: who works on what.
 *
 * A walk measures several trees with several workers. Each worker goes down depth first with a stack of frames of its
 * own and shares nothing on the way but the counters of the tree. Only when another worker is idle does it put a task
 * on the walk's queue: a part of the oldest frame's subdirectories, or a buffer of names of a huge directory not
 * looked at yet.
 *
 *   walk.c     threads, roots, results
 *   task.c     what is handed over: directories still to visit, and the nodes that lead to them
 *   queue.c    tasks handed from one worker to another, and the end of the walk
 *   worker.c   one worker: takes tasks, and makes some for others
 *   descent.c  its way through a tree: frames, descriptors
 *   listing.c  the names of one directory: what counts
 *   tally.c    merging counters, pace, deadline, stop
 *   parts.c    the breakdown by the first levels of directories
 */
#ifndef WALKER_H
#define WALKER_H

#include "boundary.h"
#include "inodeset.h"
#include "walk.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/types.h>

enum {
    BUFFER_BYTES = 32 * 1024, /* names read at once; larger ones measured no faster */
    OPEN_FRAMES = 16,         /* open directories per worker; with eight workers half of a limit of 256 */
    ENTRIES_PER_CHECK = 128,
    CACHE_LINE = 64,
};

/* One root being measured. */
struct tree {
    const struct walk_root *root;
    struct walk_usage *usage;
    dev_t device;
    atomic_uint tasks; /* begun or queued */
    pthread_mutex_t lock; /* guards usage and linked */
    struct inodeset linked;
};

/* A directory that has or may have subdirectories to visit; it knows the way back to the root by name. */
struct node {
    struct node *parent;
    ino_t inode;
    struct boundary boundary;
    size_t part; /* that it belongs to */
    unsigned depth;
    atomic_uint references;
    char name[];
};

/* A directory on a worker's stack. Its pending subdirectories end where those of the next frame begin. */
struct frame {
    struct node *node;
    int descriptor; /* -1 while it is closed to save descriptors */
    size_t first;   /* index of its first pending subdirectory */
};

struct pending {
    ino_t inode;
    size_t part;
    size_t name; /* offset in the worker's names */
};

enum task_kind { ROOT, NAMES, SUBDIRECTORIES };

/* Work that any worker can take up. */
struct task {
    enum task_kind kind;
    struct tree *tree;
    struct node *node; /* the directory; this and what follows is not for roots */
    int descriptor;    /* of the directory, or -1: open it by name */
    char *block;       /* NAMES: directory entries as the kernel wrote them; SUBDIRECTORIES: pending and name of each */
    size_t length;
};

/* What was counted since the last merge. */
struct tally {
    uint64_t entries;
    uint64_t inodes;
    uint64_t blocks;
    uint64_t apparent_bytes;
    int64_t changed; /* as in walk_usage, and for the whole tree */
    uint64_t future;
};

/* A file with several names, to be counted if it is the first of its inode. */
struct linked {
    ino_t inode;
    uint64_t blocks;
    uint64_t apparent_bytes;
    int64_t changed;
};

struct walk;

/* Aligned and padded: neighbours on one cache line cost two workers a fifth of their speed. */
struct worker {
    _Alignas(2 * CACHE_LINE) struct walk *walk;
    struct tree *tree;
    size_t part; /* of the tree, that the tally and the batch belong to */
    struct tally tally;
    struct linked linked[ENTRIES_PER_CHECK];
    unsigned linked_count;
    unsigned unchecked; /* entries since the last check; at most as many files wait in `linked` */
    int64_t cpu_merged;  /* CPU nanoseconds that the pace knows of */
    int64_t cpu_counted; /* CPU nanoseconds that the usages have */
    char *buffer;

    /* Frames from `bottom` to `count`; those before `open` are closed. */
    struct frame *frames;
    size_t bottom, open, count, capacity;
    struct pending *pendings;
    size_t pending_count, pending_capacity;
    char *names;
    size_t names_used, names_capacity;

    /* The directory left last: the frame to return to is above it, so ".." leads there. */
    int here;
    unsigned here_depth;

    pthread_t thread;
};

struct walk {
    const struct walk_control *control;
    struct tree *trees;
    size_t tree_count;
    struct worker *workers;
    unsigned worker_count;
    int64_t started; /* CLOCK_MONOTONIC nanoseconds */
    _Atomic int64_t cpu_used;
    atomic_bool ended;
    atomic_int error;
    sem_t finished; /* posted by each worker */

    /* The queue; `queued` and `idle` are written under its lock and read anywhere as a hint. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct task *tasks; /* room for one per worker */
    size_t next_tree;
    atomic_uint queued;
    atomic_uint idle;
};

/* task.c */
struct node *node_new(struct node *parent, const char *name, const struct pending *pending); /* NULL without memory */
void node_release(struct node *node);
void task_discard(struct task *task); /* free what it holds */

/* queue.c */
bool queue_give(struct walk *walk, const struct task *task); /* false if there is no room */
bool queue_take(struct walk *walk, struct task *task);       /* waits; false if there is nothing left to do */
void queue_drain(struct walk *walk);                         /* after the end: free what was never taken */
void walk_end(struct walk *walk, int error);                 /* cut the walk short; error may be 0 */

/* True when another worker would welcome a share of this one's subdirectories. */
static inline bool queue_hungry(struct walk *walk)
{
    return atomic_load_explicit(&walk->idle, memory_order_relaxed) >
           atomic_load_explicit(&walk->queued, memory_order_relaxed);
}

/* worker.c */
void worker_run(struct worker *worker);                   /* until there is nothing left to do */
void worker_share_subdirectories(struct worker *worker);  /* give a part of the oldest frame away, if it can be */
void worker_clear(struct worker *worker);

/* descent.c: functions returning bool return false when the walk has to end */
/* Put a directory on top of the stack, which takes over the node and the descriptor, also when it fails. */
bool descent_push(struct worker *worker, struct node *node, int descriptor);
/* Add a subdirectory to those pending in the top frame. */
bool descent_note(struct worker *worker, const char *name, ino_t inode, size_t part);
/* A descriptor to read the root from, if it is a directory of that inode; else -1, and what is an error is counted. */
int descent_open_root(struct worker *worker, ino_t inode);
/* Visit all that is pending on the stack. */
bool descent_finish(struct worker *worker);
/* Take the oldest frame off if all of its subdirectories were given away and it is not the only one. */
void descent_drop_spent(struct worker *worker);
/* Drop all that is on the stack. */
void descent_abandon(struct worker *worker);

/* listing.c: both return false when the walk has to end */
bool listing_read(struct worker *worker); /* count all names of the top frame's directory */
bool listing_count(struct worker *worker, char *buffer, size_t length);

/* tally.c: these return false when the walk has to end */
bool tally_merge(struct worker *worker);
bool tally_check(struct worker *worker);
void tally_error(struct worker *worker, int error);
int64_t changed_at(const struct stat *status); /* nanoseconds since the epoch; the nearest ones that fit */
int64_t thread_cpu_nanoseconds(void);
int64_t monotonic_nanoseconds(void);

/* parts.c */
#define NO_PART SIZE_MAX
/* A new part of the tree: one directory of so many blocks. NO_PART if there is no memory. */
size_t parts_add(struct worker *worker, size_t parent, const char *name, uint64_t blocks);
/* Add each part to the one it is in. */
void parts_add_up(struct walk_usage *usage);

/* The sum, or the largest number there is: sparse files can be longer together than it. */
static inline uint64_t saturated(uint64_t sum, uint64_t more)
{
    return sum > UINT64_MAX - more ? UINT64_MAX : sum + more;
}

/* Note when an inode was changed. */
static inline void tally_change(struct worker *worker, int64_t changed)
{
    if (changed <= worker->tally.changed)
        return;
    if (changed <= worker->walk->control->now)
        worker->tally.changed = changed;
    else
        worker->tally.future++;
}

/* Cheap enough for every entry: whether the walk was stopped. */
static inline bool walk_halted(struct walk *walk)
{
    return atomic_load_explicit(&walk->ended, memory_order_relaxed) ||
           __atomic_load_n(&walk->control->meter->stopped, __ATOMIC_RELAXED);
}

#endif
