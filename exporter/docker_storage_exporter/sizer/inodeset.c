/* Promise: after any sequence of additions, `inodeset_add` answers 1 exactly for the first appearance of a number.
 *
 * Open addressing with linear probing over runs of 64 inode numbers, at most three quarters full. Multiplying by an odd
 * constant and keeping the upper bits spreads neighbouring runs over the table, which a plain mask would not do for
 * numbers that differ only in their upper half (XFS puts the allocation group there).
 */
#include "inodeset.h"

#include <stdlib.h>

struct inodeset_run {
    uint64_t key; /* the number of the run plus one; 0 marks a free slot */
    uint64_t members;
};

enum { SMALLEST_CAPACITY = 16 };

static struct inodeset_run *find(struct inodeset_run *runs, size_t capacity, uint64_t key)
{
    size_t slot = (size_t)((key * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & (capacity - 1);

    while (runs[slot].key != 0 && runs[slot].key != key)
        slot = (slot + 1) & (capacity - 1);
    return &runs[slot];
}

static int grow(struct inodeset *set)
{
    size_t capacity = set->capacity ? set->capacity * 2 : SMALLEST_CAPACITY;
    struct inodeset_run *runs = calloc(capacity, sizeof *runs);

    if (runs == NULL)
        return -1;
    for (size_t i = 0; i < set->capacity; i++)
        if (set->runs[i].key != 0)
            *find(runs, capacity, set->runs[i].key) = set->runs[i];
    free(set->runs);
    set->runs = runs;
    set->capacity = capacity;
    return 0;
}

int inodeset_add(struct inodeset *set, uint64_t inode)
{
    uint64_t key = inode / 64 + 1;
    uint64_t member = UINT64_C(1) << (inode % 64);
    struct inodeset_run *run = set->capacity ? find(set->runs, set->capacity, key) : NULL;

    if (run == NULL || run->key == 0) {
        if (set->used >= set->capacity / 4 * 3) {
            if (grow(set) < 0)
                return -1;
            run = find(set->runs, set->capacity, key);
        }
        run->key = key;
        set->used++;
    } else if (run->members & member) {
        return 0;
    }
    run->members |= member;
    return 1;
}

size_t inodeset_bytes(const struct inodeset *set)
{
    return set->capacity * sizeof *set->runs;
}

void inodeset_clear(struct inodeset *set)
{
    free(set->runs);
    *set = (struct inodeset){0};
}
