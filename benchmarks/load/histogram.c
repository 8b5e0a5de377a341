#include "histogram.h"

#include <string.h>

/* Below 64 a bucket a microsecond; above, 64 buckets for each doubling: the six bits after the highest one. */
static unsigned bucket_of(uint64_t value) {
    if (value < 64) return (unsigned)value;
    unsigned shift = 57 - (unsigned)__builtin_clzll(value);
    unsigned bucket = (shift + 1) * 64 + (unsigned)((value >> shift) & 63);
    return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

static uint64_t upper_end(unsigned bucket) {
    if (bucket < 64) return bucket;
    unsigned shift = bucket / 64 - 1;
    return ((uint64_t)(64 + bucket % 64 + 1) << shift) - 1;
}

void histogram_clear(Histogram *histogram) { memset(histogram, 0, sizeof *histogram); }

void histogram_add(Histogram *histogram, uint64_t microseconds) {
    histogram->counts[bucket_of(microseconds)]++;
    histogram->total++;
    if (microseconds > histogram->most) histogram->most = microseconds;
}

double histogram_ms(const Histogram *histogram, double percent) {
    if (histogram->total == 0) return 0;
    uint64_t wanted = (uint64_t)((double)histogram->total * percent / 100);
    if (wanted >= histogram->total) return (double)histogram->most / 1000;
    uint64_t seen = 0;
    unsigned bucket = 0;
    while ((seen += histogram->counts[bucket]) <= wanted) bucket++;
    uint64_t end = upper_end(bucket);
    return (double)(end < histogram->most ? end : histogram->most) / 1000;
}
