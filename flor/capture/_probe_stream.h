/* Segments and streams: where records go.
 * Part of the recorder, which _probe.c is made of. */
#ifndef FLOR_PROBE_STREAM_H
#define FLOR_PROBE_STREAM_H
#include "_probe_state.h"

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

#endif
