/* Starts a process beside the program that the program does not notice. Linux only; beside.py does without elsewhere.
 *
 * Between the program and that process stands a third one, for a moment: it shares the program's memory, as a child of
 * vfork() does, starts the process and is gone. Its exit signal is 0, so no SIGCHLD is sent, and a wait for any child
 * does not find it. What it has started is the system's child from then on. All of this happens under the GIL: no
 * other thread of Python runs, or forks, meanwhile.
 */
#define _GNU_SOURCE
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    LOCK = 3, /* the descriptor of the locked directory in the process */
    FIRST_FREE,
    STACK = 1 << 16
};

typedef struct {
    char **arguments, **environment;
    int lock; /* -1: none */
} Command;

static void close_from(unsigned first) {
#ifdef SYS_close_range
    if (!syscall(SYS_close_range, first, ~0U, 0)) return;
#endif
    struct rlimit limit = {0};
    getrlimit(RLIMIT_NOFILE, &limit);
    for (unsigned fd = first; fd < limit.rlim_cur && fd < 1 << 16; fd++) close((int)fd);
}

/* The process: nothing of the program's but its limits. It shares the program's memory until it executes, so it only
 * makes system calls. */
static void become(const Command *c) {
    setsid();
    struct sigaction by_default = {.sa_handler = SIG_DFL};
    for (int signal = 1; signal < NSIG; signal++) sigaction(signal, &by_default, NULL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    umask(077);
    int ok = chdir("/") == 0;
    /* First out of the way of the descriptors that they become. */
    int null = open("/dev/null", O_RDWR);
    int above = fcntl(null, F_DUPFD, FIRST_FREE), lock = c->lock < 0 ? 0 : fcntl(c->lock, F_DUPFD, FIRST_FREE);
    if (!ok || above < 0 || lock < 0) _exit(1);
    for (int fd = 0; fd < LOCK; fd++) dup2(above, fd);
    if (c->lock >= 0) dup2(lock, LOCK);
    close_from(c->lock < 0 ? LOCK : FIRST_FREE);
    execve(c->arguments[0], c->arguments, c->environment);
    _exit(1);
}

static int between(void *command) {
    if (vfork() == 0) become(command);
    _exit(0);
}

static void start_process(Command *command) {
    sigset_t all, before;
    char *stack = PyMem_RawMalloc(STACK);
    if (!stack) return;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* no handler of the program's runs in the third process */
    pid_t pid = clone(between, stack + STACK, CLONE_VM | CLONE_VFORK, command);
    if (pid > 0) {
        while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR) {}
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    PyMem_RawFree(stack);
}

/* The strings of a tuple of bytes, NULL behind the last. NULL with an exception. */
static char **strings(PyObject *tuple) {
    Py_ssize_t n = PyTuple_GET_SIZE(tuple);
    char **found = PyMem_RawCalloc((size_t)n + 1, sizeof *found);
    if (!found) PyErr_NoMemory();
    for (Py_ssize_t i = 0; found && i < n; i++) {
        if (PyBytes_AsStringAndSize(PyTuple_GET_ITEM(tuple, i), &found[i], NULL)) {
            PyMem_RawFree(found);
            return NULL;
        }
    }
    return found;
}

PyDoc_STRVAR(
    start_doc,
    "start(arguments, environment, directory, ends)\n\n"
    "Start a process in a session of its own, with /dev/null for its standard streams. `arguments`: a tuple\n"
    "of bytes, the first one the program's path; `environment`: a tuple of bytes; `directory`: the path of a\n"
    "directory, as bytes, that the process holds locked as descriptor 3, or None. Where that is locked already, or\n"
    "anything goes wrong, nothing is started; nor, unless this process ends, where orphans become children of it.");

/* Whether what the system would take for an orphan becomes a child of this process. */
static int gets_orphans(void) {
    int subreaper = 0;
    return getpid() == 1 || (!prctl(PR_GET_CHILD_SUBREAPER, &subreaper) && subreaper);
}

static PyObject *start(PyObject *Py_UNUSED(self), PyObject *args) {
    PyObject *arguments, *environment, *path;
    int ends;
    if (!PyArg_ParseTuple(args, "O!O!Op", &PyTuple_Type, &arguments, &PyTuple_Type, &environment, &path, &ends))
        return NULL;
    if (!ends && gets_orphans()) Py_RETURN_NONE;
    const char *directory = path == Py_None ? NULL : PyBytes_AsString(path);
    if (PyErr_Occurred()) return NULL;
    Command command = {strings(arguments), strings(environment), -1};
    if (command.arguments && command.environment && *command.arguments) {
        int error = errno;
        if (directory) command.lock = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (!directory || (command.lock >= 0 && !flock(command.lock, LOCK_EX | LOCK_NB))) start_process(&command);
        if (command.lock >= 0) close(command.lock);
        errno = error;
    }
    PyMem_RawFree(command.arguments);
    PyMem_RawFree(command.environment);
    return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
}

static PyMethodDef methods[] = {
    {"start", start, METH_VARARGS, start_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "flor.capture._beside", NULL, 0, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__beside(void) { return PyModuleDef_Init(&module); }
