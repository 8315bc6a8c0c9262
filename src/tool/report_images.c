/* SPDX-License-Identifier: Apache-2.0 */
/* What a net makes of the validation images: the confusion matrix, and the
 * images of which it was the surest. */
#include <nettle/base64.h>
#include <string.h>

#include "page.h"
#include "report.h"
#include "tool.h"

/* ---- pictures ------------------------------------------------------------ */

#define BMP_HEADER 54

/* Write a number of n bytes, the least first. */
static void put_number(uint8_t *to, uint32_t value, int n)
{
    for (int i = 0; i < n; i++)
        to[i] = (uint8_t)(value >> (8 * i));
}

/* The header of a BMP of 24 bits a pixel, whose lines go down. */
static void bmp_header(uint8_t header[BMP_HEADER], int h, int w, uint32_t size)
{
    memset(header, 0, BMP_HEADER);
    memcpy(header, "BM", 2);
    put_number(header + 2, BMP_HEADER + size, 4);
    put_number(header + 10, BMP_HEADER, 4);
    put_number(header + 14, 40, 4);
    put_number(header + 18, (uint32_t)w, 4);
    put_number(header + 22, (uint32_t)-h, 4);
    put_number(header + 26, 1, 2);
    put_number(header + 28, 24, 2);
    put_number(header + 34, size, 4);
}

/* Encode bytes that follow others. */
static void put_base64(FILE *f, struct base64_encode_ctx *base64,
                       const uint8_t *bytes, size_t n)
{
    char text[BASE64_ENCODE_LENGTH(BMP_HEADER)];

    for (size_t i = 0; i < n; i += BMP_HEADER) {
        const size_t some = n - i < BMP_HEADER ? n - i : BMP_HEADER;

        fwrite(text, 1, base64_encode_update(base64, text, some, bytes + i), f);
    }
}

/* An image of the set as a URI.  A line of a BMP has a multiple of 4 bytes. */
static void put_picture(FILE *f, const struct clade_dataset *d, int image)
{
    const uint8_t *rgb =
        d->images + (size_t)image * (size_t)d->h * (size_t)d->w * 3;
    const size_t line = ((size_t)d->w * 3 + 3) / 4 * 4;
    struct base64_encode_ctx base64;
    uint8_t header[BMP_HEADER];
    char text[BASE64_ENCODE_FINAL_LENGTH];

    bmp_header(header, d->h, d->w, (uint32_t)(line * (size_t)d->h));
    base64_encode_init(&base64);
    fputs("data:image/bmp;base64,", f);
    put_base64(f, &base64, header, BMP_HEADER);
    for (int h = 0; h < d->h; h++) {
        for (int w = 0; w < d->w; w++, rgb += 3)
            put_base64(f, &base64, (uint8_t[]){ rgb[2], rgb[1], rgb[0] }, 3);
        put_base64(f, &base64, (uint8_t[]){ 0, 0, 0 }, line - (size_t)d->w * 3);
    }
    fwrite(text, 1, base64_encode_final(&base64, text), f);
}

/* "dog, 0.987", or "dog, 0.987; is cat". */
static void put_words(FILE *f, const struct runlog *r,
                      const struct sure_image *s)
{
    page_text(f, runlog_class(r, s->found));
    fprintf(f, ", %.3f", s->probability);
    if (s->found != s->label) {
        fputs("; is ", f);
        page_text(f, runlog_class(r, s->label));
    }
}

static void write_pictures(FILE *f, const struct runlog *r,
                           const struct sure_images *sure, const char *tag,
                           const char *title)
{
    page_element(f, tag, NULL, title);
    if (!sure->count)
        fputs("<p>none</p>\n", f);
    else
        fputs("\n<ul class=\"pictures\">\n", f);
    for (int i = 0; i < sure->count; i++) {
        const struct sure_image *s = &sure->list[i];

        fputs("<li><img width=\"96\" height=\"96\" alt=\"", f);
        fprintf(f, "validation image %d\" src=\"", s->image);
        put_picture(f, &r->evaluation->data.test, s->image);
        fputs("\"/>", f);
        put_words(f, r, s);
        fputs("</li>\n", f);
    }
    fputs(sure->count ? "</ul>\n" : "", f);
}

/* ---- the confusion matrix ------------------------------------------------ */

static int row_sum(const struct evaluation *e, int label)
{
    int sum = 0;

    for (int i = 0; i < e->classes; i++)
        sum += e->confusion[label * e->classes + i];
    return sum;
}

static void matrix_row(FILE *f, const struct runlog *r, int label)
{
    const struct evaluation *e = r->evaluation;
    const int all = row_sum(e, label);

    fputs("<tr><th scope=\"row\">", f);
    page_text(f, runlog_class(r, label));
    fputs("</th>", f);
    for (int i = 0; i < e->classes; i++) {
        const int n = e->confusion[label * e->classes + i];

        fprintf(f, "<td%s style=\"background:rgba(40,120,220,%.2f)\">%d</td>",
                i == label ? " class=\"hit\"" : "", all ? 0.5 * n / all : 0.0,
                n);
    }
    page_element(
        f, "td", NULL,
        all ? page_number("%.3f",
                          (double)e->confusion[label * e->classes + label] /
                              all)
            : "–");
    fputs("</tr>\n", f);
}

static void write_matrix(FILE *f, const struct runlog *r)
{
    const struct evaluation *e = r->evaluation;

    page_scroll(f, "confusion matrix");
    fprintf(f,
            "<table class=\"matrix\"><caption>Confusion matrix of %d "
            "validation images: a row for each true class, a column for each "
            "class that the network found; framed: right</caption>\n"
            "<thead><tr><th scope=\"col\">true \\ found</th>",
            e->data.test.count);
    for (int i = 0; i < e->classes; i++) {
        fputs("<th scope=\"col\">", f);
        page_text(f, runlog_class(r, i));
        fputs("</th>", f);
    }
    fputs("<th scope=\"col\">share right</th></tr></thead><tbody>\n", f);
    for (int i = 0; i < e->classes; i++)
        matrix_row(f, r, i);
    fputs("</tbody></table></div>\n", f);
}

/* ---- the section --------------------------------------------------------- */

static void write_evaluation(FILE *f, const struct runlog *r, const char *tag)
{
    const struct evaluation *e = r->evaluation;

    fprintf(f, "<p class=\"dim\">The checkpoint after epoch %d, on ",
            clade_checkpoint_info(r->checkpoint)->epoch);
    page_text(f, r->device);
    fprintf(f, ". %d of %d images are right.</p>\n", e->hits,
            e->data.test.count);
    if (e->broken)
        fprintf(f,
                "<p class=\"bad\">Of %d images the logits are no finite "
                "numbers; they are in no cell.</p>\n",
                e->broken);
    write_matrix(f, r);
    write_pictures(f, r, &e->right, tag,
                   "The surest right images, with class and probability");
    write_pictures(f, r, &e->wrong, tag,
                   "The surest wrong images, with class and probability, and "
                   "what they are");
}

void page_images(FILE *f, const struct report_runs *runs)
{
    for (int i = 0; i < runs->count; i++) {
        const struct runlog *r = &runs->list[i];

        run_heading(f, runs, i);
        if (r->evaluation)
            write_evaluation(f, r, runs->count > 1 ? "h4" : "h3");
        else
            page_element(f, "p", NULL, r->unevaluated);
        fputc('\n', f);
    }
}
