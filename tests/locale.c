/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library in a program that has set a locale: German writes 0.5 as "0,5",
 * and in Turkish the small letter of I is no i.  Every file must be the same as
 * without.  The locales are made here.
 */
#include <clade/verify.h>
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "trainer.h"
#include "verify/envelope.h"
#include "verify/verify.h"

/* Make a locale in the folder that LOCPATH names. */
static void make_locale(const char *name)
{
    char command[512];

    snprintf(command, sizeof command,
             "localedef --no-archive -i %s -f UTF-8 '%s/%s.UTF-8' 2>&1", name,
             getenv("LOCPATH"), name);
    if (system(command))
        tap_skip_all("localedef does not make %s (Debian: install locales)",
                     name);
}

static void make_locales(void)
{
    char *folder = realpath(path("", ""), NULL), text[8];

    if (!folder || setenv("LOCPATH", folder, 1))
        tap_bail("%s: %s", path("", ""), strerror(errno));
    free(folder);
    make_locale("de_DE");
    make_locale("tr_TR");
    if (!setlocale(LC_ALL, "de_DE.UTF-8"))
        tap_bail("de_DE.UTF-8 was made, but cannot be set");
    snprintf(text, sizeof text, "%g", 0.5);
    if (strcmp(text, "0,5"))
        tap_bail("German writes 0.5 as %s", text);
}

static void german(void)
{
    setlocale(LC_ALL, "de_DE.UTF-8");
}

static void no_locale(void)
{
    setlocale(LC_ALL, "C");
}

/* ---- training ---------------------------------------------------------------
 */

static void on_epoch(void *arg, const struct clade_train_epoch *epoch)
{
    (void)epoch;
    snprintf(arg, 8, "%g", 0.5);
}

static void test_training(void)
{
    char seen_text[8] = "";
    const struct clade_train_observer observer = { .arg = seen_text,
                                                   .epoch = on_epoch };
    struct clade_train_config c = config_for("comma", 2);

    no_locale();
    if (train("point", 2, false))
        tap_bail("%s", clade_error());
    german();
    tap_ok(!clade_train(cpu, &c, &observer) && same_run("point", "comma"),
           "a training writes the same files, byte for byte");
    tap_ok(!strcmp(seen_text, "0,5"),
           "while the observer still writes its numbers the German way");
    tap_ok(!train("point", 3, true),
           "a run without a locale goes on in German");
    no_locale();
    tap_ok(!train("comma", 3, true) && same_run("point", "comma"),
           "and the other way round, with the same files");
    german();
}

static void test_checkpoint(void)
{
    clade_checkpoint *checkpoint;

    if (clade_checkpoint_open(&checkpoint,
                              path("point", "checkpoint.safetensors"))) {
        tap_fail("a checkpoint is read: %s", clade_error());
        return;
    }
    tap_ok(clade_checkpoint_info(checkpoint)->learning_rate == 0.01,
           "a checkpoint's learning rate is read: %g",
           clade_checkpoint_info(checkpoint)->learning_rate);
    clade_checkpoint_close(checkpoint);
}

/* ---- verify's files ---------------------------------------------------------
 */

/* Dump a case to a folder, and return the file's path. */
static const char *dump(const char *folder, const struct op_case *c,
                        const struct verify_host *host)
{
    static struct clade_verdict v;

    v = (struct clade_verdict){ .name = "case", .layer = "" };
    if (verify_dump(path(folder, ""), c, host, &v, cpu))
        tap_bail("%s", clade_error());
    return path(folder, strrchr(v.file, '/') + 1);
}

static void test_dump(void)
{
    const char *point, *comma;
    struct verify_host *host, *again;
    struct op_case c = { .file = NULL };
    struct op_cases cases;
    int i = 0;

    if (verify_cases_quick(&cases))
        tap_bail("%s", clade_error());
    while (cases.list[i].kind != CLADE_SGD)
        i++;
    if (verify_host_new(&host, &cases.list[i]))
        tap_bail("%s", clade_error());
    no_locale();
    point = dump("dump-point", &cases.list[i], host);
    german();
    comma = dump("dump-comma", &cases.list[i], host);
    tap_ok(same_file(point, comma), "a dumped op is the same file");
    if (verify_undump(&again, &c, point)) {
        tap_fail("and is read: %s", clade_error());
    } else {
        tap_ok(c.scalar == 0.9f &&
                   again->step.learning_rate == host->step.learning_rate,
               "and is read: momentum %g, rate %g", c.scalar,
               again->step.learning_rate);
        verify_host_free(again);
    }
    verify_host_free(host);
    free(cases.list);
}

static void test_envelope(void)
{
    const char *point = path("", "point.json"), *comma = path("", "comma.json");
    struct envelope e, again;

    if (envelope_read(&e, NULL))
        tap_bail("%s", clade_error());
    no_locale();
    if (envelope_write(point, &e, cpu))
        tap_bail("%s", clade_error());
    german();
    tap_ok(!envelope_write(comma, &e, cpu) && same_file(point, comma),
           "an envelope is the same file");
    if (envelope_read(&again, comma)) {
        tap_fail("and is read: %s", clade_error());
    } else {
        tap_ok(again.config.learning_rate == e.config.learning_rate,
               "and is read: rate %g", again.config.learning_rate);
        envelope_free(&again);
    }
    envelope_free(&e);
}

static void test_record(void)
{
    const char *point = path("", "r-point.json");
    const char *comma = path("", "r-comma.json");
    struct clade_record options = { .batch = 1, .steps = 1, .seed = 1 };

    options.file = point;
    no_locale();
    if (clade_record_write(cpu, &options))
        tap_bail("%s", clade_error());
    german();
    options.file = comma;
    tap_ok(!clade_record_write(cpu, &options) && same_file(point, comma),
           "a record is the same file");
}

/* ---- names ------------------------------------------------------------------
 */

static void test_names(void)
{
    clade_backend *be;
    clade_status st;

    setlocale(LC_ALL, "tr_TR.UTF-8");
    st = clade_backend_open(&be, "THIS MACHINE'S PROCESSORS, FLOAT32");
    tap_ok(!st, "in Turkish a device is found by capitals: %s",
           st ? clade_error() : "yes");
    if (!st)
        clade_backend_close(be);
}

/* A locale of one thread alone must come back, too. */
static void test_thread(void)
{
    locale_t thread, before;

    german();
    thread = duplocale(LC_GLOBAL_LOCALE);
    no_locale();
    before = uselocale(thread);
    tap_ok(!train("thread", 3, false) && same_run("thread", "point") &&
               uselocale((locale_t)0) == thread,
           "a locale of the thread does no harm, and stays");
    uselocale(before);
    freelocale(thread);
}

int main(void)
{
    trainer_begin("locale-test");
    make_locales();
    tap_plan(4 + 1 + 2 + 2 + 1 + 1 + 1);
    test_training();
    test_checkpoint();
    test_dump();
    test_envelope();
    test_record();
    test_names();
    test_thread();
    trainer_end();
    return tap_done();
}
