/* The walker's C core: how many bytes and inodes trees hold, measured by threads of its own.
 *
 * It means exactly what the plain twin in walk.py means and knows nothing of Python.
 */
#ifndef WALK_H
#define WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Errors are counted in an array of this length, indexed by errno; Linux lets no filesystem return a larger one. */
#define WALK_ERRNO_LIMIT 512

/* No change of an inode is as old as this. */
#define WALK_NO_TIME INT64_MIN

struct walk_root {
    int descriptor;                 /* open on anything, also O_PATH; the caller keeps it open */
    const char *const *mountpoints; /* relative paths, sorted component by component */
    size_t mountpoint_count;
    unsigned depth; /* of the levels of directories that are reported as parts; 0 for none */
};

/* What caller and walk tell each other while it runs; both access it with atomic loads and stores. */
struct walk_meter {
    int64_t stopped;         /* set by the caller: end as soon as possible */
    int64_t entries;         /* names seen, added to by the walk */
    int64_t allocated_bytes; /* added to by the walk */
    int64_t share;           /* of one core, in millionths, after the burst; the caller may change it at any time */
    int64_t beats;           /* grows while the walk gets on, naps included: one that hangs in the kernel does not */
};

struct walk_control {
    struct walk_meter *meter;
    double burst;        /* CPU seconds that may be used at once */
    double deadline;     /* seconds of CLOCK_MONOTONIC */
    int64_t max_entries; /* the walk is cut short when the meter shows more */
    unsigned threads;
    bool idle_priority; /* run at idle CPU and I/O priority */
    /* Called in the calling thread when a signal arrived; true cuts the walk short. May be NULL. */
    bool (*interrupted)(void *context);
    void *context;
    int64_t now; /* nanoseconds since the epoch; no change can be later */
};

/* A directory of the first levels, with all that is below it. */
struct walk_part {
    size_t parent; /* index of the part it is in, less than its own; the root is the first, and in itself */
    char *name;
    uint64_t allocated_bytes;
    uint64_t apparent_bytes;
    uint64_t inodes;
};

struct walk_usage {
    uint64_t allocated_bytes;
    uint64_t apparent_bytes;
    uint64_t inodes;
    uint64_t entries;
    int64_t changed; /* newest change of an inode, nanoseconds since the epoch; WALK_NO_TIME if there is none */
    uint64_t future; /* inodes whose change lies in the future, which `changed` ignores */
    uint64_t *unreadable; /* WALK_ERRNO_LIMIT counters, or NULL if all are zero */
    struct walk_part *parts; /* if a depth was asked for and the root is a directory */
    size_t part_count;
    double cpu_seconds;
    bool complete;
};

/* Measure each root into the usage of the same index.
 *
 * Returns 0, or an errno: ENOMEM when there is no memory, EBADF when a descriptor is not open, EAGAIN when not even one
 * thread can be had. Whatever it returns, the usages are initialised and want `walk_release`.
 */
int walk_measure(const struct walk_root *roots, size_t count, const struct walk_control *control,
                 struct walk_usage *usages);

/* Free what the usages hold. */
void walk_release(struct walk_usage *usages, size_t count);

#endif
