/* Segments and streams: where records go.
 * Part of the recorder, which _probe.c is made of. */
#ifndef FLOR_PROBE_STREAM_H
#define FLOR_PROBE_STREAM_H
#include "_probe_state.h"

/* ---- segments ---- */

/* The stream records nothing more, not even where there is room: what follows would seem to follow what was lost. */
static int fail(Stream *s, int error) {
    s->dead = 1;
    s->events.end = s->events.next;
    if (!R.error) R.error = error;
    R.lost++;
    return 0;
}

static void open_control(void);

/* After a fork the child makes its own folder, at its first event or module. Returns 0 with an exception. */
static int make_process(void) {
    PyObject *stream = PyLong_FromLongLong(R.fork_stream), *record = PyLong_FromUnsignedLongLong(R.fork_record);
    PyObject *apart = R.fork_apart ? Py_True : Py_False;
    PyObject *r = stream && record ? CALL_QUIETLY(R.open_process, stream, record, apart) : NULL;
    Py_XDECREF(stream);
    Py_XDECREF(record);
    if (!r) return 0;
    if (R.directory) { /* another thread was here meanwhile */
        Py_DECREF(r);
        return 1;
    }
    PyObject *path = NULL;
    if (PyUnicode_FSConverter(r, &path) && !(R.directory = strdup(PyBytes_AS_STRING(path)))) PyErr_NoMemory();
    Py_XDECREF(path);
    Py_DECREF(r);
    if (R.directory) open_control();
    return R.directory != NULL;
}

static int raise_again(void *error) {
    PyErr_SetObject((PyObject *)Py_TYPE(error), error);
    Py_DECREF(error);
    return -1;
}

/* An interrupt that came while Flor's own code ran is the program's: it gets it as soon as it goes on. */
static void raise_later(void) {
#if PY_VERSION_HEX >= 0x030C0000
    PyObject *error = PyErr_GetRaisedException();
#else
    PyObject *type, *error, *traceback;
    PyErr_Fetch(&type, &error, &traceback);
    PyErr_NormalizeException(&type, &error, &traceback);
    Py_XDECREF(type);
    Py_XDECREF(traceback);
#endif
    int ours = !error || PyErr_GivenExceptionMatches(error, PyExc_Exception);
    if (ours || Py_AddPendingCall(raise_again, error)) Py_XDECREF(error);
}

/* Tells where the tail's bytes belong; they are there, or there are none. */
static void place_tail(File *f) {
    uint64_t place = ((uint64_t)f->segment << HEAP_SHIFT) | f->offset;
    __atomic_store_n((uint64_t *)(f->base - TAIL), place, __ATOMIC_RELEASE);
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* before what is written there next */
}

static int open_retrying(const char *path, int flags) {
    int fd;
    do fd = open(path, flags | O_CLOEXEC, 0600);
    while (fd < 0 && errno == EINTR);
    if (fd >= 0 && flags & O_CREAT) (void)!fchmod(fd, 0600); /* whatever the umask */
    return fd;
}

/* Returns 0, or the error. */
static int write_all(int fd, const uint8_t *data, size_t size, uint64_t offset) {
    while (size) {
        ssize_t n = pwrite(fd, data, size, (off_t)offset);
        if (n < 0 && errno == EINTR) continue; /* a timer's signal, say */
        if (n <= 0) return n < 0 ? errno : EIO;
        data += n;
        size -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

static void tail_path(char *path, size_t size, const Stream *s, const File *f) {
    snprintf(path, size, "%s/%u.tail.%s", R.directory, s->number, f->suffix);
}

static int open_tail(Stream *s, File *f, const char *suffix) {
    char path[4096];
    if (!R.directory) {
        int was = s->busy;
        s->busy = 1;
        int made = make_process();
        s->busy = was;
        if (!made) {
            raise_later();
            return fail(s, EIO);
        }
    }
    static const uint8_t zeros[TAIL + CHUNK];
    f->suffix = suffix;
    tail_path(path, sizeof path, s, f);
    int fd = open_retrying(path, O_RDWR | O_CREAT | O_EXCL);
    if (fd < 0) return fail(s, errno);
    int error = write_all(fd, zeros, sizeof zeros, 0); /* no hole: a full disk shows now, not as SIGBUS later */
    void *p = error ? MAP_FAILED : mmap(NULL, sizeof zeros, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (!error && p == MAP_FAILED) error = errno;
    close(fd);
    if (error) {
        unlink(path);
        return fail(s, error);
    }
    f->base = f->next = (uint8_t *)p + TAIL;
    f->end = f->base + CHUNK;
    f->offset = 0;
    place_tail(f);
    return 1;
}

/* Append bytes to the segment. Returns 0, or the error; then it can be done again. */
static int append(const Stream *s, File *f, const uint8_t *data, size_t size) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%u.%u.%s", R.directory, s->number, f->segment, f->suffix);
    int fd = open_retrying(path, O_WRONLY | (f->offset ? 0 : O_CREAT));
    if (fd < 0) return errno;
    int error = write_all(fd, data, size, f->offset);
    if (close(fd) && !error && errno != EINTR) error = errno;
    if (error) return error;
    f->offset += size;
    R.sealed += size;
    return 0;
}

static int limit(Stream *s);
static void weigh(Place *place, size_t size);

/* Append the tail to the segment and empty it, in an order in which no moment loses a byte to a reader. Returns 0, or
 * the error; then the tail is as it was. */
static int flush(Stream *s, File *f) {
    if (UNLIKELY(R.sealed >= R.next_look) && R.active && !limit(s)) return EDQUOT;
    size_t size = (size_t)(f->next - f->base);
    if (!size) return 0;
    int error = append(s, f, f->base, size);
    if (error) return error;
    memset(f->base, 0, size);
    f->next = f->base;
    place_tail(f);
    return 0;
}

static uint64_t segment_size(const File *f) {
    return f->segment < 7 && (FIRST_SEGMENT << f->segment) < LAST_SEGMENT ? FIRST_SEGMENT << f->segment : LAST_SEGMENT;
}

static void next_segment(File *f) {
    f->segment++;
    f->offset = 0;
    place_tail(f);
}

static void end_file(Stream *s, File *f) {
    if (!f->base) return;
    if (!flush(s, f)) { /* else the tail stays, and has it all */
        char path[4096];
        tail_path(path, sizeof path, s, f);
        unlink(path);
    }
    munmap(f->base - TAIL, TAIL + CHUNK);
    f->base = f->next = f->end = NULL;
}

/* In a forked child: what it has mapped is its parent's. */
static void drop_file(File *f) {
    if (f->base) munmap(f->base - TAIL, TAIL + CHUNK);
    memset(f, 0, sizeof *f);
}

static uint64_t records(const Stream *s) { return s->sealed + (uint64_t)(s->events.next - s->events.base) / RECORD; }

static int more_events(Stream *s) {
    File *f = &s->events;
    if (s->dead) {
        R.lost++;
        return 0;
    }
    if (!f->base) return open_tail(s, f, "events");
    int error = flush(s, f);
    if (error) return fail(s, error);
    s->sealed += CHUNK / RECORD;
    int full = f->offset >= segment_size(f);
    if (!full && s->heap_segment != s->heap.segment) { /* it ends early: much that waits may be in the heap */
        uint8_t end[RECORD] = {0};
        uint32_t head = KIND(K_LEAVE);
        memcpy(end, &head, 4);
        error = append(s, f, end, RECORD);
        if (error) return fail(s, error);
        s->sealed++;
        full = 1;
    }
    if (full) {
        next_segment(f);
        s->heap_segment = s->heap.segment;
    }
    return 1;
}

static inline void put(Stream *s, uint32_t head, uint64_t payload) {
    uint8_t *p = s->events.next;
    if (UNLIKELY(p == s->events.end)) {
        if (!more_events(s)) return;
        p = s->events.next;
    }
    memcpy(p + 4, &payload, 8);
    __atomic_store_n((uint32_t *)p, head, __ATOMIC_RELEASE);
    s->events.next = p + RECORD;
}

/* Before a record: what has to be told first. Returns what goes into the record's head. */
static uint32_t tell_first(Stream *s) {
    uint32_t leave = s->pending << LEAVE_SHIFT;
    if (s->pending > MAX_LEAVE) {
        put(s, KIND(K_LEAVE), s->pending);
        leave = 0;
    }
    s->pending = 0;
    for (int i = s->owed - 1; s->owed && i <= s->depth; i++) {
        Entry *e = &s->stack[i];
        if (e->untold) {
            put(s, leave | KIND(K_RESUME), e->number);
            leave = 0;
        }
        if (e->left_out) {
            put(s, leave | KIND(K_SKIP) | e->left_out_of, e->left_out);
            leave = 0;
        }
        e->untold = 0;
        e->left_out = 0;
    }
    s->owed = 0;
    return leave;
}

/* The same where no record follows. */
static void tell_all(Stream *s) {
    uint32_t left = tell_first(s) >> LEAVE_SHIFT;
    if (left) put(s, KIND(K_LEAVE), left);
}

/* The top of the stack has something to tell. */
static inline void owe(Stream *s) {
    if (!s->owed) s->owed = 1 + s->depth;
}

static inline void emit(Stream *s, uint32_t head, uint64_t payload) {
    if (UNLIKELY(s->pending | (uint32_t)s->owed)) head |= tell_first(s);
    put(s, head, payload);
}

/* For a value of this block. Returns 0 where nothing can be written. */
static int heap_put(Stream *s, Place *place, const void *data, size_t size, uint64_t *ref) {
    File *f = &s->heap;
    if (s->dead) {
        R.lost++;
        return 0;
    }
    if (!f->base && !open_tail(s, f, "heap")) return 0;
    size_t need = size + 4;
    uint32_t length = (uint32_t)size + 1; /* of what was never written it is 0 */
    int error = size >= UINT32_MAX ? EFBIG : 0;
    if (!error && (size_t)(f->end - f->next) < need) {
        error = flush(s, f);
        if (!error && f->offset >= segment_size(f)) next_segment(f);
    }
    weigh(place, need);
    *ref = ((uint64_t)f->segment << HEAP_SHIFT) | (f->offset + (uint64_t)(f->next - f->base));
    if (!error && need > CHUNK) {
        error = append(s, f, (const uint8_t *)&length, 4);
        if (!error) error = append(s, f, data, size);
        if (!error) place_tail(f);
    } else if (!error) {
        memcpy(f->next, &length, 4);
        memcpy(f->next + 4, data, size);
        f->next += need;
    }
    return error ? fail(s, error) : 1;
}

/* ---- streams ---- */

static void release_stream(PyObject *capsule) {
    Stream *s = PyCapsule_GetPointer(capsule, "flor.stream");
    if (mine == s) mine = NULL;
    if (s->run != R.run) return; /* some probe may still know it */
    s->next_free = R.free;
    R.free = s;
}

static Stream *new_stream(void) {
    Stream *s = R.free;
    if (s) {
        R.free = s->next_free;
        if (s->owed) tell_all(s);
        s->depth = 0;
        s->top = s->stack;
        s->pending = 0;
        s->busy = 0;
        emit(s, KIND(K_THREAD), (uint64_t)PyThread_get_thread_native_id());
        return s;
    }
    s = PyMem_RawCalloc(1, sizeof *s);
    Entry *stack = s ? PyMem_RawCalloc(64, sizeof *stack) : NULL;
    if (!stack) {
        PyMem_RawFree(s);
        return NULL;
    }
    s->top = s->stack = stack;
    s->capacity = 64;
    s->number = R.stream_count++;
    s->run = R.run;
    s->last_time = -1;
    s->next_stream = R.streams;
    R.streams = s;
    return s;
}

static Stream *find_stream(void) {
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
    s->thread = PyThreadState_Get();
    return mine = s;
}

static void distrust(void) {
    R.traced = 1;
    R.changes++;
}

/* Asked where a function begins or a call ends: nothing else begins a tracer. */
static inline void look_for_tracer(const Stream *s) {
    if (UNLIKELY(s->thread->c_tracefunc != NULL) && !R.traced) distrust();
}

/* The running thread's stream; NULL: nothing is recorded now. */
static inline Stream *stream(void) {
    Stream *s = mine;
    if (UNLIKELY(!s)) s = find_stream();
    if (s && UNLIKELY(s->busy) && s->run != R.run) s = find_stream(); /* an ended run's stays busy */
    return s && LIKELY(!s->busy) ? s : NULL;
}

#endif
