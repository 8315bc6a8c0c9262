/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of a run: it must be writable, hold the right run or none, and be
 * used by one run at a time. */
#include "train.h"

#include <stdlib.h>
#include <unistd.h>

#include "file.h"
#include "status.h"

/* Is there a file of this name in the folder? */
static bool holds(const char *folder, const char *name)
{
    char *path = file_path(folder, name);
    bool there = path && !access(path, F_OK);

    free(path);
    return there;
}

/* Refuse a folder that holds another run.  If it has a history but no
 * checkpoint, that run was killed before its first checkpoint. */
static clade_status check_unused(const char *folder)
{
    if (holds(folder, TRAIN_CHECKPOINT))
        return clade_fail(CLADE_EINUSE,
                          "%s: holds another run; resume that, or take another "
                          "folder",
                          folder);
    if (holds(folder, TRAIN_HISTORY))
        return clade_fail(CLADE_EINUSE,
                          "%s: holds a " TRAIN_HISTORY
                          " but no checkpoint, so its run cannot continue; "
                          "remove the folder, or take another",
                          folder);
    return CLADE_OK;
}

static clade_status check_resumable(const char *folder)
{
    if (holds(folder, TRAIN_CHECKPOINT))
        return CLADE_OK;
    return clade_fail(CLADE_EDATA,
                      "%s: there is no " TRAIN_CHECKPOINT
                      " to resume from; take the run's folder, or start a new "
                      "run",
                      folder);
}

clade_status run_folder_check(const struct clade_train_config *config)
{
    return config->resume ? check_resumable(config->out)
                          : check_unused(config->out);
}

/* Can files be written?  A failure must show now and not after an epoch. */
static clade_status check_writable(const char *folder)
{
    char *path = file_path(folder, TRAIN_CHECKPOINT);
    clade_status st;

    if (!path)
        return clade_fail(CLADE_ENOMEM, "%s: out of memory", folder);
    st = file_probe(path);
    free(path);
    return st;
}

static void remove_leftovers(const char *folder)
{
    static const char *const names[] = { TRAIN_STEPS, TRAIN_HISTORY,
                                         TRAIN_CHECKPOINT };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = file_path(folder, names[i]);

        if (path)
            file_remove_leftovers(path);
        free(path);
    }
}

/* Lock the folder, or tell the observer that it cannot be locked. */
static clade_status lock(struct run_folder *f,
                         const struct clade_train_observer *observer)
{
    clade_status st = file_lock(&f->lock, f->path);
    char text[1024];

    f->locked = !st;
    if (st != CLADE_EUNSUPPORTED)
        return st;
    snprintf(text, sizeof text, "%s; take care that no other run uses it",
             clade_error());
    if (observer->notice)
        observer->notice(observer->arg, text);
    return CLADE_OK;
}

clade_status run_folder_take(struct run_folder *f,
                             const struct clade_train_config *config,
                             const struct clade_train_observer *observer)
{
    clade_status st;

    *f = (struct run_folder){ .path = config->out };
    if (config->resume)
        st = run_folder_check(config);
    else
        st = file_make_folder(f->path, &f->made);
    if (st || (st = lock(f, observer)))
        return st;
    /* Only now: another run may have ended since. */
    if ((st = run_folder_check(config)))
        return st;
    remove_leftovers(f->path);
    return check_writable(f->path);
}

void run_folder_release(struct run_folder *f)
{
    file_remove_folder(f->path, f->made);
    if (f->locked)
        file_unlock(f->lock);
    *f = (struct run_folder){ .path = NULL };
}
