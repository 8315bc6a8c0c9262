/* SPDX-License-Identifier: Apache-2.0 */
#include "train/speed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "file.h"
#include "rng.h"
#include "status.h"

#define FORMAT "clade-speed/1"
#define STEPS  3 /* that are timed */

static clade_status out_of_memory(void)
{
    return clade_fail(CLADE_ENOMEM, "the speed of processes: out of memory");
}

static void tell(const struct training *t, const char *text)
{
    if (t->first && t->observer->notice)
        t->observer->notice(t->observer->arg, text);
}

/* ---- who is at work ------------------------------------------------------ */

/* What each rank says of itself. */
struct member {
    char host[64];
    int units; /* of its device; some drivers list fewer to a bound process */
};

/* The first rank on the host of a rank. */
static int first_on_host(const struct member *all, int rank)
{
    int first = 0;

    while (strcmp(all[first].host, all[rank].host))
        first++;
    return first;
}

/* All that speeds depend on, for the file; rank 0's alone counts. */
static json_t *describe(const struct training *t, const struct member *all)
{
    json_t *ranks = json_array();

    for (int r = 0; r < t->dist->size; r++) {
        const struct run_device *d = &t->devices.list[t->devices.of_rank[r]];

        json_array_append_new(
            ranks, json_pack("{s:s, s:s, s:i, s:i}", "device", d->name,
                             "driver", d->driver, "units", all[r].units,
                             "host_of_rank", first_on_host(all, r)));
    }
    return json_pack(
        "{s:s, s:s, s:i, s:s, s:o}", "format", FORMAT, "net",
        train_net_config(t->config).net, "batch", t->config->batch, "algorithm",
        t->config->algorithm ? t->config->algorithm : "", "ranks", ranks);
}

static clade_status describe_all(json_t **about, const struct training *t)
{
    struct member *all = calloc((size_t)t->dist->size, sizeof *all);
    struct member *mine = all ? &all[t->dist->rank] : NULL;
    clade_status st;

    *about = NULL;
    if (!mine)
        return out_of_memory();
    memcpy(mine->host, t->dist->host, sizeof mine->host);
    mine->units = clade_backend_device(t->be)->units;
    st = dist_gather_items(t->dist, all, sizeof *all);
    if (!st && !(*about = describe(t, all)))
        st = out_of_memory();
    free(all);
    return st;
}

/* ---- the file ------------------------------------------------------------ */

/* The file of what is described; NULL: there is no cache folder. */
static char *file_of(const json_t *about)
{
    char *text = json_dumps(about, JSON_COMPACT | JSON_SORT_KEYS);
    char name[64];

    if (!text)
        return NULL;
    snprintf(name, sizeof name, "speed-%016llx.json",
             (unsigned long long)rng_fnv64(text, strlen(text)));
    free(text);
    return file_cache(name);
}

/* Take the times out of a file's text, of which the description is left. */
static bool take_times(double *seconds, json_t *file, int ranks)
{
    json_t *list = json_object_get(file, "ranks");
    bool good = json_array_size(list) == (size_t)ranks;

    for (int r = 0; r < ranks && good; r++) {
        json_t *rank = json_array_get(list, (size_t)r);

        seconds[r] = 1e-3 * json_number_value(json_object_get(rank, "ms"));
        json_object_del(rank, "ms");
        good = seconds[r] > 0;
    }
    return good;
}

/* Read the file, if there is one; CLADE_EDATA: it is of no use. */
static clade_status read_times(bool *found, double *seconds, const char *path,
                               const json_t *about, int ranks)
{
    char *text;
    json_t *file;
    size_t n;
    clade_status st;

    *found = false;
    if (!path || access(path, F_OK))
        return CLADE_OK;
    if ((st = file_read(&text, &n, path)))
        return st;
    file = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
    free(text);
    *found = take_times(seconds, file, ranks) && json_equal(file, about);
    json_decref(file);
    return *found ? CLADE_OK
                  : clade_fail(CLADE_EDATA,
                               "%s: it is damaged, or of another "
                               "version of clade",
                               path);
}

static clade_status write_json(void *arg, FILE *file)
{
    return json_dumpf(arg, file, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) ||
                   fputc('\n', file) == EOF
               ? clade_fail(CLADE_EIO, "speeds cannot be written")
               : CLADE_OK;
}

/* Add the times to the description, and write the file. */
static clade_status write_times(const double *seconds, const char *path,
                                json_t *about, int ranks)
{
    const clade_status st = file_make_folder_of(path);

    for (int r = 0; r < ranks; r++)
        json_object_set_new(
            json_array_get(json_object_get(about, "ranks"), (size_t)r), "ms",
            json_real(1e3 * seconds[r]));
    return st ? st : file_replace(path, write_json, about);
}

/* ---- measuring ----------------------------------------------------------- */

/* Make the net for this rank's share of whole batches, and nothing else. */
static clade_status make_net(clade_net **net, const struct training *t)
{
    struct clade_net_config config = train_net_config(t->config);
    struct run_devices devices;
    clade_status st = devices_find(&devices, t->dist, t->be);

    config.train_batch = t->config->batch;
    config.train_last = config.eval_batch = config.eval_last = 0;
    *net = NULL;
    if (!st)
        st = devices_net(net, &devices, t->dist, &t->shares, t->be, &config,
                         NULL);
    devices_free(&devices);
    return st ? st : run_check_images(clade_net_shape(*net), &t->data.train);
}

/* The images of this rank's share; if there are too few, some come twice. */
static struct clade_batch own_images(const struct training *t, clade_net *net)
{
    const struct clade_dataset *d = &t->data.train;
    const size_t bytes = (size_t)d->h * (size_t)d->w * (size_t)d->c;
    const int batch = t->config->batch, rank = t->dist->rank;
    struct clade_batch own = { .n = shares_size(&t->shares, rank, batch),
                               .first = shares_first(&t->shares, rank, batch),
                               .batch = batch };
    uint8_t *images, *labels;

    clade_net_staging(net, &images, &labels);
    for (int i = 0; i < own.n; i++) {
        const size_t from = (size_t)((own.first + i) % d->count);

        memcpy(images + (size_t)i * bytes, d->images + from * bytes, bytes);
        labels[i] = d->labels[from];
    }
    own.bytes = images;
    own.labels = labels;
    return own;
}

/* The shortest of the steps, each of which all ranks begin together. */
static clade_status time_steps(double *seconds, const struct training *t,
                               clade_net *net, struct net_image *found)
{
    const struct clade_batch own = own_images(t, net);
    clade_status st = CLADE_OK;

    for (int step = 0; step <= STEPS && !st; step++) {
        double began, took;

        if ((st = dist_barrier(t->dist)))
            break;
        began = clock_now();
        st = net_gradients(net, &own, 0, found, NULL);
        took = (clock_now() - began) / own.n;
        if (step == 1 || (step > 1 && took < *seconds))
            *seconds = took;
    }
    if (*seconds < 1e-9)
        *seconds = 1e-9; /* a clock that hardly moves */
    return st;
}

static clade_status measure(double *seconds, const struct training *t)
{
    struct net_image *found = calloc((size_t)t->config->batch, sizeof *found);
    clade_net *net = NULL;
    clade_status st = found ? make_net(&net, t) : out_of_memory();

    if (!st)
        st = time_steps(&seconds[t->dist->rank], t, net, found);
    clade_net_free(net);
    free(found);
    return st ? st : dist_gather_items(t->dist, seconds, sizeof *seconds);
}

/* ---- both ---------------------------------------------------------------- */

static clade_status tell_shares(const struct training *t, const double *seconds,
                                const char *how, const char *path)
{
    char *sizes = shares_text(&t->shares), *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);

    if (sizes && out) {
        fprintf(out,
                "shares %s, by the ms that each process takes for an "
                "image: ",
                sizes);
        for (int r = 0; r < t->dist->size; r++)
            fprintf(out, "%s%.4g", r ? ", " : "", 1e3 * seconds[r]);
        fprintf(out, "; %s%s", how, path ? path : "");
    }
    if (out)
        fclose(out);
    if (sizes && text)
        tell(t, text);
    free(sizes);
    free(text);
    return sizes && text ? CLADE_OK : out_of_memory();
}

/* Find the times of all ranks, and say how. */
static clade_status find_times(double *seconds, const char **how,
                               const struct training *t, const char *path,
                               json_t *about)
{
    const int ranks = t->dist->size;
    bool found = false;
    clade_status st;

    *how = "read from ";
    if (t->first && read_times(&found, seconds, path, about, ranks))
        tell(t, clade_error());
    if ((st = dist_broadcast(t->dist, &found, sizeof found, 0)))
        return st;
    if (found)
        return dist_broadcast(t->dist, seconds, (size_t)ranks * sizeof *seconds,
                              0);
    *how = path ? "measured now, and kept in " : "measured now";
    if ((st = measure(seconds, t)))
        return st;
    if (t->first && path && write_times(seconds, path, about, ranks)) {
        tell(t, clade_error());
        *how = "measured now, but not kept in ";
    }
    return CLADE_OK;
}

clade_status speed_cut(struct training *t)
{
    double *seconds = calloc((size_t)t->dist->size, sizeof *seconds);
    char *path = NULL;
    const char *how;
    json_t *about = NULL;
    clade_status st = seconds ? describe_all(&about, t) : out_of_memory();

    if (!st) {
        path = file_of(about);
        st = find_times(seconds, &how, t, path, about);
    }
    if (!st) {
        shares_cut_by_speed(&t->shares, seconds);
        st = tell_shares(t, seconds, how, path);
    }
    json_decref(about);
    free(path);
    free(seconds);
    return st;
}
