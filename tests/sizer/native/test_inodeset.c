/* The inode set against the plainest set there is, on the patterns that filesystems make. */
#include "inodeset.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static int failures;

#define EXPECT(condition)                                             \
    do {                                                              \
        if (!(condition)) {                                           \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            failures++;                                               \
        }                                                             \
    } while (0)

static void every_number_is_new_exactly_once(uint64_t first, uint64_t step, size_t count)
{
    struct inodeset set = {0};

    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < count; i++)
            EXPECT(inodeset_add(&set, first + i * step) == (round == 0));
    EXPECT(inodeset_add(&set, first + count * step) == 1);
    inodeset_clear(&set);
    EXPECT(inodeset_bytes(&set) == 0);
    EXPECT(count == 0 || inodeset_add(&set, first) == 1);
    inodeset_clear(&set);
}

static size_t bytes_for(uint64_t first, uint64_t step, size_t count)
{
    struct inodeset set = {0};

    for (size_t i = 0; i < count; i++)
        inodeset_add(&set, first + i * step);
    size_t bytes = inodeset_bytes(&set);
    inodeset_clear(&set);
    return bytes;
}

int main(void)
{
    every_number_is_new_exactly_once(0, 1, 0);
    every_number_is_new_exactly_once(0, 1, 100000);
    every_number_is_new_exactly_once(63, 64, 5000);
    every_number_is_new_exactly_once(1, UINT64_C(1) << 32, 5000); /* XFS allocation groups */
    every_number_is_new_exactly_once(UINT64_MAX - 5000, 1, 5000);
    every_number_is_new_exactly_once(12345, UINT64_C(0x9E3779B97F4A7C15), 50000);

    EXPECT(bytes_for(1000000, 1, 100000) <= 64 * 1024);
    EXPECT(bytes_for(1, 64, 100000) <= 43 * 100000);
    EXPECT(bytes_for(0, 0, 1000) <= 256);
    if (failures == 0)
        puts("ok");
    return failures != 0;
}
