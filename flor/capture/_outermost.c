/* Call a function as if nothing had called: no frame of its callers can be seen from it.
 *
 * A program's first frame has no caller under plain Python, but `exec` gives it one. What a frame's caller is, the
 * interpreter takes from the thread's state: with no frame there, the callee is the outermost. (greenlet begins its
 * greenlets in the same way.) The callers' frames lie untouched below until the call is over. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

PyDoc_STRVAR(call_doc,
             "call(function, *args)\n\nCall a function as if nothing had called: its frame has no f_back, and "
             "the whole recursion limit before it.");

static PyObject *call(PyObject *Py_UNUSED(self), PyObject *const *args, Py_ssize_t n) {
    if (n < 1) {
        PyErr_SetString(PyExc_TypeError, "call() takes a function");
        return NULL;
    }
    PyThreadState *thread = PyThreadState_Get();
#if PY_VERSION_HEX >= 0x030D0000
    struct _PyInterpreterFrame **current = &thread->current_frame;
#else
    struct _PyInterpreterFrame **current = &thread->cframe->current_frame;
#endif
#if PY_VERSION_HEX >= 0x030C0000
    int *limit = &thread->py_recursion_limit, *remaining = &thread->py_recursion_remaining;
#else
    int *limit = &thread->recursion_limit, *remaining = &thread->recursion_remaining;
#endif
    struct _PyInterpreterFrame *frame = *current;
    int depth = *limit - *remaining;
    *current = NULL;
    *remaining = *limit;
#if PY_VERSION_HEX < 0x030C0000
    *remaining += PyCFunction_Check(args[0]); /* there `exec` counts, which plain Python does without */
#endif
    PyObject *result = PyObject_Vectorcall(args[0], args + 1, (size_t)(n - 1), NULL);
    *current = frame;
    *remaining = *limit - depth;
    return result;
}

static PyMethodDef methods[] = {
    {"call", (PyCFunction)(void (*)(void))call, METH_FASTCALL, call_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "flor.capture._outermost", "Calls without callers.", 0, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__outermost(void) { return PyModuleDef_Init(&module); }
