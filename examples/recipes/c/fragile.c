/* A library of the kind that one has to live with: it crashes on some input, and leaks on all. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEAK = 4 << 20 };

/* Returns the sum of the digits. Reads the null pointer at the first character that is none. */
long fragile_sum(const char *digits) {
    long sum = 0;
    /* Never freed. The page that is written to becomes resident, as all others do. */
    char *leak = malloc(LEAK);
    if (leak != NULL)
        memset(leak, 1, LEAK);
    for (; *digits; digits++) {
        const volatile long *value = *digits >= '0' && *digits <= '9' ? &sum : NULL;
        sum = *value + (*digits - '0');
    }
    return sum;
}

/* Fills as much memory as it is asked for, and returns its last byte. */
int fragile_fill(size_t bytes) {
    char *memory = malloc(bytes);
    if (memory == NULL) {
        fprintf(stderr, "fragile: no memory for %zu bytes\n", bytes);
        abort();
    }
    memset(memory, 1, bytes);
    int last = ((volatile char *)memory)[bytes - 1];
    free(memory);
    return last;
}
