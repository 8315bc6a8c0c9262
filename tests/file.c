/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How files are written, read and locked: nothing but regular files is
 * replaced, no two writers mix, no reader waits for a FIFO, and new names reach
 * the disk.
 */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "folder.h"
#include "tap.h"

static char *dir;

static const char *in_dir(const char *name)
{
    static char texts[4][128];
    static unsigned next;
    char *text = texts[next++ % 4];

    snprintf(text, sizeof(texts[0]), "%s/%s", dir, name);
    return text;
}

/* ---- in place of system calls ---------------------------------------------
 */

static char synced[1024]; /* the paths of what was flushed, each with a blank */
static int lock_error, link_error;

int fsync(int fd)
{
    char link[64], path[512];
    ssize_t n;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path) - 1);
    if (n > 0 && strlen(synced) + (size_t)n + 2 < sizeof(synced)) {
        path[n] = '\0';
        strcat(strcat(synced, path), " ");
    }
    return (int)syscall(SYS_fsync, fd);
}

int flock(int fd, int operation)
{
    if (lock_error) {
        errno = lock_error;
        return -1;
    }
    return (int)syscall(SYS_flock, fd, operation);
}

int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags)
{
    if (link_error) {
        errno = link_error;
        return -1;
    }
    return (int)syscall(SYS_linkat, from_fd, from, to_fd, to, flags);
}

/* ---- files of the test -----------------------------------------------------
 */

static clade_status put(void *arg, FILE *file)
{
    fputs(arg, file);
    return CLADE_OK;
}

static clade_status put_text(const char *name, const char *text)
{
    return file_replace(in_dir(name), put, (void *)text);
}

static void make(const char *name, const char *text)
{
    FILE *f = fopen(in_dir(name), "w");

    if (!f || fputs(text, f) < 0 || fclose(f))
        tap_bail("%s: %s", name, strerror(errno));
}

static void make_link(const char *to, const char *name)
{
    if (symlink(to, in_dir(name)))
        tap_bail("%s: %s", name, strerror(errno));
}

/* Does the file hold this text? */
static bool holds(const char *name, const char *text)
{
    char got[64] = "";
    FILE *f = fopen(in_dir(name), "r");
    bool same;

    if (!f)
        return false;
    got[fread(got, 1, sizeof(got) - 1, f)] = '\0';
    fclose(f);
    same = !strcmp(got, text);
    if (!same)
        tap_note("%s holds \"%s\", not \"%s\"", name, got, text);
    return same;
}

static bool is_a(mode_t type, const char *name)
{
    struct stat s;

    return !lstat(in_dir(name), &s) && (s.st_mode & S_IFMT) == type;
}

static bool failed(clade_status got, clade_status st, const char *a,
                   const char *b)
{
    bool good =
        got == st && strstr(clade_error(), a) && strstr(clade_error(), b);

    if (!good)
        tap_note("got %s: %s", clade_status_text(got),
                 got ? clade_error() : "");
    return good;
}

/* ---- writing ----------------------------------------------------------------
 */

static void test_links(void)
{
    mkdir(in_dir("far"), 0777);
    make("far/file", "old");
    make_link("far/file", "link");
    make_link("link", "link2");
    tap_ok(!put_text("link2", "new") && is_a(S_IFLNK, "link2") &&
               is_a(S_IFLNK, "link") && holds("far/file", "new"),
           "a link stays, and the file that it leads to is replaced");
    make_link("far/none", "dangling");
    tap_ok(!put_text("dangling", "made") && is_a(S_IFLNK, "dangling") &&
               is_a(S_IFREG, "far/none") && holds("far/none", "made"),
           "a link that leads nowhere stays, and its file is made");
    make_link("circle", "circle");
    tap_ok(failed(put_text("circle", "x"), CLADE_EIO, "circle", "links"),
           "a circle of links is refused");
}

/* Make a device like /dev/null (3) or /dev/full (7), so that a fault does not
 * destroy the machine's. */
static bool make_device(const char *name, int number)
{
    const char *path = in_dir(name);
    int fd;

    if (mknod(path, S_IFCHR | 0666, makedev(1, (unsigned)number)))
        return false;
    fd = open(path, O_WRONLY);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static void test_special(void)
{
    char got[8] = "";
    int fd;

    mkfifo(in_dir("fifo"), 0666);
    fd = open(in_dir("fifo"), O_RDONLY | O_NONBLOCK);
    tap_ok(!put_text("fifo", "text") && is_a(S_IFIFO, "fifo") &&
               read(fd, got, sizeof(got)) == 4 && !memcmp(got, "text", 4),
           "a FIFO is written into, and stays");
    close(fd);
    make_link("/dev/null", "to-null");
    tap_ok(!put_text("to-null", "text") && is_a(S_IFLNK, "to-null"),
           "a link to /dev/null stays");
    if (make_device("null", 3))
        tap_ok(!put_text("null", "text") && is_a(S_IFCHR, "null"),
               "a device is written into, and stays");
    else
        tap_skip("no right to make devices here");
    if (make_device("full", 7))
        tap_ok(failed(put_text("full", "text"), CLADE_EIO, "full", "No space"),
               "a full device is named");
    else
        tap_skip("no right to make devices here");
    tap_ok(failed(put_text("far", "text"), CLADE_EIO, "far", "is a folder"),
           "a folder is refused");
}

/* Write half a text, let another writer replace the file, and write the rest.
 */
static clade_status put_twice(void *arg, FILE *file)
{
    bool *whole = arg;

    fputs("first ", file);
    fflush(file);
    if (put_text("shared", "other"))
        tap_bail("%s", clade_error());
    *whole = holds("shared", "other");
    fputs("second", file);
    return CLADE_OK;
}

static clade_status put_badly(void *arg, FILE *file)
{
    (void)arg;
    fputs("half", file);
    return clade_fail(CLADE_EFAIL, "half is written");
}

static void test_writers(void)
{
    bool whole = false;
    char name[64];
    struct stat s;

    tap_ok(!file_replace(in_dir("shared"), put_twice, &whole) && whole &&
               holds("shared", "first second"),
           "two writers of one file at a time do not mix their bytes");
    tap_ok(failed(file_replace(in_dir("shared"), put_badly, NULL), CLADE_EFAIL,
                  "half", "") &&
               holds("shared", "first second"),
           "a writer that fails leaves the old file");

    make("victim", "untouched");
    snprintf(name, sizeof(name), "shared.%ld-0.tmp", (long)getpid());
    make_link("victim", name);
    make_link("victim", "shared.tmp");
    tap_ok(!put_text("shared", "new") && holds("shared", "new") &&
               holds("victim", "untouched") && is_a(S_IFREG, "shared"),
           "a link with the new file's name is not followed");

    chmod(in_dir("shared"), 0600);
    tap_ok(!put_text("shared", "new") && !stat(in_dir("shared"), &s) &&
               (s.st_mode & 0777) == 0600,
           "a replaced file keeps its permissions");
}

static void test_probe(void)
{
    mkdir(in_dir("probe"), 0777);
    make_link("../victim", "probe/link");
    tap_ok(failed(file_probe(in_dir("probe")), CLADE_EIO, "probe",
                  "Is a directory"),
           "a folder cannot be written as a file");
    tap_ok(!file_probe(in_dir("probe/link")) && holds("victim", "untouched") &&
               !file_probe(in_dir("probe/none")) &&
               !unlink(in_dir("probe/link")) && !rmdir(in_dir("probe")),
           "a probe changes nothing and leaves nothing");
    tap_ok(failed(file_probe(in_dir("probe/none")), CLADE_EIO, "probe/none",
                  "No such file"),
           "and finds out that there is no folder");
}

static void test_leftovers(void)
{
    static const char *const stay[] = { "x.tmp", "x.1-0.tmp.csv", "x.a-0.tmp",
                                        "xy.1-0.tmp", "x.csv" };
    bool good = true;

    for (int i = 0; i < 5; i++)
        make(stay[i], "");
    make("x.1-0.tmp", "");
    make("x.4194304-12.tmp", "");
    file_remove_leftovers(in_dir("x"));
    for (int i = 0; i < 5; i++)
        good &= is_a(S_IFREG, stay[i]);
    tap_ok(good && access(in_dir("x.1-0.tmp"), F_OK) &&
               access(in_dir("x.4194304-12.tmp"), F_OK),
           "leftovers of killed writers are removed, and nothing else");
}

/* ---- reading ------------------------------------------------------------- */

static void test_open(void)
{
    FILE *f = NULL;
    char *text;
    size_t n;

    alarm(20); /* rather than to wait for a FIFO */
    tap_ok(
        failed(file_open(&f, in_dir("far")), CLADE_EDATA, "far", "is a folder"),
        "a folder is not read");
    tap_ok(failed(file_open(&f, in_dir("fifo")), CLADE_EDATA, "fifo",
                  "is no regular file"),
           "a FIFO is not waited for");
    tap_ok(failed(file_open(&f, "/dev/zero"), CLADE_EDATA, "/dev/zero",
                  "is no regular file") &&
               failed(file_read_pipe(&text, &n, "/dev/zero"), CLADE_EDATA,
                      "/dev/zero", "is no regular file"),
           "a device without an end is not read");
    tap_ok(failed(file_open(&f, in_dir("nothing")), CLADE_EDATA, "nothing",
                  "No such file"),
           "a file that is missing is named");
    alarm(0);
}

static void on_alarm(int number)
{
    (void)number;
}

static void test_pipe(void)
{
    /* Without SA_RESTART, the signal ends each call that waits. */
    const struct sigaction action = { .sa_handler = on_alarm };
    const struct itimerval often = { { 0, 300000 }, { 0, 300000 } };
    const struct itimerval never = { { 0, 0 }, { 0, 0 } };
    const pid_t child = fork();
    char *text = NULL;
    size_t n = 0;

    if (!child) {
        FILE *f;

        sleep(1); /* the reader waits for a writer */
        f = fopen(in_dir("fifo"), "w");
        sleep(1); /* the reader waits for the text */
        fputs("through a FIFO", f);
        fclose(f);
        _exit(0);
    }
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    tap_ok(!file_read_pipe(&text, &n, in_dir("fifo")) && n == 14 &&
               !strcmp(text, "through a FIFO"),
           "a text comes from a FIFO if that is allowed, despite signals");
    setitimer(ITIMER_REAL, &never, NULL);
    signal(SIGALRM, SIG_DFL);
    free(text);
    waitpid(child, NULL, 0);
}

/* ---- folders ------------------------------------------------------------- */

/* Was the folder flushed since `synced` was cleared? */
static bool flushed(const char *name)
{
    char *path = realpath(in_dir(name), NULL), text[512];

    snprintf(text, sizeof(text), "%s ", path ? path : "?");
    free(path);
    return strstr(synced, text);
}

static void test_folders(void)
{
    int made = 0;

    synced[0] = '\0';
    tap_ok(!file_make_folder(in_dir("a/b"), &made) && made == 2 &&
               flushed(".") && flushed("a"),
           "a new folder's name is flushed to the disk, at each level");
    synced[0] = '\0';
    tap_ok(!file_make_folder(in_dir("a/b"), &made) && !made && !synced[0],
           "a folder that exists is left alone");
    make("a/keep", "");
    file_remove_folder(in_dir("a/b"), 2);
    tap_ok(access(in_dir("a/b"), F_OK) && !access(in_dir("a/keep"), F_OK),
           "empty folders are removed, others stay");
    tap_ok(failed(file_make_folder("", &made), CLADE_EIO, "", "No such file"),
           "no folder has an empty name");
}

/* The child's exit code: whether it could lock the folder. */
static int lock_in_child(void)
{
    const pid_t child = fork();
    int lock, status = -1;

    if (!child)
        _exit(file_lock(&lock, in_dir("far")) ? 1 : 0);
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_lock(void)
{
    int lock, second;

    if (file_lock(&lock, in_dir("far")))
        tap_bail("%s", clade_error());
    tap_ok(failed(file_lock(&second, in_dir("far")), CLADE_EINUSE, "far",
                  "wait until it ends") &&
               lock_in_child() == 1,
           "a folder is locked once, by this process or another");
    file_unlock(lock);
    tap_ok(lock_in_child() == 0, "unlocked, it can be locked again");
    lock_error = ENOLCK;
    tap_ok(failed(file_lock(&lock, in_dir("far")), CLADE_EUNSUPPORTED, "far",
                  "locked: No locks"),
           "a file system without locks is named");
    lock_error = 0;
    tap_ok(failed(file_lock(&lock, in_dir("victim")), CLADE_EIO, "victim",
                  "directory"),
           "a file is not locked");
}

/* As a user who may write to a folder and not list it. */
static void test_drop(void)
{
    const bool root = !geteuid();
    clade_status st;

    mkdir(in_dir("drop"), 0777);
    chmod(in_dir("drop"), 0333);
    chmod(dir, 0755);
    if (root && seteuid(65534))
        tap_bail("seteuid: %s", strerror(errno));
    if (faccessat(AT_FDCWD, dir, X_OK, AT_EACCESS)) {
        tap_skip("another user cannot reach this folder");
    } else {
        st = put_text("drop/file", "text");
        tap_ok(!st && holds("drop/file", "text"),
               "a folder that can be written but not read is written to: %s",
               st ? clade_error() : "yes");
    }
    if (root && seteuid(0))
        tap_bail("seteuid: %s", strerror(errno));
    chmod(in_dir("drop"), 0777);
}

/* The newest text stays under another name when it is replaced. */
static bool keeps(void)
{
    return !put_text("newest", "one") &&
           !file_keep(in_dir("newest"), in_dir("kept")) &&
           !put_text("newest", "two") && holds("kept", "one") &&
           !file_keep(in_dir("newest"), in_dir("kept")) &&
           !file_keep(in_dir("newest"), in_dir("kept")) &&
           !put_text("newest", "three") && holds("kept", "two") &&
           holds("newest", "three");
}

static void test_keep(void)
{
    mkdir(in_dir("keep"), 0777);
    tap_ok(keeps(), "a file can be kept under another name, and replaced");
    link_error = EPERM;
    tap_ok(keeps(), "also where the file system knows no links");
    link_error = 0;
    make_link("newest", "keep/link");
    make("keep/newest", "one");
    make("keep/kept", "none");
    tap_ok(!file_keep(in_dir("keep/link"), in_dir("keep/kept")) &&
               !put_text("keep/link", "two") && holds("keep/kept", "one") &&
               holds("keep/newest", "two") && !unlink(in_dir("keep/link")) &&
               !unlink(in_dir("keep/newest")) && !unlink(in_dir("keep/kept")) &&
               !rmdir(in_dir("keep")),
           "of a link, the file is kept; no other name is left");
    tap_ok(failed(file_keep(in_dir("none"), in_dir("kept")), CLADE_EDATA,
                  "none: No such file", "") &&
               holds("kept", "two"),
           "a file that is not there is named, and nothing changes");
}

int main(void)
{
    dir = folder_new("file-test");
    tap_plan(3 + 5 + 4 + 3 + 1 + 4 + 1 + 4 + 4 + 1 + 4);
    test_links();
    test_special();
    test_writers();
    test_probe();
    test_leftovers();
    test_open();
    test_pipe();
    test_folders();
    test_lock();
    test_drop();
    test_keep();
    folder_remove(dir);
    return tap_done();
}
