/* Promise: every directory counted in the first levels below a root is a part; what lies below the last of these levels
 * belongs to the part it is in; the sums of a part include those of the parts below it.
 *
 * A part comes into being after the one it is in, so one pass from the last to the first adds them up.
 */
#include "walker.h"

#include <stdlib.h>
#include <string.h>

/* Make room for one more part; false if there is no memory. The tree is locked. */
static bool reserve(struct walk_usage *usage)
{
    size_t count = usage->part_count;

    if ((count & (count - 1)) != 0) /* the room there is is a power of two */
        return true;
    struct walk_part *parts = realloc(usage->parts, (count ? count * 2 : 1) * sizeof *parts);
    if (parts != NULL)
        usage->parts = parts;
    return parts != NULL;
}

size_t parts_add(struct worker *worker, size_t parent, const char *name, uint64_t blocks)
{
    struct tree *tree = worker->tree;
    size_t length = strlen(name) + 1, part = NO_PART;
    char *copy = malloc(length);

    pthread_mutex_lock(&tree->lock);
    if (copy != NULL && reserve(tree->usage)) {
        part = tree->usage->part_count++;
        tree->usage->parts[part] = (struct walk_part){parent, memcpy(copy, name, length), blocks * 512, 0, 1};
        /* Whoever listed the directory counts it to the part it is in: that is taken off beforehand, modulo 2^64. */
        tree->usage->parts[parent].allocated_bytes -= blocks * 512;
        tree->usage->parts[parent].inodes -= 1;
    }
    pthread_mutex_unlock(&tree->lock);
    if (part == NO_PART)
        free(copy);
    return part;
}

void parts_add_up(struct walk_usage *usage)
{
    for (size_t i = usage->part_count; i-- > 1;) {
        struct walk_part *part = &usage->parts[i], *parent = &usage->parts[part->parent];
        parent->allocated_bytes += part->allocated_bytes;
        parent->apparent_bytes = saturated(parent->apparent_bytes, part->apparent_bytes);
        parent->inodes += part->inodes;
    }
}
