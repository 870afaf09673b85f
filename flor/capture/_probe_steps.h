/* What a comprehension iterates over: before each step the position is the block around it.
 * Part of the recorder, which _probe.c is made of. */
#ifndef FLOR_PROBE_STEPS_H
#define FLOR_PROBE_STEPS_H
#include "_probe_stack.h"

/* An iterator of something whose steps may run code of the program's. */
typedef struct {
    PyObject_HEAD PyObject *iterator;
    PyObject *probe;
} Steps;

static PyObject *steps_next(PyObject *self) {
    Steps *steps = (Steps *)self;
    move_to_block((Probe *)steps->probe);
    return Py_TYPE(steps->iterator)->tp_iternext(steps->iterator);
}

/* The same for `async for`: the awaitable of the next step. */
static PyObject *steps_anext(PyObject *self) {
    Steps *steps = (Steps *)self;
    move_to_block((Probe *)steps->probe);
    return Py_TYPE(steps->iterator)->tp_as_async->am_anext(steps->iterator);
}

static PyAsyncMethods ASYNC_STEPS = {.am_aiter = PyObject_SelfIter, .am_anext = steps_anext};

static int steps_traverse(PyObject *self, visitproc visit, void *arg) {
    Py_VISIT(((Steps *)self)->iterator);
    return 0;
}

static void steps_dealloc(PyObject *self) {
    PyObject_GC_UnTrack(self);
    Py_DECREF(((Steps *)self)->iterator);
    Py_DECREF(((Steps *)self)->probe);
    PyObject_GC_Del(self);
}

static PyTypeObject StepsType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "flor.capture._probe.Steps",
    .tp_basicsize = sizeof(Steps),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_dealloc = steps_dealloc,
    .tp_traverse = steps_traverse,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = steps_next,
    .tp_as_async = &ASYNC_STEPS,
};

/* Iterating over it runs no code of the program's. */
static int is_plain(PyObject *v) {
    PyTypeObject *const plain[] = {
        &PyList_Type,    &PyTuple_Type, &PyRange_Type,    &PyDict_Type,       &PySet_Type,       &PyFrozenSet_Type,
        &PyUnicode_Type, &PyBytes_Type, &PyDictKeys_Type, &PyDictValues_Type, &PyDictItems_Type,
    };
    for (size_t i = 0; i < Py_ARRAY_LENGTH(plain); i++) {
        if (Py_TYPE(v) == plain[i]) return 1;
    }
    return 0;
}

/* What `async for` iterates over; NULL without an exception if it cannot. */
static PyObject *async_iterator(PyObject *v) {
    const PyAsyncMethods *methods = Py_TYPE(v)->tp_as_async;
    if (PyAsyncGen_CheckExact(v) || !methods || !methods->am_aiter) return NULL;
    PyObject *iterator = methods->am_aiter(v);
    if (!iterator) return NULL;
    methods = Py_TYPE(iterator)->tp_as_async;
    if (methods && methods->am_anext) return iterator;
    Py_DECREF(iterator);
    return NULL;
}

static PyObject *steps_of(PyObject *probe, PyObject *v) {
    int is_async = ((Probe *)probe)->flags & ASYNC;
    if (!is_async && is_plain(v)) return Py_NewRef(v);
    PyObject *iterator = is_async ? async_iterator(v) : PyObject_GetIter(v);
    if (!iterator) return PyErr_Occurred() ? NULL : Py_NewRef(v);
    Steps *steps = PyObject_GC_New(Steps, &StepsType);
    if (!steps) {
        Py_DECREF(iterator);
        return NULL;
    }
    steps->iterator = iterator;
    steps->probe = Py_NewRef(probe);
    PyObject_GC_Track(steps);
    return (PyObject *)steps;
}

#endif
