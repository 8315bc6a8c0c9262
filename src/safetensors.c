/* SPDX-License-Identifier: Apache-2.0 */
#include "safetensors.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"

/* The format limits the length of its header; a larger number is damaged. */
#define HEADER_MAX 100000000

struct safetensors {
    FILE *file;
    char *path;
    json_t *header;
    uint64_t data_at; /* where the data begins in the file */
    struct safetensor *list;
    int count;
};

int64_t safetensor_elements(const struct safetensor *t)
{
    int64_t n = 1;

    for (int i = 0; i < t->dims; i++)
        n *= t->shape[i];
    return n;
}

static uint64_t bytes_of(const struct safetensor *t)
{
    return (uint64_t)safetensor_elements(t) * sizeof(float);
}

/* Convert floats from the host's byte order to the file's (little-endian), or
 * back. */
static void swap_floats(float *v, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        uint32_t word;

        memcpy(&word, v + i, sizeof word);
        word = htole32(word);
        memcpy(v + i, &word, sizeof word);
    }
}

/* Make the header.  Blanks at its end let the data begin at a multiple of 8
 * bytes.  Returns NULL if there is no memory or a text is not UTF-8. */
static char *make_header(size_t *length, json_t *metadata,
                         const struct safetensor *list, int count)
{
    json_t *header = json_pack("{s:O}", "__metadata__", metadata);
    char *text, *padded = NULL;

    for (int i = 0; i < count; i++) {
        const struct safetensor *t = &list[i];
        json_t *shape = json_array();

        for (int d = 0; d < t->dims; d++)
            json_array_append_new(shape, json_integer(t->shape[d]));
        json_object_set_new(header, t->name,
                            json_pack("{s:s, s:o, s:[I, I]}", "dtype", "F32",
                                      "shape", shape, "data_offsets",
                                      (json_int_t)t->at,
                                      (json_int_t)(t->at + bytes_of(t))));
    }
    text = json_dumps(header, JSON_COMPACT);
    json_decref(header);
    if (text) {
        size_t n = strlen(text);

        *length = (n + 7) / 8 * 8;
        if ((padded = malloc(*length))) {
            memset(padded, ' ', *length);
            memcpy(padded, text, n);
        }
    }
    free(text);
    return padded;
}

/* The arguments of write_file(). */
struct writing {
    const char *path;
    json_t *metadata;
    const struct safetensor *list;
    int count;
    clade_status (*values)(void *arg, int i, float *to);
    void *arg;
};

static clade_status write_failed(const char *path)
{
    return clade_fail(CLADE_EIO, "%s: %s", path, strerror(errno));
}

static clade_status write_header(const struct writing *w, FILE *file)
{
    size_t length;
    char *header = make_header(&length, w->metadata, w->list, w->count);
    clade_status st = CLADE_OK;
    uint64_t word;

    if (!header)
        return clade_fail(CLADE_EFAIL,
                          "%s: cannot make its header: out of memory, or a "
                          "text is not UTF-8",
                          w->path);
    word = htole64(length);
    if (fwrite(&word, sizeof word, 1, file) != 1 ||
        fwrite(header, length, 1, file) != 1)
        st = write_failed(w->path);
    free(header);
    return st;
}

static clade_status write_tensor(const struct writing *w, int i, FILE *file)
{
    const struct safetensor *t = &w->list[i];
    size_t n = (size_t)safetensor_elements(t);
    float *v = malloc(n ? n * sizeof *v : 1);
    clade_status st;

    if (!v)
        return clade_fail(CLADE_ENOMEM, "%s: %s: out of memory", w->path,
                          t->name);
    st = w->values(w->arg, i, v);
    if (!st) {
        swap_floats(v, (int64_t)n);
        if (fwrite(v, sizeof *v, n, file) != n)
            st = write_failed(w->path);
    }
    free(v);
    return st;
}

static clade_status write_file(void *arg, FILE *file)
{
    const struct writing *w = arg;
    clade_status st = write_header(w, file);

    for (int i = 0; i < w->count && !st; i++)
        st = write_tensor(w, i, file);
    return st;
}

clade_status safetensors_write(
    const char *path, json_t *metadata, struct safetensor *list, int count,
    clade_status (*values)(void *arg, int i, float *to), void *arg)
{
    struct writing w = { path, metadata, list, count, values, arg };
    uint64_t at = 0;

    for (int i = 0; i < count; i++) {
        list[i].at = at;
        at += bytes_of(&list[i]);
    }
    return file_replace(path, write_file, &w);
}

/* Read a shape, as in [2,3].  It must have fewer than 2^31 elements. */
static bool parse_shape(struct safetensor *t, const json_t *shape)
{
    int64_t n = 1;

    if (!json_is_array(shape) || json_array_size(shape) > SAFETENSORS_DIMS)
        return false;
    t->dims = (int)json_array_size(shape);
    for (int i = 0; i < t->dims; i++) {
        const json_t *extent = json_array_get(shape, (size_t)i);
        json_int_t v = json_integer_value(extent);

        if (!json_is_integer(extent) || v < 0 || v > INT32_MAX)
            return false;
        t->shape[i] = v;
        n *= v;
        if (n > INT32_MAX)
            return false;
    }
    return true;
}

static clade_status bad_tensor(const struct safetensors *file, const char *name,
                               const char *what)
{
    return clade_fail(CLADE_EDATA, "%s: tensor %s: %s", file->path, name, what);
}

static clade_status parse_tensor(struct safetensors *file, const char *name,
                                 const json_t *entry)
{
    struct safetensor *t = &file->list[file->count];
    const json_t *offsets = json_object_get(entry, "data_offsets");
    const char *type = json_string_value(json_object_get(entry, "dtype"));
    const json_t *begin = json_array_get(offsets, 0);
    const json_t *end = json_array_get(offsets, 1);

    t->name = name;
    if (!type || strcmp(type, "F32"))
        return clade_fail(CLADE_EDATA,
                          "%s: tensor %s: its dtype is %s, not F32: convert it "
                          "to float32",
                          file->path, name, type ? type : "missing");
    if (!parse_shape(t, json_object_get(entry, "shape")))
        return bad_tensor(file, name,
                          "its shape is not an array of at most four extents");
    if (json_array_size(offsets) != 2 || !json_is_integer(begin) ||
        !json_is_integer(end) || json_integer_value(begin) < 0 ||
        json_integer_value(end) < json_integer_value(begin))
        return bad_tensor(file, name,
                          "its data_offsets are not a begin and an end");
    t->at = (uint64_t)json_integer_value(begin);
    if (json_integer_value(end) - json_integer_value(begin) !=
        (json_int_t)bytes_of(t))
        return bad_tensor(file, name, "its data_offsets do not fit its shape");
    file->count++;
    return CLADE_OK;
}

static clade_status parse_header(struct safetensors *file)
{
    json_t *texts = json_object_get(file->header, "__metadata__");
    const char *key;
    json_t *value;
    clade_status st;

    file->list = calloc(json_object_size(file->header) + 1, sizeof *file->list);
    if (!file->list)
        return clade_fail(CLADE_ENOMEM, "%s: out of memory", file->path);
    json_object_foreach(texts, key, value)
        if (!json_is_string(value))
            return clade_fail(CLADE_EDATA, "%s: metadata %s is not a text",
                              file->path, key);
    json_object_foreach(file->header, key, value)
        if (strcmp(key, "__metadata__") &&
            (st = parse_tensor(file, key, value)))
            return st;
    return CLADE_OK;
}

static int by_offset(const void *a, const void *b)
{
    const struct safetensor *s = a, *t = b;

    if (s->at != t->at)
        return s->at < t->at ? -1 : 1;
    return bytes_of(s) < bytes_of(t) ? -1 : bytes_of(s) > bytes_of(t);
}

/* The tensors' data must follow one another from byte 0 to the file's end. */
static clade_status check_layout(struct safetensors *file, uint64_t data)
{
    uint64_t at = 0;

    qsort(file->list, (size_t)file->count, sizeof *file->list, by_offset);
    for (int i = 0; i < file->count; i++) {
        const struct safetensor *t = &file->list[i];

        if (t->at != at)
            return bad_tensor(file, t->name,
                              "its data overlap others or leave a gap");
        at += bytes_of(t);
        if (at > data)
            return bad_tensor(file, t->name,
                              "its data end beyond the file: the file is cut "
                              "short");
    }
    if (at != data)
        return clade_fail(CLADE_EDATA,
                          "%s: %" PRIu64 " bytes follow the last tensor",
                          file->path, data - at);
    return CLADE_OK;
}

static clade_status file_size(uint64_t *size, const struct safetensors *file)
{
    off_t end;

    if (fseeko(file->file, 0, SEEK_END) || (end = ftello(file->file)) < 0 ||
        fseeko(file->file, 0, SEEK_SET))
        return clade_fail(CLADE_EIO, "%s: %s", file->path, strerror(errno));
    *size = (uint64_t)end;
    return CLADE_OK;
}

static clade_status read_header(struct safetensors *file)
{
    uint64_t size = 0, length;
    char *text = NULL;
    json_error_t error;
    clade_status st;

    if ((st = file_size(&size, file)))
        return st;
    if (size < 8 || fread(&length, 8, 1, file->file) != 1)
        return clade_fail(CLADE_EDATA,
                          "%s: not a safetensors file: shorter than 8 bytes",
                          file->path);
    length = le64toh(length);
    if (length > size - 8 || length > HEADER_MAX)
        return clade_fail(CLADE_EDATA,
                          "%s: not a safetensors file, or cut short: a header "
                          "of %" PRIu64 " bytes in a file of %" PRIu64,
                          file->path, length, size);
    if (!(text = malloc(length + 1)))
        return clade_fail(CLADE_ENOMEM, "%s: out of memory", file->path);
    if (fread(text, 1, length, file->file) != length)
        st = clade_fail(CLADE_EIO, "%s: its header cannot be read", file->path);
    else if (!(file->header =
                   json_loadb(text, length, JSON_REJECT_DUPLICATES, &error)))
        st = clade_fail(CLADE_EDATA, "%s: its header is not JSON: %s",
                        file->path, error.text);
    free(text);
    file->data_at = 8 + length;
    if (!st)
        st = parse_header(file);
    return st ? st : check_layout(file, size - file->data_at);
}

clade_status safetensors_open(struct safetensors **out, const char *path)
{
    struct safetensors *file = calloc(1, sizeof *file);
    clade_status st;

    if (!file || !(file->path = strdup(path)))
        st = clade_fail(CLADE_ENOMEM, "%s: out of memory", path);
    else if (!(st = file_open(&file->file, path)))
        st = read_header(file);
    if (st)
        safetensors_close(file);
    else
        *out = file;
    return st;
}

void safetensors_close(struct safetensors *file)
{
    if (!file)
        return;
    if (file->file)
        fclose(file->file);
    free(file->list);
    json_decref(file->header);
    free(file->path);
    free(file);
}

const char *safetensors_path(const struct safetensors *file)
{
    return file->path;
}

const char *safetensors_text(const struct safetensors *file, const char *key)
{
    return json_string_value(
        json_object_get(json_object_get(file->header, "__metadata__"), key));
}

const struct safetensor *safetensors_list(const struct safetensors *file,
                                          int *count)
{
    *count = file->count;
    return file->list;
}

const struct safetensor *safetensors_find(const struct safetensors *file,
                                          const char *name)
{
    for (int i = 0; i < file->count; i++)
        if (!strcmp(file->list[i].name, name))
            return &file->list[i];
    return NULL;
}

clade_status safetensors_read(struct safetensors *file, float *to,
                              const struct safetensor *t)
{
    size_t n = (size_t)safetensor_elements(t);

    if (fseeko(file->file, (off_t)(file->data_at + t->at), SEEK_SET) ||
        fread(to, sizeof *to, n, file->file) != n)
        return clade_fail(CLADE_EIO, "%s: tensor %s: %s", file->path, t->name,
                          ferror(file->file) ? strerror(errno)
                                             : "the file ended");
    swap_floats(to, (int64_t)n);
    return CLADE_OK;
}
