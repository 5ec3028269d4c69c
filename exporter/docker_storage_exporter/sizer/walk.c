/* Promise: one call measures all roots and leaves nothing behind: its threads have ended, its descriptors are closed
 * and its memory is freed, whether it succeeded, was cut short or ran out of memory.
 *
 * The threads are the walk's own, so that they can run at idle priority without touching that of the caller, and they
 * block all signals, so that these interrupt the caller's wait and nothing else.
 */
#define _GNU_SOURCE
#include "walker.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    STACK_BYTES = 256 * 1024, /* sanitizers need most of it */
    IO_PRIORITY_OF_PROCESS = 1,
    IO_PRIORITY_IDLE = 3 << 13,
};

/* Take only processor and disk time that is otherwise idle. Lowering needs no privilege; if a seccomp profile
 * forbids it, the walk runs at normal priority. musl refuses the library call, hence the system call; 0 is the
 * calling thread. */
static void become_idle(void)
{
    struct sched_param none = {0};

    syscall(SYS_sched_setscheduler, 0, SCHED_IDLE, &none);
    syscall(SYS_ioprio_set, IO_PRIORITY_OF_PROCESS, 0, IO_PRIORITY_IDLE);
}

static void *thread_main(void *argument)
{
    struct worker *worker = argument;
    struct walk *walk = worker->walk;

    prctl(PR_SET_NAME, "walk"); /* shown by top -H */
    if (walk->control->idle_priority)
        become_idle();
    worker_run(worker);
    sem_post(&walk->finished);
    return NULL;
}

/* Start as many workers as can be had; an errno if there is none. */
static int start_threads(struct walk *walk)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    unsigned started = 0;
    int error = pthread_attr_init(&attributes);

    if (error != 0)
        return error;
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    /* None may leave, or count the others, before it is known how many there are. */
    pthread_mutex_lock(&walk->lock);
    while (started < walk->worker_count && error == 0) {
        error = pthread_create(&walk->workers[started].thread, &attributes, thread_main, &walk->workers[started]);
        started += error == 0;
    }
    for (unsigned i = started; i < walk->worker_count; i++)
        worker_clear(&walk->workers[i]);
    walk->worker_count = started;
    pthread_mutex_unlock(&walk->lock);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return started > 0 ? 0 : error;
}

static void await_threads(struct walk *walk)
{
    const struct walk_control *control = walk->control;

    for (unsigned i = 0; i < walk->worker_count; i++)
        while (sem_wait(&walk->finished) < 0) /* a signal */
            if (control->interrupted != NULL && control->interrupted(control->context))
                walk_end(walk, 0);
    for (unsigned i = 0; i < walk->worker_count; i++)
        pthread_join(walk->workers[i].thread, NULL);
}

static bool prepare_workers(struct walk *walk, unsigned count)
{
    if (posix_memalign((void **)&walk->workers, _Alignof(struct worker), count * sizeof *walk->workers) != 0) {
        walk->workers = NULL;
        return false;
    }
    for (; walk->worker_count < count; walk->worker_count++) {
        struct worker *worker = &walk->workers[walk->worker_count];
        *worker = (struct worker){.walk = walk, .here = -1, .buffer = malloc(BUFFER_BYTES)};
        worker->tally.changed = WALK_NO_TIME;
        if (worker->buffer == NULL)
            return false;
    }
    return true;
}

static bool prepare_trees(struct walk *walk, const struct walk_root *roots, size_t count, struct walk_usage *usages)
{
    walk->trees = calloc(count ? count : 1, sizeof *walk->trees);
    if (walk->trees == NULL)
        return false;
    for (; walk->tree_count < count; walk->tree_count++) {
        struct tree *tree = &walk->trees[walk->tree_count];
        tree->root = &roots[walk->tree_count];
        tree->usage = &usages[walk->tree_count];
        pthread_mutex_init(&tree->lock, NULL);
    }
    return true;
}

static void clear(struct walk *walk)
{
    for (size_t i = 0; i < walk->tree_count; i++) {
        inodeset_clear(&walk->trees[i].linked);
        pthread_mutex_destroy(&walk->trees[i].lock);
    }
    for (unsigned i = 0; i < walk->worker_count; i++)
        worker_clear(&walk->workers[i]);
    pthread_mutex_destroy(&walk->lock);
    pthread_cond_destroy(&walk->changed);
    sem_destroy(&walk->finished);
    free(walk->trees);
    free(walk->workers);
    free(walk->tasks);
}

int walk_measure(const struct walk_root *roots, size_t count, const struct walk_control *control,
                 struct walk_usage *usages)
{
    struct walk walk = {.control = control, .started = monotonic_nanoseconds()};
    unsigned threads = control->threads ? control->threads : 1;
    int error = ENOMEM;

    for (size_t i = 0; i < count; i++)
        usages[i] = (struct walk_usage){.complete = true, .changed = WALK_NO_TIME};
    pthread_mutex_init(&walk.lock, NULL);
    pthread_cond_init(&walk.changed, NULL);
    sem_init(&walk.finished, 0, 0);
    walk.tasks = calloc(threads, sizeof *walk.tasks);
    if (walk.tasks != NULL && prepare_trees(&walk, roots, count, usages) && prepare_workers(&walk, threads)) {
        error = start_threads(&walk);
        if (error == 0) {
            await_threads(&walk);
            queue_drain(&walk);
            error = atomic_load(&walk.error);
            for (size_t i = 0; i < count; i++)
                parts_add_up(&usages[i]);
        }
    }
    clear(&walk);
    return error;
}

void walk_release(struct walk_usage *usages, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < usages[i].part_count; j++)
            free(usages[i].parts[j].name);
        free(usages[i].parts);
        free(usages[i].unreadable);
        usages[i] = (struct walk_usage){0};
    }
}
