/* Fuzz target: the input builds a tree, which the walker must measure as a plain recursion does, with one thread and
 * three.
 *
 * The tree is made below the directory that the environment variable SCRATCH names, best on tmpfs.
 */
#define _GNU_SOURCE
#include "walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_INODES = 512, DEEPEST = 60 };

struct plain {
    uint64_t blocks, bytes, inodes, entries;
    ino_t linked[MOST_INODES];
    size_t linked_count;
};

static bool counted_before(struct plain *plain, ino_t inode)
{
    for (size_t i = 0; i < plain->linked_count; i++)
        if (plain->linked[i] == inode)
            return true;
    plain->linked[plain->linked_count++] = inode;
    return false;
}

/* `mountpoint` is the one path to leave out, or NULL; it is followed down name by name. */
static void measure_plainly(int directory, const char *mountpoint, struct plain *plain)
{
    DIR *names = fdopendir(directory);

    for (struct dirent *name; (name = readdir(names)) != NULL;) {
        struct stat status;
        const char *below = NULL;
        if (strcmp(name->d_name, ".") == 0 || strcmp(name->d_name, "..") == 0)
            continue;
        plain->entries++;
        size_t length = strlen(name->d_name);
        if (mountpoint != NULL && strncmp(mountpoint, name->d_name, length) == 0) {
            if (mountpoint[length] == '\0')
                continue;
            if (mountpoint[length] == '/')
                below = mountpoint + length + 1;
        }
        fstatat(directory, name->d_name, &status, AT_SYMLINK_NOFOLLOW);
        if (!S_ISDIR(status.st_mode)) {
            if (status.st_nlink > 1 && counted_before(plain, status.st_ino))
                continue;
            plain->bytes += (uint64_t)status.st_size;
        }
        plain->inodes++;
        plain->blocks += (uint64_t)status.st_blocks;
        if (S_ISDIR(status.st_mode))
            measure_plainly(openat(directory, name->d_name, O_RDONLY | O_DIRECTORY), below, plain);
    }
    closedir(names);
}

/* Each byte pair is a step: make something here, go down or go up. The last directory made becomes the mount point. */
static void build(int root, const uint8_t *data, size_t size, char *mountpoint)
{
    static const char *const names[] = {"a", "b", "a b", "\xff\n", "m", "...", "-", "aa"};
    int here[DEEPEST + 1] = {dup(root)};
    size_t depth = 0, length[DEEPEST + 1] = {0}, made = 0;
    char path[DEEPEST * 4 + 8] = "", last[16] = "";

    for (size_t at = 0; at + 1 < size && made < MOST_INODES; at += 2) {
        const char *name = names[data[at + 1] % 8];
        int made_file = -1;
        made++;
        switch (data[at] % 7) {
        case 0: made_file = openat(here[depth], name, O_CREAT | O_WRONLY | O_NOFOLLOW | O_NONBLOCK, 0600); break;
        case 1: symlinkat(data[at + 1] & 8 ? ".." : "nowhere", here[depth], name); break;
        case 2: mkfifoat(here[depth], name, 0600); break;
        case 3: linkat(here[depth], last, here[data[at + 1] % (depth + 1)], name, 0); break;
        case 4:
        case 5:
            mkdirat(here[depth], name, 0700);
            if (depth == DEEPEST)
                break;
            here[depth + 1] = openat(here[depth], name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
            if (here[depth + 1] >= 0) {
                int added = sprintf(path + length[depth], "%s%s", depth ? "/" : "", name);
                length[depth + 1] = length[depth] + (size_t)added;
                depth++;
                if (data[at + 1] & 16)
                    strcpy(mountpoint, path);
            }
            break;
        default:
            if (depth > 0) {
                close(here[depth--]);
                path[length[depth]] = '\0';
            }
        }
        if (made_file >= 0) {
            if (ftruncate(made_file, data[at + 1] * 1000) == 0 && data[at + 1] & 8 && write(made_file, "x", 1) < 0)
                abort();
            close(made_file);
            strcpy(last, name);
        }
    }
    for (;; depth--) {
        close(here[depth]);
        if (depth == 0)
            break;
    }
}

static void compare(int root, const char *mountpoint, const struct plain *plain, unsigned threads)
{
    struct walk_meter meter = {.share = 1000000};
    struct walk_control control = {&meter, INFINITY, INFINITY, INT64_MAX, threads, false, NULL, NULL, INT64_MAX};
    struct walk_root walked = {root, &mountpoint, *mountpoint != '\0', threads};
    struct walk_usage usage;

    if (walk_measure(&walked, 1, &control, &usage) != 0 || !usage.complete || usage.unreadable != NULL ||
        usage.allocated_bytes != plain->blocks * 512 || usage.apparent_bytes != plain->bytes ||
        usage.inodes != plain->inodes || usage.entries != plain->entries ||
        meter.entries != (int64_t)plain->entries)
        abort();
    walk_release(&usage, 1);
}

static void remove_below(int directory)
{
    DIR *names = fdopendir(directory);

    for (struct dirent *name; (name = readdir(names)) != NULL;) {
        if (strcmp(name->d_name, ".") == 0 || strcmp(name->d_name, "..") == 0)
            continue;
        if (unlinkat(directory, name->d_name, 0) == 0)
            continue;
        remove_below(openat(directory, name->d_name, O_RDONLY | O_DIRECTORY));
        unlinkat(directory, name->d_name, AT_REMOVEDIR);
    }
    closedir(names);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int root = -1;
    struct plain plain = {0};
    struct stat status;
    char mountpoint[DEEPEST * 4 + 8] = "";

    if (root < 0) {
        char path[4096];
        snprintf(path, sizeof path, "%s/fuzz-walk-XXXXXX", getenv("SCRATCH") ? getenv("SCRATCH") : "/dev/shm");
        root = open(mkdtemp(path), O_RDONLY | O_DIRECTORY);
        if (root < 0)
            abort();
    }
    build(root, data, size, mountpoint);
    fstat(root, &status);
    plain = (struct plain){.blocks = (uint64_t)status.st_blocks, .inodes = 1, .entries = 1};
    measure_plainly(openat(root, ".", O_RDONLY), *mountpoint ? mountpoint : NULL, &plain);
    compare(root, mountpoint, &plain, 1);
    compare(root, mountpoint, &plain, 3);
    remove_below(openat(root, ".", O_RDONLY));
    return 0;
}
