/* SPDX-License-Identifier: Apache-2.0 */
#include "chart.h"

#include <math.h>
#include <string.h>

#include "page.h"
#include "tool.h"

/* The picture, and the area of the lines in it, in units of about a pixel. */
enum {
    WIDTH = 360,
    HEIGHT = 236,
    LEFT = 46,
    RIGHT = 292,
    TOP = 10,
    BOTTOM = 198,
    RIGHT_MARGIN = WIDTH - RIGHT,
    LABEL_STEP = 12
};

#define LABELS_MAX (2 * CHART_STYLES)

static bool is_drawn(double y)
{
    return isfinite(y) && fabs(y) < 1e30;
}

void chart_widen(double *lo, double *hi, const double *y, int n)
{
    for (int i = 0; i < n; i++) {
        if (!is_drawn(y[i]))
            continue;
        if (*lo > *hi)
            *lo = *hi = y[i];
        *lo = fmin(*lo, y[i]);
        *hi = fmax(*hi, y[i]);
    }
}

/* ---- axes ---------------------------------------------------------------- */

/* An axis from `lo` to `hi`, which lie at the pixels `from` and `to`; a tick at
 * each multiple of `step`. */
struct axis {
    double lo, hi, step;
    int from, to;
};

static double at(const struct axis *a, double value)
{
    return a->from + (value - a->lo) / (a->hi - a->lo) * (a->to - a->from);
}

/* The least of 1, 2, 5, 10, 20, ... that is no less than x. */
static double round_step(double x)
{
    const double power = pow(10, floor(log10(x)));
    const double digit = x / power;

    return power * (digit <= 1.0001   ? 1
                    : digit <= 2.0001 ? 2
                    : digit <= 5.0001 ? 5
                                      : 10);
}

static struct axis y_axis(const struct chart *c)
{
    struct axis a = { .lo = c->lo, .hi = c->hi, .from = BOTTOM, .to = TOP };

    for (int i = 0; i < c->count; i++)
        chart_widen(&a.lo, &a.hi, c->lines[i].y, c->lines[i].n);
    if (a.lo > a.hi)
        a.lo = 0, a.hi = 1;
    if (a.hi - a.lo < 1e-12 + 1e-6 * fabs(a.hi)) {
        const double room = a.hi == 0 ? 1 : 0.1 * fabs(a.hi);

        a.lo -= room;
        a.hi += room;
    }
    a.step = round_step((a.hi - a.lo) / 5);
    a.lo = a.step * floor(a.lo / a.step + 1e-6);
    a.hi = a.step * ceil(a.hi / a.step - 1e-6);
    return a;
}

/* x counts epochs or steps, so ticks are whole numbers. */
static struct axis x_axis(const struct chart *c)
{
    struct axis a = { .lo = 1, .hi = 0, .from = LEFT, .to = RIGHT };

    for (int i = 0; i < c->count; i++)
        chart_widen(&a.lo, &a.hi, c->lines[i].x, c->lines[i].n);
    if (a.lo > a.hi)
        a.lo = 0, a.hi = 1;
    if (a.hi - a.lo < 1) {
        a.lo -= 0.5;
        a.hi += 0.5;
    }
    a.step = fmax(1, round_step((a.hi - a.lo) / 7));
    return a;
}

static void write_axes(FILE *f, const struct axis *x, const struct axis *y,
                       const char *x_name)
{
    const int y_ticks = (int)lround((y->hi - y->lo) / y->step);

    for (int i = 0; i <= y_ticks; i++) {
        /* A sum of steps that should be 0 is printed as 0. */
        const double value = y->lo + i * y->step;
        const double exact = fabs(value) < 1e-9 * y->step ? 0 : value;
        const double p = at(y, value);

        fprintf(f,
                "<path class=\"grid\" d=\"M%d %.1fH%d\"/>"
                "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.4g</text>\n",
                LEFT, p, RIGHT, LEFT - 5, p + 3.5, exact);
    }
    for (double v = x->step * ceil(x->lo / x->step); v <= x->hi; v += x->step)
        fprintf(
            f,
            "<path class=\"axis\" d=\"M%.1f %dv4\"/>"
            "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.7g</text>\n",
            at(x, v), BOTTOM, at(x, v), BOTTOM + 16, v);
    fprintf(f,
            "<path class=\"axis\" d=\"M%d %dH%d\"/>"
            "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">",
            LEFT, BOTTOM, RIGHT, (LEFT + RIGHT) / 2, BOTTOM + 32);
    page_text(f, x_name);
    fputs("</text>\n", f);
}

/* ---- lines --------------------------------------------------------------- */

/* Paths of markers around 0,0: four shapes, then the same ones hollow. */
static const char *const shapes[] = {
    "m-3 0a3 3 0 1 0 6 0a3 3 0 1 0 -6 0z", /* a circle, */
    "m-2.6 -2.6h5.2v5.2h-5.2z",            /* a square, */
    "m0 -3.4l3.4 6h-6.8z",                 /* a triangle, */
    "m0 -3.8l3.8 3.8l-3.8 3.8l-3.8 -3.8z", /* a diamond */
};

static void write_marker(FILE *f, double x, double y, int style)
{
    const int shape = style % (int)COUNT_OF(shapes);

    fprintf(f, "<path class=\"%s s%d\" d=\"M%.1f %.1f%s\"/>",
            style < (int)COUNT_OF(shapes) ? "full" : "open", style, x, y,
            shapes[shape]);
}

static void write_line(FILE *f, const struct chart_line *l,
                       const struct axis *x, const struct axis *y)
{
    bool joined = false;

    fprintf(f, "<path class=\"line s%d%s\" d=\"", l->style,
            l->dashed ? " dashed" : "");
    for (int i = 0; i < l->n; i++) {
        if (is_drawn(l->y[i]))
            fprintf(f, "%c%.1f %.1f", joined ? 'L' : 'M', at(x, l->x[i]),
                    at(y, l->y[i]));
        joined = is_drawn(l->y[i]);
    }
    fputs("\"/>\n", f);
    for (int i = 0; i < l->n && l->marked; i++)
        if (is_drawn(l->y[i]))
            write_marker(f, at(x, l->x[i]), at(y, l->y[i]), l->style);
}

/* ---- the names at the ends of lines ---------------------------------------
 */

struct label {
    double x, y;
    const struct chart_line *line;
};

/* Insert a label into those above, below which it stands. */
static void insert(struct label list[], int count, struct label new)
{
    int i = count;

    for (; i > 0 && list[i - 1].y > new.y; i--)
        list[i] = list[i - 1];
    list[i] = new;
}

/* Would two labels at the same height overlap? */
static bool are_beside(const struct label *a, const struct label *b)
{
    return fabs(a->x - b->x) < RIGHT_MARGIN;
}

/* Move labels down, then up, until none overlaps another. */
static void spread(struct label list[], int count)
{
    for (int i = 1; i < count; i++)
        for (int k = 0; k < i; k++)
            if (are_beside(&list[i], &list[k]))
                list[i].y = fmax(list[i].y, list[k].y + LABEL_STEP);
    for (int i = count - 1; i >= 0; i--) {
        list[i].y = fmin(list[i].y, BOTTOM);
        for (int k = i + 1; k < count; k++)
            if (are_beside(&list[i], &list[k]))
                list[i].y = fmin(list[i].y, list[k].y - LABEL_STEP);
    }
}

static void write_labels(FILE *f, const struct chart *c, const struct axis *x,
                         const struct axis *y)
{
    struct label list[LABELS_MAX];
    int count = 0;

    for (int k = 0; k < c->count && count < LABELS_MAX; k++) {
        const struct chart_line *l = &c->lines[k];
        int last = l->n - 1;

        while (last >= 0 && !is_drawn(l->y[last]))
            last--;
        if (last < 0 || !*l->name)
            continue;
        insert(list, count++,
               (struct label){ at(x, l->x[last]), at(y, l->y[last]), l });
    }
    spread(list, count);
    for (int i = 0; i < count; i++) {
        fprintf(f, "<text class=\"label s%d\" x=\"%.1f\" y=\"%.1f\">",
                list[i].line->style, list[i].x + 7, list[i].y + 3.5);
        page_text(f, list[i].line->name);
        fputs("</text>\n", f);
    }
}

/* ---- words --------------------------------------------------------------- */

/* Say so if there is nothing to draw. */
static void write_absence(FILE *f, const struct chart *c)
{
    double lo = 1, hi = 0;

    for (int i = 0; i < c->count; i++)
        chart_widen(&lo, &hi, c->lines[i].y, c->lines[i].n);
    if (lo > hi)
        fprintf(f,
                "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">no finite "
                "figures</text>\n",
                (LEFT + RIGHT) / 2, (TOP + BOTTOM) / 2);
}

static void describe(FILE *f, const struct chart_line *l, const char *x_name)
{
    int first = -1, last = -1, least = -1, most = -1, absent = 0;

    for (int i = 0; i < l->n; i++) {
        if (!is_drawn(l->y[i])) {
            absent++;
            continue;
        }
        first = first < 0 ? i : first;
        last = i;
        least = least < 0 || l->y[i] < l->y[least] ? i : least;
        most = most < 0 || l->y[i] > l->y[most] ? i : most;
    }
    page_text(f, l->title);
    if (last >= 0)
        fprintf(f,
                ": %.4g at %s %.7g, %.4g at %.7g; least %.4g at %.7g, most "
                "%.4g at %.7g",
                l->y[first], x_name, l->x[first], l->y[last], l->x[last],
                l->y[least], l->x[least], l->y[most], l->x[most]);
    if (absent)
        fprintf(f, "%s no figure at %d points", last < 0 ? ":" : ";", absent);
    fputs(".\n", f);
}

/* ---- the chart ------------------------------------------------------------
 */

void chart_write(FILE *f, const struct chart *c)
{
    const struct axis x = x_axis(c), y = y_axis(c);

    fputs("<figure>", f);
    page_element(f, "figcaption", NULL, c->title);
    fprintf(f,
            "\n<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-labelledby=\"%s-t "
            "%s-d\"><title id=\"%s-t\">",
            WIDTH, HEIGHT, c->id, c->id, c->id);
    page_text(f, c->title);
    fprintf(f, "</title><desc id=\"%s-d\">", c->id);
    for (int i = 0; i < c->count; i++)
        describe(f, &c->lines[i], c->x_name);
    fputs("</desc>\n", f);
    write_axes(f, &x, &y, c->x_name);
    for (int i = 0; i < c->count; i++)
        write_line(f, &c->lines[i], &x, &y);
    write_labels(f, c, &x, &y);
    write_absence(f, c);
    fputs("</svg></figure>\n", f);
}

void chart_key(FILE *f, int style)
{
    fputs("<svg class=\"key\" viewBox=\"0 0 32 12\" aria-hidden=\"true\">", f);
    fprintf(f, "<path class=\"line s%d\" d=\"M2 6H30\"/>", style);
    write_marker(f, 16, 6, style);
    fputs("</svg>", f);
}
