/* SPDX-License-Identifier: Apache-2.0 */
#include "core.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* A device's context, shared by the backends at work on it. */
struct context {
    struct context *next;
    cl_device_id dev;
    cl_context ctx;
    int users;
    char name[128]; /* the device's, for what the driver says */
};

/* Guards the list of contexts. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct context *contexts;

/* The driver calls this from any thread, at any time; its words matter only
 * once a call or an event has failed.  (Oclgrind forgets to pass `arg`.) */
static void CL_CALLBACK hear(const char *words, const void *info, size_t bytes,
                             void *arg)
{
    const struct context *c = arg;

    (void)info;
    (void)bytes;
    ocl_driver_says(c ? c->name : "the device", words);
}

/* Called with the lock held. */
static clade_status context_new(struct context **out, struct ocl *o)
{
    const cl_context_properties properties[] = {
        CL_CONTEXT_PLATFORM, (cl_context_properties)o->platform, 0
    };
    struct context *c = calloc(1, sizeof *c);
    cl_int err;

    if (!c)
        return clade_fail(CLADE_ENOMEM, "a context: out of memory");
    c->dev = o->dev;
    snprintf(c->name, sizeof c->name, "%s", o->base.device.name);
    c->ctx = clCreateContext(properties, 1, &o->dev, hear, c, &err);
    if (err != CL_SUCCESS) {
        free(c);
        return clade_fail(CLADE_EDEVICE, "%s: clCreateContext: %s",
                          o->base.device.selector, ocl_strerror(err));
    }
    c->next = contexts;
    contexts = c;
    *out = c;
    return CLADE_OK;
}

clade_status ocl_context_open(struct ocl *o)
{
    clade_status st = CLADE_OK;
    struct context *c;

    pthread_mutex_lock(&lock);
    for (c = contexts; c && c->dev != o->dev; c = c->next)
        ;
    if (!c)
        st = context_new(&c, o);
    if (!st) {
        c->users++;
        o->ctx = c->ctx;
    }
    pthread_mutex_unlock(&lock);
    return st;
}

/* The last user's context is released outside the lock: a driver may call
 * back while it does so. */
void ocl_context_close(struct ocl *o)
{
    struct context **at = &contexts, *last = NULL;

    if (!o->ctx)
        return;
    pthread_mutex_lock(&lock);
    while ((*at)->dev != o->dev)
        at = &(*at)->next;
    if (--(*at)->users == 0) {
        last = *at;
        *at = last->next;
    }
    pthread_mutex_unlock(&lock);
    if (last) {
        clReleaseContext(last->ctx);
        free(last);
    }
}
