/* The decoder of event streams: the same results as flor/trace/stream.py, which says what each step means. Fast.
 *
 * A Decoder takes the records of one stream after the other (feed) and collects two things for the whole run: the
 * columns of its block instances, and for each site the rows of its values. finish() resolves what could not be known
 * on the way and hands everything over as bytes. Nothing in the records is trusted: each id, count and number is
 * checked against what was opened before. The tables that say which id is which block come from our own Python.
 *
 * gather() then collects the heap bytes of a site's values.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* --- flor/trace/format.py ------------------------------------------------------------------------------------- */

enum {
    RECORD = 12,
    KIND_SHIFT = 22,
    KIND_MASK = 31,
    LEAVE_SHIFT = 28,
    HEAP_SHIFT = 40
};
#define ID_MASK ((1u << 22) - 1)
#define OPEN (1u << 27)
#define OFFSET_MASK ((UINT64_C(1) << HEAP_SHIFT) - 1)
enum {
    BLOCK = 1,
    LEAVE,
    RESUME,
    TIME,
    THREAD,
    CREATE,
    PARENT,
    NONE,
    SHORT_STR = 12,
    STR,
    EXACT = 17,
    GAP = 22,
    SKIP = 25,
    TREE = 26
};
#define HEAP_KINDS UINT32_C(0x057FE000)  /* a bit for each kind from STR to DATE (24) and TREE, not REDACTED (23) */
#define VALUE_KINDS UINT32_C(0x05FFFF00) /* from NONE to DATE, and TREE */
#define IS_VALUE(kind) (VALUE_KINDS >> (kind) & 1)
#define MAX_SKIP (UINT64_C(1) << 48)
enum {
    MAX_TREE_DEPTH = 64
};

static inline uint32_t load32(const unsigned char *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t load64(const unsigned char *p) { return (uint64_t)load32(p) | (uint64_t)load32(p + 4) << 32; }

/* --- growable arrays ------------------------------------------------------------------------------------------ */

typedef struct {
    int64_t *at;
    size_t length, room;
} Words;

/* Make room for `more` further words. 0, or -1 with MemoryError set. */
static int reserve(Words *words, size_t more) {
    if (more <= words->room - words->length) return 0;
    size_t room = words->room ? words->room * 2 : 64;
    while (room - words->length < more) room *= 2;
    int64_t *at = room > SIZE_MAX / sizeof *at ? NULL : realloc(words->at, room * sizeof *at);
    if (!at) {
        PyErr_NoMemory();
        return -1;
    }
    words->at = at;
    words->room = room;
    return 0;
}

static inline int push(Words *words, int64_t word) {
    if (words->length == words->room && reserve(words, 1) < 0) return -1;
    words->at[words->length++] = word;
    return 0;
}

static void release(Words *words) {
    free(words->at);
    memset(words, 0, sizeof *words);
}

/* --- a column ------------------------------------------------------------------------------------------------- */

/* Words that Python code can read through the buffer protocol. They are not copied: columns can be most of memory. */
typedef struct {
    PyObject_HEAD Words words;
} Column;

static int column_buffer(Column *column, Py_buffer *view, int flags) {
    void *at = column->words.at ? (void *)column->words.at : (void *)"";
    return PyBuffer_FillInfo(view, (PyObject *)column, at, (Py_ssize_t)(column->words.length * sizeof(int64_t)), 1,
                             flags);
}

static void column_dealloc(Column *column) {
    PyTypeObject *type = Py_TYPE(column);
    release(&column->words);
    type->tp_free((PyObject *)column);
    Py_DECREF(type);
}

static PyType_Slot column_slots[] = {
    {Py_bf_getbuffer, column_buffer},
    {Py_tp_dealloc, column_dealloc},
    {0, NULL},
};

static PyType_Spec column_spec = {"flor.trace._decode.Column", sizeof(Column), 0,
                                  Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, column_slots};

/* --- a hash map from a pair of words to a word ---------------------------------------------------------------- */

typedef struct {
    int64_t a, b, value;
    int used;
} Entry;

typedef struct {
    Entry *at;
    size_t count, room; /* room is a power of two, or 0 */
} Map;

static inline size_t spread(int64_t a, int64_t b) {
    uint64_t x = (uint64_t)a * UINT64_C(0x9E3779B97F4A7C15) ^ ((uint64_t)b + UINT64_C(0x632BE59BD9B4E019));
    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return (size_t)(x ^ x >> 31);
}

/* The pair's entry, or the free one where it belongs. The map must have room. */
static Entry *find(const Map *map, int64_t a, int64_t b) {
    size_t i = spread(a, b) & (map->room - 1);
    while (map->at[i].used && (map->at[i].a != a || map->at[i].b != b)) i = (i + 1) & (map->room - 1);
    return &map->at[i];
}

/* The pair's entry, made (with value 0) if it is new. NULL with MemoryError set. */
static Entry *insert(Map *map, int64_t a, int64_t b) {
    if (map->count * 3 >= map->room * 2) {
        Map larger = {calloc(map->room ? map->room * 2 : 64, sizeof(Entry)), map->count,
                      map->room ? map->room * 2 : 64};
        if (!larger.at) {
            PyErr_NoMemory();
            return NULL;
        }
        for (size_t i = 0; i < map->room; i++)
            if (map->at[i].used) *find(&larger, map->at[i].a, map->at[i].b) = map->at[i];
        free(map->at);
        *map = larger;
    }
    Entry *entry = find(map, a, b);
    if (!entry->used) {
        *entry = (Entry){a, b, 0, 1};
        map->count++;
    }
    return entry;
}

/* --- the decoder ---------------------------------------------------------------------------------------------- */

/* One block of the run; stream.py, BLOCK_COLUMNS. */
typedef struct {
    int32_t function, slot, parent_slot, end_slot, slots, main;
} BlockInfo;

/* What an id of the current process means; block is -1 for an unknown id, site -1 for a block's. */
typedef struct {
    int32_t block, site, function, slot;
} Id;

typedef struct {
    Map at;
    int64_t parent; /* the process that this one was forked from, or -1 */
} Tokens;

enum {
    NO_PARENT_RECORD,
    KNOWN_PARENT,
    TOKEN_PARENT
}; /* what a PARENT record said of the next activation */

/* The state of a stream. An activation lies in `frames`: function, position, then one slot for each of the function's
 * blocks: the current instance there (or -1), and the ordinal of the next one. Slot 0 is the function's own. */
typedef struct {
    Words frames, activations, stack; /* activations and stack hold offsets into frames */
    int64_t next_kind, next_parent;
    int64_t lost;   /* what follows cannot be placed, until a THREAD record */
    int64_t broken; /* something was lost: numbers of activations mean nothing any more */
} State;

enum {
    STATE_WORDS = 4
};

/* The columns of the instances; stream.py, INSTANCE_COLUMNS. */
enum {
    I_BLOCK,
    I_PARENT,
    I_ORDINAL,
    I_STREAM,
    I_SEQ,
    I_BEGIN,
    I_COLUMNS
};

enum {
    HEAD_WORDS = 2,
    SLOT_WORDS = 2
}; /* of an activation in `frames` */

static inline int64_t *instance_at(int64_t *frame, int32_t slot) { return frame + HEAD_WORDS + SLOT_WORDS * slot; }
static inline int64_t *following_at(int64_t *frame, int32_t slot) { return instance_at(frame, slot) + 1; }

enum {
    ROW = 4
}; /* words of a value's row: instance, seq, payload, kind | stream << 32 */

typedef struct {
    PyObject_HEAD BlockInfo *blocks;
    Py_ssize_t block_count;
    Words *rows; /* one for each site */
    int64_t *counts;
    Py_ssize_t site_count, first_kept, end_kept;
    Words instances[I_COLUMNS];
    Words pending;    /* (instance, process, token) triples: the parent is not known yet */
    Words skips;      /* (number of the next instance, parent, block, count): activations that were not recorded */
    int64_t *skipped; /* for each block the number of instances that were not recorded */
    Tokens *processes;
    Py_ssize_t process_count;
    int64_t main; /* the instance of the main script's module, or -1 */
    int64_t records, limit, cut;
    long long misplaced, duplicates, unresolved;
    /* the current stream */
    Id *ids;
    Py_ssize_t id_count;
    State state;
    int64_t stream, seq, now;
    int first; /* the next activation is its process's first */
    PyObject *column_type;
} Decoder;

static int64_t instance_count(const Decoder *d) { return (int64_t)d->instances[I_BLOCK].length; }

static int64_t new_instance(Decoder *d, int64_t block, int64_t parent, int64_t ordinal) {
    int64_t row[I_COLUMNS] = {block, parent, ordinal, d->stream, d->seq, d->now};
    for (int c = 0; c < I_COLUMNS; c++)
        if (push(&d->instances[c], row[c]) < 0) return -1;
    return instance_count(d) - 1;
}

static inline int64_t *top(Decoder *d) {
    State *s = &d->state;
    return s->stack.length ? s->frames.at + s->stack.at[s->stack.length - 1] : NULL;
}

static void lose(Decoder *d) { d->state.lost = d->state.broken = 1; }

/* The parent of an activation of this block that begins here. */
static int64_t position(Decoder *d, const BlockInfo *block) {
    const int64_t *below = top(d);
    if (below) return below[1];
    return d->first && block->main ? -1 : d->main;
}

/* OPEN on a module, function, lambda or generator. 0, or -1 with an exception. */
static int open_activation(Decoder *d, int32_t number, const BlockInfo *block) {
    State *s = &d->state;
    int64_t parent, token = 0;
    if (s->next_kind == KNOWN_PARENT)
        parent = s->next_parent;
    else if (s->next_kind == TOKEN_PARENT) {
        const Map *map = &d->processes[d->process_count - 1].at;
        const Entry *entry = map->room ? find(map, s->next_parent, 0) : NULL;
        parent = entry && entry->used ? entry->value : -1;
        token = entry && entry->used ? 0 : s->next_parent;
    } else
        parent = position(d, block);
    d->first = 0;
    s->next_kind = NO_PARENT_RECORD;
    int64_t instance = new_instance(d, number, parent, 0);
    if (instance < 0) return -1;
    if (token && (push(&d->pending, instance) < 0 || push(&d->pending, d->process_count - 1) < 0 ||
                  push(&d->pending, token) < 0))
        return -1;
    if (block->main == 2 && d->main < 0 && d->process_count == 1) d->main = instance;
    size_t words = HEAD_WORDS + SLOT_WORDS * (size_t)block->slots;
    if (reserve(&s->frames, words) < 0) return -1;
    int64_t offset = (int64_t)s->frames.length, *frame = s->frames.at + offset;
    s->frames.length += words;
    frame[0] = number;
    frame[1] = instance;
    for (int32_t i = 0; i < block->slots; i++) {
        *instance_at(frame, i) = i ? -1 : instance;
        *following_at(frame, i) = 0;
    }
    return push(&s->activations, offset) < 0 || push(&s->stack, offset) < 0 ? -1 : 0;
}

/* OPEN on a loop. 1 if it was placed, 0 if it does not belong here, -1 with an exception. */
static int open_iteration(Decoder *d, int32_t number, const BlockInfo *block) {
    int64_t *frame = top(d);
    if (!frame || frame[0] != block->function || *instance_at(frame, block->parent_slot) < 0) return 0;
    int64_t *following = following_at(frame, block->slot);
    int64_t instance = new_instance(d, number, *instance_at(frame, block->parent_slot), *following);
    if (instance < 0) return -1;
    frame[1] = *instance_at(frame, block->slot) = instance;
    ++*following;
    for (int32_t i = block->slot + 1; i < block->end_slot; i++) { /* inside a new instance no loop has begun */
        *instance_at(frame, i) = -1;
        *following_at(frame, i) = 0;
    }
    return 1;
}

/* A SKIP record. 0, or -1 with an exception. */
static int skip(Decoder *d, uint32_t number, uint64_t count) {
    if (count > MAX_SKIP) {
        lose(d);
        return 0;
    }
    if ((Py_ssize_t)number >= d->id_count || d->ids[number].block < 0) return 0;
    Id id = d->ids[number];
    if (id.site >= 0) {
        lose(d);
        return 0;
    }
    const BlockInfo *block = &d->blocks[id.block];
    int64_t *frame = top(d);
    d->skipped[id.block] += (int64_t)count;
    if (!block->slot) {
        const int64_t row[] = {instance_count(d), position(d, block), id.block, (int64_t)count};
        for (int i = 0; i < 4; i++)
            if (push(&d->skips, row[i]) < 0) return -1;
    } else if (frame && frame[0] == block->function && *instance_at(frame, block->parent_slot) >= 0)
        *following_at(frame, block->slot) += (int64_t)count;
    return 0;
}

/* A control record other than BLOCK. 0, or -1 with an exception. */
static int control(Decoder *d, uint32_t head, unsigned kind, uint64_t payload) {
    State *s = &d->state;
    const int64_t *frame;
    Entry *entry;
    switch (kind) {
    case LEAVE:
        if (payload > s->stack.length)
            lose(d);
        else
            s->stack.length -= (size_t)payload;
        return 0;
    case RESUME:
        if (s->broken || payload >= s->activations.length)
            lose(d);
        else
            return push(&s->stack, s->activations.at[payload]);
        return 0;
    case TIME:
        d->now = (int64_t)payload;
        return 0;
    case THREAD:
        s->stack.length = 0;
        s->next_kind = NO_PARENT_RECORD;
        return 0;
    case CREATE:
        frame = top(d);
        entry = insert(&d->processes[d->process_count - 1].at, (int64_t)payload, 0);
        if (!entry) return -1;
        entry->value = frame ? frame[1] : d->main;
        return 0;
    case PARENT:
        s->next_kind = payload ? TOKEN_PARENT : KNOWN_PARENT;
        s->next_parent = payload ? (int64_t)payload : -1;
        return 0;
    case SKIP:
        return skip(d, head & ID_MASK, payload);
    default: /* no kind of ours */
        lose(d);
        return 0;
    }
}

PyDoc_STRVAR(feed_doc,
             "feed(records) -> int\n\nRecords taken: fewer than there are if a head of 0 ended them, the limit "
             "was reached, or the stream was lost at the last one taken.");

static PyObject *decoder_feed(Decoder *d, PyObject *arg) {
    Py_buffer view;
    if (PyObject_GetBuffer(arg, &view, PyBUF_SIMPLE) < 0) return NULL;
    const unsigned char *p = view.buf;
    Py_ssize_t n = view.len / RECORD, i = 0;
    State *s = &d->state;
    if (!d->process_count) n = 0;
    for (; i < n; i++, p += RECORD) {
        uint32_t head = load32(p);
        if (!head) break;
        if (d->records == d->limit) {
            const int64_t *frame = top(d);
            d->cut = frame ? frame[1] : -1;
            break;
        }
        uint64_t payload = load64(p + 4);
        unsigned kind = head >> KIND_SHIFT & KIND_MASK, leave = head >> LEAVE_SHIFT;
        d->records++;
        d->seq++;
        if (s->lost) {
            if (kind == THREAD) {
                s->lost = 0;
                s->stack.length = 0;
                s->next_kind = NO_PARENT_RECORD;
            } else if (IS_VALUE(kind))
                d->misplaced++;
            continue;
        }
        if (leave) {
            if (leave > s->stack.length) {
                lose(d);
                d->misplaced += IS_VALUE(kind);
                i++;
                break;
            }
            s->stack.length -= leave;
        }
        if (kind != BLOCK && !IS_VALUE(kind)) {
            if (control(d, head, kind, payload) < 0) goto failed;
            if (s->lost) {
                i++;
                break;
            }
            continue;
        }
        uint32_t number = head & ID_MASK;
        if ((Py_ssize_t)number >= d->id_count || d->ids[number].block < 0) {
            d->misplaced += kind != BLOCK;
            if (head & OPEN) {
                lose(d);
                i++;
                break;
            }
            continue;
        }
        Id id = d->ids[number];
        int64_t instance;
        if (head & OPEN) {
            const BlockInfo *block = &d->blocks[id.block];
            int placed = 1;
            if (block->slot)
                placed = open_iteration(d, id.block, block);
            else if (open_activation(d, id.block, block) < 0)
                placed = -1;
            if (placed < 0) goto failed;
            if (!placed) {
                d->misplaced += kind != BLOCK;
                continue;
            }
            instance = instance_count(d) - 1;
        } else {
            int64_t *frame = top(d);
            if (!frame || frame[0] != id.function || (instance = *instance_at(frame, id.slot)) < 0) {
                d->misplaced += kind != BLOCK;
                continue;
            }
            frame[1] = instance;
        }
        if (kind == BLOCK) continue;
        if (id.site < 0) {
            d->misplaced++;
            continue;
        }
        d->counts[id.site]++;
        if (id.site < d->first_kept || id.site >= d->end_kept) continue;
        Words *rows = &d->rows[id.site];
        if (rows->room - rows->length < ROW && reserve(rows, ROW) < 0) goto failed;
        int64_t *row = rows->at + rows->length;
        row[0] = instance;
        row[1] = d->seq;
        row[2] = (int64_t)payload;
        row[3] = (int64_t)(kind | (uint64_t)d->stream << 32);
        rows->length += ROW;
    }
    PyBuffer_Release(&view);
    return PyLong_FromSsize_t(i);
failed:
    PyBuffer_Release(&view);
    return NULL;
}

/* --- processes, streams, states ------------------------------------------------------------------------------- */

PyDoc_STRVAR(process_doc, "process(parent)\n\nThe streams that follow are of a further process, forked from the "
                          "parent-th, or from none (-1).");

static PyObject *decoder_process(Decoder *d, PyObject *arg) {
    Py_ssize_t parent = PyLong_AsSsize_t(arg);
    if (parent == -1 && PyErr_Occurred()) return NULL;
    if (parent >= d->process_count || parent < -1) return PyErr_Format(PyExc_ValueError, "no process %zd", parent);
    Tokens *more = realloc(d->processes, ((size_t)d->process_count + 1) * sizeof *more);
    if (!more) return PyErr_NoMemory();
    d->processes = more;
    memset(&more[d->process_count], 0, sizeof *more);
    more[d->process_count++].parent = parent;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(state_doc, "state() -> bytes\n\nWhere the stream stands: what a forked child goes on from.");

static PyObject *decoder_state(Decoder *d, PyObject *Py_UNUSED(unused)) {
    const State *s = &d->state;
    const Words *parts[3] = {&s->frames, &s->activations, &s->stack};
    int64_t fixed[STATE_WORDS + 3] = {s->next_kind, s->next_parent, s->lost, s->broken};
    size_t words = STATE_WORDS + 3;
    for (int i = 0; i < 3; i++) {
        fixed[STATE_WORDS + i] = (int64_t)parts[i]->length;
        words += parts[i]->length;
    }
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(words * sizeof(int64_t)));
    if (!bytes) return NULL;
    char *to = PyBytes_AS_STRING(bytes);
    memcpy(to, fixed, sizeof fixed);
    to += sizeof fixed;
    for (int i = 0; i < 3; i++) {
        if (parts[i]->length) memcpy(to, parts[i]->at, parts[i]->length * sizeof(int64_t));
        to += parts[i]->length * sizeof(int64_t);
    }
    return bytes;
}

static int restore(State *s, PyObject *bytes) {
    int64_t fixed[STATE_WORDS + 3];
    const char *from = PyBytes_AS_STRING(bytes);
    size_t left = (size_t)PyBytes_GET_SIZE(bytes);
    Words *parts[3] = {&s->frames, &s->activations, &s->stack};
    if (left < sizeof fixed) goto foreign;
    memcpy(fixed, from, sizeof fixed);
    from += sizeof fixed;
    left -= sizeof fixed;
    s->next_kind = fixed[0];
    s->next_parent = fixed[1];
    s->lost = fixed[2];
    s->broken = fixed[3];
    for (int i = 0; i < 3; i++) {
        size_t words = (size_t)fixed[STATE_WORDS + i];
        if (words > left / sizeof(int64_t)) goto foreign;
        if (reserve(parts[i], words) < 0) return -1;
        if (words) memcpy(parts[i]->at, from, words * sizeof(int64_t));
        parts[i]->length = words;
        from += words * sizeof(int64_t);
        left -= words * sizeof(int64_t);
    }
    return 0;
foreign:
    PyErr_SetString(PyExc_ValueError, "not a state");
    return -1;
}

PyDoc_STRVAR(stream_doc,
             "stream(ids, number, now, first, state)\n\nThe records that follow are of a further stream. ids: "
             "int32 rows (block, site, function, slot); state: bytes of state(), or None.");

static PyObject *decoder_stream(Decoder *d, PyObject *args) {
    Py_buffer ids;
    int number, first;
    long long now;
    PyObject *state;
    if (!PyArg_ParseTuple(args, "y*iLpO:stream", &ids, &number, &now, &first, &state)) return NULL;
    Id *copy = malloc(ids.len ? (size_t)ids.len : 1);
    if (!copy) {
        PyBuffer_Release(&ids);
        return PyErr_NoMemory();
    }
    memcpy(copy, ids.buf, (size_t)ids.len);
    free(d->ids);
    d->ids = copy;
    d->id_count = ids.len / (Py_ssize_t)sizeof(Id);
    PyBuffer_Release(&ids);
    for (Py_ssize_t i = 0; i < d->id_count; i++)
        if (copy[i].block >= d->block_count || copy[i].site >= d->site_count ||
            (copy[i].block >= 0 && (copy[i].function != d->blocks[copy[i].block].function ||
                                    copy[i].slot != d->blocks[copy[i].block].slot))) {
            d->id_count = 0;
            return PyErr_Format(PyExc_ValueError, "id %zd does not fit the blocks", i);
        }
    State *s = &d->state;
    s->frames.length = s->activations.length = s->stack.length = 0;
    s->next_kind = NO_PARENT_RECORD;
    s->next_parent = s->lost = s->broken = 0;
    d->stream = number;
    d->seq = -1;
    d->now = now;
    d->first = first;
    if (state != Py_None) {
        if (!PyBytes_Check(state)) return PyErr_Format(PyExc_TypeError, "state: bytes expected");
        if (restore(s, state) < 0) return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *decoder_lose(Decoder *d, PyObject *Py_UNUSED(unused)) {
    lose(d);
    Py_RETURN_NONE;
}

/* --- the end -------------------------------------------------------------------------------------------------- */

/* Give the instances whose parent was named by a token their parent. */
static void resolve(Decoder *d) {
    for (size_t i = 0; i + 2 < d->pending.length; i += 3) {
        const int64_t *triple = d->pending.at + i;
        const Entry *entry = NULL;
        for (int64_t p = triple[1]; p >= 0 && !(entry && entry->used); p = d->processes[p].parent)
            entry = d->processes[p].at.room ? find(&d->processes[p].at, triple[2], 0) : NULL;
        if (entry && entry->used)
            d->instances[I_PARENT].at[triple[0]] = entry->value;
        else
            d->unresolved++;
    }
}

/* Number the instances so that parents come before their children: each right behind its ancestors, else as decoded.
 * A circle of parents (in foreign data only) is cut. *order is NULL if everything is in order already. */
static int plan_order(Decoder *d, int64_t **order) {
    int64_t n = instance_count(d), *parent = d->instances[I_PARENT].at, i;
    *order = NULL;
    for (i = 0; i < n && parent[i] < i; i++);
    if (i == n) return 0;
    int64_t *number = malloc((size_t)n * sizeof *number);
    Words chain = {0};
    if (!number) {
        PyErr_NoMemory();
        return -1;
    }
    for (i = 0; i < n; i++) number[i] = -1;
    int64_t next = 0;
    for (i = 0; i < n; i++) {
        int64_t at = i, child = -1;
        while (at >= 0 && number[at] == -1) {
            number[at] = -2;
            if (push(&chain, at) < 0) {
                free(number);
                release(&chain);
                return -1;
            }
            child = at;
            at = parent[at];
        }
        if (at >= 0 && number[at] == -2) {
            parent[child] = -1;
            d->unresolved++;
        }
        while (chain.length) number[chain.at[--chain.length]] = next++;
    }
    release(&chain);
    *order = number;
    return 0;
}

/* Count the activations of each block under each parent, in the order in which they were decoded. */
static int count_activations(Decoder *d) {
    Map seen = {0};
    Entry *entry;
    const int64_t *block = d->instances[I_BLOCK].at, *parent = d->instances[I_PARENT].at;
    const int64_t *next = d->skips.at, *last = next + d->skips.length;
    int result = -1;
    for (int64_t i = 0, n = instance_count(d); i < n; i++) {
        for (; next < last && next[0] <= i; next += 4) {
            if (!(entry = insert(&seen, next[1], next[2]))) goto done;
            entry->value += next[3];
        }
        if (d->blocks[block[i]].slot) continue;
        if (!(entry = insert(&seen, parent[i], block[i]))) goto done;
        d->instances[I_ORDINAL].at[i] = entry->value++;
    }
    result = 0;
done:
    free(seen.at);
    return result;
}

static int apply_order(Decoder *d, const int64_t *number) {
    size_t n = (size_t)instance_count(d);
    for (size_t i = 0; i < n; i++)
        if (d->instances[I_PARENT].at[i] >= 0) d->instances[I_PARENT].at[i] = number[d->instances[I_PARENT].at[i]];
    int64_t *moved = malloc(n * sizeof *moved);
    if (!moved) {
        PyErr_NoMemory();
        return -1;
    }
    for (int c = 0; c < I_COLUMNS; c++) {
        for (size_t i = 0; i < n; i++) moved[number[i]] = d->instances[c].at[i];
        memcpy(d->instances[c].at, moved, n * sizeof *moved);
    }
    free(moved);
    for (Py_ssize_t site = 0; site < d->site_count; site++)
        for (size_t i = 0; i < d->rows[site].length; i += ROW) d->rows[site].at[i] = number[d->rows[site].at[i]];
    if (d->cut >= 0) d->cut = number[d->cut];
    if (d->main >= 0) d->main = number[d->main];
    return 0;
}

/* Leave one value of each site in each instance: of a stream's the last, of several streams' the first stream's.
 * `place` has a word for each instance, each less than `from` on entry; from and the returned value count rows over all
 * sites. */
static int64_t drop_duplicates(Decoder *d, Words *rows, int64_t *place, int64_t from) {
    int64_t count = (int64_t)(rows->length / ROW), last = -1, i;
    for (i = 0; i < count && rows->at[i * ROW] > last; i++) last = rows->at[i * ROW];
    if (i == count) return from;
    int64_t dropped = 0;
    for (i = 0; i < count; i++) {
        int64_t *row = rows->at + i * ROW, *seen = place + row[0];
        if (*seen >= from) {
            int64_t *before = rows->at + (*seen - from) * ROW;
            dropped++;
            if (before[3] >> 32 != row[3] >> 32) {
                row[0] = -1;
                continue;
            }
            before[0] = -1;
        }
        *seen = from + i;
    }
    if (dropped) {
        size_t to = 0;
        for (i = 0; i < count; i++)
            if (rows->at[i * ROW] >= 0) {
                memmove(rows->at + to, rows->at + i * ROW, ROW * sizeof(int64_t));
                to += ROW;
            }
        rows->length = to;
    }
    d->duplicates += dropped;
    return from + count;
}

/* The words as an object with the buffer protocol, which owns them from now on. */
static PyObject *hand_over(PyTypeObject *type, Words *words) {
    Column *column = (Column *)type->tp_alloc(type, 0);
    if (column) {
        column->words = *words;
        memset(words, 0, sizeof *words);
    }
    return (PyObject *)column;
}

PyDoc_STRVAR(finish_doc,
             "finish() -> (columns, rows, counts, skipped)\n\nThe columns of the instances (int64), each site's rows "
             "(or None), each site's number of values and each block's number of skipped instances. The decoder is "
             "empty afterwards.");

static PyObject *decoder_finish(Decoder *d, PyObject *Py_UNUSED(unused)) {
    int64_t *order = NULL, *place = NULL, from = 0;
    PyObject *columns = NULL, *rows = NULL, *counts = NULL, *skipped = NULL;
    PyTypeObject *type = (PyTypeObject *)d->column_type;
    resolve(d);
    release(&d->pending);
    if (plan_order(d, &order) < 0 || count_activations(d) < 0 || (order && apply_order(d, order) < 0)) goto done;
    size_t n = (size_t)instance_count(d);
    place = malloc((n ? n : 1) * sizeof *place);
    if (!place) {
        PyErr_NoMemory();
        goto done;
    }
    for (size_t i = 0; i < n; i++) place[i] = -1;
    columns = PyTuple_New(I_COLUMNS);
    rows = PyList_New(d->site_count);
    if (!columns || !rows) goto done;
    for (Py_ssize_t site = 0; site < d->site_count; site++) {
        PyObject *bytes = Py_NewRef(Py_None);
        if (d->rows[site].length) {
            Py_DECREF(bytes);
            from = drop_duplicates(d, &d->rows[site], place, from);
            bytes = hand_over(type, &d->rows[site]);
            if (!bytes) goto done;
        }
        PyList_SET_ITEM(rows, site, bytes);
    }
    for (int c = 0; c < I_COLUMNS; c++) {
        PyObject *bytes = hand_over(type, &d->instances[c]);
        if (!bytes) goto done;
        PyTuple_SET_ITEM(columns, c, bytes);
    }
    counts = PyBytes_FromStringAndSize((const char *)d->counts, d->site_count * (Py_ssize_t)sizeof(int64_t));
    skipped = PyBytes_FromStringAndSize((const char *)d->skipped, d->block_count * (Py_ssize_t)sizeof(int64_t));
done:
    free(order);
    free(place);
    if (!counts || !skipped) {
        Py_XDECREF(columns);
        Py_XDECREF(rows);
        Py_XDECREF(counts);
        Py_XDECREF(skipped);
        return NULL;
    }
    return Py_BuildValue("(NNNN)", columns, rows, counts, skipped);
}

/* --- the type ------------------------------------------------------------------------------------------------- */

static int decoder_init(Decoder *d, PyObject *args, PyObject *kwargs) {
    Py_buffer blocks;
    Py_ssize_t sites, first, end;
    long long limit;
    if (kwargs && PyDict_GET_SIZE(kwargs)) {
        PyErr_SetString(PyExc_TypeError, "Decoder takes no keywords");
        return -1;
    }
    if (!PyArg_ParseTuple(args, "y*nLnn:Decoder", &blocks, &sites, &limit, &first, &end)) return -1;
    if (d->blocks || sites < 0) {
        PyBuffer_Release(&blocks);
        PyErr_SetString(PyExc_ValueError, "Decoder: made already, or a negative number of sites");
        return -1;
    }
    d->block_count = blocks.len / (Py_ssize_t)sizeof(BlockInfo);
    d->blocks = malloc(blocks.len ? (size_t)blocks.len : 1);
    d->rows = calloc(sites ? (size_t)sites : 1, sizeof *d->rows);
    d->counts = calloc(sites ? (size_t)sites : 1, sizeof *d->counts);
    d->skipped = calloc(d->block_count ? (size_t)d->block_count : 1, sizeof *d->skipped);
    if (!d->blocks || !d->rows || !d->counts || !d->skipped) {
        PyBuffer_Release(&blocks);
        PyErr_NoMemory();
        return -1;
    }
    memcpy(d->blocks, blocks.buf, (size_t)blocks.len);
    PyBuffer_Release(&blocks);
    d->site_count = sites;
    d->first_kept = first;
    d->end_kept = end;
    d->limit = limit;
    d->main = d->cut = -1;
    d->column_type = PyType_FromSpec(&column_spec);
    if (!d->column_type) return -1;
    for (Py_ssize_t i = 0; i < d->block_count; i++) {
        const BlockInfo *b = &d->blocks[i], *f;
        if (b->function < 0 || b->function >= d->block_count) break;
        f = &d->blocks[b->function];
        if (f->slot != 0 || f->slots < 1 || b->slot < 0 || b->slot >= f->slots || b->end_slot > f->slots ||
            b->parent_slot >= f->slots || (b->slot ? b->parent_slot < 0 : b->function != i))
            break;
        if (i + 1 == d->block_count) return 0;
    }
    if (!d->block_count) return 0;
    d->block_count = 0;
    PyErr_SetString(PyExc_ValueError, "Decoder: inconsistent blocks");
    return -1;
}

static void decoder_dealloc(Decoder *d) {
    PyTypeObject *type = Py_TYPE(d);
    Py_XDECREF(d->column_type);
    free(d->blocks);
    free(d->ids);
    free(d->counts);
    free(d->skipped);
    release(&d->skips);
    for (Py_ssize_t i = 0; d->rows && i < d->site_count; i++) release(&d->rows[i]);
    free(d->rows);
    for (int c = 0; c < I_COLUMNS; c++) release(&d->instances[c]);
    release(&d->pending);
    for (Py_ssize_t i = 0; i < d->process_count; i++) free(d->processes[i].at.at);
    free(d->processes);
    release(&d->state.frames);
    release(&d->state.activations);
    release(&d->state.stack);
    type->tp_free((PyObject *)d);
    Py_DECREF(type);
}

static PyObject *get_lost(Decoder *d, void *Py_UNUSED(unused)) { return PyBool_FromLong(d->state.lost != 0); }
static PyObject *get_seq(Decoder *d, void *Py_UNUSED(unused)) { return PyLong_FromLongLong(d->seq); }
static PyObject *get_records(Decoder *d, void *Py_UNUSED(unused)) { return PyLong_FromLongLong(d->records); }
static PyObject *get_cut(Decoder *d, void *Py_UNUSED(unused)) { return PyLong_FromLongLong(d->cut); }
static PyObject *get_main(Decoder *d, void *Py_UNUSED(unused)) { return PyLong_FromLongLong(d->main); }
static PyObject *get_misplaced(Decoder *d, void *Py_UNUSED(unused)) { return PyLong_FromLongLong(d->misplaced); }
static PyObject *get_duplicates(Decoder *d, void *Py_UNUSED(unused)) { return PyLong_FromLongLong(d->duplicates); }
static PyObject *get_unresolved(Decoder *d, void *Py_UNUSED(unused)) { return PyLong_FromLongLong(d->unresolved); }

static PyGetSetDef decoder_getset[] = {
    {"lost", (getter)get_lost, NULL, "whether what follows in the stream can be placed", NULL},
    {"seq", (getter)get_seq, NULL, "number of the stream's last record, or -1", NULL},
    {"records", (getter)get_records, NULL, "records of all streams so far", NULL},
    {"cut", (getter)get_cut, NULL, "instance that was the position where the limit was reached, or -1", NULL},
    {"main", (getter)get_main, NULL, "instance of the main script's module, or -1", NULL},
    {"misplaced", (getter)get_misplaced, NULL, "values that could not be placed", NULL},
    {"duplicates", (getter)get_duplicates, NULL, "values dropped because their instance has another of that site",
     NULL},
    {"unresolved", (getter)get_unresolved, NULL, "instances whose parent is not known", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef decoder_methods[] = {
    {"process", (PyCFunction)decoder_process, METH_O, process_doc},
    {"stream", (PyCFunction)decoder_stream, METH_VARARGS, stream_doc},
    {"feed", (PyCFunction)decoder_feed, METH_O, feed_doc},
    {"lose", (PyCFunction)decoder_lose, METH_NOARGS, "lose()\n\nRecords are missing here."},
    {"state", (PyCFunction)decoder_state, METH_NOARGS, state_doc},
    {"finish", (PyCFunction)decoder_finish, METH_NOARGS, finish_doc},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot decoder_slots[] = {
    {Py_tp_init, decoder_init},
    {Py_tp_dealloc, decoder_dealloc},
    {Py_tp_methods, decoder_methods},
    {Py_tp_getset, decoder_getset},
    {Py_tp_new, PyType_GenericNew},
    {Py_tp_doc, "Decoder(blocks, sites, limit, first_kept, end_kept): see flor.trace.stream.Decoder"},
    {0, NULL},
};

static PyType_Spec decoder_spec = {"flor.trace._decode.Decoder", sizeof(Decoder), 0, Py_TPFLAGS_DEFAULT, decoder_slots};

/* --- a TREE as text --------------------------------------------------------------------------------------------- */

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

/* --- gather --------------------------------------------------------------------------------------------------- */

PyDoc_STRVAR(gather_doc, "gather(rows, heap, missing) -> (kinds, offsets, data)\n\nSee flor.trace.stream.gather.");

/* Hold heap(stream, segment)'s buffer in *view; *view->obj is NULL if there is none. */
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
                length = load32((const unsigned char *)view.buf + at);
                from = (uint64_t)length <= size - 4 - at ? (const unsigned char *)view.buf + at + 4 : NULL;
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

/* --- the module ----------------------------------------------------------------------------------------------- */

static PyMethodDef module_methods[] = {{"gather", gather, METH_VARARGS, gather_doc}, {NULL, NULL, 0, NULL}};

static int module_exec(PyObject *module) {
    PyObject *type = PyType_FromModuleAndSpec(module, &decoder_spec, NULL);
    if (!type) return -1;
    int result = PyModule_AddObjectRef(module, "Decoder", type);
    Py_DECREF(type);
    return result;
}

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, module_exec}, {0, NULL}};

static struct PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT,
    "_decode",
    "Event streams to columns, in C.",
    0,
    module_methods,
    module_slots,
    NULL,
    NULL,
    NULL,
};

PyMODINIT_FUNC PyInit__decode(void) { return PyModuleDef_Init(&module_def); }
