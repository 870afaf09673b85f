/* Where decoding stands: the decoder, the state of a stream, and what is
 * carried from one part to the next. Part of the decoder, which _decode.c is
 * made of. */
#ifndef FLOR_DECODE_STATE_H
#define FLOR_DECODE_STATE_H
#include "_decode_words.h"

/* One block of the run; stream.py, BLOCK_COLUMNS. */
typedef struct {
    int32_t function, slot, parent_slot, end_slot, slots, main, resumes;
} BlockInfo;

/* What an id of the current process means; block is -1 for an unknown id, site
 * -1 for a block's. */
typedef struct {
    int32_t block, site, function, slot;
} Id;

typedef struct {
    Map at;         /* token -> instance; marked: redeemed in this part */
    int64_t parent; /* the process that this one was forked from, or -1 */
} Tokens;

enum {
    NO_PARENT_RECORD,
    KNOWN_PARENT,
    TOKEN_PARENT
}; /* what a PARENT record said of the next activation */

/* The state of a stream. An activation lies in `frames`: function, position,
 * then one slot for each of the function's blocks: the current instance there
 * (or -1), and the ordinal of the next one. Slot 0 is the function's own. */
typedef struct {
    Words frames;
    Words known;         /* activations that may go on after they were left: (number,
                            offset in frames), both ascending */
    Words stack;         /* offsets in frames; -1: an activation that was forgotten */
    int64_t activations; /* so far, with those that were left */
    int64_t next_kind, next_parent;
    int64_t lost;      /* what follows cannot be placed, until a THREAD record */
    int64_t broken;    /* something was lost: numbers of activations mean nothing any
                          more */
    int64_t first_own; /* the first instance of the stream since it was forked */
} State;

enum {
    HEAD_WORDS = 2,
    SLOT_WORDS = 2
}; /* of an activation in `frames` */

static inline int64_t *instance_at(int64_t *frame, int32_t slot) { return frame + HEAD_WORDS + SLOT_WORDS * slot; }
static inline int64_t *following_at(int64_t *frame, int32_t slot) { return instance_at(frame, slot) + 1; }

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

typedef struct {
    PyObject_HEAD BlockInfo *blocks;
    Py_ssize_t block_count;
    Words *rows; /* one for each site */
    int64_t *counts;
    uint32_t *kinds; /* for each site a bit for each kind that its rows have */
    Py_ssize_t site_count, first_kept, end_kept;
    int64_t base; /* number of the first instance of this part */
    Words instances[I_COLUMNS];
    Words pending;    /* (instance, process, token, key): the parent is not known yet
                       */
    Words skips;      /* (number of the next instance, parent, key, count): activations
                         that were not recorded */
    Words late;       /* (instance, parent, ordinal): instances of earlier parts whose
                         parent is known now */
    Words copies;     /* instances that a forked child goes on in: copies of their parents */
    Map seen;         /* (parent, key) -> activations so far; a key is block | stream <<
                         32 */
    int64_t *skipped; /* for each block the number of instances that were not
                         recorded */
    Tokens *processes;
    Py_ssize_t process_count, restored; /* those whose tokens were restored come again by process() */
    int64_t main;                       /* the instance of the main script's module, or -1 */
    int64_t records, limit, cut;
    int64_t misplaced, duplicates, unresolved;
    /* the current stream */
    Id *ids;
    Py_ssize_t id_count;
    State state;
    Py_ssize_t process;
    int64_t stream, seq, now;
    int first; /* the next activation is its process's first */
    PyObject *column_type;
} Decoder;

enum {
    PENDING_WORDS = 4,
    SKIP_WORDS = 4,
    LATE_WORDS = 3
};

static inline int64_t instance_count(const Decoder *d) { return d->base + (int64_t)d->instances[I_BLOCK].length; }

static inline int64_t key_of(int64_t block, int64_t stream) { return block | stream << 32; }

static inline size_t frame_words(const Decoder *d, const int64_t *frame) {
    return HEAD_WORDS + SLOT_WORDS * (size_t)d->blocks[frame[0]].slots;
}

static int push_all(Words *words, const int64_t *from, size_t count) {
    if (reserve(words, count) < 0) return -1;
    if (count) memcpy(words->at + words->length, from, count * sizeof *from);
    words->length += count;
    return 0;
}

/* Its number; -1 with an exception. */
static int64_t new_instance(Decoder *d, int64_t block, int64_t parent, int64_t ordinal) {
    int64_t row[I_COLUMNS] = {block, parent, ordinal, d->stream, d->seq, d->now};
    for (int c = 0; c < I_COLUMNS; c++)
        if (push(&d->instances[c], row[c]) < 0) return -1;
    return instance_count(d) - 1;
}

/* See to it that a slot's instance is the stream's own: if it is from before the
 * fork it is replaced by a copy, and so are those of the blocks around it. 0, or
 * -1 with an exception. */
static int own(Decoder *d, int64_t *frame, int32_t slot) {
    int64_t original = *instance_at(frame, slot);
    if (original < 0 || original >= d->state.first_own) return 0;
    Py_ssize_t number = 0;
    while (number < d->block_count && (d->blocks[number].function != frame[0] || d->blocks[number].slot != slot))
        number++;
    if (number == d->block_count) return 0;
    int32_t around = d->blocks[number].parent_slot;
    if (slot && around < slot && own(d, frame, around) < 0) return -1;
    int64_t copy = new_instance(d, number, original, 0);
    if (copy < 0) return -1;
    *instance_at(frame, slot) = copy;
    return push(&d->copies, copy);
}

/* A forked child goes on in an activation from before the fork: in copies of
 * where that stands. 0, or -1 with an exception. */
static int make_own(Decoder *d, int64_t offset) {
    if (offset < 0) return 0;
    int64_t *frame = d->state.frames.at + offset;
    if (*instance_at(frame, 0) >= d->state.first_own) return 0;
    int32_t slots = d->blocks[frame[0]].slots, slot = 0;
    while (slot < slots && *instance_at(frame, slot) != frame[1]) slot++;
    if (slot == slots) slot = 0;
    if (own(d, frame, slot) < 0) return -1;
    frame[1] = *instance_at(frame, slot);
    return 0;
}

static void release_state(State *s) {
    release(&s->frames);
    release(&s->known);
    release(&s->stack);
}

/* --- the state of a stream as bytes; stream.py, STATE_WORDS
 * ----------------------------------------------------- */

enum {
    LENGTHS = 7, /* from here on: how many words follow of what */
    STATE_WORDS = LENGTHS + 3
};

/* Where the known activation lies among the known ones whose offset is at least
 * this. */
static size_t known_from(const Words *known, int column, int64_t wanted) {
    size_t low = 0, high = known->length / 2;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (known->at[2 * middle + (size_t)column] < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

PyDoc_STRVAR(state_doc, "state() -> bytes\n\nWhere the stream stands: what a "
                        "forked child or the next part goes on "
                        "from.");

static PyObject *decoder_state(Decoder *d, PyObject *Py_UNUSED(unused)) {
    const State *s = &d->state;
    Words all = {0}, known = {0}, stack = {0};
    PyObject *bytes = NULL;
    const int64_t begin[STATE_WORDS] = {s->next_kind,   s->next_parent, s->lost,     s->broken,
                                        s->activations, d->stream,      s->first_own};
    if (push_all(&all, begin, STATE_WORDS) < 0) goto done;
    /* Activations that are of no use any more are left out. */
    for (size_t i = 0; i < s->known.length; i += 2) {
        const int64_t *frame = s->frames.at + s->known.at[i + 1];
        if (push(&known, s->known.at[i]) < 0 || push(&known, (int64_t)all.length - STATE_WORDS) < 0) goto done;
        if (push_all(&all, frame, frame_words(d, frame)) < 0) goto done;
    }
    for (size_t i = 0; i < s->stack.length; i++) {
        int64_t offset = s->stack.at[i];
        if (offset >= 0) {
            size_t at = known_from(&s->known, 1, offset);
            if (2 * at < s->known.length && s->known.at[2 * at + 1] == offset)
                offset = known.at[2 * at + 1];
            else {
                const int64_t *frame = s->frames.at + offset;
                offset = (int64_t)all.length - STATE_WORDS;
                if (push_all(&all, frame, frame_words(d, frame)) < 0) goto done;
            }
        }
        if (push(&stack, offset) < 0) goto done;
    }
    all.at[LENGTHS] = (int64_t)all.length - STATE_WORDS;
    all.at[LENGTHS + 1] = (int64_t)known.length;
    all.at[LENGTHS + 2] = (int64_t)stack.length;
    if (push_all(&all, known.at, known.length) < 0 || push_all(&all, stack.at, stack.length) < 0) goto done;
    bytes = PyBytes_FromStringAndSize((const char *)all.at, (Py_ssize_t)(all.length * sizeof(int64_t)));
done:
    release(&all);
    release(&known);
    release(&stack);
    return bytes;
}

/* The number of words in an object of int64, and a copy of them. -1 with an
 * exception. */
static Py_ssize_t words_of(PyObject *bytes, int64_t **words) {
    Py_buffer view;
    if (PyObject_GetBuffer(bytes, &view, PyBUF_SIMPLE) < 0) return -1;
    Py_ssize_t count = view.len / (Py_ssize_t)sizeof(int64_t);
    *words = malloc(view.len ? (size_t)view.len : 1);
    if (!*words)
        PyErr_NoMemory();
    else
        memcpy(*words, view.buf, (size_t)view.len);
    PyBuffer_Release(&view);
    return *words ? count : -1;
}

/* Whether the frames that begin at these offsets are those of `frames`, as far
 * as they lie there one after the other. */
static int is_frame(const Map *starts, int64_t offset) {
    const Entry *entry = starts->room ? find(starts, offset, 0) : NULL;
    return entry && entry->used;
}

/* 0, or -1 with an exception: ValueError if it is no state. Nothing in it is
 * trusted: it was on a disk. */
static int set_state(Decoder *d, PyObject *bytes) {
    int64_t *words;
    Py_ssize_t count = words_of(bytes, &words);
    if (count < 0) return -1;
    State *s = &d->state;
    Map starts = {0};
    int result = -1;
    const int64_t *lengths = words + LENGTHS;
    if (count < STATE_WORDS) goto foreign;
    if (words[0] < NO_PARENT_RECORD || words[0] > TOKEN_PARENT || (words[0] == KNOWN_PARENT && words[1] != -1) ||
        words[6] < 0 || words[6] > instance_count(d))
        goto foreign;
    int64_t left = count - STATE_WORDS;
    for (int i = 0; i < 3; i++) {
        if (lengths[i] < 0 || lengths[i] > left) goto foreign;
        left -= lengths[i];
    }
    if (left || lengths[1] % 2) goto foreign;
    for (int64_t at = 0; at < lengths[0];) {
        int64_t *frame = words + STATE_WORDS + at, room = lengths[0] - at;
        if (room < HEAD_WORDS || frame[0] < 0 || frame[0] >= d->block_count || d->blocks[frame[0]].slot) goto foreign;
        int64_t size = (int64_t)frame_words(d, frame);
        if (size > room || frame[1] < 0 || frame[1] >= instance_count(d) || *instance_at(frame, 0) < 0) goto foreign;
        for (int32_t i = 0; i < d->blocks[frame[0]].slots; i++)
            if (*instance_at(frame, i) < -1 || *instance_at(frame, i) >= instance_count(d)) goto foreign;
        if (!insert(&starts, at, 0)) goto done;
        at += size;
    }
    const int64_t *known = words + STATE_WORDS + lengths[0], *stack = known + lengths[1];
    for (int64_t i = 0; i < lengths[1]; i += 2)
        if (!is_frame(&starts, known[i + 1]) || (i && (known[i] <= known[i - 2] || known[i + 1] <= known[i - 1])))
            goto foreign;
    for (int64_t i = 0; i < lengths[2]; i++)
        if (stack[i] != -1 && !is_frame(&starts, stack[i])) goto foreign;
    if (push_all(&s->frames, words + STATE_WORDS, (size_t)lengths[0]) < 0 ||
        push_all(&s->known, known, (size_t)lengths[1]) < 0 || push_all(&s->stack, stack, (size_t)lengths[2]) < 0)
        goto done;
    s->next_kind = words[0];
    s->next_parent = words[1];
    s->lost = words[2] != 0;
    s->broken = words[3] != 0;
    s->activations = words[4];
    s->first_own = words[6];
    if (words[5] != d->stream) { /* here a forked child begins */
        s->first_own = instance_count(d);
        for (size_t i = 0; i < s->stack.length; i++)
            if (make_own(d, s->stack.at[i]) < 0) goto done;
    }
    result = 0;
    goto done;
foreign:
    PyErr_SetString(PyExc_ValueError, "this is not a stream's state");
done:
    release_map(&starts);
    free(words);
    return result;
}

/* --- what is carried from part to part; stream.py, CARRY_WORDS
 * --------------------------------------------------- */

enum {
    CARRY_WORDS = 8
};

static Tokens *add_process(Decoder *d) {
    Tokens *more = realloc(d->processes, ((size_t)d->process_count + 1) * sizeof *more);
    if (!more) {
        PyErr_NoMemory();
        return NULL;
    }
    d->processes = more;
    more[d->process_count] = (Tokens){.parent = -1};
    return &more[d->process_count++];
}

PyDoc_STRVAR(restore_doc, "restore(carried)\n\nGo on from what carry() gave at "
                          "the end of the part before.");

static PyObject *decoder_restore(Decoder *d, PyObject *arg) {
    int64_t *words;
    Py_ssize_t count = words_of(arg, &words);
    if (count < 0) return NULL;
    PyObject *result = NULL;
    const int64_t *at = words + CARRY_WORDS, *end = words + count;
    if (count < CARRY_WORDS || d->process_count) goto foreign;
    const int64_t base = words[0], processes = words[4], seen = words[5], pending = words[6], blocks = words[7];
    if (base < 0 || words[1] < -1 || words[1] >= base || blocks < 0 || blocks > d->block_count) goto foreign;
    for (int64_t p = 0; p < processes; p++) {
        if (at == end) goto foreign;
        int64_t tokens = *at++;
        if (tokens < 0 || tokens > (end - at) / 2) goto foreign;
        Tokens *process = add_process(d);
        if (!process) goto done;
        for (; tokens > 0; tokens--, at += 2) {
            if (at[1] < -1 || at[1] >= base) goto foreign;
            Entry *entry = insert(&process->at, at[0], 0);
            if (!entry) goto done;
            entry->value = at[1];
        }
    }
    d->restored = d->process_count;
    d->process_count = 0;
    if (seen < 0 || seen > (end - at) / 3) goto foreign;
    for (int64_t i = 0; i < seen; i++, at += 3) {
        if (at[0] < -1 || at[0] >= base) goto foreign;
        Entry *entry = insert(&d->seen, at[0], at[1]);
        if (!entry) goto done;
        entry->value = at[2];
    }
    if (pending < 0 || pending > (end - at) / PENDING_WORDS) goto foreign;
    for (int64_t i = 0; i < pending; i++, at += PENDING_WORDS) {
        if (at[0] < 0 || at[0] >= base || at[1] < 0 || at[1] >= processes) goto foreign;
        if (push_all(&d->pending, at, PENDING_WORDS) < 0) goto done;
    }
    if (end - at != blocks) goto foreign;
    memcpy(d->skipped, at, (size_t)blocks * sizeof *at);
    d->base = base;
    d->main = words[1];
    d->misplaced = words[2];
    d->duplicates = words[3];
    result = Py_NewRef(Py_None);
    goto done;
foreign:
    PyErr_SetString(PyExc_ValueError, "this is not what a decoder carried over");
done:
    free(words);
    return result;
}

/* Put the instances that a stream's state refers to into `live`. 0, or -1 with
 * an exception. */
static int instances_in(Decoder *d, PyObject *state, Map *live) {
    int64_t *words;
    Py_ssize_t count = words_of(state, &words);
    if (count < 0) return -1;
    int result = -1;
    for (int64_t at = STATE_WORDS; count >= STATE_WORDS && at < STATE_WORDS + words[LENGTHS];) {
        int64_t *frame = words + at;
        if (!insert(live, frame[1], 0)) goto done;
        for (int32_t i = 0; i < d->blocks[frame[0]].slots; i++)
            if (!insert(live, *instance_at(frame, i), 0)) goto done;
        at += (int64_t)frame_words(d, frame);
    }
    result = 0;
done:
    free(words);
    return result;
}

PyDoc_STRVAR(carry_doc, "carry(states, forking) -> bytes\n\nAfter finish(): "
                        "what the next part's decoder goes on from. states: "
                        "all that it will be given; forking: the processes "
                        "that forked in this part.");

static PyObject *decoder_carry(Decoder *d, PyObject *args) {
    PyObject *states, *forking, *bytes = NULL;
    if (!PyArg_ParseTuple(args, "OO:carry", &states, &forking)) return NULL;
    PyObject *state = PySequence_Fast(states, "states: a sequence expected");
    PyObject *forks = state ? PySequence_Fast(forking, "forking: a sequence expected") : NULL;
    Map live = {0};
    Words all = {0};
    if (!forks) goto done;
    const int64_t begin[CARRY_WORDS] = {d->base, d->main, d->misplaced,  d->duplicates, d->process_count,
                                        0,       0,       d->block_count};
    if (push_all(&all, begin, CARRY_WORDS) < 0 || !insert(&live, -1, 0) || !insert(&live, d->main, 0)) goto done;
    for (Py_ssize_t p = 0; p < d->process_count; p++) {
        int forked = 0;
        for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(forks); i++)
            forked |= PyLong_AsSsize_t(PySequence_Fast_GET_ITEM(forks, i)) == p;
        const Map *tokens = &d->processes[p].at;
        size_t length = all.length;
        if (push(&all, 0) < 0) goto done;
        for (size_t i = 0; i < tokens->room; i++) {
            const Entry *token = &tokens->at[i];
            if (!token->used || (token->used == 2 && !forked)) continue;
            if (push(&all, token->a) < 0 || push(&all, token->value) < 0 || !insert(&live, token->value, 0)) goto done;
            all.at[length]++;
        }
    }
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(state); i++)
        if (instances_in(d, PySequence_Fast_GET_ITEM(state, i), &live) < 0) goto done;
    for (size_t i = 0; i < d->seen.room; i++) {
        const Entry *seen = &d->seen.at[i];
        if (!seen->used || !find(&live, seen->a, 0)->used) continue;
        const int64_t row[] = {seen->a, seen->b, seen->value};
        if (push_all(&all, row, 3) < 0) goto done;
        all.at[5]++;
    }
    all.at[6] = (int64_t)(d->pending.length / PENDING_WORDS);
    if (push_all(&all, d->pending.at, d->pending.length) < 0 || push_all(&all, d->skipped, (size_t)d->block_count) < 0)
        goto done;
    if (!PyErr_Occurred())
        bytes = PyBytes_FromStringAndSize((const char *)all.at, (Py_ssize_t)(all.length * sizeof(int64_t)));
done:
    Py_XDECREF(state);
    Py_XDECREF(forks);
    release_map(&live);
    release(&all);
    return bytes;
}

#endif
