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
#include "_probe_stack.h"
#include "_probe_values.h"

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
