/* Thinning: how a run keeps within its budget.
 * Part of the recorder, which _probe.c is made of.
 *
 * Each time that half of what is left of the budget has been used, the blocks that most records come from are thinned
 * fourfold: of their instances every 4^n-th one is recorded, whole, the others not at all. A probe in an instance that
 * is not recorded finds that its activation's key does not fit, and that its block is among those to skip.
 */
#ifndef FLOR_PROBE_THIN_H
#define FLOR_PROBE_THIN_H
#include "_probe_stream.h"

#define HOT 0.9          /* the blocks that make so much of all the latest records, */
#define LEAST_SHARE 0.02 /* each of them at least this */
#define MAX_LEVEL 30

/* Whether blocks are thinned. They must not be while tables take the instances that are recorded for all there were: a
 * loop of which one iteration is left would share its row with what stands beside it. */
#define THINS 0

enum {
    WRITTEN,
    CONSUMED,
    PACKED,
    OTHERS,
    CONTROL_WORDS = 8
};

/* Where this process and the packer tell each other how far they are; without it the recorder knows its own part. */
static void open_control(void) {
    char path[4096];
    if (R.control) munmap((void *)R.control, CONTROL_WORDS * 8);
    R.control = NULL;
    snprintf(path, sizeof path, "%s/control", R.directory);
    int fd = open_retrying(path, O_RDWR | O_CREAT);
    if (fd < 0) return;
    char zeros[CONTROL_WORDS * 8] = {0};
    if (pwrite(fd, zeros, sizeof zeros, 0) == sizeof zeros) { /* written, not a hole: a full disk shows now */
        void *p = mmap(NULL, sizeof zeros, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (p != MAP_FAILED) R.control = p;
    }
    close(fd);
}

/* How much of what may be used is used, from 0 to 1 and beyond. */
static double used(void) {
    uint64_t written = R.sealed, consumed = 0, packed = 0, others = 0;
    for (Stream *s = R.streams; s; s = s->next_stream) {
        written += (uint64_t)(s->events.next - s->events.base) + (uint64_t)(s->heap.next - s->heap.base);
    }
    if (R.control) {
        R.control[WRITTEN] = written;
        consumed = R.control[CONSUMED];
        packed = R.control[PACKED];
        others = R.control[OTHERS];
    }
    double waiting = (double)(written - (consumed < written ? consumed : written)) + (double)others;
    double of_budget = ((double)packed + waiting) / (double)R.budget, of_backlog = waiting / (double)R.backlog;
    return of_budget > of_backlog ? of_budget : of_backlog;
}

static int by_sample(const void *a, const void *b) {
    uint32_t x = (*(Place *const *)a)->sample, y = (*(Place *const *)b)->sample;
    return (x < y) - (x > y);
}

/* Thin what most of these records come from. */
static void thin(const uint8_t *records, size_t count) {
    Place *found[256];
    size_t n = 0, all = 0;
    for (size_t i = 0; i < R.place_count; i++) {
        if (R.places[i]) R.places[i]->sample = 0;
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t head;
        memcpy(&head, records + i * RECORD, 4);
        uint32_t id = head & (KIND(1) - 1);
        Place *place = id < R.place_count ? R.places[id] : NULL;
        if (!place) continue;
        all++;
        if (!place->sample++ && place->end && n < Py_ARRAY_LENGTH(found)) found[n++] = place;
    }
    qsort(found, n, sizeof *found, by_sample);
    size_t covered = 0;
    for (size_t i = 0; i < n && (double)covered < HOT * (double)all; i++) {
        if ((double)found[i]->sample < LEAST_SHARE * (double)all) break;
        covered += found[i]->sample;
        if (found[i]->mask < UINT64_MAX >> 3) found[i]->mask = found[i]->mask << 2 | 3;
    }
}

/* Before a new segment: thin if it is time, stop if there is nothing left. */
static void limit(Stream *s) {
    double part = used();
    if (part >= 1 && (!THINS || R.level >= 3)) {
        fail(s, EDQUOT);
        return;
    }
    while (THINS && R.level < MAX_LEVEL && 1 - part <= 1 / (double)(2ULL << R.level)) {
        R.level++;
        if (s->events.base) thin(s->events.base, (size_t)(s->events.next - s->events.base) / RECORD);
    }
}

/* ---- what is skipped ---- */

/* An instance of `block` begins under the position of the top activation, and is not recorded. */
static void note_skipped(Stream *s, uint32_t block) {
    if (s->pending || (s->skipped && (s->skip != block || s->skipped == UINT32_MAX))) {
        uint32_t left = tell_first(s) >> LEAVE_SHIFT;
        if (left) put(s, KIND(K_LEAVE), left);
    }
    s->skip = block;
    s->skipped++;
}

static inline int is_thinned(Place *place) { return UNLIKELY(place->mask) && place->count++ & place->mask; }

static void skip(Entry *e, uint32_t from, uint32_t end) {
    e->skip = from;
    e->skip_end = end;
    e->key = 0;
}

static void skip_no_more(Entry *e) {
    e->skip = e->skip_end = 0;
    e->key = e->guarded ? e->block : 0;
}

#endif
