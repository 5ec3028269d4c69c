/* Promise: a name is a mount point here exactly if some path consists of the names so far and this one; nothing is
 * allocated and the paths are only read.
 *
 * The paths are sorted by their components (not by their bytes: "a b" sorts between "a" and "a/c" in bytes), so those
 * that share a component lie side by side, and the one that ends with it comes first.
 */
#include "boundary.h"

#include <string.h>

/* Compare the next component of a path with a name, as sorting by components does. */
static int compare(const char *path, const char *name)
{
    while (*path != '\0' && *path != '/' && *path == *name) {
        path++;
        name++;
    }
    unsigned char next = *path == '/' ? '\0' : (unsigned char)*path;
    return next - (unsigned char)*name;
}

/* The first path of the boundary whose next component compares as at least `least` with the name. */
static size_t search(const struct boundary *boundary, const char *name, int least)
{
    size_t low = 0, high = boundary->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(boundary->paths[middle] + boundary->offset, name) >= least)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

bool boundary_at(const struct boundary *boundary, const char *name, struct boundary *below)
{
    *below = (struct boundary){0};
    if (boundary->count == 0)
        return false;

    size_t first = search(boundary, name, 0);
    size_t last = search(boundary, name, 1);
    if (first == last)
        return false;

    size_t end = boundary->offset + strlen(name);
    if (boundary->paths[first][end] == '\0')
        return true;
    *below = (struct boundary){boundary->paths + first, last - first, end + 1};
    return false;
}
