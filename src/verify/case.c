/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cases by name, and the reduced ones: shapes like GoogLeNet's, made small, and
 * shapes that are hard to get right.  The families' files list them.
 */
#include "verify/case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"
#include "verify/room.h"

#define EXTENT_MAX   (1 << 24) /* of one axis */
#define ELEMENTS_MAX INT32_MAX

/* ---- names --------------------------------------------------------------- */

static const struct {
    unsigned flag;
    const char *text;
} flag_names[] = {
    { CLADE_BIAS, ":bias" },
    { CLADE_ACCUMULATE, ":accumulate" },
    { CLADE_RELU, ":relu" },
};
enum { FLAGS = sizeof(flag_names) / sizeof(*flag_names) };

static bool is_slice(const struct op_case *c)
{
    return c->gap[CLADE_X] || c->gap[CLADE_Y] || c->gap[CLADE_DX] ||
           c->gap[CLADE_DY] || c->gap[CLADE_W] || c->gap[CLADE_DW];
}

void verify_case_name(struct op_case *c)
{
    const struct clade_window *w = &c->window;
    char pads[60] = "", flags[32] = "";

    if (w->top || w->bottom || w->left || w->right)
        snprintf(pads, sizeof(pads), "+%d.%d.%d.%d", w->top, w->bottom, w->left,
                 w->right);
    for (int i = 0; i < FLAGS; i++)
        if (c->flags & flag_names[i].flag)
            strcat(flags, flag_names[i].text);
    snprintf(c->name, sizeof(c->name),
             "%s:%dx%dx%dx%d:%dx%d/%d%s:%dx%dx%d%s%s:%s",
             clade_op_name(c->kind), c->n, c->h, c->w, c->c, w->r, w->s,
             w->stride, pads, c->p, c->q, c->k, flags,
             is_slice(c) ? ":slice" : "", verify_data_name(c->data));
}

/* If *text starts with a word, step over it. */
static bool take(const char **text, const char *word)
{
    const size_t n = strlen(word);
    const bool found = !strncmp(*text, word, n);

    *text += found ? n : 0;
    return found;
}

/* Read the extents and the padding, and step over them. */
static bool take_geometry(struct op_case *c, const char **text)
{
    struct clade_window *w = &c->window;
    int end = 0;

    if (sscanf(*text, ":%8dx%8dx%8dx%8d:%8dx%8d/%8d%n", &c->n, &c->h, &c->w,
               &c->c, &w->r, &w->s, &w->stride, &end) != 7)
        return false;
    *text += end;
    w->top = w->bottom = w->left = w->right = 0;
    if (sscanf(*text, "+%8d.%8d.%8d.%8d%n", &w->top, &w->bottom, &w->left,
               &w->right, &end) == 4)
        *text += end;
    if (sscanf(*text, ":%8dx%8dx%8d%n", &c->p, &c->q, &c->k, &end) != 3)
        return false;
    *text += end;
    return true;
}

/* Whether an op can have these extents, and no tensor is too large. */
static bool is_sane(const struct op_case *c)
{
    const struct clade_window *w = &c->window;
    const int sides[] = { c->n, c->h, c->w, c->c, c->p,
                          c->q, c->k, w->r, w->s, w->stride };
    const int pads[] = { w->top, w->bottom, w->left, w->right };
    const double in = (double)c->n * c->h * c->w, out = (double)c->n * c->p;
    int gap = 0;

    for (size_t i = 0; i < sizeof(sides) / sizeof(*sides); i++)
        if (sides[i] < 1 || sides[i] > EXTENT_MAX)
            return false;
    for (size_t i = 0; i < sizeof(pads) / sizeof(*pads); i++)
        if (pads[i] < 0 || pads[i] > EXTENT_MAX)
            return false;
    for (int role = 0; role < CLADE_ROLES; role++)
        gap = c->gap[role] > gap ? c->gap[role] : gap;
    return in * (c->c + gap) < ELEMENTS_MAX &&
           out * c->q * (c->k + gap) < ELEMENTS_MAX &&
           (double)w->r * w->s * c->c * (c->k + gap) < ELEMENTS_MAX;
}

/* Read the name of a kind and step over it, up to a colon; CLADE_OP_KINDS:
 * there is none. */
static enum clade_op_kind take_kind(const char **text)
{
    for (int kind = 0; kind < CLADE_OP_KINDS; kind++) {
        const char *after = *text;

        if (!take(&after, clade_op_name(kind)) || *after != ':')
            continue;
        *text = after;
        return verify_kind(kind)->make ? kind : CLADE_OP_KINDS;
    }
    return CLADE_OP_KINDS;
}

/* The kind of data of this name, or DATA_KINDS. */
static enum verify_data find_data(const char *text)
{
    int data = 0;

    while (data < DATA_KINDS && strcmp(text, verify_data_name(data)))
        data++;
    return data;
}

/* sscanf() also accepts blanks, signs and leading zeros.  So a name is right
 * only if the case that it makes has the same name. */
const char *verify_case_parse(struct op_case *c, const char *name)
{
    const char *text = name;

    c->kind = take_kind(&text);
    if (c->kind == CLADE_OP_KINDS)
        return "verify judges no such op";
    if (!take_geometry(c, &text) || !is_sane(c))
        return "no op has such extents";
    c->flags = 0;
    for (int i = 0; i < FLAGS; i++)
        if (take(&text, flag_names[i].text))
            c->flags |= flag_names[i].flag;
    take(&text, ":slice");
    c->data = take(&text, ":") ? find_data(text) : DATA_KINDS;
    if (c->data == DATA_KINDS)
        return "there is no such kind of data";
    verify_case_name(c);
    return strcmp(c->name, name) ? "this is not how the case is named" : NULL;
}

/* ---- letters ------------------------------------------------------------- */

static int ceil_div(int a, int b)
{
    return (a + b - 1) / b;
}

int verify_extent(const struct op_case *c, char letter)
{
    static const char letters[] = "nhwcpqkrsRS1t";
    const struct clade_window *w = &c->window;
    /* clang-format off */
    const int extents[] = { c->n, c->h, c->w, c->c, c->p, c->q, c->k,
                            w->r, w->s, ceil_div(w->r, w->stride),
                            ceil_div(w->s, w->stride), 1, UINT8_MAX + 1 };
    /* clang-format on */

    return extents[strchr(letters, letter) - letters];
}

int64_t verify_extents(const struct op_case *c, const char *letters)
{
    int64_t product = 1;

    for (; letters && *letters; letters++)
        product *= verify_extent(c, *letters);
    return product;
}

/* ---- the reduced cases --------------------------------------------------- */

static struct clade_window window_of(const struct verify_line *l)
{
    if (l->pad == VALID)
        return clade_window_valid(l->r, l->s, l->stride);
    if (l->pad == SAME)
        return clade_window_same(l->r, l->s, l->stride, l->h, l->w);
    if (l->pad == OUTPUT)
        return clade_window_valid(1, 1, 1);
    return (struct clade_window){ l->r, l->s, l->stride, 2, 0, 1, 3 };
}

/* Give each tensor a different leading dimension, so that a mix-up shows. */
static void set_gaps(struct op_case *c, int gap)
{
    if (!gap)
        return;
    c->gap[CLADE_X] = gap;
    c->gap[CLADE_Y] = gap + 1;
    c->gap[CLADE_DX] = gap + 2;
    c->gap[CLADE_DY] = gap + 3;
    c->gap[CLADE_ARG] = gap + 4;
    c->gap[CLADE_W] = gap + 5;
    c->gap[CLADE_DW] = gap + 6;
}

static struct op_case case_of(const struct verify_line *l,
                              enum clade_op_kind kind)
{
    struct op_case c = { .kind = kind,
                         .n = l->n,
                         .h = l->h,
                         .w = l->w,
                         .c = l->c ? l->c : l->k,
                         .k = l->k ? l->k : l->c,
                         .window = window_of(l),
                         .flags = l->flags & verify_kind(kind)->flags,
                         .scalar = verify_kind(kind)->scalar,
                         .why = l->why };
    const struct clade_window *win = &c.window;

    if (l->pad == OUTPUT) {
        c.p = l->r;
        c.q = l->s;
    } else {
        c.p = (c.h + win->top + win->bottom - win->r) / win->stride + 1;
        c.q = (c.w + win->left + win->right - win->s) / win->stride + 1;
    }
    set_gaps(&c, l->gap);
    return c;
}

clade_status verify_cases_add(struct op_cases *cases, const struct op_case *c,
                              unsigned data)
{
    struct op_case *list;

    for (int d = 0; d < DATA_KINDS; d++) {
        if (!(data & 1u << d) || !verify_data_fits(d, c))
            continue;
        list = realloc(cases->list, (cases->count + 1) * sizeof(*list));
        if (!list)
            return clade_fail(CLADE_ENOMEM, "verify: no memory for the cases");
        cases->list = list;
        list[cases->count] = *c;
        list[cases->count].data = d;
        verify_case_name(&list[cases->count++]);
    }
    return CLADE_OK;
}

/* Add each line's cases for all of a family's kinds before the next line's. */
static clade_status add_lines(struct op_cases *cases,
                              const struct verify_line *lines)
{
    clade_status st = CLADE_OK;

    for (const struct verify_line *l = lines; l->kinds; l++) {
        for (int i = 0; i < CLADE_OP_KINDS && !st; i++) {
            const struct verify_kind *kind = verify_kind(i);
            struct op_case c;

            if (kind->lines != lines || !(l->kinds & 1u << i))
                continue;
            c = case_of(l, i);
            st = verify_cases_add(cases, &c, l->data & kind->data);
        }
    }
    return st;
}

/* A family's kinds are neighbours in the list. */
clade_status verify_cases_quick(struct op_cases *cases)
{
    const struct verify_line *before = NULL;
    clade_status st = CLADE_OK;

    *cases = (struct op_cases){ NULL, 0 };
    for (int kind = 0; kind < CLADE_OP_KINDS && !st; kind++) {
        const struct verify_line *lines = verify_kind(kind)->lines;

        if (lines && lines != before)
            st = add_lines(cases, lines);
        before = lines;
    }
    if (st) {
        free(cases->list);
        *cases = (struct op_cases){ NULL, 0 };
    }
    return st;
}
