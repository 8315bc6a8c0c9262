/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PAGE_H
#define PAGE_H

#include <stddef.h>
#include <stdio.h>

/*
 * The parts of a page of HTML, which is well-formed XML, too: no script,
 * nothing loaded from elsewhere, readable printed, in light and dark.
 */

/* The page up to its <body>, and its end.  `style`, which may be NULL, is CSS
 * beside that of all pages. */
void page_begin(FILE *f, const char *title, const unsigned char *style,
                size_t n);
void page_end(FILE *f);

/* A text, with the characters replaced that mean something in HTML, and what is
 * no UTF-8 by U+FFFD.  NULL prints nothing. */
void page_text(FILE *f, const char *text);
/* <tag class="...">text</tag>; without a class if that is NULL. */
void page_element(FILE *f, const char *tag, const char *class,
                  const char *text);

struct page_cell {
    const char *class, *text;
};
/* A row of cells, whose tag is th or td. */
void page_row(FILE *f, const char *tag, const struct page_cell cells[],
              size_t count);
#define PAGE_ROW(f, tag, ...)                                                  \
    page_row(f, tag, (const struct page_cell[]){ __VA_ARGS__ },                \
             sizeof((const struct page_cell[]){ __VA_ARGS__ }) /               \
                 sizeof(struct page_cell))
/* A row of a name and its text, unless there is none. */
void page_fact(FILE *f, const char *name, const char *text);

/* A part that scrolls sideways if it is wide, also by the keyboard; `name` says
 * what it is.  It ends with </div>. */
void page_scroll(FILE *f, const char *name);

/* A number, empty for a NaN, in a text that 15 further calls leave alone. */
const char *page_number(const char *format, double x);
/* The same with four digits behind the point, unless it is huge. */
const char *page_figure(double x);

#endif
