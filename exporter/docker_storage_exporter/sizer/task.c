/* Promise: a node lives as long as something below it is to be visited or is queued, and no longer; what a task holds
 * is freed with it.
 */
#define _GNU_SOURCE
#include "walker.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void node_release(struct node *node)
{
    while (node != NULL && atomic_fetch_sub(&node->references, 1) == 1) {
        struct node *parent = node->parent;
        free(node);
        node = parent;
    }
}

struct node *node_new(struct node *parent, const char *name, const struct pending *pending)
{
    size_t length = strlen(name) + 1;
    struct node *node = malloc(sizeof *node + length);

    if (node == NULL)
        return NULL;
    *node = (struct node){
        .parent = parent, .inode = pending->inode, .part = pending->part, .depth = parent ? parent->depth + 1 : 0};
    memcpy(node->name, name, length);
    atomic_init(&node->references, 1);
    if (parent != NULL) {
        boundary_at(&parent->boundary, name, &node->boundary);
        atomic_fetch_add(&parent->references, 1);
    }
    return node;
}

void task_discard(struct task *task)
{
    if (task->descriptor >= 0)
        close(task->descriptor);
    node_release(task->node);
    free(task->block);
}
