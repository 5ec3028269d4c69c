/* A set of inode numbers that is small where real filesystems are dense.
 *
 * Filesystems hand out inode numbers in clusters, so the set maps each run of 64 numbers to one bitmap: 100,000
 * neighbouring inodes take 64 KiB, where one slot per inode takes 2 MiB. In the worst case, one inode per run, it takes
 * 21 to 43 bytes per inode.
 *
 * Not safe for concurrent use; an empty set is all zero and holds no memory.
 */
#ifndef INODESET_H
#define INODESET_H

#include <stddef.h>
#include <stdint.h>

struct inodeset_run;

struct inodeset {
    struct inodeset_run *runs;
    size_t capacity; /* a power of two, or 0 */
    size_t used;
};

/* Add an inode: 1 if it is new, 0 if it was there, -1 if there is no memory, and then the set is unchanged. */
int inodeset_add(struct inodeset *set, uint64_t inode);

/* How many bytes of memory the set holds. */
size_t inodeset_bytes(const struct inodeset *set);

/* Forget everything and free the memory. */
void inodeset_clear(struct inodeset *set);

#endif
