/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mistakes with memory: each must be refused with a message, on the
 * reference in both precisions and on the device under test.
 */
#include <limits.h>
#include <string.h>

#include "caller.h"
#include "tap.h"

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof(*(array))))

static char word[8];

static clade_status alloc(size_t n, enum clade_memory where)
{
    struct clade_buffer *b;
    const clade_status st = clade_backend_alloc(caller.be, &b, n, where);

    if (!st)
        clade_backend_free(caller.be, b);
    return st;
}

static clade_status alloc_nothing(void)
{
    return alloc(0, CLADE_MEMORY_DEVICE);
}

static clade_status alloc_everything(void)
{
    return alloc(SIZE_MAX, CLADE_MEMORY_DEVICE);
}

static clade_status alloc_nowhere(void)
{
    return alloc(64, (enum clade_memory)7);
}

static clade_status alloc_without_place(void)
{
    return clade_backend_alloc(caller.be, NULL, 64, CLADE_MEMORY_DEVICE);
}

static clade_status read_past_the_end(void)
{
    return clade_backend_read(caller.be, word, caller.room[0], CALLER_ROOM - 4,
                              8);
}

static clade_status read_around(void)
{
    return clade_backend_read(caller.be, word, caller.room[0], 8, SIZE_MAX - 4);
}

static clade_status read_to_nowhere(void)
{
    return clade_backend_read(caller.be, NULL, caller.room[0], 0, 8);
}

static clade_status read_nothing(void)
{
    return clade_backend_read(caller.be, word, NULL, 0, 8);
}

static clade_status write_past_the_end(void)
{
    return clade_backend_write(caller.be, caller.room[0], CALLER_ROOM + 1, word,
                               0);
}

static clade_status write_from_nowhere(void)
{
    return clade_backend_write(caller.be, caller.room[0], 0, NULL, 8);
}

static clade_status fill_past_the_end(void)
{
    return clade_backend_fill(caller.be, caller.room[0], CALLER_ROOM - 4, 8, 0);
}

static clade_status fill_half_a_word(void)
{
    return clade_backend_fill(caller.be, caller.room[0], 2, 8, 0);
}

static clade_status copy_past_the_end(void)
{
    return clade_backend_copy(caller.be, caller.room[1], CALLER_ROOM - 4,
                              caller.room[0], 0, 8);
}

static clade_status copy_from_past_the_end(void)
{
    return clade_backend_copy(caller.be, caller.room[1], 0, caller.room[0],
                              CALLER_ROOM - 4, 8);
}

static clade_status copy_to_itself(void)
{
    return clade_backend_copy(caller.be, caller.room[0], 0, caller.room[0], 64,
                              8);
}

static clade_status read_anothers(void)
{
    return clade_backend_read(caller.be, word, caller.elsewhere, 0, 8);
}

static clade_status copy_from_another(void)
{
    return clade_backend_copy(caller.be, caller.room[0], 0, caller.elsewhere, 0,
                              8);
}

static clade_status without_backend(void)
{
    return clade_backend_finish(NULL);
}

static clade_status open_to_nowhere(void)
{
    return clade_backend_open(NULL, "cpu");
}

static clade_status find_to_nowhere(void)
{
    return clade_device_find(NULL, "cpu");
}

/* clang-format off */
static const struct mistake memory[] = {
    { alloc_nothing, CLADE_EUSAGE, "0 bytes", "a buffer of 0 bytes" },
    { alloc_everything, CLADE_ENOMEM, "", "a buffer of 2^64 - 1 bytes" },
    { alloc_nowhere, CLADE_EUSAGE, "sort 7", "memory of no sort" },
    { alloc_without_place, CLADE_EUSAGE, "buffer", "nowhere to keep a buffer" },
    { read_past_the_end, CLADE_EUSAGE, "of a buffer of 65536", "a read past the end" },
    { read_around, CLADE_EUSAGE, "of a buffer of 65536", "a read whose end overflows" },
    { read_to_nowhere, CLADE_EUSAGE, "to", "a read to NULL" },
    { read_nothing, CLADE_EUSAGE, "buffer", "a read from no buffer" },
    { write_past_the_end, CLADE_EUSAGE, "of a buffer of 65536", "a write of 0 bytes past the end" },
    { write_from_nowhere, CLADE_EUSAGE, "from", "a write from NULL" },
    { fill_past_the_end, CLADE_EUSAGE, "of a buffer of 65536", "a fill past the end" },
    { fill_half_a_word, CLADE_EUSAGE, "multiples of 4", "a fill that begins in a word" },
    { copy_past_the_end, CLADE_EUSAGE, "of a buffer of 65536", "a copy past the end" },
    { copy_from_past_the_end, CLADE_EUSAGE, "of a buffer of 65536", "a copy from past the end" },
    { copy_to_itself, CLADE_EUSAGE, "to itself", "a copy within one buffer" },
    { read_anothers, CLADE_EUSAGE, "another backend's", "a read of another backend's buffer" },
    { copy_from_another, CLADE_EUSAGE, "another backend's", "a copy of another backend's buffer" },
    { without_backend, CLADE_EUSAGE, "clade_backend_finish", "no backend" },
    { open_to_nowhere, CLADE_EUSAGE, "be", "nowhere to keep a backend" },
    { find_to_nowhere, CLADE_EUSAGE, "device", "nowhere to keep a device" },
};
/* clang-format on */
/* ---- functions without a status ------------------------------------------ */

static const struct clade_op nothing;

/* Each is true if all calls fail softly, as their header says. */

static bool soft_names(void)
{
    return !strcmp(clade_op_name((enum clade_op_kind)99), "unknown") &&
           !strcmp(clade_role_name((enum clade_role)99), "unknown") &&
           !clade_op_outputs((enum clade_op_kind)99) &&
           !clade_op_inputs((enum clade_op_kind)99) &&
           !clade_type_size((enum clade_type)99);
}

static bool soft_flops(void)
{
    struct clade_op op = { .kind = (enum clade_op_kind)99 };

    return clade_op_flops(&op) == 0 && clade_op_flops(NULL) == 0 &&
           clade_op_flops(&nothing) == 0;
}

static bool soft_algorithms(void)
{
    const char *names[4];

    return !clade_backend_algorithms(caller.be, &nothing, names, 4) &&
           !clade_backend_algorithms(caller.be, NULL, names, 4) &&
           !clade_backend_algorithms(NULL, &nothing, names, 4);
}

static bool soft_choice(void)
{
    char text[CLADE_CHOICE_TEXT];

    return !*clade_choice_text(text, &nothing.choice) &&
           !*clade_choice_text(text, NULL) && !clade_choice_text(NULL, NULL);
}

static bool soft_window(void)
{
    const struct clade_window none = clade_window_same(3, 3, 0, 8, 8);
    const struct clade_window large = clade_window_same(3, 3, 2, INT_MAX, 8);

    return !none.r && large.top == 1 && large.bottom == 1;
}

static bool soft_elements(void)
{
    const struct clade_tensor huge =
        clade_tensor_at(NULL, 0, INT_MAX, INT_MAX, INT_MAX, INT_MAX, CLADE_F32);
    const struct clade_tensor small =
        clade_tensor_at(NULL, 5, 1, 1, 1, 3, CLADE_F32);
    const struct clade_tensor empty =
        clade_tensor_at(NULL, 0, 0, 0, 0, 0, CLADE_F32);

    return !clade_tensor_elements(&huge) && !clade_tensor_pixels(NULL) &&
           clade_tensor_element(&small, 3) == -1 &&
           clade_tensor_element(&small, -1) == -1 &&
           clade_tensor_element(&empty, 0) == -1 &&
           clade_tensor_element(&small, 2) == 7;
}

static bool soft_map(void)
{
    return clade_backend_map(caller.be, caller.pinned) &&
           !clade_backend_map(caller.be, caller.room[0]) &&
           !clade_backend_map(caller.be, caller.elsewhere) &&
           !clade_backend_map(caller.be, NULL);
}

/* Another backend's buffer is left alone. */
static bool soft_free(void)
{
    const uint64_t before = clade_backend_memory(caller.be);

    clade_backend_free(caller.be, caller.elsewhere);
    clade_backend_free(caller.be, NULL);
    clade_backend_free(NULL, caller.room[0]);
    return clade_backend_memory(caller.be) == before &&
           !clade_backend_read(caller.other, word, caller.elsewhere, 0, 8) &&
           !clade_backend_read(caller.be, word, caller.room[0], 0, 8);
}

static bool soft_backend(void)
{
    clade_backend_close(NULL);
    clade_backend_progress(NULL, NULL, NULL);
    clade_backend_release(caller.be, NULL);
    return !clade_backend_device(NULL) && !clade_backend_memory(NULL) &&
           !clade_backend_notices(NULL) &&
           clade_backend_real(NULL) == CLADE_F32;
}

/* Nothing to be moved is nothing to be done. */
static bool soft_no_bytes(void)
{
    return !clade_backend_read(caller.be, NULL, caller.room[0], CALLER_ROOM,
                               0) &&
           !clade_backend_write(caller.be, caller.room[0], 0, NULL, 0) &&
           !clade_backend_fill(caller.be, caller.room[0], 0, 0, 0) &&
           !clade_backend_copy(caller.be, caller.room[0], 0, caller.room[1], 0,
                               0);
}

static const struct {
    bool (*is)(void);
    const char *why;
} soft[] = {
    { soft_names, "names and roles of no kind" },
    { soft_flops, "the cost of no op" },
    { soft_algorithms, "the algorithms of no op" },
    { soft_choice, "the text of no choice" },
    { soft_window, "a window with a stride of 0, and over the largest image" },
    { soft_elements, "tensors with no elements, or with too many" },
    { soft_map, "only memory of the host has an address" },
    { soft_free, "another backend's buffer is not freed" },
    { soft_backend, "no backend at all" },
    { soft_no_bytes, "no bytes" },
};

static void test_device(void)
{
    caller_make(memory, COUNT_OF(memory));
    for (int i = 0; i < COUNT_OF(soft); i++)
        tap_ok(soft[i].is(), "%s: %s", caller.device, soft[i].why);
}

int main(void)
{
    const int tests = COUNT_OF(memory) + COUNT_OF(soft);

    tap_plan(CALLER_DEVICES * tests);
    caller_each(test_device, tests);
    return tap_done();
}
