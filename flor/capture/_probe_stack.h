/* Which activation runs: frames and the stack.
 * Part of the recorder, which _probe.c is made of. */
#ifndef FLOR_PROBE_STACK_H
#define FLOR_PROBE_STACK_H
#include "_probe_thin.h"

/* ---- frames of generators and coroutines ---- */

static Suspended *find_frame(void *frame) {
    if (!R.table_size) return NULL;
    size_t i = ((uintptr_t)frame >> 4) * 0x9E3779B97F4A7C15ULL;
    for (i >>= 20;; i++) {
        Suspended *m = &R.table[i & (R.table_size - 1)];
        if (m->frame == frame) return m;
        if (!m->frame) return NULL;
    }
}

static Suspended *add_frame(void *frame) {
    Suspended *m = find_frame(frame);
    if (m) return m;
    if (2 * (R.table_used + 1) > R.table_size) {
        size_t old_size = R.table_size, size = old_size ? 2 * old_size : 256;
        Suspended *old = R.table, *table = PyMem_RawCalloc(size, sizeof *table);
        if (!table) return NULL;
        R.table = table;
        R.table_size = size;
        R.table_used = 0;
        for (size_t i = 0; i < old_size; i++) {
            if (old[i].frame) *add_frame(old[i].frame) = old[i];
        }
        PyMem_RawFree(old);
    }
    size_t i = ((uintptr_t)frame >> 4) * 0x9E3779B97F4A7C15ULL;
    for (i >>= 20;; i++) {
        m = &R.table[i & (R.table_size - 1)];
        if (!m->frame) {
            m->frame = frame;
            R.table_used++;
            return m;
        }
    }
}

static PyCodeObject *code_of(PyFrameObject *frame) {
    PyCodeObject *code = PyFrame_GetCode(frame);
    Py_DECREF(code); /* the frame keeps it */
    return code;
}

/* The frame `depth` callers above the running one; an address only. */
static PyFrameObject *frame_at(int depth) {
    PyFrameObject *frame = PyEval_GetFrame();
    for (; frame && depth > 0; depth--) {
        frame = PyFrame_GetBack(frame);
        Py_XDECREF(frame); /* its callee keeps it */
    }
    return frame;
}

static int alive(const Entry *e) {
    PyFrameObject *frame = PyEval_GetFrame();
    while (frame) {
        if (frame == e->frame && code_of(frame) == e->code) return 1;
        frame = PyFrame_GetBack(frame);
        Py_XDECREF(frame);
    }
    return 0;
}

/* ---- the stack of activations ---- */

static Entry *push(Stream *s) {
    if (s->depth + 1 == s->capacity) {
        Entry *stack = PyMem_RawRealloc(s->stack, 2 * (size_t)s->capacity * sizeof *stack);
        if (!stack) return NULL;
        s->stack = stack;
        s->capacity *= 2;
    }
    return s->top = &s->stack[++s->depth];
}

/* What was pushed for an activation that is not recorded. */
static void silence(Entry *e) {
    e->silent = 1;
    e->key = 0;
    e->skip = 0;
    e->skip_end = UINT32_MAX;
}

static void pop(Stream *s) {
    Entry *e = s->top;
    if (!e->untold && e->left_out) tell_all(s);
    if (!e->guarded) {
        Suspended *m = find_frame(e->frame);
        if (m && !m->token && m->stream == s && m->number == e->number) {
            m->pos = e->pos;
            m->mark = e->mark;
            m->skip = e->skip;
            m->skip_end = e->skip_end;
            m->left_out = e->left_out;
            m->left_out_of = e->left_out_of;
        }
    }
    if (s->owed > s->depth) s->owed = 0;
    s->top = &s->stack[--s->depth];
    s->pending += !e->silent && !e->untold;
}

/* A suspended activation is not known any more, or nobody knows whether it will go on. */
static void tell_suspended(Suspended *m) {
    if (m->token || !m->left_out || !m->stream) return;
    tell_all(m->stream);
    put(m->stream, KIND(K_RESUME), m->number);
    put(m->stream, KIND(K_SKIP) | m->left_out_of, m->left_out);
    put(m->stream, KIND(K_LEAVE), 1);
    m->left_out = 0;
}

/* Tell everything that is owed. */
static void tell_everything(void) {
    for (Stream *s = R.streams; s; s = s->next_stream) {
        if (s->owed) tell_all(s);
    }
    for (size_t i = 0; i < R.table_size; i++) {
        if (R.table[i].frame) tell_suspended(&R.table[i]);
    }
}

/* Take off what does not run any more: suspended generators, lambdas that raised. */
static void prune(Stream *s) {
    while (s->depth && !s->top->guarded && !alive(s->top)) pop(s);
}

/* An activation begins in this frame: those that are taken for being in it are not running any more. */
static void forget(Stream *s, const void *frame) {
    for (int i = s->depth; i > 0 && !s->stack[i].guarded; i--) {
        if (s->stack[i].frame != frame) continue;
        while (s->depth >= i) pop(s);
    }
}

static void tell_position(Stream *s) {
    if (!s->depth) return;
    Entry *e = s->top;
    if (e->mark && e->mark != e->pos) {
        emit(s, KIND(K_BLOCK) | e->mark, 0);
        e->pos = e->mark;
    }
    e->mark = 0;
}

static void tell_time(Stream *s) {
    int64_t now = clock_ns(COARSE);
    if (now != s->last_time) {
        s->last_time = now;
        now -= R.origin;
        put(s, KIND(K_TIME), (uint64_t)(now > 0 ? now : 0));
    }
}

/* Make the probe's activation the top of the stack. Returns NULL if it is not known. */
static Entry *settle(Stream *s, const Probe *p) {
    if (p->flags & GUARDED) {
        while (s->depth && !s->top->guarded) pop(s);
        if (LIKELY(s->depth && s->top->block == p->function)) return s->top;
        for (int i = s->depth; i > 0; i--) {
            if (s->stack[i].guarded && s->stack[i].block == p->function) {
                while (s->depth > i) pop(s);
                return s->top;
            }
        }
        return NULL;
    }
    PyFrameObject *frame = frame_at(p->depth);
    if (!frame) return NULL;
    while (s->depth) {
        Entry *e = s->top;
        if (e->frame == frame && e->block == p->function) return e;
        if (e->guarded || alive(e)) break;
        pop(s);
    }
    Suspended *m = find_frame(frame);
    if (!m || m->token || m->block != p->function || m->code != code_of(frame)) return NULL;
    Entry *e = push(s);
    if (!e) return NULL;
    *e = (Entry){0};
    int untold = !m->silent && m->stream == s;
    if (m->silent) {
        m->stream = s;
    } else if (m->stream != s) { /* it goes on in another thread: there it is an activation of its own */
        tell_suspended(m);
        emit(s, KIND(K_PARENT), 0);
        emit(s, KIND(K_BLOCK) | OPEN | m->block, 0);
        m->stream = s;
        m->number = s->activations++;
        m->pos = m->block;
        m->mark = 0;
    }
    *e = (Entry){.block = m->block,
                 .pos = m->pos,
                 .mark = m->mark,
                 .number = m->number,
                 .skip = m->skip,
                 .skip_end = m->skip_end,
                 .untold = (uint8_t)untold,
                 .left_out = m->left_out,
                 .left_out_of = m->left_out_of,
                 .frame = frame,
                 .code = m->code};
    m->left_out = 0;
    if (untold) owe(s);
    if (m->silent) silence(e);
    return e;
}

/* The same where the top does not fit at once; NULL also if the probe's block is skipped. */
static Entry *settle_slowly(Stream *s, const Probe *p) {
    Entry *e = s->top;
    if (!e->skip_end || e->block != p->function || !e->guarded) e = settle(s, p);
    if (!e) {
        R.unplaced++;
        return NULL;
    }
    if (e->skip_end) {
        if (e->skip <= p->block && p->block < e->skip_end) return NULL;
        skip_no_more(e);
    }
    return e;
}

/* The activation in which the probe records now. */
static inline Entry *settled(Stream *s, const Probe *p) {
    Entry *e = s->top;
    return LIKELY(e->key == p->key) ? e : settle_slowly(s, p);
}

/* The same for the next instance of a loop, unless it is skipped. */
static Entry *next_instance(Stream *s, const Probe *p) {
    Entry *e = s->top;
    if (UNLIKELY(e->key != p->key)) {
        e = settle(s, p);
        if (!e) {
            R.unplaced++;
            return NULL;
        }
        if (e->skip_end) {
            if (e->silent || (e->skip < p->block && p->block < e->skip_end)) return NULL;
            skip_no_more(e);
        }
    }
    if (is_thinned(p->place)) {
        note_skipped(s, p->block);
        skip(e, p->block, p->place->end);
        return NULL;
    }
    return e;
}

/* The position is now the probe's block. */
static void move_to_block(const Probe *p) {
    Stream *s = stream();
    Entry *e = s ? settle(s, p) : NULL;
    if (!e || e->silent) return;
    if (e->skip_end) {
        if (e->skip <= p->block && p->block < e->skip_end) return;
        skip_no_more(e);
    }
    e->mark = p->block;
    e->bare = 0;
}

static inline void at(Entry *e, const Probe *p) {
    e->pos = p->block;
    e->mark = 0;
}

#endif
