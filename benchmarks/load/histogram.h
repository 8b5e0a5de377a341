/* Durations, counted in buckets that grow with them: exact to 1 in 64, of constant size, nothing to sort. */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H
#include <stdint.h>

#define HISTOGRAM_BUCKETS (64 * 40)

typedef struct {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t total;
    uint64_t most;
} Histogram;

void histogram_clear(Histogram *histogram);
void histogram_add(Histogram *histogram, uint64_t microseconds);
/* Milliseconds that so many percent do not exceed; 0 when nothing was counted. */
double histogram_ms(const Histogram *histogram, double percent);

#endif
