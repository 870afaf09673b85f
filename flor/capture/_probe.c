/* The recorder: what a probe does while the program runs. probe.py is the same in Python, and writes the same bytes.
 *
 * Everything here happens under the GIL. A probe appends records to its thread's stream, a file mapped MAP_SHARED
 * (flor/trace/format.py defines the bytes): payload first, head last, so that a kill at any moment leaves whole
 * records.
 *
 * Which activation an event belongs to is known exactly. A function that the rewriter could guard with try/finally says
 * when it is left. A lambda, a generator or a coroutine is known by its frame: before it is believed to be running, its
 * frame is looked for in the chain of callers. Frames are compared by address together with their code: no reference
 * to a frame is kept, since that would keep the program's objects alive.
 */
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
    uint32_t function, block, site, count;
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

/* ---- segments ---- */

static void seal(Stream *s, File *f, const char *suffix) {
    if (!f->base) return;
    char path[4096];
    munmap(f->base, f->size);
    snprintf(path, sizeof path, "%s/%u.%u.%s", R.directory, s->number, f->segment - 1, suffix);
    if (truncate(path, f->next - f->base)) { /* it stays longer than it need be */
    }
    f->base = f->next = f->end = NULL;
}

static int fail(Stream *s, int error) {
    s->dead = 1;
    if (!R.error) R.error = error;
    R.lost++;
    return 0;
}

/* After a fork the child makes its own folder, at its first event or module. Returns 0 with an exception. */
static int make_process(void) {
    PyObject *r =
        PyObject_CallFunction(R.open_process, "LK", (long long)R.fork_stream, (unsigned long long)R.fork_record);
    if (!r) return 0;
    PyObject *path = NULL;
    if (PyUnicode_FSConverter(r, &path) && !(R.directory = strdup(PyBytes_AS_STRING(path)))) PyErr_NoMemory();
    Py_XDECREF(path);
    Py_DECREF(r);
    return R.directory != NULL;
}

static int new_segment(Stream *s, File *f, const char *suffix, size_t size) {
    char path[4096];
    if (!R.directory) {
        s->busy = 1;
        int made = make_process();
        s->busy = 0;
        if (!made) {
            PyErr_Clear();
            return fail(s, EIO);
        }
    }
    seal(s, f, suffix);
    snprintf(path, sizeof path, "%s/%u.%u.%s", R.directory, s->number, f->segment++, suffix);
    int fd, error;
    do fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    while (fd < 0 && errno == EINTR);
    if (fd < 0) return fail(s, errno);
    do {
#ifdef __linux__
        error = posix_fallocate(fd, 0, (off_t)size); /* a full disk shows now, not as SIGBUS later */
#else
        error = ftruncate(fd, (off_t)size) ? errno : 0;
#endif
    } while (error == EINTR); /* a timer's signal, say */
    void *p = error ? MAP_FAILED : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (!error && p == MAP_FAILED) error = errno;
    close(fd);
    if (error) {
        unlink(path);
        return fail(s, error);
    }
    f->base = f->next = p;
    f->end = f->base + size;
    f->size = size;
    return 1;
}

static size_t growing(uint32_t segment, size_t first, size_t last) {
    return segment < 7 && (first << segment) < last ? first << segment : last;
}

static int more_events(Stream *s) {
    if (s->dead) {
        R.lost++;
        return 0;
    }
    return new_segment(s, &s->events, "events", growing(s->events.segment, FIRST_EVENTS, LAST_EVENTS));
}

static inline void put(Stream *s, uint32_t head, uint64_t payload) {
    uint8_t *p = s->events.next;
    if (UNLIKELY(p + RECORD > s->events.end)) {
        if (!more_events(s)) return;
        p = s->events.next;
    }
    memcpy(p + 4, &payload, 8);
    __atomic_signal_fence(__ATOMIC_RELEASE);
    memcpy(p, &head, 4);
    s->events.next = p + RECORD;
    s->records++;
}

static inline void emit(Stream *s, uint32_t head, uint64_t payload) {
    if (UNLIKELY(s->pending)) {
        if (UNLIKELY(s->pending > MAX_LEAVE)) {
            put(s, KIND(K_LEAVE), s->pending);
        } else {
            head |= s->pending << LEAVE_SHIFT;
        }
        s->pending = 0;
    }
    put(s, head, payload);
}

/* Returns 0 where nothing can be written. */
static int heap_put(Stream *s, const void *data, size_t size, uint64_t *ref) {
    if (s->dead || size > 0xffffffffu) return 0;
    size_t need = size + 4;
    if ((size_t)(s->heap.end - s->heap.next) < need) {
        size_t segment = growing(s->heap.segment, FIRST_HEAP, LAST_HEAP);
        if (segment < need) segment = need;
        if (!new_segment(s, &s->heap, "heap", segment)) return 0;
    }
    uint32_t length = (uint32_t)size;
    memcpy(s->heap.next, &length, 4);
    memcpy(s->heap.next + 4, data, size);
    *ref = ((uint64_t)(s->heap.segment - 1) << HEAP_SHIFT) | (uint64_t)(s->heap.next - s->heap.base);
    s->heap.next += need;
    return 1;
}

/* ---- streams ---- */

static void release_stream(PyObject *capsule) {
    Stream *s = PyCapsule_GetPointer(capsule, "flor.stream");
    if (R.cached_stream == s) {
        R.cached_thread = NULL;
        R.cached_stream = NULL;
    }
    s->next_free = R.free;
    R.free = s;
}

static Stream *new_stream(void) {
    Stream *s = R.free;
    if (s) {
        R.free = s->next_free;
        s->depth = 0;
        s->pending = 0;
        s->busy = 0;
        emit(s, KIND(K_THREAD), (uint64_t)PyThread_get_thread_native_id());
        return s;
    }
    s = PyMem_RawCalloc(1, sizeof *s);
    if (!s) return NULL;
    s->number = R.stream_count++;
    s->last_time = -1;
    s->next_stream = R.streams;
    R.streams = s;
    return s;
}

static Stream *find_stream(PyThreadState *thread) {
    if (!R.active) return NULL;
    PyObject *dict = PyThreadState_GetDict();
    if (!dict) return NULL;
    PyObject *capsule = PyDict_GetItemWithError(dict, R.key);
    Stream *s;
    if (capsule) {
        s = PyCapsule_GetPointer(capsule, "flor.stream");
    } else {
        s = new_stream();
        if (!s) return NULL;
        capsule = PyCapsule_New(s, "flor.stream", release_stream);
        if (!capsule || PyDict_SetItem(dict, R.key, capsule)) {
            PyErr_Clear();
            Py_XDECREF(capsule);
            return NULL;
        }
        Py_DECREF(capsule);
    }
    R.cached_thread = thread;
    R.cached_id = thread->id;
    R.cached_stream = s;
    return s;
}

#if PY_VERSION_HEX >= 0x030D0000
#define THREAD() PyThreadState_GetUnchecked()
#else
#define THREAD() PyThreadState_Get()
#endif

static inline Stream *stream(void) {
    PyThreadState *thread = THREAD();
    int same = thread == R.cached_thread && thread->id == R.cached_id;
    Stream *s = LIKELY(same) ? R.cached_stream : find_stream(thread);
    return s && LIKELY(!s->busy) ? s : NULL;
}

/* ---- frames of generators and coroutines ---- */

static Suspended *find_frame(void *frame) {
    if (!R.table_size) return NULL;
    size_t i = ((uintptr_t)frame >> 4) * 0x9E3779B97F4A7C15ULL;
    for (i >>= 20;; i++) {
        Suspended *m = &R.table[i & (R.table_size - 1)];
        if (m->frame == frame) return m;
        if (!m->frame) return NULL;
    }
}

static Suspended *add_frame(void *frame) {
    Suspended *m = find_frame(frame);
    if (m) return m;
    if (2 * (R.table_used + 1) > R.table_size) {
        size_t old_size = R.table_size, size = old_size ? 2 * old_size : 256;
        Suspended *old = R.table, *table = PyMem_RawCalloc(size, sizeof *table);
        if (!table) return NULL;
        R.table = table;
        R.table_size = size;
        R.table_used = 0;
        for (size_t i = 0; i < old_size; i++) {
            if (old[i].frame) *add_frame(old[i].frame) = old[i];
        }
        PyMem_RawFree(old);
    }
    size_t i = ((uintptr_t)frame >> 4) * 0x9E3779B97F4A7C15ULL;
    for (i >>= 20;; i++) {
        m = &R.table[i & (R.table_size - 1)];
        if (!m->frame) {
            m->frame = frame;
            R.table_used++;
            return m;
        }
    }
}

static PyCodeObject *code_of(PyFrameObject *frame) {
    PyCodeObject *code = PyFrame_GetCode(frame);
    Py_DECREF(code); /* the frame keeps it */
    return code;
}

/* The frame `depth` callers above the running one; an address only. */
static PyFrameObject *frame_at(int depth) {
    PyFrameObject *frame = PyEval_GetFrame();
    for (; frame && depth > 0; depth--) {
        frame = PyFrame_GetBack(frame);
        Py_XDECREF(frame); /* its callee keeps it */
    }
    return frame;
}

static int alive(const Entry *e) {
    PyFrameObject *frame = PyEval_GetFrame();
    while (frame) {
        if (frame == e->frame && code_of(frame) == e->code) return 1;
        frame = PyFrame_GetBack(frame);
        Py_XDECREF(frame);
    }
    return 0;
}

/* ---- the stack of activations ---- */

static inline Entry *top(Stream *s) { return &s->stack[s->depth - 1]; }

static Entry *push(Stream *s) {
    if (s->depth == s->capacity) {
        int capacity = s->capacity ? 2 * s->capacity : 64;
        Entry *stack = PyMem_RawRealloc(s->stack, capacity * sizeof *stack);
        if (!stack) return NULL;
        s->stack = stack;
        s->capacity = capacity;
    }
    Entry *e = &s->stack[s->depth++];
    memset(e, 0, sizeof *e);
    return e;
}

static void pop(Stream *s) {
    Entry *e = top(s);
    if (!e->guarded) {
        Suspended *m = find_frame(e->frame);
        if (m && !m->token && m->stream == s && m->number == e->number) {
            m->pos = e->pos;
            m->mark = e->mark;
        }
    }
    s->depth--;
    s->pending++;
}

/* Take off what does not run any more: suspended generators, lambdas that raised. */
static void prune(Stream *s) {
    while (s->depth && !top(s)->guarded && !alive(top(s))) pop(s);
}

/* An activation begins in this frame: those that are taken for being in it are not running any more. */
static void forget(Stream *s, const void *frame) {
    for (int i = s->depth - 1; i >= 0 && !s->stack[i].guarded; i--) {
        if (s->stack[i].frame != frame) continue;
        while (s->depth > i) pop(s);
    }
}

static void tell_position(Stream *s) {
    if (!s->depth) return;
    Entry *e = top(s);
    if (e->mark && e->mark != e->pos) {
        emit(s, KIND(K_BLOCK) | e->mark, 0);
        e->pos = e->mark;
    }
    e->mark = 0;
}

static void tell_time(Stream *s) {
    int64_t now = clock_ns(COARSE);
    if (now != s->last_time) {
        s->last_time = now;
        now -= R.origin;
        put(s, KIND(K_TIME), (uint64_t)(now > 0 ? now : 0));
    }
}

/* Make the probe's activation the top of the stack. Returns 0 if it is not known. */
static int settle(Stream *s, const Probe *p) {
    if (p->flags & GUARDED) {
        while (s->depth && !top(s)->guarded) pop(s);
        if (LIKELY(s->depth && top(s)->block == p->function)) return 1;
        for (int i = s->depth - 1; i >= 0; i--) {
            if (s->stack[i].guarded && s->stack[i].block == p->function) {
                while (s->depth > i + 1) pop(s);
                return 1;
            }
        }
        return 0;
    }
    PyFrameObject *frame = frame_at(p->depth);
    if (!frame) return 0;
    while (s->depth) {
        Entry *e = top(s);
        if (e->frame == frame && e->block == p->function) return 1;
        if (e->guarded || alive(e)) break;
        pop(s);
    }
    Suspended *m = find_frame(frame);
    if (!m || m->token || m->block != p->function || m->code != code_of(frame)) return 0;
    Entry *e = push(s);
    if (!e) return 0;
    if (m->stream == s) {
        emit(s, KIND(K_RESUME), m->number);
    } else { /* it goes on in another thread: there it is an activation of its own */
        emit(s, KIND(K_PARENT), 0);
        emit(s, KIND(K_BLOCK) | OPEN | m->block, 0);
        m->stream = s;
        m->number = s->activations++;
        m->pos = m->block;
        m->mark = 0;
    }
    *e = (Entry){m->block, m->pos, m->mark, m->number, 0, frame, m->code};
    return 1;
}

/* ---- values ---- */

static void intern_gap(Stream *s, uint32_t head, PyTypeObject *type) {
    size_t i = ((uintptr_t)type >> 5) & 63;
    if (s->gaps[i].type != type) {
        char text[320], name[200];
        size_t n = 0;
        for (const char *c = type->tp_name; *c && n < sizeof name - 1; c++) {
            if ((unsigned char)*c >= 32 && *c != '"' && *c != '\\') name[n++] = *c;
        }
        name[n] = 0;
        int size = snprintf(text, sizeof text, "{\"why\": \"time budget\", \"type\": \"%s\"}", name);
        uint64_t ref;
        if (!heap_put(s, text, (size_t)size, &ref)) return;
        s->gaps[i].type = type;
        s->gaps[i].ref = ref;
    }
    emit(s, head | KIND(K_GAP), s->gaps[i].ref);
}

static int holds_secret(PyObject *text) {
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(R.secrets); i++) {
        int found = PyUnicode_Contains(text, PyList_GET_ITEM(R.secrets, i));
        if (found < 0) PyErr_Clear();
        if (found) return 1;
    }
    return 0;
}

static void put_text(Stream *s, Probe *p, uint32_t head, PyObject *v, const char *text, Py_ssize_t size) {
    if (size <= 7) {
        uint8_t payload[8] = {(uint8_t)size};
        uint64_t bits;
        memcpy(payload + 1, text, (size_t)size);
        memcpy(&bits, payload, 8);
        emit(s, head | KIND(K_SHORT_STR), bits);
        return;
    }
    uint64_t ref;
    if (!heap_put(s, text, (size_t)size, &ref)) return;
    if (size <= 256) {
        Py_XSETREF(p->last, Py_NewRef(v));
        p->last_stream = s;
        p->last_kind = K_STR;
        p->last_ref = ref;
        p->last_epoch = R.epoch;
    }
    emit(s, head | KIND(K_STR), ref);
}

static int text_value(Stream *s, Probe *p, uint32_t head, PyObject *v, int redact) {
    int known = UNLIKELY(PyList_GET_SIZE(R.secrets)) && holds_secret(v);
    if (redact || known) {
        int new = !known && PyUnicode_GET_LENGTH(v) >= MIN_SECRET && PyList_GET_SIZE(R.secrets) < MAX_SECRETS;
        if (new && PyList_Append(R.secrets, v)) PyErr_Clear();
        emit(s, head | KIND(K_REDACTED), 0);
        return 1;
    }
    if (p->last == v && p->last_stream == s && p->last_epoch == R.epoch) {
        emit(s, head | KIND(p->last_kind), p->last_ref);
        return 1;
    }
    if (PyUnicode_GET_LENGTH(v) > MAX_STR / 4) return 0;
    if (PyUnicode_IS_COMPACT_ASCII(v)) {
        put_text(s, p, head, v, PyUnicode_DATA(v), PyUnicode_GET_LENGTH(v));
        return 1;
    }
    PyObject *utf8 = PyUnicode_AsUTF8String(v); /* PyUnicode_AsUTF8 would let the program's string grow */
    if (!utf8) {
        PyErr_Clear();
        return 0;
    }
    put_text(s, p, head, v, PyBytes_AS_STRING(utf8), PyBytes_GET_SIZE(utf8));
    Py_DECREF(utf8);
    return 1;
}

/* Objects that the program keeps anyway: to hold a reference to one changes nothing. */
static int permanent(PyObject *v) {
    if (PyModule_CheckExact(v)) return 1;
    if (PyType_Check(v)) return !(((PyTypeObject *)v)->tp_flags & Py_TPFLAGS_HEAPTYPE);
    if (PyCFunction_CheckExact(v)) {
        PyObject *self = PyCFunction_GET_SELF(v);
        return !self || PyModule_CheckExact(self);
    }
    return 0;
}

/* Asks Python what to keep of the value. Returns -1 with an exception that must reach the program: KeyboardInterrupt,
 * or what a signal's handler raised.
 */
static int slow_value(Stream *s, Probe *p, uint32_t head, PyObject *v, int redact) {
    if (p->last == v && p->last_stream == s && p->last_epoch == R.epoch) {
        emit(s, head | KIND(p->last_kind), p->last_ref);
        return 0;
    }
    if (PyFloat_Check(v)) { /* numpy.float64 and other subclasses */
        uint64_t bits;
        memcpy(&bits, &((PyFloatObject *)v)->ob_fval, 8);
        emit(s, head | KIND(K_FLOAT), bits);
        return 0;
    }
    int64_t begin = clock_ns(CLOCK_MONOTONIC);
    if (R.spent > ALLOWANCE_NS + (begin - R.origin) / SHARE) {
        intern_gap(s, head, Py_TYPE(v));
        return 0;
    }
    s->busy = 1;
    PyObject *kept = PyObject_CallFunctionObjArgs(R.keep, v, redact ? Py_True : Py_False, NULL);
    s->busy = 0;
    R.spent += clock_ns(CLOCK_MONOTONIC) - begin;
    if (!kept) {
        int ours = PyErr_ExceptionMatches(PyExc_RecursionError) || PyErr_ExceptionMatches(PyExc_MemoryError);
        if (!ours) return -1;
        PyErr_Clear();
        intern_gap(s, head, Py_TYPE(v));
        return 0;
    }
    PyObject *what = PyTuple_GET_ITEM(kept, 1);
    uint32_t kind = (uint32_t)PyLong_AsUnsignedLong(PyTuple_GET_ITEM(kept, 0));
    if (PyBytes_CheckExact(what)) {
        uint64_t ref;
        if (heap_put(s, PyBytes_AS_STRING(what), (size_t)PyBytes_GET_SIZE(what), &ref)) {
            if (permanent(v)) {
                Py_XSETREF(p->last, Py_NewRef(v));
                p->last_stream = s;
                p->last_kind = kind;
                p->last_ref = ref;
                p->last_epoch = R.epoch;
            }
            emit(s, head | KIND(kind), ref);
        }
    } else if (PyFloat_CheckExact(what)) {
        uint64_t bits;
        memcpy(&bits, &((PyFloatObject *)what)->ob_fval, 8);
        emit(s, head | KIND(kind), bits);
    } else {
        emit(s, head | KIND(kind), (uint64_t)PyLong_AsLongLong(what));
    }
    Py_DECREF(kept);
    PyErr_Clear();
    return 0;
}

static inline int record(Stream *s, Probe *p, uint32_t head, PyObject *v, int redact) {
    PyTypeObject *type = Py_TYPE(v);
    if (type == &PyFloat_Type) {
        uint64_t bits;
        memcpy(&bits, &((PyFloatObject *)v)->ob_fval, 8);
        emit(s, head | KIND(K_FLOAT), bits);
        return 0;
    }
    if (type == &PyLong_Type) {
        int overflow;
        long long x = PyLong_AsLongLongAndOverflow(v, &overflow);
        if (LIKELY(!overflow)) {
            emit(s, head | KIND(K_INT), (uint64_t)x);
            return 0;
        }
    } else if (v == Py_None) {
        emit(s, head | KIND(K_NONE), 0);
        return 0;
    } else if (type == &PyBool_Type) {
        emit(s, head | KIND(K_BOOL), v == Py_True);
        return 0;
    } else if (type == &PyUnicode_Type && text_value(s, p, head, v, redact)) {
        return 0;
    }
    return slow_value(s, p, head, v, redact);
}

static int redacted(const Probe *p, uint32_t i) { return p->redact && i < 63 && (p->redact >> i & 1); }

/* Values of consecutive sites; the first record carries `open`. */
static int record_all(Stream *s, Probe *p, PyObject *const *args, Py_ssize_t n, uint32_t open) {
    if (n == 0 && open) emit(s, KIND(K_BLOCK) | OPEN | p->block, 0);
    for (Py_ssize_t i = 0; i < n; i++) {
        if (record(s, p, (p->site + (uint32_t)i) | (i ? 0 : open), args[i], redacted(p, (uint32_t)i))) {
            if (open && i == 0) emit(s, KIND(K_BLOCK) | OPEN | p->block, 0);
            return -1;
        }
    }
    return 0;
}

static inline void at(Stream *s, const Probe *p) {
    Entry *e = top(s);
    e->pos = p->block;
    e->mark = 0;
}

static inline int settled(Stream *s, const Probe *p) {
    if (LIKELY((p->flags & GUARDED) && s->depth)) {
        Entry *e = top(s);
        if (LIKELY(e->guarded && e->block == p->function)) return 1;
    }
    if (settle(s, p)) return 1;
    R.unplaced++;
    return 0;
}

/* ---- generators and coroutines ---- */

static int is_created(PyObject *v, const char *suspended, const char *running) {
    const char *names[] = {suspended, running};
    for (int i = 0; i < 2; i++) {
        PyObject *flag = PyObject_GetAttrString(v, names[i]);
        if (!flag) {
            PyErr_Clear();
            continue;
        } /* 3.11 has no ag_suspended */
        int true_ = flag == Py_True;
        Py_DECREF(flag);
        if (true_) return 0;
    }
    return 1;
}

/* Has this asynchronous generator begun? 3.11 only tells by where it stands. */
static int has_begun(PyFrameObject *frame) {
#if PY_VERSION_HEX < 0x030C0000
    int at = PyFrame_GetLasti(frame);
    PyCodeObject *code = code_of(frame);
    return at < 0 || (unsigned char)code->co_code_adaptive[at] != RETURN_GENERATOR;
#else
    (void)frame;
    return 0;
#endif
}

static int made_before(const Suspended *m, PyObject *v) {
    if (!m || !m->token || !m->made) return 0;
#if PY_VERSION_HEX >= 0x030D0000
    PyObject *made = NULL;
    if (PyWeakref_GetRef(m->made, &made) < 0) PyErr_Clear();
    Py_XDECREF(made); /* the caller has a reference if it is `v` */
    return made == v;
#else
    return PyWeakref_GET_OBJECT(m->made) == v;
#endif
}

static void created(Stream *s, PyObject *v) {
    const char *frame_name;
    if (PyGen_CheckExact(v)) {
        if (!is_created(v, "gi_suspended", "gi_running")) return;
        frame_name = "gi_frame";
    } else if (PyCoro_CheckExact(v)) {
        if (!is_created(v, "cr_suspended", "cr_running")) return;
        frame_name = "cr_frame";
    } else if (PyAsyncGen_CheckExact(v)) {
        if (!is_created(v, "ag_suspended", "ag_running")) return;
        frame_name = "ag_frame";
    } else {
        return;
    }
    PyObject *frame = PyObject_GetAttrString(v, frame_name);
    if (!frame) {
        PyErr_Clear();
        return;
    }
    int begun = !PyFrame_Check(frame) || (frame_name[0] == 'a' && has_begun((PyFrameObject *)frame));
    if (!begun && !made_before(find_frame(frame), v)) { /* else it was passed on, not made here */
        PyObject *made = PyWeakref_NewRef(v, NULL);
        if (!made) PyErr_Clear();
        Suspended *m = add_frame(frame);
        if (m) {
            Py_XSETREF(m->made, made);
            m->code = code_of((PyFrameObject *)frame);
            m->token = ++R.token;
            emit(s, KIND(K_CREATE), m->token);
        } else {
            Py_XDECREF(made);
        }
    }
    Py_DECREF(frame);
}

/* Begin an activation that is known by its frame. */
static int begin_frame(Stream *s, const Probe *p) {
    PyFrameObject *frame = frame_at(p->depth);
    if (!frame) return 0;
    void *code = code_of(frame);
    forget(s, frame);
    prune(s);
    tell_position(s);
    tell_time(s);
    Suspended *m = find_frame(frame);
    if (m && m->token && m->code == code) emit(s, KIND(K_PARENT), m->token);
    Entry *e = push(s);
    if (!e) return 0;
    *e = (Entry){p->function, p->function, 0, s->activations++, 0, frame, code};
    m = add_frame(frame);
    if (m) {
        Py_XDECREF(m->made);
        *m = (Suspended){frame, code, 0, NULL, s, e->number, p->function, p->function, 0};
    }
    return 1;
}

/* ---- the probes ---- */

#define ARGS PyObject *self, PyObject *const *args, size_t nargsf, PyObject *Py_UNUSED(kwnames)

static PyObject *call_value(ARGS) {
    Probe *p = (Probe *)self;
    PyObject *v = args[PyVectorcall_NARGS(nargsf) - 1];
    Stream *s = stream();
    if (s && settled(s, p)) {
        at(s, p);
        if (record(s, p, p->site, v, p->redact & 1)) return NULL;
        if (p->flags & CREATES) created(s, v);
    }
    return Py_NewRef(v);
}

static PyObject *call_bind(ARGS) {
    Probe *p = (Probe *)self;
    Stream *s = stream();
    if (s && settled(s, p)) {
        at(s, p);
        if (record_all(s, p, args, PyVectorcall_NARGS(nargsf), 0)) return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *call_iterate(ARGS) {
    Probe *p = (Probe *)self;
    Stream *s = stream();
    if (s && settled(s, p)) {
        tell_time(s);
        at(s, p);
        if (record_all(s, p, args, PyVectorcall_NARGS(nargsf), OPEN)) return NULL;
    }
    Py_RETURN_TRUE;
}

static PyObject *call_iterate_generator(ARGS) {
    Probe *p = (Probe *)self;
    Stream *s = stream();
    if (s) {
        PyFrameObject *frame = frame_at(p->depth);
        Suspended *m = find_frame(frame);
        int known = m && m->code == code_of(frame);
        if (!known || m->token) {
            if (begin_frame(s, p)) emit(s, KIND(K_BLOCK) | OPEN | p->function, 0);
        }
        if (settled(s, p)) {
            tell_time(s);
            at(s, p);
            if (record_all(s, p, args, PyVectorcall_NARGS(nargsf), OPEN)) return NULL;
        }
    }
    Py_RETURN_TRUE;
}

static PyObject *call_enter(ARGS) {
    Probe *p = (Probe *)self;
    Stream *s = stream();
    if (s) {
        if (s->depth && UNLIKELY(!top(s)->guarded)) prune(s);
        tell_position(s);
        tell_time(s);
        Entry *e = push(s);
        if (!e) Py_RETURN_NONE;
        *e = (Entry){p->block, p->block, 0, s->activations++, 1, NULL, NULL};
        if (record_all(s, p, args, PyVectorcall_NARGS(nargsf), OPEN)) return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *call_enter_frame(ARGS) {
    Probe *p = (Probe *)self;
    Stream *s = stream();
    if (s && begin_frame(s, p)) {
        if (record_all(s, p, args, PyVectorcall_NARGS(nargsf), OPEN)) return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *call_leave(ARGS) {
    (void)args;
    (void)nargsf;
    Probe *p = (Probe *)self;
    Stream *s = stream();
    if (s && settle(s, p)) pop(s);
    Py_RETURN_NONE;
}

static PyObject *call_leave_frame(ARGS) {
    Probe *p = (Probe *)self;
    Stream *s = stream();
    if (s && settle(s, p)) pop(s);
    return Py_NewRef(args[PyVectorcall_NARGS(nargsf) - 1]);
}

static PyObject *call_mark(ARGS) {
    (void)args;
    (void)nargsf;
    Probe *p = (Probe *)self;
    Stream *s = stream();
    if (s && settle(s, p)) top(s)->mark = p->block;
    Py_RETURN_NONE;
}

static const vectorcallfunc CALLS[] = {
    call_value, call_bind,        call_iterate, call_iterate_generator, call_enter, call_enter_frame,
    call_leave, call_leave_frame, call_mark,
};

static void probe_dealloc(PyObject *self) {
    Py_XDECREF(((Probe *)self)->last);
    Py_TYPE(self)->tp_free(self);
}

/* Code that is pickled by value (cloudpickle) takes its probes along: elsewhere they record nothing. */
static PyObject *probe_reduce(PyObject *self, PyObject *Py_UNUSED(ignored)) {
    PyObject *module = PyImport_ImportModule("flor.capture.probe");
    if (!module) return NULL;
    PyObject *unrecorded = PyObject_GetAttrString(module, "unrecorded");
    Py_DECREF(module);
    if (!unrecorded) return NULL;
    return Py_BuildValue("(N(i))", unrecorded, (int)((Probe *)self)->op);
}

static PyMethodDef probe_methods[] = {
    {"__reduce__", probe_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject ProbeType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "flor.capture._probe.Probe",
    .tp_basicsize = sizeof(Probe),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_vectorcall_offset = offsetof(Probe, vectorcall),
    .tp_call = PyVectorcall_Call,
    .tp_dealloc = probe_dealloc,
    .tp_methods = probe_methods,
};

/* ---- the module ---- */

PyDoc_STRVAR(
    start_doc,
    "start(directory, origin, keep, secrets, open_process)\n\n"
    "Record from now on into `directory`. `origin`: time.monotonic_ns() at the run's start. `keep(value, redact)` "
    "returns\n"
    "(kind, bytes | int | float) for values that are no plain scalars. `open_process(stream, record)` makes a forked\n"
    "child's folder and returns its path.");

static PyObject *start(PyObject *Py_UNUSED(self), PyObject *args) {
    PyObject *path, *keep, *secrets, *open_process;
    long long origin;
    if (!PyArg_ParseTuple(args, "O&LOO!O", PyUnicode_FSConverter, &path, &origin, &keep, &PyList_Type, &secrets,
                          &open_process))
        return NULL;
    R.directory = strdup(PyBytes_AS_STRING(path));
    Py_DECREF(path);
    R.origin = origin;
    Py_XSETREF(R.keep, Py_NewRef(keep));
    Py_XSETREF(R.open_process, Py_NewRef(open_process));
    Py_XSETREF(R.secrets, Py_NewRef(secrets));
    Py_XSETREF(R.key, PyUnicode_InternFromString("flor.stream"));
    if (!R.directory || !R.key) return PyErr_NoMemory();
    R.active = 1;
    R.epoch = 1;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(probes_doc, "probes(specs, base, blocks)\n\nThe probes of one source, one for each Spec of "
                         "flor.capture.ops, in their order.");

static PyObject *probes(PyObject *Py_UNUSED(self), PyObject *args) {
    PyObject *specs;
    unsigned int base, blocks;
    if (!PyArg_ParseTuple(args, "O!II", &PyList_Type, &specs, &base, &blocks)) return NULL;
    Py_ssize_t n = PyList_GET_SIZE(specs);
    PyObject *list = PyList_New(n);
    for (Py_ssize_t i = 0; list && i < n; i++) {
        unsigned int op, function, block, site, count, depth, flags;
        unsigned long long redact;
        PyObject *spec = PyList_GET_ITEM(specs, i);
        if (!PyArg_ParseTuple(spec, "IIIIIIIK", &op, &function, &block, &site, &count, &depth, &flags, &redact)) {
            Py_DECREF(list);
            return NULL;
        }
        Probe *p = op < Py_ARRAY_LENGTH(CALLS) ? PyObject_New(Probe, &ProbeType) : NULL;
        if (!p) {
            Py_DECREF(list);
            return PyErr_Occurred() ? NULL : PyErr_Format(PyExc_ValueError, "no such op: %u", op);
        }
        p->vectorcall = CALLS[op];
        p->op = (uint8_t)op;
        p->flags = (uint8_t)flags;
        p->depth = (uint8_t)depth;
        p->function = base + function;
        p->block = base + block;
        p->site = base + blocks + site;
        p->count = count;
        p->redact = redact;
        p->last = NULL;
        p->last_stream = NULL;
        p->last_ref = p->last_kind = p->last_epoch = 0;
        PyList_SET_ITEM(list, i, (PyObject *)p);
    }
    return list;
}

PyDoc_STRVAR(forked_doc, "forked()\n\nTo be called in a forked child: it must never write into its parent's segments.");

static PyObject *forked(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored)) {
    if (!R.active) Py_RETURN_NONE;
    R.cached_thread = NULL;
    Stream *mine = NULL;
    PyObject *dict = PyThreadState_GetDict();
    PyObject *capsule = dict ? PyDict_GetItemWithError(dict, R.key) : NULL;
    if (capsule) mine = PyCapsule_GetPointer(capsule, "flor.stream");
    free(R.directory);
    R.directory = NULL;
    R.fork_stream = mine ? (int64_t)mine->number : -1;
    R.fork_record = mine ? mine->records : 0;
    R.epoch++;
    R.free = NULL;
    R.streams = mine;
    if (mine) {
        mine->next_stream = NULL;
        memset(mine->gaps, 0, sizeof mine->gaps);
        munmap(mine->events.base, mine->events.size);
        munmap(mine->heap.base, mine->heap.size);
        memset(&mine->events, 0, sizeof mine->events);
        memset(&mine->heap, 0, sizeof mine->heap);
    }
    R.lost = R.unplaced = 0;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(directory_doc, "directory()\n\nThis process's folder of segments. A forked child makes its own at its "
                            "first event or module.");

static PyObject *directory(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored)) {
    if (!R.directory && !make_process()) return NULL;
    return PyUnicode_DecodeFSDefault(R.directory);
}

PyDoc_STRVAR(stop_doc, "stop()\n\nRecord nothing more, and cut the segments to their length. Returns {'records', "
                       "'unplaced', 'lost', 'error'}.");

static PyObject *stop(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored)) {
    uint64_t records = 0;
    R.active = 0;
    R.cached_thread = NULL;
    for (Stream *s = R.streams; s; s = s->next_stream) {
        records += s->records;
        if (R.directory) {
            seal(s, &s->events, "events");
            seal(s, &s->heap, "heap");
        }
        s->busy = s->dead = 1;
    }
    return Py_BuildValue("{sKsKsKsi}", "records", (unsigned long long)records, "unplaced",
                         (unsigned long long)R.unplaced, "lost", (unsigned long long)R.lost, "error", R.error);
}

static PyMethodDef methods[] = {
    {"start", start, METH_VARARGS, start_doc},   {"probes", probes, METH_VARARGS, probes_doc},
    {"forked", forked, METH_NOARGS, forked_doc}, {"directory", directory, METH_NOARGS, directory_doc},
    {"stop", stop, METH_NOARGS, stop_doc},       {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    "flor.capture._probe",
    "The recorder, in C. One a process.",
    -1,
    methods,
    NULL,
    NULL,
    NULL,
    NULL,
};

PyMODINIT_FUNC PyInit__probe(void) {
    if (PyType_Ready(&ProbeType)) return NULL;
    return PyModule_Create(&module);
}
