/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHART_H
#define CHART_H

#include <stdbool.h>
#include <stdio.h>

/* Colours, each with a marker of its own: classes s0, s1, ... of the page. */
#define CHART_STYLES 8

/* Points of a line from left to right.  A y that is not finite, or beyond
 * 1e30, is left out, and the line has a gap there. */
struct chart_line {
    const double *x, *y;
    int n;
    int style;
    bool dashed;
    bool marked;       /* with a marker at each point */
    const char *name;  /* stands at its end: "validation", "B"; may be empty */
    const char *title; /* in the description: "validation of run B" */
};

struct chart {
    const char *id; /* a word that no other chart of the page has */
    const char *title;
    const char *x_name; /* "epoch" */
    double lo, hi;      /* the y axis has at least this range */
    const struct chart_line *lines;
    int count;
};

/*
 * Write a chart as a <figure> with an inline SVG.  Its description says in
 * words where each line begins, ends, and has its extremes.  Lines are told
 * apart by markers, dashes and names, not by colour alone.
 */
void chart_write(FILE *f, const struct chart *c);

/* The sample of a style for a table: an SVG that is hidden from readers that do
 * not see. */
void chart_key(FILE *f, int style);

/* Widen *lo ... *hi to have the points of a line in it; lo > hi: it is empty.
 */
void chart_widen(double *lo, double *hi, const double *y, int n);

#endif
