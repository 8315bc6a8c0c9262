/* SPDX-License-Identifier: Apache-2.0 */
#include "folder.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

char *folder_new(const char *name)
{
    char *folder;

    if (asprintf(&folder, "%s-XXXXXX", name) < 0 || !mkdtemp(folder))
        tap_bail("no folder for %s: %s", name, strerror(errno));
    return folder;
}

static int remove_entry(const char *path, const struct stat *s, int type,
                        struct FTW *at)
{
    (void)s;
    (void)type;
    (void)at;
    return remove(path);
}

void folder_remove(char *folder)
{
    if (nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS))
        tap_note("%s is left: %s", folder, strerror(errno));
    free(folder);
}

static char *cache, *cache_before;

const char *cache_begin(void)
{
    const char *before = getenv("XDG_CACHE_HOME");
    char *folder = folder_new("cache-test");

    cache = realpath(folder, NULL); /* a relative path would be ignored */
    if (!cache)
        tap_bail("%s: %s", folder, strerror(errno));
    free(folder);
    cache_before = before ? strdup(before) : NULL;
    setenv("XDG_CACHE_HOME", cache, 1);
    return cache;
}

void cache_end(void)
{
    if (cache_before)
        setenv("XDG_CACHE_HOME", cache_before, 1);
    else
        unsetenv("XDG_CACHE_HOME");
    free(cache_before);
    folder_remove(cache);
}
