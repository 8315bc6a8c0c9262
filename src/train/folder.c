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

/* Does it hold a checkpoint of a run, or two? */
static bool holds_run(const char *folder)
{
    return holds(folder, TRAIN_CHECKPOINT) || holds(folder, TRAIN_PREVIOUS);
}

/* Does it hold what a run leaves that was killed before its first checkpoint?
 * Such a run has written its steps before its history. */
static bool holds_beginning(const char *folder)
{
    return holds(folder, TRAIN_HISTORY) && holds(folder, TRAIN_STEPS);
}

/* Refuse a folder that holds another run, or files of something else. */
static clade_status check_unused(const char *folder)
{
    if (holds_run(folder))
        return clade_fail(CLADE_EINUSE,
                          "%s: holds another run; resume that, or take another "
                          "folder",
                          folder);
    if (holds(folder, TRAIN_BEST))
        return clade_fail(CLADE_EINUSE,
                          "%s: holds the " TRAIN_BEST
                          " of a run; move it, or take another folder",
                          folder);
    if (holds(folder, TRAIN_HISTORY) && !holds_beginning(folder))
        return clade_fail(CLADE_EINUSE,
                          "%s: holds a " TRAIN_HISTORY
                          ", but no other file of a run; take another folder",
                          folder);
    return CLADE_OK;
}

static clade_status check_resumable(const char *folder)
{
    if (holds_run(folder))
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
                                         TRAIN_CHECKPOINT, TRAIN_PREVIOUS,
                                         TRAIN_BEST };

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

    f->locked = !st;
    if (st != CLADE_EUNSUPPORTED)
        return st;
    run_notice(observer, "%s; take care that no other run uses it",
               clade_error());
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
    if (!config->resume && holds_beginning(f->path))
        run_notice(observer,
               "%s: its run ended before the first checkpoint, and is begun "
               "again",
               f->path);
    remove_leftovers(f->path);
    return check_writable(f->path);
}

static clade_status open_in(clade_checkpoint **checkpoint, const char *folder,
                            const char *name)
{
    char *path = file_path(folder, name);
    const clade_status st =
        path ? checkpoint_open_run(checkpoint, path)
             : clade_fail(CLADE_ENOMEM, "%s: out of memory", folder);

    free(path);
    return st;
}

clade_status run_folder_checkpoint(clade_checkpoint **checkpoint,
                                   bool *previous, const char *folder,
                                   const struct clade_train_observer *observer)
{
    clade_status st = open_in(checkpoint, folder, TRAIN_CHECKPOINT);
    char why[512];

    *previous = false;
    if ((st != CLADE_EDATA && st != CLADE_EIO) ||
        !holds(folder, TRAIN_PREVIOUS))
        return st;
    snprintf(why, sizeof why, "%s", clade_error());
    if (open_in(checkpoint, folder, TRAIN_PREVIOUS))
        return clade_fail(st, "%s; and the one before it, %s", why,
                          clade_error());
    *previous = true;
    run_notice(observer,
           "%s; the run goes on from the checkpoint before it, " TRAIN_PREVIOUS
           ", after epoch %d",
           why, clade_checkpoint_info(*checkpoint)->epoch);
    return CLADE_OK;
}

void run_folder_release(struct run_folder *f)
{
    file_remove_folder(f->path, f->made);
    if (f->locked)
        file_unlock(f->lock);
    *f = (struct run_folder){ .path = NULL };
}
