/* SPDX-License-Identifier: Apache-2.0 */
/* Which device each of several processes takes. */
#include "dealt.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "child.h"
#include "device.h"
#include "status.h"
#include "tool.h"

#define PATIENCE 600 /* seconds for a driver to list its devices */

/* ---- a list -------------------------------------------------------------- */

int dealt_count(const char *list)
{
    int count = 1;

    for (; *list; list++)
        count += *list == ',';
    return count;
}

char *dealt_own(const char *list, int local)
{
    for (int skip = local % dealt_count(list); skip--;)
        list = strchr(list, ',') + 1;
    return strndup(list, strcspn(list, ","));
}

/* ---- auto ---------------------------------------------------------------- */

/* The reference comes last, but for devices that lack what clade needs. */
static bool is_usable(const struct clade_device *d)
{
    return !strncmp(d->selector, "opencl:", 7) && d->rank > INT_MIN;
}

clade_status dealt_auto(char **list, const struct clade_device *machine,
                        int count)
{
    const size_t size = (size_t)count * sizeof machine->selector + 1;
    char *text = calloc(size, 1);

    if (!text)
        return clade_fail(CLADE_ENOMEM, "device `auto`: out of memory");
    for (int emulated = 0; emulated < 2 && !*text; emulated++)
        for (int i = 0; i < count; i++)
            if (is_usable(&machine[i]) && machine[i].emulated == emulated) {
                strcat(text, *text ? "," : "");
                strcat(text, machine[i].selector);
            }
    if (*text) {
        *list = text;
        return CLADE_OK;
    }
    free(text);
    return clade_fail(CLADE_ENODEVICE,
                      "device `auto`: this machine has no OpenCL device that "
                      "clade can use; `--device cpu` takes the reference, "
                      "which is slow.\n%s",
                      device_drivers);
}

/* What the child sends: the list, or its failure. */
enum message { LISTS, FAILED };

struct failure {
    clade_status st;
    char text[4096];
};

/* The child's: ask the drivers. */
static void ask(struct child_link *link, void *arg)
{
    struct clade_device *machine = NULL;
    struct failure f = { 0 };
    char *list = NULL;
    int count;

    (void)arg;
    f.st = clade_devices(&machine, &count);
    if (!f.st)
        f.st = dealt_auto(&list, machine, count);
    if (f.st) {
        snprintf(f.text, sizeof f.text, "%s", clade_error());
        child_send(link, FAILED, &f, sizeof f);
    } else {
        child_send(link, LISTS, list, strlen(list) + 1);
    }
    free(list);
    clade_devices_free(machine);
}

/* A child asks, because a process that has opened a driver cannot start the
 * self-test. */
static clade_status list_machine(char **list)
{
    const struct child_config config = { .work = ask, .stop = tool_stop };
    clade_status st;
    struct child *child;
    struct child_message m;
    struct failure f = { 0 };

    *list = NULL;
    if ((st = child_start(&child, &config)))
        return st;
    switch (child_next(child, &m, PATIENCE)) {
    case CHILD_MESSAGE:
        if (m.type == LISTS)
            *list = strdup(m.data);
        else
            memcpy(&f, m.data, sizeof f);
        st = f.st    ? clade_fail(f.st, "%s", f.text)
             : *list ? CLADE_OK
                     : clade_fail(CLADE_ENOMEM, "devices: out of memory");
        break;
    default:
        st = clade_fail(CLADE_EUNSUPPORTED,
                        "device `auto`: a driver did not survive the question "
                        "what devices it has: %s. Name a device instead",
                        child_death(child));
    }
    child_close(child);
    return st;
}

/* ---- one list for a host ------------------------------------------------- */

/* What each rank says; only the first of a host has a list. */
struct hand {
    char host[64];
    char list[4096];
};

/* Set `mine` to what the host's first rank says.  Each could ask for itself,
 * but a driver may list fewer units to a process that is bound to a part of the
 * processors, and then the order differs. */
static clade_status share_list(struct hand *mine, const struct dist *dist)
{
    struct hand *all = calloc((size_t)dist->size, sizeof *all);
    clade_status st;

    if (!all)
        return clade_fail(CLADE_ENOMEM, "devices: out of memory");
    all[dist->rank] = *mine;
    st = dist_gather_items(dist, all, sizeof *all);
    for (int r = 0; r < dist->size && !st; r++)
        if (*all[r].list && !strcmp(all[r].host, mine->host))
            *mine = all[r];
    free(all);
    return st;
}

static void tell_sharing(const char *list, const struct dist *dist)
{
    char text[512];

    if (dist->local || dist->near <= dealt_count(list))
        return;
    snprintf(text, sizeof text,
             "%s: %d processes share the devices, which are dealt round again: "
             "%.300s",
             dist->host, dist->near, list);
    tool_notice(text);
}

static clade_status deal_auto(struct hand *hand, const struct dist *dist)
{
    char *list;
    clade_status st;

    memcpy(hand->host, dist->host, sizeof hand->host);
    if (!dist->local) {
        if ((st = list_machine(&list)))
            return st;
        snprintf(hand->list, sizeof hand->list, "%s", list);
        free(list);
        tell_sharing(hand->list, dist);
    }
    return share_list(hand, dist);
}

/* ---- for a rank ---------------------------------------------------------- */

clade_status dealt_device(char **device, const char *text,
                          const struct dist *dist)
{
    struct hand hand = { "", "" };
    clade_status st;

    *device = NULL;
    if (!text && !(text = device_default()))
        return CLADE_OK;
    if (!strcmp(text, "auto")) {
        if ((st = deal_auto(&hand, dist)))
            return st;
        text = hand.list;
    }
    *device = dealt_own(text, dist->local);
    return *device ? CLADE_OK
                   : clade_fail(CLADE_ENOMEM, "devices: out of memory");
}
