/* What is recorded of a value.
 * Part of the recorder, which _probe.c is made of. */
#ifndef FLOR_PROBE_VALUES_H
#define FLOR_PROBE_VALUES_H
#include "_probe_stream.h"

/* ---- values ---- */

/* What this probe saw last lies there in the heap: the next time it is not written again. */
static void remember(Stream *s, Probe *p, PyObject *v, uint32_t kind, uint64_t ref) {
    Py_XSETREF(p->last, Py_NewRef(v));
    p->last_stream = s;
    p->last_kind = kind;
    p->last_ref = ref;
    p->last_epoch = R.epoch;
}

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
    if (size <= 256) remember(s, p, v, K_STR, ref);
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
            if (permanent(v)) remember(s, p, v, kind, ref);
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

#endif
