/* Runs the walker without Python, for sanitizers: drive THREADS ROUNDS MODE PATH [MOUNTPOINT...]
 *
 * Prints what one walk says, after so many rounds that must all say the same. Modes: `same`, as above; `changing`,
 * where the tree changes meanwhile and any answer without an error will do; `starved`, where the first allocation
 * fails, then the second and so on, until a walk needs none that fails; `stopped`, where another thread stops each
 * walk. Fails if descriptors are left open; memory left behind is the sanitizer's to find.
 */
#define _GNU_SOURCE
#include "walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Deep enough to tell parts apart in every shape. */
enum { PARTS_DEPTH = 3 };

static atomic_long allocations_left = -1; /* negative: no limit */

static bool refused(void)
{
    return atomic_load(&allocations_left) >= 0 && atomic_fetch_sub(&allocations_left, 1) == 0;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
int __real_posix_memalign(void **block, size_t alignment, size_t size);

void *__wrap_malloc(size_t size)
{
    return refused() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return refused() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    return refused() ? NULL : __real_realloc(block, size);
}

int __wrap_posix_memalign(void **block, size_t alignment, size_t size)
{
    return refused() ? ENOMEM : __real_posix_memalign(block, alignment, size);
}

static int open_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    int count = 0;

    while (directory != NULL && readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

static void fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static void *stop_soon(void *meter)
{
    usleep(200);
    __atomic_store_n(&((struct walk_meter *)meter)->stopped, 1, __ATOMIC_RELAXED);
    return NULL;
}

static int measure(const struct walk_root *root, unsigned threads, const char *mode, struct walk_usage *usages)
{
    struct walk_meter meter = {.share = 1000000};
    struct walk_control control = {&meter, INFINITY, INFINITY, INT64_MAX, threads, false, NULL, NULL, INT64_MAX};
    struct walk_root roots[2] = {*root, *root};
    pthread_t stopper;
    bool stopped = strcmp(mode, "stopped") == 0;

    if (stopped && pthread_create(&stopper, NULL, stop_soon, &meter) != 0)
        fail("no thread");
    int error = walk_measure(roots, 2, &control, usages);
    if (stopped)
        pthread_join(stopper, NULL);
    return error;
}

static uint64_t errors(const struct walk_usage *usage)
{
    uint64_t sum = 0;

    for (int error = 0; usage->unreadable != NULL && error < WALK_ERRNO_LIMIT; error++)
        sum += usage->unreadable[error];
    return sum;
}

static bool alike(const struct walk_usage *a, const struct walk_usage *b)
{
    return a->allocated_bytes == b->allocated_bytes && a->apparent_bytes == b->apparent_bytes &&
           a->inodes == b->inodes && a->entries == b->entries && errors(a) == errors(b) && a->complete == b->complete;
}

int main(int argc, char **argv)
{
    if (argc < 5)
        fail("drive THREADS ROUNDS MODE PATH [MOUNTPOINT...]");
    unsigned threads = (unsigned)atoi(argv[1]);
    long rounds = atol(argv[2]);
    const char *mode = argv[3];
    struct walk_root root = {open(argv[4], O_PATH), (const char *const *)argv + 5, (size_t)argc - 5, PARTS_DEPTH};
    struct walk_usage first = {0}, usages[2];
    int before = open_descriptors();
    bool starved = strcmp(mode, "starved") == 0;

    for (long round = 0; round < rounds; round++) {
        atomic_store(&allocations_left, starved ? round : -1);
        int error = measure(&root, threads, mode, usages);
        bool spared = atomic_exchange(&allocations_left, -1) >= 0;
        if (error != 0 && !(starved && error == ENOMEM))
            fail(strerror(error));
        if (strcmp(mode, "same") == 0 && (!alike(&usages[0], &usages[1]) || (round && !alike(&usages[0], &first))))
            fail("the same tree gave another answer");
        if (strcmp(mode, "changing") == 0 && (errors(&usages[0]) || !usages[0].complete))
            fail("a change was taken for an error");
        if (error == 0 && strcmp(mode, "stopped") != 0 && !usages[0].complete)
            fail("incomplete without a reason");
        first = usages[0];
        if (starved && spared)
            rounds = round;
        else if (starved && round == rounds - 1)
            fail("still starved");
        uint64_t unreadable = errors(&first);
        walk_release(usages, 2);
        first.unreadable = NULL;
        if (round >= rounds - 1)
            printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", first.allocated_bytes,
                   first.apparent_bytes, first.inodes, first.entries, unreadable);
    }
    if (open_descriptors() != before)
        fail("descriptors were left open");
    return 0;
}
