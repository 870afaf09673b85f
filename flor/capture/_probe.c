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
#include "_probe_steps.h"
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

static int made_before(const Suspended *m, PyObject *v) { return m && m->token && m->made && refers_to(m->made, v); }

/* `told`: it is recorded where `v` was created. */
static void created(Stream *s, PyObject *v, int told) {
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
            tell_suspended(m);
            Py_XSETREF(m->made, made);
            m->code = code_of((PyFrameObject *)frame);
            m->token = told ? ++R.token : UNTOLD;
            if (told) emit(s, KIND(K_CREATE), m->token);
        } else {
            Py_XDECREF(made);
        }
    }
    Py_DECREF(frame);
}

/* Is the activation of `place` that begins now not recorded? */
static int begins_silently(Stream *s, Place *place, uint32_t block) {
    if (UNLIKELY(s->top->skip_end)) return 1;
    if (LIKELY(!is_thinned(place))) return 0;
    note_skipped(s, block);
    return 1;
}

/* Begin an activation that is known by its frame. Returns 0 if it is not recorded. */
static int begin_frame(Stream *s, const Probe *p) {
    PyFrameObject *frame = frame_at(p->depth);
    if (!frame || p->function < R.first_id) return 0;
    look_for_tracer(s);
    void *code = code_of(frame);
    forget(s, frame);
    prune(s);
    tell_position(s);
    Suspended *m = find_frame(frame);
    if (m) tell_suspended(m);
    uint64_t token = m && m->code == code ? m->token : 0;
    int silent = token ? token == UNTOLD : begins_silently(s, p->home, p->function);
    if (!silent) {
        begins(s, p->home);
        tell_time(s);
        if (token) emit(s, KIND(K_PARENT), token);
    }
    Entry *e = push(s);
    if (!e) return 0;
    uint32_t number = silent ? UINT32_MAX : s->activations++;
    *e = (Entry){.block = p->function, .pos = p->function, .number = number, .frame = frame, .code = code};
    if (silent) silence(e);
    m = add_frame(frame);
    if (m) {
        Py_XDECREF(m->made);
        *m = (Suspended){.frame = frame,
                         .code = code,
                         .stream = s,
                         .number = number,
                         .block = p->function,
                         .pos = p->function,
                         .silent = silent};
    }
    return !silent;
}

/* ---- the probes ---- */

static inline int observe(Probe *p, PyObject *v) {
    Stream *s = stream();
    if (UNLIKELY(!s)) return 0;
    Entry *e = settled(s, p);
    if (LIKELY(e != NULL)) {
        at(e, p);
        if (record(s, p, p->site, v, p->redact & 1)) return -1;
    }
    if (UNLIKELY(p->flags & CREATES)) {
        look_for_tracer(s);
        if (e || s->top->skip_end) created(s, v, e != NULL);
    }
    return 0;
}

static int bind(Probe *p, PyObject *const *args) {
    Stream *s = stream();
    Entry *e = s ? settled(s, p) : NULL;
    if (!e) return 0;
    at(e, p);
    return record_all(s, p, args, 0);
}

static inline int iterate(Probe *p, PyObject *const *args) {
    Stream *s = stream();
    Entry *e = s ? next_instance(s, p) : NULL;
    if (!e) return 0;
    tell_time(s);
    at(e, p);
    return record_all(s, p, args, OPEN);
}

static int iterate_generator(Probe *p, PyObject *const *args) {
    Stream *s = stream();
    if (!s) return 0;
    PyFrameObject *frame = frame_at(p->depth);
    Suspended *m = find_frame(frame);
    int known = m && m->code == code_of(frame);
    if ((!known || m->token) && begin_frame(s, p)) emit(s, KIND(K_BLOCK) | OPEN | p->function, 0);
    return iterate(p, args);
}

static int enter(Probe *p, PyObject *const *args) {
    Stream *s = stream();
    if (!s || p->block < R.first_id) return 0;
    look_for_tracer(s);
    if (s->depth && UNLIKELY(!s->top->guarded)) prune(s);
    tell_position(s);
    int silent = begins_silently(s, p->place, p->block);
    if (!silent) {
        begins(s, p->place);
        tell_time(s);
    }
    Entry *e = push(s);
    if (!e) return 0;
    *e = (Entry){.key = p->block, .block = p->block, .pos = p->block, .guarded = 1};
    if (silent) {
        silence(e);
        return 0;
    }
    e->number = s->activations++;
    return record_all(s, p, args, OPEN);
}

static int enter_frame(Probe *p, PyObject *const *args) {
    Stream *s = stream();
    return s && begin_frame(s, p) ? record_all(s, p, args, OPEN) : 0;
}

static int leave(Probe *p, PyObject *const *Py_UNUSED(args)) {
    Stream *s = stream();
    if (s && settle(s, p)) pop(s);
    return 0;
}

static int mark(Probe *p, PyObject *const *Py_UNUSED(args)) {
    move_to_block(p);
    return 0;
}

static int any_changes(Probe *p) {
    if (p->checked != R.changes) {
        p->checked = R.changes;
        p->steady = !R.traced;
        for (uint32_t i = 0; i < p->binding_count; i++) p->steady &= !R.changing[p->bindings[i]];
    }
    return !p->steady;
}

/* In the first iteration all loads are probed: then it is known what its bindings have. Those of what may change are
 * for as long as there is time to look at them. */
static int choose(Probe *p) {
    Stream *s = stream();
    if (!s || s->top->key != p->key) return 0; /* nothing is recorded */
    int probed = !p->begun || any_changes(p) || (p->holds && !over_budget());
    p->begun = 1;
    s->top->bare = !probed;
    return probed;
}

/* A load of a local name. Its binding has told the value if that cannot have changed since; if it can, but no time is
 * left to look, nothing is said: a reader knows by the binding that there was something to look at. */
static inline int observe_load(Probe *p, PyObject *v) {
    PyTypeObject *type = Py_TYPE(v);
    if (LIKELY(!R.traced)) {
        if (type == &PyFloat_Type || type == &PyLong_Type || type == &PyUnicode_Type || type == &PyBool_Type ||
            v == Py_None || type == R.float64)
            return 0;
        if ((type == &PyList_Type || type == &PyTuple_Type) && over_budget()) return 0;
    }
    return observe(p, v);
}

/* The truth of `v`, which is asked for here and nowhere else, and what it tells. */
static PyObject *test(PyObject *self, PyObject *v) {
    Probe *p = (Probe *)self;
    if (p->values && (p->flags & DERIVED ? observe_load(p, v) : observe(p, v))) return NULL;
    int truth = PyObject_IsTrue(v);
    if (truth < 0) return NULL;
    for (Probe *o = (Probe *)p->outcomes; o; o = (Probe *)o->outcomes) {
        if (!(o->flags & (truth ? ON_TRUE : ON_FALSE))) continue;
        if (observe(o, o->flags & IS_TRUE ? Py_True : o->flags & IS_FALSE ? Py_False : v)) return NULL;
    }
    return Py_NewRef(truth ? Py_True : Py_False);
}

/* What the probe that begins an iteration says. */
static inline PyObject *goes_on(Probe *p) { return p->of == 0 || choose(p) ? Py_True : Py_False; }

static int (*const ACTIONS[])(Probe *, PyObject *const *) = {
    NULL, bind, iterate, iterate_generator, enter, enter_frame, leave, leave, mark, NULL, NULL, NULL, NULL, NULL,
};

static PyObject *call(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *Py_UNUSED(kwnames)) {
    Probe *p = (Probe *)self;
    if (ACTIONS[p->op](p, args)) return NULL;
    if (p->op == LEAVE_FRAME) return Py_NewRef(args[PyVectorcall_NARGS(nargsf) - 1]);
    return Py_NewRef(p->op == ITERATE || p->op == ITERATE_GENERATOR ? goes_on(p) : Py_None);
}

/* A probe is subscripted, `probe[v]`, which costs less than a call; it is called for more than one value. */
#define SUBSCRIPT(op, result)                                                                                          \
    static PyObject *subscript_##op(PyObject *self, PyObject *v) {                                                     \
        return op((Probe *)self, &v) ? NULL : Py_NewRef(result);                                                       \
    }
SUBSCRIPT(bind, Py_None)
SUBSCRIPT(iterate, goes_on((Probe *)self))
SUBSCRIPT(iterate_generator, Py_True)
SUBSCRIPT(enter, Py_None)
SUBSCRIPT(enter_frame, Py_None)

static PyObject *subscript_value(PyObject *self, PyObject *v) {
    return observe((Probe *)self, v) ? NULL : Py_NewRef(v);
}
static PyObject *subscript_load(PyObject *self, PyObject *v) {
    return observe_load((Probe *)self, v) ? NULL : Py_NewRef(v);
}

/* Without a value it is inverted, `~probe`. */
static PyObject *invert(PyObject *self) {
    Probe *p = (Probe *)self;
    if (p->op == CHOOSE) return Py_NewRef(goes_on(p));
    return call(self, NULL, 0, NULL);
}

static PyNumberMethods INVERSION = {.nb_invert = invert};

static PyMappingMethods SUBSCRIPTS[] = {
    {.mp_subscript = subscript_value},
    {.mp_subscript = subscript_bind},
    {.mp_subscript = subscript_iterate},
    {.mp_subscript = subscript_iterate_generator},
    {.mp_subscript = subscript_enter},
    {.mp_subscript = subscript_enter_frame},
    {.mp_subscript = NULL},
    {.mp_subscript = NULL},
    {.mp_subscript = NULL},
    {.mp_subscript = subscript_load},
    {.mp_subscript = NULL},
    {.mp_subscript = steps_of},
    {.mp_subscript = test},
    {.mp_subscript = NULL},
};

static void probe_dealloc(PyObject *self) {
    R.held -= bytes_in(((Probe *)self)->last);
    Py_XDECREF(((Probe *)self)->last);
    Py_XDECREF(((Probe *)self)->outcomes);
    PyMem_RawFree(((Probe *)self)->bindings);
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

/* What tools that are told of calls (sys.monitoring) ask a callable for. */
static PyObject *probe_name(PyObject *Py_UNUSED(self), void *Py_UNUSED(closure)) {
    return PyUnicode_InternFromString("probe");
}

static PyGetSetDef probe_attributes[] = {
    {"__name__", probe_name, NULL, NULL, NULL},
    {"__qualname__", probe_name, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

/* One type for each operation: the same but for what subscripting does. */
static int ready(void) {
    for (size_t op = 0; op < Py_ARRAY_LENGTH(ProbeTypes); op++) {
        ProbeTypes[op] = (PyTypeObject){
            PyVarObject_HEAD_INIT(NULL, 0).tp_name = "flor.capture._probe.Probe",
            .tp_basicsize = sizeof(Probe),
            .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL,
            .tp_vectorcall_offset = offsetof(Probe, vectorcall),
            .tp_call = PyVectorcall_Call,
            .tp_as_mapping = &SUBSCRIPTS[op],
            .tp_as_number = &INVERSION,
            .tp_dealloc = probe_dealloc,
            .tp_methods = probe_methods,
            .tp_getset = probe_attributes,
        };
        if (PyType_Ready(&ProbeTypes[op])) return -1;
    }
    return PyType_Ready(&StepsType);
}

/* ---- the module ---- */

/* What there is of a run that was recorded in this process before. Its code may still run, in a closure or a generator:
 * its ids are known by being lower. Its streams stay where they are, for the probes that know them. */
static void forget_run(void) {
    for (size_t i = 0; i < R.table_size; i++) Py_XDECREF(R.table[i].made);
    PyMem_RawFree(R.table);
    R.table = NULL;
    R.table_size = R.table_used = 0;
    free(R.directory);
    if (R.control) munmap((void *)R.control, CONTROL_WORDS * 8);
    R.control = NULL;
    R.streams = R.free = mine = NULL;
    R.stream_count = 0;
    R.run++;
    R.first_id = (uint32_t)R.place_count;
    if (R.place_count) memset(R.places, 0, R.place_count * sizeof *R.places);
    R.unplaced = R.lost = R.token = 0;
    R.error = R.over = R.level = 0;
    R.spent = R.look_time = 0;
    R.asked = R.look = 0;
    R.look_sealed = R.look_heap = 0;
    R.found_count = 0;
}

PyDoc_STRVAR(
    start_doc,
    "start(directory, origin, keep, secrets, open_process, pack, budget, backlog, share)\n\n"
    "Record from now on into `directory`. `origin`: time.monotonic_ns() at the run's start. `keep(value, redact)` "
    "returns\n"
    "(kind, bytes | int | float) for values that are no plain scalars. `open_process(stream, record, apart)` makes a "
    "forked\n"
    "child's folder and returns its path.\n"
    "`pack` starts the process that packs the run beside it, unless there is one.\n"
    "`budget`, `backlog`: bytes that the run may take, and that may wait to be packed. `share`: part of the run's "
    "time\n"
    "that slow values may take.");

static PyObject *start(PyObject *Py_UNUSED(self), PyObject *args) {
    PyObject *path, *keep, *secrets, *open_process, *pack;
    long long origin;
    unsigned long long budget, backlog;
    double share;
    if (!PyArg_ParseTuple(args, "O&LOO!OOKKd", PyUnicode_FSConverter, &path, &origin, &keep, &PyList_Type, &secrets,
                          &open_process, &pack, &budget, &backlog, &share))
        return NULL;
    if (R.streams) forget_run();
    R.directory = strdup(PyBytes_AS_STRING(path));
    Py_DECREF(path);
    R.origin = origin;
    R.budget = budget ? budget : 1;
    R.backlog = backlog ? backlog : 1;
    R.share = (int64_t)(share * 1000);
    Py_XSETREF(R.keep, Py_NewRef(keep));
    Py_XSETREF(R.open_process, Py_NewRef(open_process));
    Py_XSETREF(R.secrets, Py_NewRef(secrets));
    Py_XSETREF(R.pack, Py_NewRef(pack));
    Py_XSETREF(R.key, PyUnicode_FromFormat("flor.stream.%u", R.run));
    if (!R.directory || !R.key) return PyErr_NoMemory();
    first_look();
    if (*R.directory) open_control();
    R.active = 1;
    R.epoch++;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(probes_doc,
             "probes(specs, base, ends, sites)\n\n"
             "The probes of one source, one for each Spec of flor.capture.ops, in their order. `ends`: for each block\n"
             "the number behind the last block inside it; 0: it is never thinned. `sites`: how many sites it has.");

static Probe *new_probe(PyObject *spec, uint32_t base, uint32_t blocks, Place *places) {
    unsigned int op, function, block, site, count, depth, flags, of;
    unsigned long long redact;
    if (!PyArg_ParseTuple(spec, "IIIIIIIKI", &op, &function, &block, &site, &count, &depth, &flags, &redact, &of))
        return NULL;
    if (op >= Py_ARRAY_LENGTH(ProbeTypes) || function >= blocks || block >= blocks) {
        PyErr_Format(PyExc_ValueError, "no such op or block: %u, %u, %u", op, function, block);
        return NULL;
    }
    Probe *p = PyObject_New(Probe, &ProbeTypes[op]);
    if (!p) return NULL;
    memset((char *)p + sizeof(PyObject), 0, sizeof *p - sizeof(PyObject));
    p->vectorcall = call;
    p->op = (uint8_t)op;
    p->flags = (uint16_t)flags;
    p->depth = (uint8_t)depth;
    p->function = base + function;
    p->key = flags & GUARDED ? p->function : UINT32_MAX;
    p->block = base + block;
    p->site = base + blocks + site;
    p->values = count;
    p->redact = redact;
    p->home = &places[function];
    p->place = &places[block];
    p->of = of;
    for (unsigned int i = 0; i < count && p->site + i < R.place_count; i++) R.places[p->site + i] = p->place;
    return p;
}

/* The ids of the bindings that the loads from `list[first]` on are derived from, and whether some are of what may
 * change.
 */
static int find_bindings(Probe *p, PyObject *list, Py_ssize_t first, uint32_t first_site) {
    p->bindings = PyMem_RawCalloc(p->of - (size_t)first + 1, sizeof *p->bindings);
    if (!p->bindings) return -1;
    for (Py_ssize_t i = first; i < (Py_ssize_t)p->of; i++) {
        const Probe *load = (const Probe *)PyList_GET_ITEM(list, i);
        if (load->op != LOAD) continue;
        if (load->flags & HOLDS) {
            p->holds = 1;
            continue;
        }
        p->bindings[p->binding_count++] = first_site + load->of;
        if (first_site + load->of < R.place_count) R.changing[first_site + load->of] = 0;
    }
    p->checked = UINT32_MAX;
    return 0;
}

/* A TEST's outcomes, from `list[first]` on. */
static void link_outcomes(Probe *test, PyObject *list, Py_ssize_t first) {
    Probe *p = test;
    for (Py_ssize_t i = first; i < (Py_ssize_t)test->of && i < PyList_GET_SIZE(list); i++) {
        p->outcomes = Py_NewRef(PyList_GET_ITEM(list, i));
        p = (Probe *)p->outcomes;
    }
}

/* The places of a source's blocks. They stay for good, as its code may. */
static Place *new_places(PyObject *ends, uint32_t base, size_t ids) {
    Py_ssize_t n = PyTuple_GET_SIZE(ends);
    Place *places = PyMem_RawCalloc((size_t)n + 1, sizeof *places);
    if (base + ids > R.place_count) {
        Place **all = PyMem_RawRealloc(R.places, (base + ids) * sizeof *all);
        if (all) R.places = all;
        uint8_t *changing = PyMem_RawRealloc(R.changing, base + ids);
        if (changing) R.changing = changing;
        if (all && changing) {
            memset(all + R.place_count, 0, (base + ids - R.place_count) * sizeof *all);
            memset(changing + R.place_count, 1, base + ids - R.place_count);
            R.place_count = base + ids;
        }
    }
    if (!places || base + ids > R.place_count) {
        PyMem_RawFree(places);
        PyErr_NoMemory();
        return NULL;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        uint32_t end = (uint32_t)PyLong_AsUnsignedLong(PyTuple_GET_ITEM(ends, i));
        places[i].id = base + (uint32_t)i;
        places[i].end = end ? base + end : 0;
        places[i].look = UINT32_MAX;
        uint32_t around = i ? (uint32_t)i - 1 : 0; /* the nearest one before whose end it lies */
        while (around && places[around].end <= places[i].id) around = places[around].around - base;
        places[i].around = i ? base + around : 0;
        R.places[base + i] = &places[i];
    }
    return places;
}

static PyObject *probes(PyObject *Py_UNUSED(self), PyObject *args) {
    PyObject *specs, *ends;
    unsigned int base, sites;
    if (!PyArg_ParseTuple(args, "O!IO!I", &PyList_Type, &specs, &base, &PyTuple_Type, &ends, &sites)) return NULL;
    Py_ssize_t n = PyList_GET_SIZE(specs);
    uint32_t blocks = (uint32_t)PyTuple_GET_SIZE(ends);
    Place *places = new_places(ends, base, (size_t)blocks + sites);
    PyObject *list = places ? PyList_New(n) : NULL;
    for (Py_ssize_t i = 0; list && i < n; i++) {
        Probe *p = new_probe(PyList_GET_ITEM(specs, i), base, blocks, places);
        if (!p) {
            Py_CLEAR(list);
        } else {
            PyList_SET_ITEM(list, i, (PyObject *)p);
        }
    }
    for (Py_ssize_t i = 0; list && i < n; i++) {
        Probe *p = (Probe *)PyList_GET_ITEM(list, i);
        int chooses = (p->op == CHOOSE || p->op == ITERATE) && p->of;
        if (chooses && ((Py_ssize_t)p->of > n || find_bindings(p, list, i + 1, base + blocks))) Py_CLEAR(list);
        if (list && p->op == TEST) link_outcomes(p, list, i + 1);
    }
    return list;
}

PyDoc_STRVAR(traced_doc, "traced()\n\nFrom now on all loads are recorded: a debugger's user may bind local names.");

static PyObject *traced(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored)) {
    distrust();
    Py_RETURN_NONE;
}

PyDoc_STRVAR(forks_doc,
             "forks()\n\nTo be called before a fork: what is told before it is not told again in the child.");

static PyObject *forks(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored)) {
    if (R.active) tell_everything();
    Py_RETURN_NONE;
}

/* Whether multiprocessing has just forked: by the module of the frame that asked for it. */
static int forked_apart(void) {
    static const char *const modules[] = {"multiprocessing.popen_fork", "multiprocess.popen_fork",
                                          "billiard.popen_fork"};
    PyFrameObject *frame = PyEval_GetFrame();
    PyObject *globals = frame ? PyFrame_GetGlobals(frame) : NULL;
    PyObject *name = globals && PyDict_CheckExact(globals) ? PyDict_GetItemString(globals, "__name__") : NULL;
    int apart = 0;
    for (size_t i = 0; name && PyUnicode_CheckExact(name) && i < sizeof modules / sizeof *modules; i++) {
        apart |= PyUnicode_CompareWithASCIIString(name, modules[i]) == 0;
    }
    Py_XDECREF(globals);
    return apart;
}

/* What the parent did is nothing that this process goes on with: its stream begins with nothing on the stack, and what
 * was suspended goes on as in another thread. */
static void begin_apart(void) {
    for (size_t i = 0; i < R.table_size; i++) {
        if (R.table[i].frame && !R.table[i].token) R.table[i].stream = NULL;
    }
    if (!mine) return;
    mine->depth = 0;
    mine->top = mine->stack;
    mine->pending = mine->activations = 0;
    mine->owed = 0;
}

PyDoc_STRVAR(forked_doc, "forked()\n\nTo be called in a forked child: it must never write into its parent's segments.");

static PyObject *forked(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored)) {
    if (!R.active) Py_RETURN_NONE;
    PyObject *dict = PyThreadState_GetDict();
    PyObject *capsule = dict ? PyDict_GetItemWithError(dict, R.key) : NULL;
    mine = capsule ? PyCapsule_GetPointer(capsule, "flor.stream") : NULL;
    free(R.directory);
    R.directory = NULL;
    R.fork_stream = mine ? (int64_t)mine->number : -1;
    R.fork_record = mine ? records(mine) : 0;
    R.fork_apart = forked_apart();
    if (R.control) munmap((void *)R.control, CONTROL_WORDS * 8); /* the parent's */
    R.control = NULL;
    first_look();
    R.epoch++;
    R.free = NULL;
    R.streams = mine;
    if (mine) {
        mine->next_stream = NULL;
        memset(mine->gaps, 0, sizeof mine->gaps);
        mine->sealed = R.fork_record;
        drop_file(&mine->events);
        drop_file(&mine->heap);
        mine->heap_segment = 0;
    }
    if (R.fork_apart) begin_apart();
    R.lost = R.unplaced = 0;
    if (!mine || !mine->dead) R.error = 0;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(amend_doc, "amend(place, kind, number)\n\nPut a number into the place of a gap: stream, segment, offset.");

static PyObject *amend(PyObject *Py_UNUSED(self), PyObject *args) {
    unsigned int number, segment, kind;
    unsigned long long offset;
    PyObject *value;
    if (!PyArg_ParseTuple(args, "(IIK)IO", &number, &segment, &offset, &kind, &value)) return NULL;
    uint64_t payload = 0;
    if (PyFloat_CheckExact(value)) {
        memcpy(&payload, &((PyFloatObject *)value)->ob_fval, 8);
    } else {
        payload = (uint64_t)PyLong_AsLongLong(value);
        if (PyErr_Occurred()) return NULL;
    }
    for (const Stream *s = R.streams; s && R.directory; s = s->next_stream) {
        if (s->number == number) amend_record(s, segment, offset, kind, payload);
    }
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
    uint64_t count = 0;
    tell_everything();
    R.active = 0;
    for (Stream *s = R.streams; s; s = s->next_stream) {
        count += records(s);
        if (R.directory) {
            end_file(s, &s->events);
            end_file(s, &s->heap);
        }
        s->busy = s->dead = 1;
    }
    return Py_BuildValue("{sKsKsKsi}", "records", (unsigned long long)count, "unplaced", (unsigned long long)R.unplaced,
                         "lost", (unsigned long long)R.lost, "error", R.error);
}

static PyObject *followed(PyObject *self, PyObject *args) {
    PyObject *result = PyObject_Call(PyTuple_GET_ITEM(self, 0), args, NULL);
    if (!result || PyTuple_GET_SIZE(args) != 2) return result;
    PyObject *final =
        CALL_QUIETLY(PyTuple_GET_ITEM(self, 1), PyTuple_GET_ITEM(args, 0), PyTuple_GET_ITEM(args, 1), result);
    Py_DECREF(result);
    return final;
}

static PyMethodDef followed_def = {"get_code", followed, METH_VARARGS, NULL};

PyDoc_STRVAR(follow_doc, "follow(method, then)\n\nA method of one argument that calls `method`, then `then` with its "
                         "result added, out of a tracer's sight, and\nreturns what that returns.");

static PyObject *follow(PyObject *Py_UNUSED(self), PyObject *args) {
    PyObject *method, *then;
    if (!PyArg_ParseTuple(args, "OO", &method, &then)) return NULL;
    PyObject *function = PyCFunction_New(&followed_def, args);
    PyObject *made = function ? PyInstanceMethod_New(function) : NULL;
    Py_XDECREF(function);
    return made;
}

static PyMethodDef methods[] = {
    {"start", start, METH_VARARGS, start_doc},
    {"probes", probes, METH_VARARGS, probes_doc},
    {"traced", traced, METH_NOARGS, traced_doc},
    {"forks", forks, METH_NOARGS, forks_doc},
    {"forked", forked, METH_NOARGS, forked_doc},
    {"amend", amend, METH_VARARGS, amend_doc},
    {"directory", directory, METH_NOARGS, directory_doc},
    {"stop", stop, METH_NOARGS, stop_doc},
    {"follow", follow, METH_VARARGS, follow_doc},
    {NULL, NULL, 0, NULL},
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
    if (ready()) return NULL;
    return PyModule_Create(&module);
}
