/* SPDX-License-Identifier: Apache-2.0 */
#include "caller.h"

#include <string.h>

#include "tap.h"
#include "tested.h"

enum { ROOMS = sizeof(caller.room) / sizeof(*caller.room) };

struct caller caller;

void caller_need(clade_status st)
{
    if (st)
        tap_bail("%s", clade_error());
}

void caller_make(const struct mistake *mistakes, int n)
{
    for (int i = 0; i < n; i++) {
        const struct mistake *m = &mistakes[i];
        const clade_status st = m->make();

        if (!tap_ok(st == m->wanted && strstr(clade_error(), m->text), "%s: %s",
                    caller.device, m->why))
            tap_note("%s: %s", clade_status_text(st),
                     st ? clade_error() : "it was taken");
    }
}

void caller_skip(const struct mistake *mistakes, int n, const char *why)
{
    for (int i = 0; i < n; i++)
        tap_skip("%s: %s: %s", caller.device, mistakes[i].why, why);
}

static void get_memory(void)
{
    static const char zeros[CALLER_ROOM];

    for (int i = 0; i < ROOMS; i++) {
        caller_need(clade_backend_alloc(caller.be, &caller.room[i], CALLER_ROOM,
                                        CLADE_MEMORY_DEVICE));
        caller_need(clade_backend_write(caller.be, caller.room[i], 0, zeros,
                                        sizeof(zeros)));
    }
    caller_need(clade_backend_alloc(caller.be, &caller.pinned, CALLER_ROOM,
                                    CLADE_MEMORY_HOST));
    caller_need(clade_backend_alloc(caller.other, &caller.elsewhere,
                                    CALLER_ROOM, CLADE_MEMORY_DEVICE));
}

static void free_memory(void)
{
    clade_backend_free(caller.other, caller.elsewhere);
    clade_backend_free(caller.be, caller.pinned);
    for (int i = 0; i < ROOMS; i++)
        clade_backend_free(caller.be, caller.room[i]);
}

static void test_on(const char *device, void (*test)(void))
{
    caller.device = device;
    caller.real = clade_backend_real(caller.be);
    caller_need(clade_backend_open(&caller.other,
                                   caller.real == CLADE_F64 ? "cpu" : "cpu64"));
    get_memory();
    test();
    free_memory();
    clade_backend_close(caller.other);
    clade_backend_close(caller.be);
}

void caller_each(void (*test)(void), int tests)
{
    static const char *const references[] = { "cpu", "cpu64" };

    for (int i = 0; i < 2; i++) {
        caller_need(clade_backend_open(&caller.be, references[i]));
        test_on(references[i], test);
    }
    caller.be = tested_open();
    if (caller.be)
        test_on(tested_name(), test);
    for (int i = 0; i < tests && !caller.be; i++)
        tap_skip("no OpenCL device");
}
