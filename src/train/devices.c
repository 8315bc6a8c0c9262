/* SPDX-License-Identifier: Apache-2.0 */
#include "train/devices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"

/* ---- who has what -------------------------------------------------------- */

/* What each rank says of itself. */
struct identity {
    char name[272], driver[128];
};

static clade_status out_of_memory(void)
{
    return clade_fail(CLADE_ENOMEM, "the devices of a run: out of memory");
}

static clade_status gather(struct identity *all, const struct dist *dist,
                           clade_backend *be)
{
    const struct clade_device *d = clade_backend_device(be);
    struct identity *mine = &all[dist->rank];

    snprintf(mine->name, sizeof mine->name, "%s / %s", d->platform, d->name);
    snprintf(mine->driver, sizeof mine->driver, "%s", d->driver);
    return dist_gather_items(dist, all, sizeof *all);
}

static int find(const struct run_devices *devices, const char *name,
                const char *driver)
{
    int i = 0;

    while (i < devices->count && (strcmp(devices->list[i].name, name) ||
                                  strcmp(devices->list[i].driver, driver)))
        i++;
    return i;
}

static void add(struct run_devices *devices, const struct identity *who,
                int rank)
{
    const int at = find(devices, who->name, who->driver);
    struct run_device *d = &devices->list[at];

    devices->of_rank[rank] = at;
    if (at < devices->count)
        return;
    devices->count++;
    d->leader = rank;
    memcpy(d->name, who->name, sizeof d->name);
    memcpy(d->driver, who->driver, sizeof d->driver);
}

clade_status devices_find(struct run_devices *devices, const struct dist *dist,
                          clade_backend *be)
{
    struct identity *all = calloc(dist->size, sizeof *all);
    clade_status st = CLADE_OK;

    *devices = (struct run_devices){
        .list = calloc(dist->size, sizeof *devices->list),
        .of_rank = calloc(dist->size, sizeof *devices->of_rank),
        .ranks = dist->size,
    };
    if (!all || !devices->list || !devices->of_rank)
        st = out_of_memory();
    if (!st)
        st = gather(all, dist, be);
    for (int r = 0; r < dist->size && !st; r++)
        add(devices, &all[r], r);
    free(all);
    return st;
}

void devices_free(struct run_devices *devices)
{
    for (int i = 0; i < devices->count; i++)
        free(devices->list[i].algorithms);
    free(devices->list);
    free(devices->of_rank);
    *devices = (struct run_devices){ 0 };
}

/* ---- their nets ---------------------------------------------------------- */

/* The sizes that a device's shares have in batches of n and of `last` images;
 * those of 0 images are left out.  If ranks are shadowed, the sizes of what
 * they compute for the next ones come last.  A list that ends with 0; the
 * caller frees it. */
static int *sizes_of(const struct run_devices *devices, int device,
                     const struct shares *shares, int n, int last,
                     bool shadowed)
{
    const int ranks = devices->ranks;
    int *list = calloc(4 * (size_t)shares->count + 1, sizeof *list), at = 0;

    for (int before = 0; list && before <= shadowed; before++)
        for (int s = 0; s < shares->count; s++) {
            const int sizes[] = { shares_size(shares, s, n),
                                  shares_size(shares, s, last) };

            if (devices->of_rank[(s + ranks - before) % ranks] != device)
                continue;
            for (int i = 0; i < 2; i++)
                if (sizes[i])
                    list[at++] = sizes[i];
        }
    return list;
}

/* What an earlier run chose on a device, as a text that the caller frees, or
 * NULL. */
static char *choices_kept(const json_t *kept, const struct run_device *d)
{
    const json_t *old;
    size_t i;

    json_array_foreach(kept, i, old)
        if (!strcmp(json_string_value(json_object_get(old, "device")),
                    d->name) &&
            !strcmp(json_string_value(json_object_get(old, "driver")),
                    d->driver))
            return json_dumps(json_object_get(old, "algorithms"), JSON_COMPACT);
    return NULL;
}

static clade_status lead(clade_net **net, struct run_device *d,
                         clade_backend *be, struct clade_net_config config,
                         const json_t *kept)
{
    char *before = choices_kept(kept, d);
    clade_status st;

    config.algorithms = before;
    st = clade_net_new(net, be, &config);
    free(before);
    if (!st && !(d->algorithms = strdup(clade_net_algorithms(*net))))
        st = out_of_memory();
    return st;
}

static clade_status make_nets(clade_net **net, struct run_devices *devices,
                              const struct dist *dist, clade_backend *be,
                              struct clade_net_config *config,
                              const json_t *kept)
{
    struct run_device *mine = &devices->list[devices->of_rank[dist->rank]];
    clade_status st = CLADE_OK;

    if (mine->leader == dist->rank)
        st = lead(net, mine, be, *config, kept);
    for (int i = 0; i < devices->count && !st; i++)
        st = dist_broadcast_text(dist, &devices->list[i].algorithms,
                                 devices->list[i].leader);
    config->algorithms = mine->algorithms;
    for (int turn = 0; turn < 2 && !st; turn++) {
        if (!*net && (turn || !dist->local))
            st = clade_net_new(net, be, config);
        if (!st)
            st = dist_barrier(dist);
    }
    return st;
}

static bool has_size(const int *sizes, int size)
{
    while (*sizes && *sizes != size)
        sizes++;
    return *sizes;
}

/* Forget what a device chose for others' shares alone: a checkpoint is the same
 * whether ranks are shadowed or not.  An op's key ends with its name and size;
 * evaluating takes forward ops only. */
static clade_status forget_others(struct run_device *d, const int *train,
                                  const int *eval)
{
    json_t *all = json_loads(d->algorithms, 0, NULL), *choice;
    const char *op;
    void *next;

    json_object_foreach_safe(all, next, op, choice)
    {
        const char *size = strrchr(op, '/');

        if (size && !has_size(train, atoi(size + 1)) &&
            !(strstr(op, "_fwd/") && has_size(eval, atoi(size + 1))))
            json_object_del(all, op);
    }
    free(d->algorithms);
    d->algorithms = json_dumps(all, JSON_COMPACT);
    json_decref(all);
    return d->algorithms ? CLADE_OK : out_of_memory();
}

static clade_status forget_all_others(struct run_devices *devices,
                                      const struct shares *shares,
                                      const struct clade_net_config *c)
{
    clade_status st = CLADE_OK;

    for (int i = 0; i < devices->count && !st; i++) {
        int *train =
            sizes_of(devices, i, shares, c->train_batch, c->train_last, false);
        int *eval =
            sizes_of(devices, i, shares, c->eval_batch, c->eval_last, false);

        st = train && eval ? forget_others(&devices->list[i], train, eval)
                           : out_of_memory();
        free(train);
        free(eval);
    }
    return st;
}

clade_status devices_net(clade_net **net, struct run_devices *devices,
                         const struct dist *dist, const struct shares *shares,
                         clade_backend *be,
                         const struct clade_net_config *given,
                         const json_t *kept)
{
    const int device = devices->of_rank[dist->rank];
    struct clade_net_config config = *given;
    int *train = sizes_of(devices, device, shares, given->train_batch,
                          given->train_last, devices->shadowed);
    int *eval = sizes_of(devices, device, shares, given->eval_batch,
                         given->eval_last, false);
    clade_status st = train && eval ? CLADE_OK : out_of_memory();

    config.train_batch = config.train_last = 0;
    config.eval_batch = config.eval_last = 0;
    config.train_shares = train;
    config.eval_shares = eval;
    config.rank = dist->rank;
    config.ranks = dist->size;
    *net = NULL;
    if (!st)
        st = make_nets(net, devices, dist, be, &config, kept);
    if (!st && devices->shadowed)
        st = forget_all_others(devices, shares, given);
    free(train);
    free(eval);
    return st;
}

json_t *devices_json(const struct run_devices *devices,
                     const struct shares *shares)
{
    json_t *all = json_array();

    for (int i = 0; i < devices->count; i++) {
        const struct run_device *d = &devices->list[i];
        json_t *numbers = json_array();

        for (int s = 0; s < shares->count; s++)
            if (devices->of_rank[s % devices->ranks] == i)
                json_array_append_new(numbers, json_integer(s));
        json_array_append_new(
            all, json_pack("{s:s, s:s, s:o, s:o*}", "device", d->name, "driver",
                           d->driver, "shares", numbers, "algorithms",
                           d->algorithms ? json_loads(d->algorithms, 0, NULL)
                                         : NULL));
    }
    return all;
}
