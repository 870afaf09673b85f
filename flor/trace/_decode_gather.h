/* The heap bytes of a site's values.
 * Part of the decoder, which _decode.c is made of. */
#ifndef FLOR_DECODE_GATHER_H
#define FLOR_DECODE_GATHER_H
#include "_decode_words.h"

/* --- a TREE as text
 * ---------------------------------------------------------------------------------------------
 */

typedef struct {
    const unsigned char *at, *end; /* what is left of the bytes */
    char *text;
    Py_ssize_t used, room;
} Tree;

enum {
    TREE_OK,
    TREE_FOREIGN,
    TREE_NO_MEMORY
};

static int tree_write(Tree *t, const char *text, Py_ssize_t length) {
    if (length > t->room - t->used) {
        Py_ssize_t room = 2 * (t->used + length) + 64;
        char *larger = realloc(t->text, (size_t)room);
        if (!larger) return TREE_NO_MEMORY;
        t->text = larger;
        t->room = room;
    }
    memcpy(t->text + t->used, text, (size_t)length);
    t->used += length;
    return TREE_OK;
}

static int tree_number(Tree *t, int is_double) {
    char text[32];
    if (t->end - t->at < 8) return TREE_FOREIGN;
    uint64_t bits = load64(t->at);
    t->at += 8;
    if (!is_double) return tree_write(t, text, PyOS_snprintf(text, sizeof text, "%lld", (long long)(int64_t)bits));
    double number;
    memcpy(&number, &bits, sizeof number);
    char *shortest = PyOS_double_to_string(number, 'r', 0, Py_DTSF_ADD_DOT_0, NULL);
    if (!shortest) return TREE_NO_MEMORY;
    int result = tree_write(t, shortest, (Py_ssize_t)strlen(shortest));
    PyMem_Free(shortest);
    return result;
}

/* Write the value that begins at t->at, as repr() does. */
static int tree(Tree *t, int depth) {
    if (t->at == t->end) return TREE_FOREIGN;
    unsigned char tag = *t->at++;
    switch (tag) {
    case 'N':
        return tree_write(t, "None", 4);
    case 'T':
        return tree_write(t, "True", 4);
    case 'F':
        return tree_write(t, "False", 5);
    case 'i':
    case 'd':
        return tree_number(t, tag == 'd');
    }
    if ((tag != '[' && tag != '(') || !depth || t->end - t->at < 2) return TREE_FOREIGN;
    unsigned count = t->at[0] | (unsigned)t->at[1] << 8;
    t->at += 2;
    int result = tree_write(t, tag == '[' ? "[" : "(", 1);
    for (unsigned i = 0; i < count && result == TREE_OK; i++) {
        if (i) result = tree_write(t, ", ", 2);
        if (result == TREE_OK) result = tree(t, depth - 1);
    }
    if (result != TREE_OK) return result;
    return tag == '[' ? tree_write(t, "]", 1) : count == 1 ? tree_write(t, ",)", 2) : tree_write(t, ")", 1);
}

/* --- gather
 * ---------------------------------------------------------------------------------------------------
 */

PyDoc_STRVAR(gather_doc, "gather(rows, heap, missing) -> (kinds, offsets, "
                         "data)\n\nSee flor.trace.stream.gather.");

/* Hold heap(stream, segment)'s buffer in *view; *view->obj is NULL if there is
 * none. */
static int turn_to(PyObject *heap, int64_t stream, int64_t segment, Py_buffer *view) {
    PyBuffer_Release(view);
    PyObject *found = PyObject_CallFunction(heap, "LL", (long long)stream, (long long)segment);
    if (!found) return -1;
    int result = found == Py_None ? 0 : PyObject_GetBuffer(found, view, PyBUF_SIMPLE);
    Py_DECREF(found);
    return result;
}

static PyObject *gather(PyObject *Py_UNUSED(module), PyObject *args) {
    Py_buffer rows, missing, view = {0};
    PyObject *heap, *kinds = NULL, *offsets = NULL, *data = NULL;
    Tree text = {0};
    int64_t stream = -1, segment = -1;
    Py_ssize_t room = 0, used = 0;
    if (!PyArg_ParseTuple(args, "y*Oy*:gather", &rows, &heap, &missing)) return NULL;
    Py_ssize_t n = rows.len / (ROW * (Py_ssize_t)sizeof(int64_t));
    kinds = PyBytes_FromStringAndSize(NULL, n);
    offsets = PyBytes_FromStringAndSize(NULL, (n + 1) * (Py_ssize_t)sizeof(int64_t));
    char *bytes = NULL;
    if (!kinds || !offsets) goto done;
    unsigned char *kind_at = (unsigned char *)PyBytes_AS_STRING(kinds);
    char *offset_at = PyBytes_AS_STRING(offsets);
    for (Py_ssize_t i = 0; i <= n; i++) {
        int64_t offset = used;
        memcpy(offset_at + i * (Py_ssize_t)sizeof offset, &offset, sizeof offset);
        if (i == n) break;
        const unsigned char *row = (const unsigned char *)rows.buf + i * ROW * (Py_ssize_t)sizeof(int64_t);
        uint64_t payload = load64(row + 16), word = load64(row + 24);
        unsigned kind = word & 0xFF;
        unsigned char inline_bytes[8];
        const unsigned char *from = NULL; /* NULL: the bytes are not there */
        Py_ssize_t length = 0;
        if (kind == SHORT_STR) {
            memcpy(inline_bytes, row + 16, 8);
            length = inline_bytes[0];
            from = length <= 7 ? inline_bytes + 1 : NULL;
            kind = STR;
        } else if (kind <= TREE && HEAP_KINDS >> kind & 1) {
            if ((int64_t)(word >> 32) != stream || (int64_t)(payload >> HEAP_SHIFT) != segment) {
                stream = (int64_t)(word >> 32);
                segment = (int64_t)(payload >> HEAP_SHIFT);
                if (turn_to(heap, stream, segment, &view) < 0) goto done;
            }
            uint64_t at = payload & OFFSET_MASK, size = view.obj ? (uint64_t)view.len : 0;
            if (size >= 4 && at <= size - 4) {
                length = (Py_ssize_t)load32((const unsigned char *)view.buf + at) - 1;
                int there = length >= 0 && (uint64_t)length <= size - 4 - at;
                from = there ? (const unsigned char *)view.buf + at + 4 : NULL;
            }
        } else {
            kind_at[i] = (unsigned char)kind;
            continue;
        }
        if (from && kind == TREE) {
            text.at = from;
            text.end = from + length;
            text.used = 0;
            int result = tree(&text, MAX_TREE_DEPTH);
            if (result == TREE_NO_MEMORY) {
                PyErr_NoMemory();
                goto done;
            }
            from = result == TREE_OK && text.at == text.end ? (const unsigned char *)text.text : NULL;
            length = text.used;
            kind = EXACT;
        }
        if (!from) {
            kind = GAP;
            from = missing.buf;
            length = missing.len;
        }
        kind_at[i] = (unsigned char)kind;
        if (length > room - used) {
            if (length > PY_SSIZE_T_MAX / 4 - used) {
                PyErr_NoMemory();
                goto done;
            }
            room = (used + length) * 2;
            char *larger = realloc(bytes, (size_t)room);
            if (!larger) {
                PyErr_NoMemory();
                goto done;
            }
            bytes = larger;
        }
        if (length) memcpy(bytes + used, from, (size_t)length);
        used += length;
    }
    data = PyBytes_FromStringAndSize(bytes, used);
done:
    free(bytes);
    free(text.text);
    PyBuffer_Release(&view);
    PyBuffer_Release(&rows);
    PyBuffer_Release(&missing);
    if (!data) {
        Py_XDECREF(kinds);
        Py_XDECREF(offsets);
        return NULL;
    }
    return Py_BuildValue("(NNN)", kinds, offsets, data);
}

#endif
