/* The mount points below a directory: what a walk must neither count nor enter.
 *
 * A boundary is a stretch of a sorted array of paths together with how many bytes of each lead to the directory, so
 * going down one level allocates nothing.
 */
#ifndef BOUNDARY_H
#define BOUNDARY_H

#include <stdbool.h>
#include <stddef.h>

struct boundary {
    const char *const *paths; /* relative to the root, sorted component by component */
    size_t count;
    size_t offset; /* where in each path the names of this directory begin */
};

/* Whether `name` in this directory is a mount point; if not, `below` becomes the boundary of `name`. */
bool boundary_at(const struct boundary *boundary, const char *name, struct boundary *below);

#endif
