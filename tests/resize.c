/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The resize must give the same bits as OpenCV's cv2.resize (4.11 and 5.0
 * agree).  It is compared by hashes: of one computed image, and of four real
 * ones if CLADE_CIFAR10_DIR has them.  It runs on CLADE_TEST_DEVICE, or on the
 * reference in both precisions and on the best OpenCL device.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <clade/data.h>

#include "backend.h"
#include "rng.h"
#include "tap.h"
#include "tested.h"

enum { FROM = 32, TO = 224, CHANNELS = 3, IMAGES_MAX = 4 };
enum { IMAGE = FROM * FROM * CHANNELS, LARGE = TO * TO * CHANNELS };

struct images {
    const char *why;
    int n;
    uint8_t bytes[IMAGES_MAX * IMAGE];
    uint64_t wanted; /* FNV-1a-64 of the large images' bytes, NHWC */
};

/* Convert pixels back to bytes.  Returns false if a pixel is not in the table.
 */
static bool to_bytes(uint8_t *out, const void *from, enum clade_type real,
                     size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const double v = real == CLADE_F64 ? ((const double *)from)[i]
                                           : ((const float *)from)[i];
        const double byte = rint(v * 255);

        if (!(byte >= 0 && byte <= 255) || v != (float)(byte / 255))
            return false;
        out[i] = (uint8_t)byte;
    }
    return true;
}

static void fill_table(void *table, enum clade_type real)
{
    for (int i = 0; i < 256; i++) {
        if (real == CLADE_F64)
            ((double *)table)[i] = (float)(i / 255.0);
        else
            ((float *)table)[i] = (float)(i / 255.0);
    }
}

/* The op's buffers on a device. */
struct memory {
    struct clade_buffer *x, *y, *table, *workspace;
};

static clade_status allocate(clade_backend *be, struct memory *m, int n,
                             size_t size)
{
    const enum clade_memory where = CLADE_MEMORY_DEVICE;
    clade_status st;

    if ((st = clade_backend_alloc(be, &m->x, (size_t)n * IMAGE, where)) ||
        (st = clade_backend_alloc(be, &m->y, (size_t)n * LARGE * size, where)))
        return st;
    return clade_backend_alloc(be, &m->table, 256 * size, where);
}

static clade_status prepare(struct clade_op *op, clade_backend *be,
                            struct memory *m, int n)
{
    const enum clade_type real = clade_backend_real(be);
    clade_status st;

    st = clade_op_resize(
        op, clade_tensor_at(m->y, 0, n, TO, TO, CHANNELS, real),
        clade_tensor_at(m->x, 0, n, FROM, FROM, CHANNELS, CLADE_U8),
        clade_tensor_at(m->table, 0, 1, 1, 1, 256, real));
    if (st || (st = clade_backend_choose(be, op, NULL)))
        return st;
    if (op->workspace) {
        if ((st = clade_backend_alloc(be, &m->workspace, op->workspace,
                                      CLADE_MEMORY_DEVICE)))
            return st;
        op->t[CLADE_WORKSPACE] = clade_tensor_at(
            m->workspace, 0, 1, 1, 1, (int)op->workspace / 4, CLADE_F32);
    }
    return CLADE_OK;
}

static clade_status run(clade_backend *be, struct memory *m,
                        const struct images *in, void *out)
{
    const size_t size = clade_type_size(clade_backend_real(be));
    struct clade_op op;
    double table[256];
    clade_status st;

    fill_table(table, clade_backend_real(be));
    if ((st = allocate(be, m, in->n, size)) ||
        (st = prepare(&op, be, m, in->n)))
        return st;
    if (!(st = clade_backend_write(be, m->x, 0, in->bytes,
                                   (size_t)in->n * IMAGE)) &&
        !(st = clade_backend_write(be, m->table, 0, table, 256 * size)) &&
        !(st = backend_run_once(be, &op)))
        st = clade_backend_read(be, out, m->y, 0, (size_t)in->n * LARGE * size);
    return st;
}

static void test_images(clade_backend *be, const struct images *in)
{
    const char *device = clade_backend_device(be)->name;
    const size_t count = (size_t)in->n * LARGE;
    void *out = malloc(count * sizeof(double));
    uint8_t *large = malloc(count);
    struct memory m = { 0 };

    if (in->n == 0)
        tap_skip("resize: %s: CLADE_CIFAR10_DIR does not have them", in->why);
    else if (!out || !large)
        tap_fail("resize: %s, %s: out of memory", in->why, device);
    else if (run(be, &m, in, out))
        tap_fail("resize: %s, %s: %s", in->why, device, clade_error());
    else if (!to_bytes(large, out, clade_backend_real(be), count))
        tap_fail("resize: %s, %s: a value that is not in the table", in->why,
                 device);
    else
        tap_ok(rng_fnv64(large, count) == in->wanted,
               "resize: %s, %s: hash %016llx", in->why, device,
               (unsigned long long)rng_fnv64(large, count));
    clade_backend_free(be, m.x);
    clade_backend_free(be, m.y);
    clade_backend_free(be, m.table);
    clade_backend_free(be, m.workspace);
    free(out);
    free(large);
}

static void make_image(struct images *made)
{
    made->n = 1;
    for (int i = 0; i < IMAGE; i++)
        made->bytes[i] = (uint8_t)(256 * rng_record("resize", 1, (uint64_t)i));
}

/* Read the four images of the hash.  Not every copy of the data set begins with
 * them. */
static void read_images(struct images *real)
{
    const char *dir = getenv("CLADE_CIFAR10_DIR");
    const uint64_t first_four = 0x7df620f3bfb69f24;
    struct clade_data d;

    if (!dir || clade_data_cifar10(&d, dir, IMAGES_MAX, 0))
        return;
    if (rng_fnv64(d.train.images, IMAGES_MAX * IMAGE) == first_four) {
        real->n = IMAGES_MAX;
        memcpy(real->bytes, d.train.images, IMAGES_MAX * IMAGE);
    }
    clade_data_free(&d);
}

int main(void)
{
    static struct images made = { .why = "a computed image",
                                  .wanted = 0xd885c22bed654046 };
    static struct images real = { .why = "four real images",
                                  .wanted = 0x5455702fa5eb248b };
    const char *devices[] = { "cpu", "cpu64", "opencl" };
    const char *named = getenv("CLADE_TEST_DEVICE");
    const int n = named && *named ? 1 : 3;

    if (n == 1)
        devices[0] = named;
    make_image(&made);
    read_images(&real);
    tap_plan(2 * n);
    for (int i = 0; i < n; i++) {
        clade_backend *be = NULL;

        if (!strcmp(devices[i], tested_name()))
            be = tested_open();
        else if (clade_backend_open(&be, devices[i]))
            tap_bail("%s: %s", devices[i], clade_error());
        if (!be) {
            tap_skip("resize: %s: no device %s", made.why, devices[i]);
            tap_skip("resize: %s: no device %s", real.why, devices[i]);
            continue;
        }
        test_images(be, &made);
        test_images(be, &real);
        clade_backend_close(be);
    }
    return tap_done();
}
