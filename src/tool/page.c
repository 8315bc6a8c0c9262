/* SPDX-License-Identifier: Apache-2.0 */
#include "page.h"

#include <math.h>
#include <stdint.h>

#include "tool.h"

static const unsigned char style_of_all[] = {
#include "src/tool/page.inc"
};

void page_begin(FILE *f, const char *title, const unsigned char *style,
                size_t n)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>\n"
          "<meta name=\"viewport\" content=\"width=device-width\"/>\n",
          f);
    page_element(f, "title", NULL, title);
    fputs("\n<style>\n", f);
    fwrite(style_of_all, 1, sizeof style_of_all, f);
    if (style)
        fwrite(style, 1, n, f);
    fputs("</style></head><body>\n", f);
}

void page_end(FILE *f)
{
    fputs("</body></html>\n", f);
}

/* The length of the character at s; 0 if it is no UTF-8 (Unicode, table 3-7) or
 * a control character, which XML does not take. */
static int character(const unsigned char *s)
{
    const int n = s[0] < 0x80   ? 1
                  : s[0] < 0xc2 ? 0
                  : s[0] < 0xe0 ? 2
                  : s[0] < 0xf0 ? 3
                  : s[0] < 0xf5 ? 4
                                : 0;
    uint32_t code = n == 1 ? s[0] : s[0] & (0xffu >> (n + 1));

    for (int i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (s[i] & 0x3f);
    }
    if ((code < 0x20 && code != '\n' && code != '\t') ||
        (code >= 0x7f && code < 0xa0) || (n == 3 && code < 0x800) ||
        (code >= 0xd800 && code < 0xe000) || (code | 1) == 0xffff ||
        (n == 4 && (code < 0x10000 || code > 0x10ffff)))
        return 0;
    return n;
}

void page_text(FILE *f, const char *text)
{
    static const char *const names[256] = {
        ['<'] = "&lt;", ['>'] = "&gt;", ['&'] = "&amp;", ['"'] = "&quot;"
    };
    const unsigned char *s = (const unsigned char *)text;

    for (int n; s && *s; s += n ? n : 1) {
        n = character(s);
        if (!n)
            fputs("\xef\xbf\xbd", f);
        else if (names[*s])
            fputs(names[*s], f);
        else
            fwrite(s, 1, (size_t)n, f);
    }
}

void page_element(FILE *f, const char *tag, const char *class, const char *text)
{
    fprintf(f, "<%s", tag);
    if (class)
        fprintf(f, " class=\"%s\"", class);
    fputc('>', f);
    page_text(f, text);
    fprintf(f, "</%s>", tag);
}

void page_row(FILE *f, const char *tag, const struct page_cell cells[],
              size_t count)
{
    const bool heads = tag[1] == 'h';

    fputs("<tr>", f);
    for (size_t i = 0; i < count; i++) {
        fprintf(f, "<%s", tag);
        if (heads)
            fputs(" scope=\"col\"", f);
        if (cells[i].class)
            fprintf(f, " class=\"%s\"", cells[i].class);
        fputc('>', f);
        page_text(f, cells[i].text);
        fprintf(f, "</%s>", tag);
    }
    fputs("</tr>\n", f);
}

void page_fact(FILE *f, const char *name, const char *text)
{
    if (!text || !*text)
        return;
    fputs("<tr><th scope=\"row\">", f);
    page_text(f, name);
    fputs("</th>", f);
    page_element(f, "td", "c", text);
    fputs("</tr>\n", f);
}

void page_scroll(FILE *f, const char *name)
{
    fputs("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"",
          f);
    page_text(f, name);
    fputs("\">", f);
}

const char *page_number(const char *format, double x)
{
    static char texts[16][40];
    static unsigned next;
    char *text = texts[next++ % COUNT_OF(texts)];

    if (isnan(x))
        text[0] = '\0';
    else
        snprintf(text, sizeof texts[0], format, x);
    return text;
}

const char *page_figure(double x)
{
    return page_number(fabs(x) < 1e6 ? "%.4f" : "%.4g", x);
}
