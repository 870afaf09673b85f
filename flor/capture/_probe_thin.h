/* Thinning: how a run keeps within its budget.
 * Part of the recorder, which _probe.c is made of.
 *
 * Each time that half of what is left of the budget has been used, the blocks that most bytes come from are thinned
 * fourfold: of their instances every 4^n-th one is recorded, whole, the others not at all. When little is left it is to
 * last as long as the run has lasted: what would use it up sooner is thinned further. A probe in an instance that is
 * not recorded finds that its activation's key does not fit, and that its block is among those to skip.
 */
#ifndef FLOR_PROBE_THIN_H
#define FLOR_PROBE_THIN_H
#include "_probe_stream.h"

#define HOT 0.9  /* the blocks that make so much of what was written lately are thinned */
#define FACTOR 4 /* to an instance in so many of those that are recorded now */
#define LEVELS 4 /* so often half of what is left is used; then little is left */
#define MOST 8   /* so often at most a block is thinned at once */
#define MOST_AROUND 64
#define FIRST_PACKING (16 << 20) /* bytes: then, or at a quarter of the budget, a run is packed while it goes on */

enum {
    WRITTEN,
    CONSUMED,
    PACKED,
    OTHERS,
    THINNED,
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

/* How much of what may be used is left, from 1 to 0 and below; and how many bytes that are. */
static double left(double *bytes) {
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
    double of_budget = 1 - ((double)packed + waiting) / (double)R.budget, of_backlog = 1 - waiting / (double)R.backlog;
    *bytes = of_budget < of_backlog ? of_budget * (double)R.budget : of_backlog * (double)R.backlog;
    return of_budget < of_backlog ? of_budget : of_backlog;
}

/* ---- which blocks are hot ---- */

/* A block has something since the last look. Returns 0 if there are too many of them. */
static int note(Place *place) {
    if (place->look == R.look) return 1;
    if (R.found_count == MAX_FOUND) return 0;
    R.found[R.found_count++] = place;
    place->look = R.look;
    place->records = place->begun = 0;
    place->heap = 0;
    return 1;
}

static void weigh(Place *place, size_t size) {
    R.look_heap += size;
    if (place && note(place)) place->heap += size;
}

static int by_weight(const void *a, const void *b) {
    const Place *x = *(Place *const *)a, *y = *(Place *const *)b;
    return x->weight != y->weight ? (x->weight < y->weight) - (x->weight > y->weight)
                                  : (x->id > y->id) - (x->id < y->id);
}

/* The blocks found since the last look, by weight; returns how much all together weigh. */
static double found(const Stream *s, double written) {
    size_t count = (size_t)(s->events.next - s->events.base) / RECORD, all = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t head, id;
        memcpy(&head, s->events.base + i * RECORD, 4);
        id = head & (KIND(1) - 1);
        Place *place = id < R.place_count ? R.places[id] : NULL;
        if (!place || !note(place)) continue;
        all++;
        place->records++;
        place->begun += (head & OPEN) != 0;
    }
    double events = written - (double)R.look_heap, total = 0; /* of the events it is known what the latest are */
    if (events < (double)all * RECORD) events = (double)all * RECORD;
    for (size_t i = 0; i < R.found_count; i++) {
        Place *place = R.found[i];
        place->weight = (double)place->heap + (all ? events * place->records / (double)all : 0);
        total += place->weight;
    }
    qsort(R.found, R.found_count, sizeof *R.found, by_weight);
    return total;
}

/* Of a block that lies in another one, the inner one is thinned where it begins many times in each instance of the
 * other; else the outer one, so that what is recorded in an instance of it is all there is. */
static void choose_inner_or_outer(Place *place) {
    Place *outer = place;
    for (int i = 0; i < MOST_AROUND && outer && (outer == place || !outer->chosen); i++) {
        outer = outer->around ? R.places[outer->around] : NULL;
    }
    if (!outer || outer == place || !outer->chosen) return;
    if (place->begun >= FACTOR * outer->begun)
        outer->chosen = 0;
    else
        place->chosen = 0;
}

/* Thin, so many times, what most of the latest bytes come from. Returns 0 if there is nothing to thin. */
static int thin(const Stream *s, double written, int times) {
    double total = found(s, written), covered = 0;
    size_t n = 0;
    for (; n < R.found_count && covered < HOT * total; n++) {
        covered += R.found[n]->weight;
        R.found[n]->chosen = R.found[n]->end != 0;
    }
    for (size_t i = 0; i < n; i++) {
        if (R.found[i]->chosen) choose_inner_or_outer(R.found[i]);
    }
    int any = 0;
    for (size_t i = 0; i < n; i++) {
        Place *place = R.found[i];
        if (!place->chosen) continue;
        any = 1;
        place->chosen = 0;
        for (int k = 0; k < times && place->mask < UINT64_MAX >> 3; k++) place->mask = place->mask << 2 | 3;
    }
    if (any && R.control) R.control[THINNED] = 1;
    return any;
}

/* ---- the look at what is used ---- */

/* Nothing of the program's runs meanwhile. */
static void pack_beside(Stream *s) {
    R.next_pack = 2 * R.sealed; /* again if whoever packs has crashed */
    int was = s->busy;
    s->busy = 1;
    PyObject *r = call_quietly(R.pack, NULL, 0);
    s->busy = was;
    if (!r) raise_later();
    Py_XDECREF(r);
}

static void next_look(double bytes) {
    double ahead = bytes / 8;
    R.next_look = R.sealed + (uint64_t)(ahead < CHUNK ? CHUNK : ahead > LAST_SEGMENT ? LAST_SEGMENT : ahead);
    R.look++;
    R.look_sealed = R.sealed;
    R.look_time = clock_ns(COARSE);
    R.look_heap = 0;
    R.found_count = 0;
}

/* What a process begins with. */
static void first_look(void) {
    R.sealed = 0;
    R.next_pack = R.budget / 4 < FIRST_PACKING ? R.budget / 4 : FIRST_PACKING;
    next_look((double)(R.budget < R.backlog ? R.budget : R.backlog));
}

/* How often what was written since the last look has to be thinned so that what is left lasts as long as the run has.
 */
static int too_fast(double written, double bytes) {
    int64_t now = clock_ns(COARSE);
    double lasted = (double)(now - R.origin + 1), since = (double)(now - R.look_time + 1);
    int times = 0;
    for (double rate = written / since; rate * lasted > bytes && times < MOST; rate /= FACTOR) times++;
    return times;
}

/* As much again as since the last look, so often thinned, is to fit four times into what is left. (Tails make looks
 * coarse where the budget is small.) */
static int enough(double written, double bytes, int times) {
    for (int k = 0; k < times; k++) written /= FACTOR;
    for (; times < MOST && written > bytes / 4; times++) written /= FACTOR;
    return times;
}

/* Look at what is used: thin if it is time. Returns 0 if nothing is left. */
static int limit(Stream *s) {
    if (R.sealed >= R.next_pack) pack_beside(s);
    double bytes, part = left(&bytes);
    double written = (double)(R.sealed - R.look_sealed);
    if (part <= 0 && R.level == LEVELS) return 0;
    while (R.level && part > 1.5 / (1 << R.level)) R.level--; /* much was packed */
    int times = 0;
    while (R.level + times < LEVELS && part <= 0.5 / (1 << (R.level + times))) times++;
    int level = R.level + times;
    if (part <= 0.5) times = enough(written, bytes, times);
    if (!times && level == LEVELS) times = too_fast(written, bytes);
    if (!times || thin(s, written, times))
        R.level = level;
    else if (part <= 0)
        return 0;
    next_look(bytes);
    return 1;
}

/* ---- what is skipped ---- */

/* An instance of `block` begins under the position of the top activation, and is not recorded. */
static void note_skipped(Stream *s, uint32_t block) {
    Entry *e = s->top;
    if (e->left_out && (e->left_out_of != block || e->left_out == UINT32_MAX)) tell_all(s);
    e->left_out_of = block;
    e->left_out++;
    owe(s);
}

static inline int is_thinned(Place *place) { return UNLIKELY(place->mask) && place->count++ & place->mask; }

/* An activation of `place` begins. */
static inline void begins(const Stream *s, Place *place) { place->around = s->top->pos; }

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
