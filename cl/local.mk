# SPDX-License-Identifier: Apache-2.0
# Kernel text becomes a C array, so the installed library needs no files.
CL_SRC = \
  cl/bias.cl \
  cl/direct.cl \
  cl/direct_filter.cl \
  cl/dropout.cl \
  cl/ends.cl \
  cl/im2col.cl \
  cl/implicit.cl \
  cl/peak.cl \
  cl/pool.cl \
  cl/prelude.cl \
  cl/probe.cl \
  cl/resize.cl \
  cl/sgd.cl \
  cl/softmax.cl \
  cl/winograd.cl
CL_INC = $(CL_SRC:.cl=.inc)

EMBED = $(AM_V_GEN)$(MKDIR_P) $(@D) && \
	  od -An -v -tx1 $< | sed 's/[0-9a-f][0-9a-f]/0x&,/g' >$@.tmp && \
	  mv $@.tmp $@
SUFFIXES = .cl .css .inc .json
.cl.inc:
	$(EMBED)

BUILT_SOURCES += $(CL_INC)
CLEANFILES += $(CL_INC)
EXTRA_DIST += $(CL_SRC)
