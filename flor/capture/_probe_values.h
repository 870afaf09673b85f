/* What is recorded of a value.
 * Part of the recorder, which _probe.c is made of. */
#ifndef FLOR_PROBE_VALUES_H
#define FLOR_PROBE_VALUES_H
#include "_probe_stream.h"

/* ---- values ---- */

/* What a value that took so many nanoseconds costs the program, whose code and data it drives out of the caches. */
#define COST(ns) ((ns) * 3 / 2)

static size_t bytes_in(PyObject *last) { return last && PyBytes_CheckExact(last) ? (size_t)PyBytes_GET_SIZE(last) : 0; }

/* What this probe saw last, or the bytes that were kept of it, lies there in the heap: the next time it is not written
 * again. */
static void remember(Stream *s, Probe *p, PyObject *v, uint32_t kind, uint64_t ref) { /* takes over `v` */
    R.held += bytes_in(v) - bytes_in(p->last);
    Py_XSETREF(p->last, v);
    p->shape.dimensions = 0;
    p->last_stream = s;
    p->last_kind = kind;
    p->last_ref = ref;
    p->last_epoch = R.epoch;
}

/* What stands for `v` where it is remembered, a new reference; NULL: it is not. No object lives longer for it. */
static PyObject *without_keeping(PyObject *v) {
    if (PyType_Check(v)) return ((PyTypeObject *)v)->tp_flags & Py_TPFLAGS_HEAPTYPE ? NULL : Py_NewRef(v);
    if (!PyModule_CheckExact(v) && !PyCFunction_CheckExact(v)) return NULL;
    int collects = PyGC_Disable(); /* no finalizer of the program's is to run here */
    PyObject *ref = PyWeakref_NewRef(v, NULL);
    if (collects) PyGC_Enable();
    if (!ref) PyErr_Clear();
    return ref;
}

/* Has this probe seen `v` last, and is what it wrote of it still to be found? */
static inline int seen_last(const Stream *s, const Probe *p, PyObject *v) {
    if (!p->last || p->last_stream != s || p->last_epoch != R.epoch) return 0;
    if (p->last == v) return !PyBytes_CheckExact(v); /* of bytes there is one object, whoever made it */
    return PyWeakref_CheckRefExact(p->last) && refers_to(p->last, v);
}

static inline int wrote_bytes(const Stream *s, const Probe *p, uint32_t kind) {
    return p->last_kind == kind && p->last && PyBytes_CheckExact(p->last) && p->last_stream == s &&
           p->last_epoch == R.epoch;
}

/* Are these the bytes that this probe wrote last: those of a value that has not changed? */
static int wrote_last(const Stream *s, const Probe *p, uint32_t kind, PyObject *bytes) {
    if (!wrote_bytes(s, p, kind)) return 0;
    Py_ssize_t size = PyBytes_GET_SIZE(bytes);
    return PyBytes_GET_SIZE(p->last) == size &&
           !memcmp(PyBytes_AS_STRING(p->last), PyBytes_AS_STRING(bytes), (size_t)size);
}

/* The elements of an array of numpy's as they lie in memory, in C order. Returns 0 if they do not. */
static int open_array(PyObject *v, Py_buffer *view) {
    int collects = PyGC_Disable(); /* no finalizer of the program's is to run here */
    int opened = !PyObject_GetBuffer(v, view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT);
    if (!opened) PyErr_Clear();
    if (collects) PyGC_Enable();
    return opened;
}

/* An array has not changed: the next time it is compared without Python. */
static void note_shape(Probe *p, PyObject *v) {
    if (p->shape.dimensions) {
        p->shape.secrets = (uint32_t)PyList_GET_SIZE(R.secrets); /* these bytes hold none of them */
        return;
    }
    PyTypeObject *type = Py_TYPE(v);
    if (!R.ndarray && !(type->tp_flags & Py_TPFLAGS_HEAPTYPE) && !strcmp(type->tp_name, "numpy.ndarray"))
        R.ndarray = type;
    Shape found = {.dimensions = UNFIT, .secrets = (uint32_t)PyList_GET_SIZE(R.secrets)};
    Py_buffer view;
    if (type == R.ndarray && open_array(v, &view)) {
        uint32_t about; /* the bytes begin with their description and its length, the elements follow */
        memcpy(&about, PyBytes_AS_STRING(p->last), 4);
        int fits = (Py_ssize_t)about + 4 + view.len == PyBytes_GET_SIZE(p->last);
        fits = fits && view.ndim > 0 && view.ndim <= 4 && view.len > 0 && strlen(view.format) < sizeof found.format;
        for (int i = 0; fits && i < view.ndim; i++) {
            fits = view.shape[i] <= UINT16_MAX;
            found.lengths[i] = (uint16_t)view.shape[i];
        }
        if (fits) {
            found.dimensions = (uint8_t)view.ndim;
            strcpy(found.format, view.format);
        }
        PyBuffer_Release(&view);
    }
    p->shape = found;
}

/* Is `v` the array that this probe wrote last, or one like it? */
static int is_same_array(const Stream *s, const Probe *p, PyObject *v) {
    const Shape *known = &p->shape;
    if (!known->dimensions || known->dimensions == UNFIT || Py_TYPE(v) != R.ndarray || !wrote_bytes(s, p, K_ARRAY))
        return 0;
    Py_buffer view;
    if (PyList_GET_SIZE(R.secrets) != known->secrets || !open_array(v, &view)) return 0;
    Py_ssize_t size = PyBytes_GET_SIZE(p->last);
    int same = view.ndim == known->dimensions && view.len < size && !strcmp(view.format, known->format);
    for (int i = 0; same && i < view.ndim; i++) same = view.shape[i] == known->lengths[i];
    same = same && !memcmp(PyBytes_AS_STRING(p->last) + size - view.len, view.buf, (size_t)view.len);
    PyBuffer_Release(&view);
    return same;
}

/* What stands for `v`, of which these bytes were kept: a new reference, or NULL. The program's own bytes do not. */
static PyObject *to_remember(PyObject *v, uint32_t kind, PyObject *bytes) {
    PyObject *stands = without_keeping(v);
    if (stands) return stands;
    size_t size = bytes_in(bytes);
    return bytes == v || kind == K_GAP || size > MAX_REUSED || R.held + size > MAX_HELD ? NULL : Py_NewRef(bytes);
}

/* A gap names the type. Types come and go: their addresses tell nothing. */
static void intern_gap(Stream *s, uint32_t head, PyTypeObject *type) {
    char name[MAX_TYPE_NAME];
    size_t n = 0;
    uint32_t hash = 0;
    for (const char *c = type->tp_name; *c && n < sizeof name - 1; c++) {
        if ((unsigned char)*c >= 32 && *c != '"' && *c != '\\') name[n++] = *c;
        hash = 31 * hash + (unsigned char)*c;
    }
    name[n] = 0;
    size_t i = (hash ^ hash >> 6) & 63;
    if (!n || strcmp(s->gaps[i].name, name)) {
        char text[MAX_TYPE_NAME + 64];
        int size = snprintf(text, sizeof text, "{\"why\": \"time budget\", \"type\": \"%s\"}", name);
        uint64_t ref;
        if (!heap_put(s, NULL, text, (size_t)size, &ref)) return;
        memcpy(s->gaps[i].name, name, n + 1);
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
    if (!heap_put(s, p->place, text, (size_t)size, &ref)) return;
    remember(s, p, size <= 256 ? Py_NewRef(v) : NULL, K_STR, ref);
    emit(s, head | KIND(K_STR), ref);
}

static int text_value(Stream *s, Probe *p, uint32_t head, PyObject *v, int redact) {
    int known = UNLIKELY(PyList_GET_SIZE(R.secrets)) && holds_secret(v);
    if (redact || known) {
        int new = !known &&PyUnicode_GET_LENGTH(v) >= MIN_SECRET &&PyList_GET_SIZE(R.secrets) < MAX_SECRETS;
        if (new && PyList_Append(R.secrets, v)) PyErr_Clear();
        emit(s, head | KIND(K_REDACTED), 0);
        return 1;
    }
    if (seen_last(s, p, v)) {
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

/* ---- a few numbers ---- */

#define MAX_LEAVES 256
#define LEAF_NS 10 /* what a leaf is taken to cost: to ask the clock would cost more */

typedef struct {
    uint8_t *next, *end;
    Py_ssize_t leaves; /* so many more may come */
} Tree;

static int write_tree(Tree *t, PyObject *v, int depth) {
    if (t->end - t->next < 9) return 0;
    PyTypeObject *type = Py_TYPE(v);
    if (type == &PyList_Type || type == &PyTuple_Type) {
        Py_ssize_t n = PySequence_Fast_GET_SIZE(v);
        PyObject **items = PySequence_Fast_ITEMS(v);
        if (n > t->leaves || depth == 8) return 0;
        uint16_t length = (uint16_t)n;
        *t->next++ = type == &PyList_Type ? '[' : '(';
        memcpy(t->next, &length, 2);
        t->next += 2;
        for (Py_ssize_t i = 0; i < n; i++) {
            if (!write_tree(t, items[i], depth + 1)) return 0;
        }
        return 1;
    }
    if (--t->leaves < 0) return 0;
    if (type == &PyFloat_Type) {
        *t->next++ = 'd';
        memcpy(t->next, &((PyFloatObject *)v)->ob_fval, 8);
        t->next += 8;
    } else if (type == &PyLong_Type) {
        int overflow;
        long long x = PyLong_AsLongLongAndOverflow(v, &overflow);
        if (overflow) return 0;
        *t->next++ = 'i';
        memcpy(t->next, &x, 8);
        t->next += 8;
    } else if (v == Py_None || type == &PyBool_Type) {
        *t->next++ = v == Py_None ? 'N' : v == Py_True ? 'T' : 'F';
    } else {
        return 0;
    }
    return 1;
}

/* Records a list or tuple of few numbers, or returns 0. */
static int few_numbers(Stream *s, Probe *p, uint32_t head, PyObject *v) {
    uint8_t buffer[4096];
    Tree t = {buffer, buffer + sizeof buffer, MAX_LEAVES};
    if (!write_tree(&t, v, 0)) return 0;
    R.spent += (MAX_LEAVES - t.leaves + 4) * LEAF_NS;
    uint64_t ref;
    if (heap_put(s, p->place, buffer, (size_t)(t.next - buffer), &ref)) emit(s, head | KIND(K_TREE), ref);
    return 1;
}

/* Have slow values taken their share of the run's time? While they have, the clock is asked now and then only. */
static int over_budget(void) {
    if (R.share >= ALL || R.spent <= ALLOWANCE_NS) return 0;
    if (R.over && ++R.asked & 15) return 1;
    R.over = R.spent > ALLOWANCE_NS + (clock_ns(COARSE) - R.origin) / ALL * R.share;
    return R.over;
}

/* A value that is no constant number or text: note that its site has such. Where the loads that are derived from it
 * run without probes just now, nobody looks whether it changes before them. A reader knows that of a container;
 * anything else may be kept as a number (an array of one element): then it is a gap, this once, returning 1.
 */
static int is_new_change(Stream *s, uint32_t head, PyObject *v) {
    uint32_t id = head & (KIND(1) - 1);
    if (!R.float64 && PyFloat_Check(v) && strcmp(Py_TYPE(v)->tp_name, "numpy.float64") == 0) R.float64 = Py_TYPE(v);
    if (LIKELY(id >= R.place_count || R.changing[id]) || Py_TYPE(v) == R.float64 || PyLong_CheckExact(v) ||
        PyUnicode_CheckExact(v))
        return 0;
    R.changing[id] = 1;
    R.changes++;
    if (!s->top->bare || PyList_CheckExact(v) || PyTuple_CheckExact(v) || PyDict_CheckExact(v) ||
        PyAnySet_CheckExact(v))
        return 0;
    intern_gap(s, head, Py_TYPE(v));
    return 1;
}

/* ---- numbers that come later ---- */

/* Tell where the last record lies. */
static void tell_place(Stream *s, PyObject *told) {
    if (s->dead) return;
    const File *f = &s->events;
    unsigned long long offset = f->offset + (uint64_t)(f->next - f->base) - RECORD;
    PyObject *place = Py_BuildValue("IIK", s->number, f->segment, offset);
    int was = s->busy;
    s->busy = 1;
    PyObject *result = place ? CALL_QUIETLY(told, place) : NULL;
    s->busy = was;
    Py_XDECREF(place);
    Py_XDECREF(result);
    if (!result) raise_later();
}

/* Put a number into the place of a gap: the payload first, then the head, so that a reader finds the one or the other.
 * Where the segment is packed already the gap stays. */
static void amend_record(const Stream *s, uint32_t segment, uint64_t offset, uint32_t kind, uint64_t payload) {
    const File *f = &s->events;
    uint32_t head = 0;
    if (f->base && f->segment == segment && f->offset <= offset) {
        uint8_t *p = f->base + (offset - f->offset);
        if (p < f->next) memcpy(&head, p, 4);
        if ((head & KIND(31)) != KIND(K_GAP)) return;
        memcpy(p + 4, &payload, 8);
        __atomic_store_n((uint32_t *)p, (head & ~KIND(31)) | KIND(kind), __ATOMIC_RELEASE);
        return;
    }
    char path[4096];
    snprintf(path, sizeof path, "%s/%u.%u.events", R.directory, s->number, segment);
    int fd = open_retrying(path, O_RDWR);
    if (fd < 0) return;
    if (pread(fd, &head, 4, (off_t)offset) == 4 && (head & KIND(31)) == KIND(K_GAP)) {
        head = (head & ~KIND(31)) | KIND(kind);
        if (!write_all(fd, (const uint8_t *)&payload, 8, offset + 4)) write_all(fd, (const uint8_t *)&head, 4, offset);
    }
    close(fd);
}

/* Write what Python says is kept of `v`: a kind and its payload, and perhaps what is to be told where the record lies.
 */
static void write_kept(Stream *s, Probe *p, uint32_t head, PyObject *v, PyObject *kept) {
    uint32_t kind = (uint32_t)PyLong_AsUnsignedLong(PyTuple_GET_ITEM(kept, 0));
    PyObject *what = PyTuple_GET_ITEM(kept, 1);
    uint64_t payload;
    if (PyFloat_CheckExact(what)) {
        memcpy(&payload, &((PyFloatObject *)what)->ob_fval, 8);
    } else if (!PyBytes_CheckExact(what)) {
        payload = (uint64_t)PyLong_AsLongLong(what);
    } else if (wrote_last(s, p, kind, what)) {
        payload = p->last_ref;
        if (kind == K_ARRAY) note_shape(p, v);
    } else if (heap_put(s, p->place, PyBytes_AS_STRING(what), (size_t)PyBytes_GET_SIZE(what), &payload)) {
        remember(s, p, to_remember(v, kind, what), kind, payload);
    } else {
        return;
    }
    emit(s, head | KIND(kind), payload);
    if (PyTuple_GET_SIZE(kept) == 3) tell_place(s, PyTuple_GET_ITEM(kept, 2));
    PyErr_Clear();
}

/* Asks Python what to keep of the value. Returns -1 with an exception that must reach the program: KeyboardInterrupt,
 * or what a signal's handler raised.
 */
static int slow_value(Stream *s, Probe *p, uint32_t head, PyObject *v, int redact) {
    if (seen_last(s, p, v)) {
        emit(s, head | KIND(p->last_kind), p->last_ref);
        return 0;
    }
    if (UNLIKELY(is_new_change(s, head, v))) return 0;
    int collection = PyList_CheckExact(v) || PyTuple_CheckExact(v);
    if (!collection && PyFloat_Check(v)) { /* numpy.float64 and other subclasses */
        uint64_t bits;
        memcpy(&bits, &((PyFloatObject *)v)->ob_fval, 8);
        emit(s, head | KIND(K_FLOAT), bits);
        return 0;
    }
    if (p->looked < FIRST) {
        p->looked++;
    } else if (over_budget()) {
        intern_gap(s, head, Py_TYPE(v));
        return 0;
    }
    if (collection && few_numbers(s, p, head, v)) return 0;
    int64_t begin = clock_ns(CLOCK_MONOTONIC);
    if (!redact && is_same_array(s, p, v)) {
        emit(s, head | KIND(K_ARRAY), p->last_ref);
        R.spent += COST(clock_ns(CLOCK_MONOTONIC) - begin);
        return 0;
    }
    s->busy = 1;
    PyObject *kept = CALL_QUIETLY(R.keep, v, redact ? Py_True : Py_False);
    s->busy = 0;
    if (kept) write_kept(s, p, head, v, kept);
    R.spent += COST(clock_ns(CLOCK_MONOTONIC) - begin);
    if (kept) {
        Py_DECREF(kept);
        return 0;
    }
    if (!PyErr_ExceptionMatches(PyExc_RecursionError) && !PyErr_ExceptionMatches(PyExc_MemoryError)) return -1;
    PyErr_Clear();
    intern_gap(s, head, Py_TYPE(v));
    return 0;
}

/* An int of one digit. */
#if PY_VERSION_HEX >= 0x030C0000
static inline int is_small(PyObject *v) { return PyUnstable_Long_IsCompact((PyLongObject *)v); }
static inline long long small(PyObject *v) { return PyUnstable_Long_CompactValue((PyLongObject *)v); }
#else
static inline int is_small(PyObject *v) { return (size_t)(Py_SIZE(v) + 1) <= 2; }
static inline long long small(PyObject *v) { return Py_SIZE(v) * (long long)((PyLongObject *)v)->ob_digit[0]; }
#endif

static inline int record(Stream *s, Probe *p, uint32_t head, PyObject *v, int redact) {
    PyTypeObject *type = Py_TYPE(v);
    if (type == &PyFloat_Type) {
        uint64_t bits;
        memcpy(&bits, &((PyFloatObject *)v)->ob_fval, 8);
        emit(s, head | KIND(K_FLOAT), bits);
        return 0;
    }
    if (type == &PyLong_Type) {
        int overflow = 0;
        long long x;
        if (LIKELY(is_small(v))) {
            x = small(v);
        } else {
            x = PyLong_AsLongLongAndOverflow(v, &overflow);
        }
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
static int record_all(Stream *s, Probe *p, PyObject *const *args, uint32_t open) {
    if (p->values == 0 && open) emit(s, KIND(K_BLOCK) | OPEN | p->block, 0);
    for (uint32_t i = 0; i < p->values; i++) {
        if (record(s, p, (p->site + i) | (i ? 0 : open), args[i], redacted(p, i))) {
            if (open && i == 0) emit(s, KIND(K_BLOCK) | OPEN | p->block, 0);
            return -1;
        }
    }
    return 0;
}

#endif
