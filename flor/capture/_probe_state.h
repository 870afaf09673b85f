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
    K_ARRAY = 19,
    K_GAP = 22,
    K_REDACTED = 23,
    K_SKIP = 25,
    K_TREE = 26,
};
#define RECORD 12
#define KIND(k) ((uint32_t)(k) << 22)
#define OPEN (1u << 27)
#define LEAVE_SHIFT 28
#define MAX_LEAVE 15
#define HEAP_SHIFT 40
#define MAX_STR 65536
#define MAX_REUSED 4608             /* flor/trace/format.py */
#define MAX_HELD (16 * 1024 * 1024) /* bytes that probes hold of what they wrote last */
#define MIN_SECRET 4                /* characters: a shorter text says too little to look for it elsewhere */
#define MAX_SECRETS 64
#define MAX_TYPE_NAME 200

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
    MARK,
    LOAD,
    CHOOSE,
    ITERABLE,
    TEST,
    OUTCOME,
};
#define GUARDED 1
#define CREATES 2
#define HOLDS 4
#define ASYNC 8
#define DERIVED 256
#define ON_TRUE 16
#define ON_FALSE 32
#define IS_TRUE 64
#define IS_FALSE 128

#define TAIL 4096   /* where the records of a tail begin: flor/trace/format.py */
#define CHUNK 61440 /* bytes of a tail: whole pages, whole records */
#define FIRST_SEGMENT (4 * CHUNK)
#define LAST_SEGMENT (16 * 1024 * 1024 / CHUNK * CHUNK)
#define ALL 1000                /* a share of all the time: there is no limit */
#define FIRST 4                 /* so many slow values of each probe are looked at whatever the time */
#define ALLOWANCE_NS 25000000LL /* slow values may cost this much, and their share of the run's time */

/* A block: how much of it is recorded (_probe_thin.h). */
typedef struct {
    uint64_t mask;    /* 0: all its instances are recorded; 2^k - 1: every 2^k-th */
    uint64_t count;   /* instances since that is so */
    uint32_t id, end; /* end: the id behind those of the blocks inside it; 0: it is never thinned */
    uint32_t around;  /* the block around it; of a function's the one that has called it last; 0: none */
    /* since the last look at what is used: */
    uint32_t look;           /* which that was */
    uint32_t records, begun; /* among the latest records: its own, and instances begun */
    uint64_t heap;           /* bytes in the heap */
    double weight;           /* bytes, about */
    int chosen;
} Place;

#define MAX_FOUND 256

/* An activation on a stream's stack. */
typedef struct {
    uint32_t key;            /* its block if a probe of that function needs no further look: guarded, nothing skipped */
    uint32_t block;          /* id of the activation's own block */
    uint32_t pos;            /* the position that a reader knows */
    uint32_t mark;           /* the position it has moved to since; 0: none */
    uint32_t number;         /* of the activation in its stream */
    uint32_t skip, skip_end; /* the blocks from skip to before skip_end are not recorded now; skip_end 0: all are */
    uint8_t guarded, silent; /* silent: nothing of it is recorded, nor that it is there */
    uint8_t bare;            /* its loop's body runs without probes of derived loads */
    uint8_t untold;          /* it goes on, and no record has told that yet */
    uint32_t left_out, left_out_of; /* instances of a block that were not recorded here, and that no record has told */
    void *frame, *code;             /* addresses, never followed */
} Entry;

/* A stream's events or heap: the tail is mapped and written, and when it is full, appended to the segment. */
typedef struct {
    uint8_t *base, *next, *end; /* of the tail's bytes */
    uint64_t offset;            /* where they belong in the segment */
    uint32_t segment;
    const char *suffix;
} File;

typedef struct Stream {
    Entry *top; /* stack[depth]; stack[0] is no activation */
    File events, heap;
    uint32_t heap_segment; /* where the heap was when the segment of events began */
    uint32_t pending;      /* activations left that no record has told yet */
    int owed; /* 1 + the lowest place on the stack of what no record has told yet of activations; 0: nothing */
    int busy; /* a value is being looked at: whatever runs meanwhile is not the program's */
    int dead; /* nothing can be written any more */
    Entry *stack;
    int depth, capacity;
    uint32_t activations;
    uint32_t number;
    uint64_t sealed; /* records in earlier segments */
    int64_t last_time;
    struct {
        char name[MAX_TYPE_NAME];
        uint64_t ref;
    } gaps[64]; /* by the hash of the name; an empty one is free */
    PyThreadState *thread;
    uint32_t run; /* R.run when it was made */
    struct Stream *next_stream, *next_free;
} Stream;

/* A generator's or coroutine's frame. */
typedef struct {
    void *frame, *code;
    uint64_t token; /* not 0: created, not begun */
    PyObject *made; /* then a weak reference to the generator or coroutine */
    Stream *stream; /* else: its activation */
    uint32_t number, block, pos, mark, skip, skip_end, left_out, left_out_of;
    int silent;
} Suspended;

#define UNTOLD UINT64_MAX /* token of what was created where nothing is recorded */

/* A small array of numpy's, but for its elements. */
typedef struct {
    uint8_t dimensions; /* 0: not known; UNFIT: it is not looked at without Python */
    char format[4];     /* of its elements, as buffers have it */
    uint16_t lengths[4];
    uint32_t secrets; /* so many were known */
} Shape;

#define UNFIT 255

typedef struct {
    PyObject_HEAD vectorcallfunc vectorcall;
    uint32_t key, block, site, function;
    uint64_t redact;
    uint8_t op, depth;
    uint16_t flags;
    uint32_t values, of;
    Place *place, *home; /* of `block`, of `function` */
    PyObject *last;      /* the last module, builtin or string seen here, or the bytes kept of something else, */
    Stream *last_stream;
    uint64_t last_ref; /* which lies there in the heap */
    uint32_t last_kind, last_epoch;
    Shape shape;        /* if those bytes were an array's */
    PyObject *outcomes; /* a TEST's first OUTCOME, an OUTCOME's next */
    /* what chooses an iteration's body: the bindings that its loads are derived from, and whether those were steady */
    uint32_t *bindings, binding_count, checked;
    uint8_t begun, steady, holds, looked; /* looked: at so many slow values, up to FIRST */
} Probe;

static PyTypeObject ProbeTypes[OUTCOME + 1];

static struct {
    int active;
    char *directory; /* this process's folder; NULL: not made yet */
    int64_t origin;
    int64_t spent; /* nanoseconds that slow values have cost, of which share / ALL of the run's time is allowed */
    int64_t share;
    int over; /* they had, when the clock was last asked */
    unsigned asked;
    PyObject *keep, *open_process, *secrets, *key;
    Stream *streams, *free;
    uint32_t stream_count, epoch;
    size_t held;       /* bytes that probes hold of what they wrote last */
    uint32_t run;      /* of this process: how many began before it */
    uint32_t first_id; /* ids below it are those of runs before */
    uint64_t token;
    uint64_t unplaced, lost;
    int error; /* errno of what stopped a stream */
    Suspended *table;
    size_t table_size, table_used;
    int64_t fork_stream;
    uint64_t fork_record;
    int fork_apart;        /* multiprocessing forked: what the child does is not the parent's going on */
    uint8_t *changing;     /* by site's id, as many as places: it has had a value that may change, or no CHOOSE asks */
    uint32_t changes;      /* how often one was found */
    PyTypeObject *float64; /* numpy's, once one was seen, */
    PyTypeObject *ndarray; /* and its arrays */
    int traced;            /* a tracer was seen: its user may have bound local names, and loads are recorded all */
    /* thinning */
    Place **places; /* by id */
    size_t place_count;
    uint64_t budget, backlog;   /* bytes: of all, of what is not packed yet */
    uint64_t sealed;            /* bytes of this process's segments */
    int level;                  /* how many times half of what was left has been used */
    volatile uint64_t *control; /* flor/trace/format.py */
    uint64_t next_look;         /* at so many sealed bytes */
    uint32_t look;
    uint64_t look_sealed, look_heap; /* sealed bytes at the last look; bytes put into heaps since */
    int64_t look_time;
    Place *found[MAX_FOUND]; /* blocks with something since then */
    size_t found_count;
    PyObject *pack; /* starts the packing beside the program */
    uint64_t next_pack;
} R;

#if defined(__linux__)
static __thread Stream *mine __attribute__((tls_model("initial-exec")));
#else
static _Thread_local Stream *mine;
#endif

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

/* Call Flor's own Python code: neither the program's tracer nor its garbage collection's callbacks see it. */
#define CALL_QUIETLY(function, ...)                                                                                    \
    call_quietly(function, (PyObject *[]){__VA_ARGS__}, sizeof((PyObject *[]){__VA_ARGS__}) / sizeof(PyObject *))

static PyObject *call_quietly(PyObject *function, PyObject *const *args, size_t count) {
    PyThreadState *thread = PyThreadState_Get();
    int collects = PyGC_Disable();
    PyThreadState_EnterTracing(thread);
    PyObject *result = PyObject_Vectorcall(function, args, count, NULL);
    PyThreadState_LeaveTracing(thread);
    if (collects) PyGC_Enable();
    return result;
}

static int refers_to(PyObject *ref, PyObject *v) {
#if PY_VERSION_HEX >= 0x030D0000
    PyObject *found = NULL;
    if (PyWeakref_GetRef(ref, &found) < 0) PyErr_Clear();
    Py_XDECREF(found); /* the caller has a reference if it is `v` */
    return found == v;
#else
    return PyWeakref_GET_OBJECT(ref) == v;
#endif
}

#endif
