/* Fuzz target: any sequence of additions, answered as by the plainest set there is. */
#include "inodeset.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool seen_before(const uint64_t *numbers, size_t count, uint64_t number)
{
    for (size_t i = 0; i < count; i++)
        if (numbers[i] == number)
            return true;
    return false;
}

/* Each byte pair is a number relative to the one before it, so that clusters, leaps and repetitions are all near. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct inodeset set = {0};
    uint64_t numbers[512], number = 0;
    size_t count = 0;

    for (size_t at = 0; at + 1 < size && count < 512; at += 2) {
        number += (uint64_t)(int64_t)(int8_t)data[at] << (data[at + 1] % 64);
        int expected = !seen_before(numbers, count, number);
        if (inodeset_add(&set, number) != expected)
            abort();
        numbers[count++] = number;
        if (data[at + 1] == 255) {
            inodeset_clear(&set);
            count = 0;
        }
    }
    inodeset_clear(&set);
    return 0;
}
