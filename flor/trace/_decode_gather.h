/* A site's values as columns, and their heap bytes.
 * Part of the decoder, which _decode.c is made of. */
#ifndef FLOR_DECODE_GATHER_H
#define FLOR_DECODE_GATHER_H
#include "_decode_words.h"

/* --- split
 * ---------------------------------------------------------------------------------------------------
 */

PyDoc_STRVAR(split_doc, "split(rows) -> (instance, seq, payload, kind, stream)\n\n"
                        "See flor.trace.stream.split.");

static PyObject *split(PyObject *Py_UNUSED(module), PyObject *arg) {
    static const Py_ssize_t sizes[] = {8, 8, 8, 1, 4};
    enum {
        COLUMNS = sizeof sizes / sizeof *sizes
    };
    Py_buffer view;
    char *to[COLUMNS] = {NULL};
    if (PyObject_GetBuffer(arg, &view, PyBUF_SIMPLE) < 0) return NULL;
    Py_ssize_t n = view.len / (ROW * (Py_ssize_t)sizeof(int64_t));
    PyObject *columns = PyTuple_New(COLUMNS);
    for (int c = 0; columns && c < COLUMNS; c++) {
        PyObject *bytes = PyBytes_FromStringAndSize(NULL, n * sizes[c]);
        if (bytes) {
            PyTuple_SET_ITEM(columns, c, bytes);
            to[c] = PyBytes_AS_STRING(bytes);
        } else
            Py_CLEAR(columns);
    }
    for (Py_ssize_t i = 0; columns && i < n; i++) {
        uint64_t row[ROW];
        memcpy(row, (const char *)view.buf + i * (Py_ssize_t)sizeof row, sizeof row);
        uint32_t kind = row[3] & 0xFF, stream = (uint32_t)(row[3] >> 32);
        uint64_t payload = kind < 32 && PAYLOAD_KINDS >> kind & 1 ? row[2] : 0;
        memcpy(to[0] + 8 * i, &row[0], 8);
        memcpy(to[1] + 8 * i, &row[1], 8);
        memcpy(to[2] + 8 * i, &payload, 8);
        to[3][i] = (char)kind;
        memcpy(to[4] + 4 * i, &stream, 4);
    }
    PyBuffer_Release(&view);
    return columns;
}

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

/* --- bytes one after the other
 * ---------------------------------------------------------------------------------------------
 */

typedef struct {
    char *bytes;
    Py_ssize_t used, room;
} Bytes;

/* Returns -1 with an error set if there is no memory. */
static int bytes_write(Bytes *b, const unsigned char *from, Py_ssize_t length) {
    if (length > b->room - b->used) {
        char *larger = NULL;
        if (length <= PY_SSIZE_T_MAX / 4 - b->used) {
            b->room = (b->used + length) * 2;
            larger = realloc(b->bytes, (size_t)b->room);
        }
        if (!larger) {
            PyErr_NoMemory();
            return -1;
        }
        b->bytes = larger;
    }
    if (length) memcpy(b->bytes + b->used, from, (size_t)length);
    b->used += length;
    return 0;
}

/* What gather and texts return: kinds, offsets and bytes of n values. */
typedef struct {
    PyObject *kinds, *offsets;
    unsigned char *kind;
    char *offset;
    Bytes data;
} HeapColumn;

static int heap_column_begin(HeapColumn *c, Py_ssize_t n) {
    *c = (HeapColumn){0};
    c->kinds = PyBytes_FromStringAndSize(NULL, n);
    c->offsets = PyBytes_FromStringAndSize(NULL, (n + 1) * (Py_ssize_t)sizeof(int64_t));
    if (!c->kinds || !c->offsets) return -1;
    c->kind = (unsigned char *)PyBytes_AS_STRING(c->kinds);
    c->offset = PyBytes_AS_STRING(c->offsets);
    memset(c->offset, 0, sizeof(int64_t));
    return 0;
}

/* Value i: `from` may be NULL if it has no bytes. */
static int heap_column_write(HeapColumn *c, Py_ssize_t i, unsigned kind, const unsigned char *from, Py_ssize_t length) {
    if (bytes_write(&c->data, from, length) < 0) return -1;
    int64_t offset = c->data.used;
    c->kind[i] = (unsigned char)kind;
    memcpy(c->offset + (i + 1) * (Py_ssize_t)sizeof offset, &offset, sizeof offset);
    return 0;
}

/* The result, or NULL if it is not `whole`. */
static PyObject *heap_column_end(HeapColumn *c, int whole) {
    PyObject *data = whole ? PyBytes_FromStringAndSize(c->data.bytes, c->data.used) : NULL;
    free(c->data.bytes);
    if (data) return Py_BuildValue("(NNN)", c->kinds, c->offsets, data);
    Py_XDECREF(c->kinds);
    Py_XDECREF(c->offsets);
    return NULL;
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
    PyObject *heap;
    HeapColumn column;
    int64_t stream = -1, segment = -1;
    int whole = 0;
    if (!PyArg_ParseTuple(args, "y*Oy*:gather", &rows, &heap, &missing)) return NULL;
    Py_ssize_t n = rows.len / (ROW * (Py_ssize_t)sizeof(int64_t));
    if (heap_column_begin(&column, n) < 0) goto done;
    for (Py_ssize_t i = 0; i < n; i++) {
        const unsigned char *row = (const unsigned char *)rows.buf + i * ROW * (Py_ssize_t)sizeof(int64_t);
        uint64_t payload = load64(row + 16), word = load64(row + 24);
        unsigned kind = word & 0xFF;
        unsigned char inline_bytes[8];
        const unsigned char *from = NULL;
        Py_ssize_t length = 0;
        int lacks_bytes = 0;
        if (kind == SHORT_STR) {
            memcpy(inline_bytes, row + 16, 8);
            length = inline_bytes[0];
            from = inline_bytes + 1;
            lacks_bytes = length > 7;
            kind = STR;
        } else if (kind <= TREE && HEAP_KINDS >> kind & 1) {
            if ((int64_t)(word >> 32) != stream || (int64_t)(payload >> HEAP_SHIFT) != segment) {
                stream = (int64_t)(word >> 32);
                segment = (int64_t)(payload >> HEAP_SHIFT);
                if (turn_to(heap, stream, segment, &view) < 0) goto done;
            }
            uint64_t at = payload & OFFSET_MASK, size = view.obj ? (uint64_t)view.len : 0;
            lacks_bytes = 1;
            if (size >= 4 && at <= size - 4) {
                length = (Py_ssize_t)load32((const unsigned char *)view.buf + at) - 1;
                lacks_bytes = length < 0 || (uint64_t)length > size - 4 - at;
                from = (const unsigned char *)view.buf + at + 4;
            }
        }
        if (lacks_bytes) {
            kind = GAP;
            from = missing.buf;
            length = missing.len;
        }
        if (heap_column_write(&column, i, kind, from, length) < 0) goto done;
    }
    whole = 1;
done:
    PyBuffer_Release(&view);
    PyBuffer_Release(&rows);
    PyBuffer_Release(&missing);
    return heap_column_end(&column, whole);
}

/* --- texts
 * ---------------------------------------------------------------------------------------------------
 */

PyDoc_STRVAR(texts_doc, "texts(kinds, offsets, data, missing) -> (kinds, offsets, "
                        "data)\n\nSee flor.trace.stream.texts.");

static PyObject *texts(PyObject *Py_UNUSED(module), PyObject *args) {
    Py_buffer kinds, offsets, data, missing;
    HeapColumn column;
    Tree text = {0};
    int whole = 0;
    if (!PyArg_ParseTuple(args, "y*y*y*y*:texts", &kinds, &offsets, &data, &missing)) return NULL;
    Py_ssize_t n = kinds.len;
    if (heap_column_begin(&column, n) < 0) goto done;
    if (offsets.len / (Py_ssize_t)sizeof(int64_t) != n + 1) {
        PyErr_SetString(PyExc_ValueError, "there must be one more offset than kinds");
        goto done;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        const unsigned char *at = (const unsigned char *)offsets.buf + i * (Py_ssize_t)sizeof(int64_t);
        uint64_t begin = load64(at), end = load64(at + sizeof(int64_t));
        if (begin > end || end > (uint64_t)data.len) {
            PyErr_SetString(PyExc_ValueError, "an offset lies outside the data");
            goto done;
        }
        unsigned kind = ((const unsigned char *)kinds.buf)[i];
        const unsigned char *from = (const unsigned char *)data.buf + begin;
        Py_ssize_t length = (Py_ssize_t)(end - begin);
        if (kind == TREE) {
            text.at = from;
            text.end = from + length;
            text.used = 0;
            int result = tree(&text, MAX_TREE_DEPTH);
            if (result == TREE_NO_MEMORY) {
                PyErr_NoMemory();
                goto done;
            }
            int makes_sense = result == TREE_OK && text.at == text.end;
            kind = makes_sense ? EXACT : GAP;
            from = makes_sense ? (const unsigned char *)text.text : missing.buf;
            length = makes_sense ? text.used : missing.len;
        }
        if (heap_column_write(&column, i, kind, from, length) < 0) goto done;
    }
    whole = 1;
done:
    free(text.text);
    PyBuffer_Release(&kinds);
    PyBuffer_Release(&offsets);
    PyBuffer_Release(&data);
    PyBuffer_Release(&missing);
    return heap_column_end(&column, whole);
}

#endif
