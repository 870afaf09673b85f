/* What the recorder holds: streams, activations, probes.
 * Part of the recorder, which _probe.c is made of. */
#ifndef FLOR_PROBE_STATE_H
#define FLOR_PROBE_STATE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#if PY_VERSION_HEX < 0x030C0000
#include <opcode.h>
#endif

#if defined(__GNUC__)
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#else
#define LIKELY(x) (x)
#define UNLIKELY(x) (x)
#endif

/* flor/trace/format.py */
enum {
    K_BLOCK = 1,
    K_LEAVE,
    K_RESUME,
    K_TIME,
    K_THREAD,
    K_CREATE,
    K_PARENT,
    K_NONE = 8,
    K_BOOL,
    K_INT,
    K_FLOAT,
    K_SHORT_STR,
    K_STR,
    K_GAP = 22,
    K_REDACTED = 23,
};
#define RECORD 12
#define KIND(k) ((uint32_t)(k) << 22)
#define OPEN (1u << 27)
#define LEAVE_SHIFT 28
#define MAX_LEAVE 15
#define HEAP_SHIFT 40
#define MAX_STR 65536
#define MIN_SECRET 4 /* characters: a shorter text says too little to look for it elsewhere */
#define MAX_SECRETS 64

/* flor/capture/ops.py */
enum {
    VALUE,
    BIND,
    ITERATE,
    ITERATE_GENERATOR,
    ENTER,
    ENTER_FRAME,
    LEAVE,
    LEAVE_FRAME,
    MARK
};
#define GUARDED 1
#define CREATES 2

#define FIRST_EVENTS (192 * 1024)
#define LAST_EVENTS (16 * 1024 * 1024 / RECORD * RECORD)
#define FIRST_HEAP (64 * 1024)
#define LAST_HEAP (16 * 1024 * 1024)
#define ALLOWANCE_NS 100000000LL /* slow values may take this long, */
#define SHARE 20                 /* and a twentieth of the run's time */

typedef struct {
    uint32_t block;  /* id of the activation's own block */
    uint32_t pos;    /* the position that a reader knows */
    uint32_t mark;   /* the position it has moved to since; 0: none */
    uint32_t number; /* of the activation in its stream */
    int guarded;
    void *frame, *code; /* addresses, never followed */
} Entry;

typedef struct {
    uint8_t *base, *next, *end;
    size_t size;
    uint32_t segment; /* number of the next one */
} File;

typedef struct Stream {
    File events, heap;
    Entry *stack;
    int depth, capacity;
    uint32_t pending; /* activations left that no record has told yet */
    uint32_t activations;
    uint32_t number;
    uint64_t records;
    int64_t last_time;
    int busy; /* a value is being looked at: whatever runs meanwhile is not the program's */
    int dead; /* nothing can be written any more */
    struct {
        PyTypeObject *type;
        uint64_t ref;
    } gaps[64];
    struct Stream *next_stream, *next_free;
} Stream;

/* A generator's or coroutine's frame. */
typedef struct {
    void *frame, *code;
    uint64_t token; /* not 0: created, not begun */
    PyObject *made; /* then a weak reference to the generator or coroutine */
    Stream *stream; /* else: its activation */
    uint32_t number, block, pos, mark;
} Suspended;

typedef struct {
    PyObject_HEAD vectorcallfunc vectorcall;
    uint8_t op, flags, depth;
    uint32_t function, block, site;
    uint64_t redact;
    PyObject *last; /* the last module, builtin or string seen here, */
    Stream *last_stream;
    uint64_t last_ref; /* which lies there in the heap */
    uint32_t last_kind, last_epoch;
} Probe;

static PyTypeObject ProbeType;

static struct {
    int active;
    char *directory; /* this process's folder; NULL: not made yet */
    int64_t origin;
    int64_t spent;
    PyObject *keep, *open_process, *secrets, *key;
    Stream *streams, *free;
    uint32_t stream_count, epoch;
    uint64_t token;
    uint64_t unplaced, lost;
    int error; /* errno of what stopped a stream */
    Suspended *table;
    size_t table_size, table_used;
    PyThreadState *cached_thread;
    uint64_t cached_id; /* of that thread: another one may come to lie at its address */
    Stream *cached_stream;
    int64_t fork_stream;
    uint64_t fork_record;
} R;

static int64_t clock_ns(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000000LL + t.tv_nsec;
}

#ifdef CLOCK_MONOTONIC_COARSE
#define COARSE CLOCK_MONOTONIC_COARSE
#else
#define COARSE CLOCK_MONOTONIC
#endif

#endif
