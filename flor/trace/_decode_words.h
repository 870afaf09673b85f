/* What the decoder keeps things in: the format's numbers, growable arrays, a
 * hash map. Part of the decoder, which _decode.c is made of. */
#ifndef FLOR_DECODE_WORDS_H
#define FLOR_DECODE_WORDS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* --- flor/trace/format.py
 * -------------------------------------------------------------------------------------
 */

enum {
    RECORD = 12,
    KIND_SHIFT = 22,
    KIND_MASK = 31,
    LEAVE_SHIFT = 28,
    HEAP_SHIFT = 40
};
#define ID_MASK ((1u << 22) - 1)
#define OPEN (1u << 27)
#define OFFSET_MASK ((UINT64_C(1) << HEAP_SHIFT) - 1)
enum {
    BLOCK = 1,
    LEAVE,
    RESUME,
    TIME,
    THREAD,
    CREATE,
    PARENT,
    NONE,
    SHORT_STR = 12,
    STR,
    EXACT = 17,
    GAP = 22,
    SKIP = 25,
    TREE = 26
};
#define HEAP_KINDS                                                                                                     \
    UINT32_C(0x057FE000)                   /* a bit for each kind from STR to DATE (24) and TREE,                      \
                                              not REDACTED (23) */
#define PAYLOAD_KINDS UINT32_C(0x00000E00) /* BOOL, INT and FLOAT */
#define VALUE_KINDS UINT32_C(0x05FFFF00)   /* from NONE to DATE, and TREE */
#define IS_VALUE(kind) (VALUE_KINDS >> (kind) & 1)
#define MAX_SKIP (UINT64_C(1) << 48)
enum {
    MAX_TREE_DEPTH = 64
};

static inline uint32_t load32(const unsigned char *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t load64(const unsigned char *p) { return (uint64_t)load32(p) | (uint64_t)load32(p + 4) << 32; }

enum {
    ROW = 4
}; /* words of a value's row: instance, seq, payload, kind | stream << 32 */

/* --- growable arrays
 * ------------------------------------------------------------------------------------------
 */

typedef struct {
    int64_t *at;
    size_t length, room;
} Words;

/* Make room for `more` further words. 0, or -1 with MemoryError set. */
static int reserve(Words *words, size_t more) {
    if (more <= words->room - words->length) return 0;
    size_t room = words->room ? words->room * 2 : 64;
    while (room - words->length < more) room *= 2;
    int64_t *at = room > SIZE_MAX / sizeof *at ? NULL : realloc(words->at, room * sizeof *at);
    if (!at) {
        PyErr_NoMemory();
        return -1;
    }
    words->at = at;
    words->room = room;
    return 0;
}

static inline int push(Words *words, int64_t word) {
    if (words->length == words->room && reserve(words, 1) < 0) return -1;
    words->at[words->length++] = word;
    return 0;
}

static void release(Words *words) {
    free(words->at);
    memset(words, 0, sizeof *words);
}

/* --- a hash map from a pair of words to a word
 * ---------------------------------------------------------------- */

typedef struct {
    int64_t a, b, value;
    int used; /* 0: free, 1: used, 2: used and marked */
} Entry;

typedef struct {
    Entry *at;
    size_t count, room; /* room is a power of two, or 0 */
} Map;

static inline size_t spread(int64_t a, int64_t b) {
    uint64_t x = (uint64_t)a * UINT64_C(0x9E3779B97F4A7C15) ^ ((uint64_t)b + UINT64_C(0x632BE59BD9B4E019));
    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return (size_t)(x ^ x >> 31);
}

/* The pair's entry, or the free one where it belongs. The map must have room.
 */
static Entry *find(const Map *map, int64_t a, int64_t b) {
    size_t i = spread(a, b) & (map->room - 1);
    while (map->at[i].used && (map->at[i].a != a || map->at[i].b != b)) i = (i + 1) & (map->room - 1);
    return &map->at[i];
}

/* The pair's entry, made (with value 0) if it is new. NULL with MemoryError
 * set. */
static Entry *insert(Map *map, int64_t a, int64_t b) {
    if (map->count * 3 >= map->room * 2) {
        Map larger = {calloc(map->room ? map->room * 2 : 64, sizeof(Entry)), map->count,
                      map->room ? map->room * 2 : 64};
        if (!larger.at) {
            PyErr_NoMemory();
            return NULL;
        }
        for (size_t i = 0; i < map->room; i++)
            if (map->at[i].used) *find(&larger, map->at[i].a, map->at[i].b) = map->at[i];
        free(map->at);
        *map = larger;
    }
    Entry *entry = find(map, a, b);
    if (!entry->used) {
        *entry = (Entry){a, b, 0, 1};
        map->count++;
    }
    return entry;
}

static void release_map(Map *map) {
    free(map->at);
    memset(map, 0, sizeof *map);
}

#endif
