/* Promise: converts what Python says into what walk.h wants and back, and nothing else. The interpreter lock is
 * released for the whole walk; it is taken only to run signal handlers when a signal arrives.
 *
 * The arguments are checked by core.py, the only caller; the address of the meter must be that of five 64-bit
 * integers.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "walk.h"

#include <errno.h>
#include <stdlib.h>

/* Roots, usages, and the mount points of all roots in one array; their text belongs to the Python objects. */
struct request {
    struct walk_root *roots;
    struct walk_usage *usages;
    const char **paths;
    size_t count;
    PyThreadState *released;
    bool raised;
};

static bool on_signal(void *context)
{
    struct request *request = context;

    PyEval_RestoreThread(request->released);
    request->raised = request->raised || PyErr_CheckSignals() < 0;
    request->released = PyEval_SaveThread();
    return request->raised;
}

static Py_ssize_t count_paths(PyObject *roots)
{
    Py_ssize_t total = 0;

    for (Py_ssize_t i = 0; i < PyTuple_Size(roots); i++) {
        PyObject *paths;
        int descriptor;
        unsigned depth;
        if (!PyArg_ParseTuple(PyTuple_GetItem(roots, i), "iO!I", &descriptor, &PyTuple_Type, &paths, &depth))
            return -1;
        total += PyTuple_Size(paths);
    }
    return total;
}

/* Fill in roots and paths; false with an exception set. */
static bool read_roots(struct request *request, PyObject *roots)
{
    Py_ssize_t total = count_paths(roots);
    size_t next = 0;

    if (total < 0)
        return false;
    request->count = (size_t)PyTuple_Size(roots);
    request->roots = calloc(request->count + 1, sizeof *request->roots);
    request->usages = calloc(request->count + 1, sizeof *request->usages);
    request->paths = calloc((size_t)total + 1, sizeof *request->paths);
    if (request->roots == NULL || request->usages == NULL || request->paths == NULL) {
        PyErr_NoMemory();
        return false;
    }
    for (size_t i = 0; i < request->count; i++) {
        struct walk_root *root = &request->roots[i];
        PyObject *paths;
        if (!PyArg_ParseTuple(PyTuple_GetItem(roots, (Py_ssize_t)i), "iO!I", &root->descriptor, &PyTuple_Type, &paths,
                              &root->depth))
            return false;
        root->mountpoints = request->paths + next;
        root->mountpoint_count = (size_t)PyTuple_Size(paths);
        for (size_t j = 0; j < root->mountpoint_count; j++) {
            char *path;
            if (PyBytes_AsStringAndSize(PyTuple_GetItem(paths, (Py_ssize_t)j), &path, NULL) < 0)
                return false;
            request->paths[next++] = path;
        }
    }
    return true;
}

static PyObject *unreadable_counts(const struct walk_usage *usage)
{
    PyObject *counts = PyDict_New();

    for (int error = 0; counts != NULL && usage->unreadable != NULL && error < WALK_ERRNO_LIMIT; error++) {
        if (usage->unreadable[error] == 0)
            continue;
        PyObject *number = PyLong_FromLong(error);
        PyObject *count = PyLong_FromUnsignedLongLong(usage->unreadable[error]);
        int failed = number == NULL || count == NULL || PyDict_SetItem(counts, number, count) < 0;
        Py_XDECREF(number);
        Py_XDECREF(count);
        if (failed)
            Py_CLEAR(counts);
    }
    return counts;
}

/* Index of the part it is in, name and sums of each part. */
static PyObject *list_parts(const struct walk_usage *usage)
{
    PyObject *parts = PyList_New((Py_ssize_t)usage->part_count);

    for (size_t i = 0; parts != NULL && i < usage->part_count; i++) {
        const struct walk_part *part = &usage->parts[i];
        PyObject *item =
            Py_BuildValue("(nyKKK)", (Py_ssize_t)part->parent, part->name, (unsigned long long)part->allocated_bytes,
                          (unsigned long long)part->apparent_bytes, (unsigned long long)part->inodes);
        if (item == NULL)
            Py_CLEAR(parts);
        else
            PyList_SetItem(parts, (Py_ssize_t)i, item);
    }
    return parts;
}

static PyObject *answer(const struct request *request)
{
    PyObject *usages = PyList_New((Py_ssize_t)request->count);

    for (size_t i = 0; usages != NULL && i < request->count; i++) {
        const struct walk_usage *usage = &request->usages[i];
        /* NULL for an object makes the whole a failure, with the exception that is set; N gives the reference away. */
        PyObject *item = Py_BuildValue("(KKKNOKdNLK)", (unsigned long long)usage->allocated_bytes,
                                       (unsigned long long)usage->apparent_bytes, (unsigned long long)usage->inodes,
                                       unreadable_counts(usage), usage->complete ? Py_True : Py_False,
                                       (unsigned long long)usage->entries, usage->cpu_seconds, list_parts(usage),
                                       (long long)usage->changed, (unsigned long long)usage->future);
        if (item == NULL)
            Py_CLEAR(usages);
        else
            PyList_SetItem(usages, (Py_ssize_t)i, item);
    }
    return usages;
}

static PyObject *measure(PyObject *module, PyObject *arguments)
{
    struct request request = {0};
    struct walk_control control = {.interrupted = on_signal, .context = &request};
    PyObject *roots, *address, *usages = NULL;
    long long max_entries, now;
    int idle_priority;

    (void)module;
    if (!PyArg_ParseTuple(arguments, "O!OddLIpL", &PyTuple_Type, &roots, &address, &control.burst,
                          &control.deadline, &max_entries, &control.threads, &idle_priority, &now))
        return NULL;
    control.meter = PyLong_AsVoidPtr(address);
    control.max_entries = max_entries;
    control.idle_priority = idle_priority;
    control.now = now;
    if (!PyErr_Occurred() && read_roots(&request, roots)) {
        request.released = PyEval_SaveThread();
        int error = walk_measure(request.roots, request.count, &control, request.usages);
        PyEval_RestoreThread(request.released);
        if (error == ENOMEM && !request.raised) {
            PyErr_NoMemory();
        } else if (error != 0 && !request.raised) {
            errno = error;
            PyErr_SetFromErrno(PyExc_OSError);
        } else if (!request.raised) {
            usages = answer(&request);
        }
        walk_release(request.usages, request.count);
    }
    free(request.roots);
    free(request.usages);
    free(request.paths);
    return usages;
}

static PyMethodDef methods[] = {
    {"measure", measure, METH_VARARGS, "Measure roots; see core.py."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_walk",
    .m_doc = "The C core of the walker.",
    .m_size = 0,
    .m_methods = methods,
};

PyMODINIT_FUNC PyInit__walk(void)
{
    return PyModuleDef_Init(&definition);
}
