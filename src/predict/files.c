/* SPDX-License-Identifier: Apache-2.0 */
#include "predict/predict.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "file.h"
#include "status.h"

/* Add a file, whose path the list owns from now on. */
static clade_status add(struct predict_files *files, char *path, bool named)
{
    const size_t n = (size_t)files->count + 1;
    struct predict_file *list =
        path ? realloc(files->list, n * sizeof *list) : NULL;

    if (!list) {
        free(path);
        return clade_fail(CLADE_ENOMEM, "no memory for the names of %zu files",
                          n);
    }
    list[files->count++] = (struct predict_file){ path, named };
    files->list = list;
    return CLADE_OK;
}

static bool is_folder(const char *path)
{
    struct stat s;

    return !stat(path, &s) && S_ISDIR(s.st_mode);
}

static int is_seen(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static clade_status add_entry(struct predict_files *files, const char *folder,
                              const char *name, int *folders)
{
    char *path = file_path(folder, name);

    if (path && is_folder(path)) {
        free(path);
        ++*folders;
        return CLADE_OK;
    }
    return add(files, path, false);
}

static clade_status add_folder(struct predict_files *files, const char *folder)
{
    const int before = files->count;
    struct dirent **list;
    const int n = scandir(folder, &list, is_seen, by_name);
    clade_status st = CLADE_OK;
    int folders = 0;

    if (n < 0)
        return clade_fail(CLADE_EDATA,
                          "%s: %s; name a folder that you may "
                          "read",
                          folder, strerror(errno));
    for (int i = 0; i < n; i++) {
        if (!st)
            st = add_entry(files, folder, list[i]->d_name, &folders);
        free(list[i]);
    }
    free(list);
    if (st || files->count > before)
        return st;
    if (folders)
        return clade_fail(CLADE_EDATA,
                          "%s: holds no pictures, but %d folders; name those",
                          folder, folders);
    return clade_fail(CLADE_EDATA,
                      "%s: holds no pictures; name a folder with PNG or JPEG "
                      "files",
                      folder);
}

clade_status predict_files_add(struct predict_files *files, const char *name)
{
    return is_folder(name) ? add_folder(files, name)
                           : add(files, strdup(name), true);
}

void predict_files_free(struct predict_files *files)
{
    for (int i = 0; i < files->count; i++)
        free(files->list[i].path);
    free(files->list);
    *files = (struct predict_files){ 0 };
}
