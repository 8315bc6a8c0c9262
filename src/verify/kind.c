/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/kind.h"

const struct verify_kind *verify_kind(enum clade_op_kind kind)
{
    static const struct verify_kind *const kinds[CLADE_OP_KINDS] = {
#define ROW(id, name, out, in) [CLADE_##id] = &verify_##name,
        CLADE_OP_LIST(ROW)
#undef ROW
    };

    return kinds[kind];
}
