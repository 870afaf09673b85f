/* The decoder of event streams: the same results as flor/trace/stream.py, which
 * says what each step means. Fast.
 *
 * A Decoder takes the records of one stream after the other (feed) and collects
 * two things for a part of the run: the columns of its block instances, and for
 * each site the rows of its values. finish() resolves what could not be known
 * on the way and hands everything over as buffers. Nothing in the records is
 * trusted: each id, count and number is checked against what was opened before.
 * The tables that say which id is which block come from our own Python.
 */
#include "_decode_gather.h"
#include "_decode_state.h"

/* --- a column
 * -------------------------------------------------------------------------------------------------
 */

/* Words that Python code can read through the buffer protocol. They are not
 * copied: columns can be most of memory. */
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

/* --- one record
 * ------------------------------------------------------------------------------------------------
 */

/* The top activation; NULL if there is none, or it was forgotten. */
static inline int64_t *top(Decoder *d) {
    const State *s = &d->state;
    if (!s->stack.length) return NULL;
    int64_t offset = s->stack.at[s->stack.length - 1];
    return offset < 0 ? NULL : s->frames.at + offset;
}

static void lose(Decoder *d) { d->state.lost = d->state.broken = 1; }

/* What an activation that begins here has for its parent; main: BlockInfo.main
 * of its block. */
static int64_t position(Decoder *d, int main) {
    const int64_t *below = top(d);
    if (below) return below[1];
    return d->state.stack.length || (d->first && main) ? -1 : d->main;
}

/* The stack is at least so deep. */
static inline void leave_activations(Decoder *d, size_t count) {
    State *s = &d->state;
    while (count--) {
        int64_t offset = s->stack.at[--s->stack.length];
        if (offset < 0 || d->blocks[s->frames.at[offset]].resumes) continue;
        if ((size_t)offset + frame_words(d, s->frames.at + offset) == s->frames.length)
            s->frames.length = (size_t)offset; /* it never goes on: its room is free */
    }
}

/* OPEN on a module, function, lambda or generator. 0, or -1 with an exception.
 */
static int open_activation(Decoder *d, int32_t number, const BlockInfo *block) {
    State *s = &d->state;
    int64_t parent, token = 0;
    if (s->next_kind == KNOWN_PARENT)
        parent = s->next_parent;
    else if (s->next_kind == TOKEN_PARENT) {
        const Map *map = &d->processes[d->process].at;
        Entry *entry = map->room ? find(map, s->next_parent, 0) : NULL;
        if (entry && entry->used) {
            entry->used = 2;
            parent = entry->value;
        } else {
            parent = -1;
            token = s->next_parent;
        }
    } else
        parent = position(d, block->main);
    d->first = 0;
    s->next_kind = NO_PARENT_RECORD;
    s->next_parent = 0;
    int64_t instance = new_instance(d, number, parent, 0);
    if (instance < 0) return -1;
    const int64_t row[PENDING_WORDS] = {instance, d->process, token, key_of(number, d->stream)};
    if (token && push_all(&d->pending, row, PENDING_WORDS) < 0) return -1;
    if (block->main == 2 && d->main < 0 && d->process == 0) d->main = instance;
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
    if (block->resumes && (push(&s->known, s->activations) < 0 || push(&s->known, offset) < 0)) return -1;
    s->activations++;
    return push(&s->stack, offset);
}

/* OPEN on a loop. 1 if it was placed, 0 if it does not belong here, -1 with an
 * exception. */
static int open_iteration(Decoder *d, int32_t number, const BlockInfo *block) {
    int64_t *frame = top(d);
    if (!frame || frame[0] != block->function || *instance_at(frame, block->parent_slot) < 0) return 0;
    if (own(d, frame, block->parent_slot) < 0) return -1;
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
        const int64_t row[SKIP_WORDS] = {instance_count(d), position(d, block->main), key_of(id.block, d->stream),
                                         (int64_t)count};
        return push_all(&d->skips, row, SKIP_WORDS);
    }
    if (frame && frame[0] == block->function && *instance_at(frame, block->parent_slot) >= 0)
        *following_at(frame, block->slot) += (int64_t)count;
    return 0;
}

/* A control record other than BLOCK. 0, or -1 with an exception. */
static int control(Decoder *d, uint32_t head, unsigned kind, uint64_t payload) {
    State *s = &d->state;
    Entry *entry;
    size_t at;
    int64_t offset;
    switch (kind) {
    case LEAVE:
        if (payload > s->stack.length)
            lose(d);
        else
            leave_activations(d, (size_t)payload);
        return 0;
    case RESUME:
        if (s->broken || payload >= (uint64_t)s->activations) {
            lose(d);
            return 0;
        }
        at = 2 * known_from(&s->known, 0, (int64_t)payload);
        offset = at < s->known.length && s->known.at[at] == (int64_t)payload ? s->known.at[at + 1] : -1;
        return make_own(d, offset) < 0 ? -1 : push(&s->stack, offset);
    case TIME:
        d->now = (int64_t)payload;
        return 0;
    case THREAD:
        s->stack.length = 0;
        s->next_kind = NO_PARENT_RECORD;
        return 0;
    case CREATE:
        entry = insert(&d->processes[d->process].at, (int64_t)payload, 0);
        if (!entry) return -1;
        entry->used = 1;
        entry->value = position(d, 0);
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

PyDoc_STRVAR(feed_doc, "feed(records) -> int\n\nRecords taken: fewer than there are if a "
                       "head of 0 ended them, the limit "
                       "was reached, or the stream was lost at the last one taken.");

static PyObject *decoder_feed(Decoder *d, PyObject *arg) {
    Py_buffer view;
    if (PyObject_GetBuffer(arg, &view, PyBUF_SIMPLE) < 0) return NULL;
    const unsigned char *p = view.buf;
    Py_ssize_t n = view.len / RECORD, i = 0;
    State *s = &d->state;
    if (d->process < 0) n = 0;
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
            leave_activations(d, leave);
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
            if (instance < s->first_own) {
                if (own(d, frame, id.slot) < 0) goto failed;
                instance = *instance_at(frame, id.slot);
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
        __builtin_prefetch(row + 8 * ROW, 1); /* the sites take turns: no processor sees that coming */
        row[0] = instance;
        row[1] = d->seq;
        row[2] = (int64_t)payload;
        d->kinds[id.site] |= UINT32_C(1) << kind;
        row[3] = (int64_t)(kind | (uint64_t)d->stream << 32);
        rows->length += ROW;
    }
    PyBuffer_Release(&view);
    return PyLong_FromSsize_t(i);
failed:
    PyBuffer_Release(&view);
    return NULL;
}

/* --- processes and streams
 * -------------------------------------------------------------------------------------
 */

PyDoc_STRVAR(process_doc, "process(parent)\n\nThere is a further process, "
                          "forked from the parent-th, or from none "
                          "(-1).");

static PyObject *decoder_process(Decoder *d, PyObject *arg) {
    Py_ssize_t parent = PyLong_AsSsize_t(arg);
    if (parent == -1 && PyErr_Occurred()) return NULL;
    if (parent >= d->process_count || parent < -1) return PyErr_Format(PyExc_ValueError, "no process %zd", parent);
    if (d->process_count < d->restored)
        d->process_count++;
    else if (!add_process(d))
        return NULL;
    d->processes[d->process_count - 1].parent = parent;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(stream_doc, "stream(process, ids, number, seq, now, first, "
                         "state)\n\nThe records that follow are of a "
                         "further stream. ids: int32 rows (block, site, "
                         "function, slot); state: what state() gave, or "
                         "None.");

static PyObject *decoder_stream(Decoder *d, PyObject *args) {
    Py_buffer ids;
    int number, first;
    long long seq, now;
    Py_ssize_t process;
    PyObject *state;
    if (!PyArg_ParseTuple(args, "ny*iLLpO:stream", &process, &ids, &number, &seq, &now, &first, &state)) return NULL;
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
    d->process = -1;
    if (process < 0 || process >= d->process_count) return PyErr_Format(PyExc_ValueError, "no process %zd", process);
    for (Py_ssize_t i = 0; i < d->id_count; i++)
        if (copy[i].block >= d->block_count || copy[i].site >= d->site_count ||
            (copy[i].block >= 0 && (copy[i].function != d->blocks[copy[i].block].function ||
                                    copy[i].slot != d->blocks[copy[i].block].slot))) {
            d->id_count = 0;
            return PyErr_Format(PyExc_ValueError, "id %zd does not fit the blocks", i);
        }
    State *s = &d->state;
    s->frames.length = s->known.length = s->stack.length = 0;
    s->activations = s->next_kind = s->next_parent = s->lost = s->broken = s->first_own = 0;
    d->stream = number;
    d->seq = seq;
    d->now = now;
    d->first = first;
    d->process = process;
    if (state == Py_None || set_state(d, state) == 0) Py_RETURN_NONE;
    d->process = -1;
    return NULL;
}

/* The records from here on cannot be placed. */
static PyObject *decoder_lose(Decoder *d, PyObject *Py_UNUSED(unused)) {
    lose(d);
    Py_RETURN_NONE;
}

/* --- the end
 * ---------------------------------------------------------------------------------------------------
 */

/* How many activations with this key there were so far under a parent; `more`
 * come. NULL with an exception. */
static Entry *count(Decoder *d, int64_t parent, int64_t key, int64_t more, int64_t *before) {
    Entry *entry = insert(&d->seen, parent, key);
    if (entry) {
        if (before) *before = entry->value;
        entry->value += more;
    }
    return entry;
}

/* Whether an instance is an ancestor of `start`, or `start` itself: in foreign
 * data only. */
static int leads_to(const Decoder *d, int64_t start, int64_t instance) {
    while (start >= d->base && start != instance) start = d->instances[I_PARENT].at[start - d->base];
    return start == instance;
}

/* Give the instances whose parent was named by a token their parent. 0, or -1
 * with an exception. */
static int resolve(Decoder *d) {
    size_t left = 0;
    for (size_t i = 0; i < d->pending.length; i += PENDING_WORDS) {
        int64_t *row = d->pending.at + i, late[LATE_WORDS] = {row[0]};
        Entry *entry = NULL;
        for (int64_t p = row[1]; p >= 0 && !(entry && entry->used); p = d->processes[p].parent)
            entry = d->processes[p].at.room ? find(&d->processes[p].at, row[2], 0) : NULL;
        if (!entry || !entry->used) {
            memmove(d->pending.at + left, row, PENDING_WORDS * sizeof *row);
            left += PENDING_WORDS;
            continue;
        }
        entry->used = 2;
        late[1] = entry->value;
        if (row[0] < d->base) {
            if (!count(d, late[1], row[3], 1, &late[2]) || push_all(&d->late, late, LATE_WORDS) < 0) return -1;
        } else if (leads_to(d, late[1], row[0]))
            d->unresolved++;
        else
            d->instances[I_PARENT].at[row[0] - d->base] = late[1];
    }
    d->pending.length = left;
    d->unresolved += (int64_t)(left / PENDING_WORDS);
    return 0;
}

/* Count the activations of each block under each parent in each stream, in the
 * order in which they were decoded. */
static int count_activations(Decoder *d) {
    const Words *columns = d->instances;
    const int64_t *next = d->skips.at, *last = next + d->skips.length;
    const int64_t *copy = d->copies.at, *last_copy = copy + d->copies.length;
    for (int64_t i = 0, n = (int64_t)columns[I_BLOCK].length; i <= n; i++) {
        for (; next < last && next[0] <= d->base + i; next += SKIP_WORDS)
            if (!count(d, next[1], next[2], next[3], NULL)) return -1;
        int is_copy = copy < last_copy && *copy == d->base + i;
        copy += is_copy;
        if (i == n || is_copy || d->blocks[columns[I_BLOCK].at[i]].slot) continue;
        int64_t key = key_of(columns[I_BLOCK].at[i], columns[I_STREAM].at[i]);
        if (!count(d, columns[I_PARENT].at[i], key, 1, &columns[I_ORDINAL].at[i])) return -1;
    }
    return 0;
}

/* The row that is the value of a site in an instance so far: a number of a row
 * from `from` on, or less. Instances of this part have a word each in `place`,
 * earlier ones are in `earlier`. NULL with an exception. */
static int64_t *place_of(const Decoder *d, int64_t *place, Map *earlier, int64_t instance) {
    if (instance >= d->base) return place + (instance - d->base);
    size_t count = earlier->count;
    Entry *entry = insert(earlier, instance, 0);
    if (!entry) return NULL;
    if (earlier->count > count) entry->value = -1;
    return &entry->value;
}

/* Leave one value of each site in each instance: of a stream's the last, of
 * several streams' the first stream's. `from` and the returned value count rows
 * over all sites; -1 with an exception. */
static int64_t drop_duplicates(Decoder *d, Words *rows, int64_t *place, Map *earlier, int64_t from) {
    int64_t count = (int64_t)(rows->length / ROW), last = -1, i;
    for (i = 0; i < count && rows->at[i * ROW] > last; i++) last = rows->at[i * ROW];
    if (i == count) return from;
    int64_t dropped = 0;
    for (i = 0; i < count; i++) {
        int64_t *row = rows->at + i * ROW, *seen = place_of(d, place, earlier, row[0]);
        if (!seen) return -1;
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

/* The words as an object with the buffer protocol, which owns them from now on.
 */
static PyObject *hand_over(PyTypeObject *type, Words *words) {
    Column *column = (Column *)type->tp_alloc(type, 0);
    if (column) {
        column->words = *words;
        memset(words, 0, sizeof *words);
    }
    return (PyObject *)column;
}

PyDoc_STRVAR(finish_doc, "finish() -> (columns, rows, counts, skipped, "
                         "late, kinds, copies)\n\nSee flor.trace.stream.Finished. Of the "
                         "part nothing is left in the decoder.");

static PyObject *decoder_finish(Decoder *d, PyObject *Py_UNUSED(unused)) {
    PyTypeObject *type = (PyTypeObject *)d->column_type;
    PyObject *columns = PyTuple_New(I_COLUMNS), *rows = PyList_New(d->site_count), *late = NULL, *copies;
    size_t n = d->instances[I_BLOCK].length;
    int64_t *place = malloc((n ? n : 1) * sizeof *place), from = 0;
    Map earlier = {0};
    if (!place) PyErr_NoMemory();
    if (!columns || !rows || !place || resolve(d) < 0 || count_activations(d) < 0) goto failed;
    for (size_t i = 0; i < n; i++) place[i] = -1;
    for (Py_ssize_t site = 0; site < d->site_count; site++) {
        PyObject *bytes = Py_NewRef(Py_None);
        if (d->rows[site].length) {
            Py_DECREF(bytes);
            from = drop_duplicates(d, &d->rows[site], place, &earlier, from);
            bytes = from < 0 ? NULL : hand_over(type, &d->rows[site]);
            if (!bytes) goto failed;
        }
        PyList_SET_ITEM(rows, site, bytes);
    }
    for (int c = 0; c < I_COLUMNS; c++) {
        PyObject *bytes = hand_over(type, &d->instances[c]);
        if (!bytes) goto failed;
        PyTuple_SET_ITEM(columns, c, bytes);
    }
    d->base += (int64_t)n;
    d->skips.length = 0;
    late = hand_over(type, &d->late);
    if (!late) goto failed;
    copies = hand_over(type, &d->copies);
    if (!copies) goto failed;
    free(place);
    release_map(&earlier);
    return Py_BuildValue("(NNy#y#Ny#N)", columns, rows, d->counts, d->site_count * (Py_ssize_t)sizeof(int64_t),
                         d->skipped, d->block_count * (Py_ssize_t)sizeof(int64_t), late, d->kinds,
                         d->site_count * (Py_ssize_t)sizeof *d->kinds, copies);
failed:
    free(place);
    release_map(&earlier);
    Py_XDECREF(columns);
    Py_XDECREF(rows);
    Py_XDECREF(late);
    return NULL;
}

/* --- the type
 * -------------------------------------------------------------------------------------------------
 */

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
    d->kinds = calloc(sites ? (size_t)sites : 1, sizeof *d->kinds);
    d->skipped = calloc(d->block_count ? (size_t)d->block_count : 1, sizeof *d->skipped);
    if (!d->blocks || !d->rows || !d->counts || !d->kinds || !d->skipped) {
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
    d->main = d->cut = d->process = -1;
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
    free(d->kinds);
    free(d->skipped);
    for (Py_ssize_t i = 0; d->rows && i < d->site_count; i++) release(&d->rows[i]);
    free(d->rows);
    for (int c = 0; c < I_COLUMNS; c++) release(&d->instances[c]);
    release(&d->pending);
    release(&d->skips);
    release(&d->late);
    release(&d->copies);
    release_map(&d->seen);
    Py_ssize_t processes = d->process_count > d->restored ? d->process_count : d->restored;
    for (Py_ssize_t i = 0; i < processes; i++) release_map(&d->processes[i].at);
    free(d->processes);
    release_state(&d->state);
    type->tp_free((PyObject *)d);
    Py_DECREF(type);
}

static PyObject *get_lost(Decoder *d, void *Py_UNUSED(unused)) { return PyBool_FromLong(d->state.lost != 0); }
static PyObject *get_now(Decoder *d, void *Py_UNUSED(unused)) { return PyLong_FromLongLong(d->now); }
static PyObject *get_first(Decoder *d, void *Py_UNUSED(unused)) { return PyBool_FromLong(d->first); }
static PyObject *get_broken(Decoder *d, void *Py_UNUSED(unused)) { return PyBool_FromLong(d->state.broken != 0); }
static PyObject *get_instances(Decoder *d, void *Py_UNUSED(unused)) { return PyLong_FromLongLong(instance_count(d)); }
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
    {"broken", (getter)get_broken, NULL, "whether something of the stream was lost", NULL},
    {"instances", (getter)get_instances, NULL, "block instances so far, with those of earlier parts", NULL},
    {"now", (getter)get_now, NULL, "the stream's time, in nanoseconds", NULL},
    {"first", (getter)get_first, NULL, "whether its process's first activation is still to come", NULL},
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
    {"carry", (PyCFunction)decoder_carry, METH_VARARGS, carry_doc},
    {"restore", (PyCFunction)decoder_restore, METH_O, restore_doc},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot decoder_slots[] = {
    {Py_tp_init, decoder_init},
    {Py_tp_dealloc, decoder_dealloc},
    {Py_tp_methods, decoder_methods},
    {Py_tp_getset, decoder_getset},
    {Py_tp_new, PyType_GenericNew},
    {Py_tp_doc, "Decoder(blocks, sites, limit, first_kept, end_kept): see "
                "flor.trace.stream.Decoder"},
    {0, NULL},
};

static PyType_Spec decoder_spec = {"flor.trace._decode.Decoder", sizeof(Decoder), 0, Py_TPFLAGS_DEFAULT, decoder_slots};

/* --- the module
 * -----------------------------------------------------------------------------------------------
 */

static PyMethodDef module_methods[] = {
    {"split", split, METH_O, split_doc},
    {"gather", gather, METH_VARARGS, gather_doc},
    {"texts", texts, METH_VARARGS, texts_doc},
    {NULL, NULL, 0, NULL},
};

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
