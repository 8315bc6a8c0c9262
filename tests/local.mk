# SPDX-License-Identifier: Apache-2.0
# The tests are TAP programs (tests/NAME.t, from tests/NAME.c) and TAP scripts
# (tests/NAME.sh).  The programs link the library with its internal names
# visible.
check_PROGRAMS = \
  tests/verify-steps.t \
  tests/archive.t \
  tests/asked.t \
  tests/augment.t \
  tests/begin.t \
  tests/best.t \
  tests/callers-memory.t \
  tests/callers-net.t \
  tests/callers-ops.t \
  tests/checkpoint.t \
  tests/child.t \
  tests/choose.t \
  tests/clblast.t \
  tests/cpu-gradients.t \
  tests/cpu-rules.t \
  tests/cpu.t \
  tests/cut.t \
  tests/data.t \
  tests/dealt.t \
  tests/file.t \
  tests/first-use.t \
  tests/grids.t \
  tests/implicit.t \
  tests/kept.t \
  tests/keras.t \
  tests/lacking.t \
  tests/library.t \
  tests/locale.t \
  tests/net.t \
  tests/null-step.t \
  tests/numerics.t \
  tests/op.t \
  tests/opencl.t \
  tests/ops-conv.t \
  tests/ops.t \
  tests/pages.t \
  tests/passes.t \
  tests/picture.t \
  tests/plan.t \
  tests/progress.t \
  tests/rates.t \
  tests/resize.t \
  tests/resume.t \
  tests/rewrites.t \
  tests/rng.t \
  tests/shadow.t \
  tests/shares.t \
  tests/device.t \
  tests/signals.t \
  tests/speed.t \
  tests/task.t \
  tests/timeline.t \
  tests/train.t \
  tests/tune.t \
  tests/verify-brackets.t \
  tests/verify-case.t \
  tests/verify-deaths.t \
  tests/verify-judge.t \
  tests/verify-ops.t \
  tests/verify-oracle.t \
  tests/verify-replay.t \
  tests/verify-selftest.t \
  tests/verify-shares.t \
  tests/verify-stop.t \
  tests/verify-suites.t \
  tests/verify-trainings.t \
  tests/verify-triage.t \
  tests/verify-winograd.t \
  tests/weights.t
# What needs a library that clade can be built without.
if JPEG
check_PROGRAMS += tests/jpeg.t
endif
if PNG
check_PROGRAMS += tests/png.t tests/predict.t
endif
test_scripts = \
  tests/bootstrap.sh \
  tests/cli.sh \
  tests/completion.sh \
  tests/fetch.sh \
  tests/man.sh \
  tests/report.sh \
  tests/rooms.sh \
  tests/skips.sh \
  tests/structure.sh \
  tests/symbols.sh \
  tests/verify-record.sh \
  tests/verify-step.sh \
  tests/verify-train.sh
if MPI
test_scripts += tests/ranks.sh
endif
# The longest come first, so that with make -j2 none of them runs alone at the
# end: the scripts, then verify-steps.t.
TESTS = $(test_scripts) $(check_PROGRAMS)

# These are not part of `make check`; other targets build and run them.
EXTRA_PROGRAMS = \
  $(driver_programs) \
  tests/limits-grids.t \
  tests/limits-layer.t \
  tests/mixed.t \
  tests/mutants.t \
  tests/peers/logits \
  tests/programs

# A faulty driver that programs can be started with; -rpath makes it a shared
# library, though none is installed.
check_LTLIBRARIES = libtap.la libfaulty.la
libfaulty_la_SOURCES = tests/faults.c tests/faults.h \
  tests/faulty-driver.c \
  tests/mutants-list.c \
  tests/mutants.h
libfaulty_la_CFLAGS = $(AM_CFLAGS) $(OPENCL_CFLAGS) -fvisibility=default
libfaulty_la_LDFLAGS = -module -avoid-version -rpath /nowhere
libfaulty_la_LIBADD = -ldl
libtap_la_SOURCES = \
  tests/folder.c \
  tests/folder.h \
  tests/tap.c \
  tests/tap.h \
  tests/tested.c \
  tests/tested.h

LDADD = libtap.la libcladecore.la
OPMAKER = tests/opmaker.c tests/opmaker.h
TRAINER = tests/trainer.c tests/trainer.h
FAULTY = tests/faulty.c tests/faulty.h
SOFT = tests/soft.c tests/soft.h $(FAULTY)
tests_archive_t_SOURCES = tests/archive.c
tests_asked_t_SOURCES = tests/asked.c $(SOFT)
tests_augment_t_SOURCES = tests/augment.c $(TRAINER)
tests_begin_t_SOURCES = tests/begin.c $(TRAINER)
tests_best_t_SOURCES = tests/best.c $(TRAINER)
tests_best_t_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_checkpoint_t_SOURCES = tests/checkpoint.c $(TRAINER)
tests_checkpoint_t_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_child_t_SOURCES = tests/child.c
tests_choose_t_SOURCES = tests/choose.c
tests_choose_t_CFLAGS = $(AM_CFLAGS) $(OPENCL_CFLAGS)
# tests/faults.c defines some of OpenCL's functions.  Its program exports them,
# so that the libraries that the program uses call them, too.
FAULTS = tests/faults.c tests/faults.h
FAULTS_CFLAGS = $(AM_CFLAGS) $(OPENCL_CFLAGS) -fvisibility=default
tests_clblast_t_SOURCES = tests/clblast.c $(FAULTS)
tests_clblast_t_CFLAGS = $(FAULTS_CFLAGS)
tests_clblast_t_LDFLAGS = -export-dynamic
tests_clblast_t_LDADD = $(LDADD) -ldl
tests_cpu_gradients_t_SOURCES = tests/cpu-gradients.c $(OPMAKER)
tests_cpu_rules_t_SOURCES = tests/cpu-rules.c $(OPMAKER)
tests_cpu_t_SOURCES = tests/cpu.c $(OPMAKER)
tests_cut_t_SOURCES = tests/cut.c
tests_cut_t_CFLAGS = $(AM_CFLAGS) $(OPENCL_CFLAGS)
tests_data_t_SOURCES = tests/data.c
# This one compiles a file of the tool.
tests_dealt_t_SOURCES = tests/dealt.c \
  src/tool/common.c \
  src/tool/dealt.c \
  src/tool/uptime.c
tests_dealt_t_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_file_t_SOURCES = tests/file.c
# This one compiles the commands, without the tool's main().
tests_first_use_t_SOURCES = tests/first-use.c $(FAULTS) \
  src/tool/common.c \
  src/tool/dealt.c \
  src/tool/devices.c \
  src/tool/json.c \
  src/tool/options.c \
  src/tool/progress.c \
  src/tool/ranks.c \
  src/tool/selftest.c \
  src/tool/shadow.c \
  src/tool/train.c \
  src/tool/train_json.c \
  src/tool/uptime.c
tests_first_use_t_CFLAGS = $(FAULTS_CFLAGS) $(JANSSON_CFLAGS)
tests_first_use_t_LDFLAGS = -export-dynamic
tests_first_use_t_LDADD = $(LDADD) -ldl
tests_grids_t_SOURCES = tests/grids.c $(FAULTS)
tests_grids_t_CFLAGS = $(FAULTS_CFLAGS)
tests_grids_t_LDFLAGS = -export-dynamic
tests_grids_t_LDADD = $(LDADD) -ldl
tests_implicit_t_SOURCES = tests/implicit.c
tests_implicit_t_CFLAGS = $(AM_CFLAGS) $(OPENCL_CFLAGS)
tests_kept_t_SOURCES = tests/kept.c
tests_jpeg_t_SOURCES = tests/jpeg.c
tests_jpeg_t_CFLAGS = $(AM_CFLAGS) $(JPEG_CFLAGS)
tests_jpeg_t_LDADD = $(PICTURES) $(JPEG_LIBS)
tests_keras_t_SOURCES = tests/keras.c
tests_keras_t_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
# These link the shared library as a user does, with public names only.
CALLER = tests/caller.c tests/caller.h
tests_callers_memory_t_SOURCES = tests/callers-memory.c $(CALLER)
tests_callers_memory_t_LDADD = libtap.la libclade.la
tests_callers_net_t_SOURCES = tests/callers-net.c $(CALLER)
tests_callers_net_t_LDADD = libtap.la libclade.la
tests_callers_ops_t_SOURCES = tests/callers-ops.c $(CALLER)
tests_callers_ops_t_LDADD = libtap.la libclade.la
tests_lacking_t_SOURCES = tests/lacking.c $(FAULTS)
tests_lacking_t_CFLAGS = $(FAULTS_CFLAGS)
tests_lacking_t_LDFLAGS = -export-dynamic
tests_lacking_t_LDADD = $(LDADD) -ldl
tests_library_t_SOURCES = tests/library.c
tests_library_t_LDADD = libtap.la libclade.la
tests_locale_t_SOURCES = tests/locale.c $(TRAINER)
tests_locale_t_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_net_t_SOURCES = tests/net.c
tests_net_t_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_null_step_t_SOURCES = tests/null-step.c
tests_null_step_t_CFLAGS = $(FAULTS_CFLAGS)
tests_null_step_t_LDFLAGS = -export-dynamic
tests_null_step_t_LDADD = $(LDADD) -ldl
tests_numerics_t_SOURCES = tests/numerics.c $(TRAINER)
tests_numerics_t_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_op_t_SOURCES = tests/op.c
tests_opencl_t_SOURCES = tests/opencl.c
tests_opencl_t_CFLAGS = $(AM_CFLAGS) $(OPENCL_CFLAGS)
DOORS = tests/doors.c tests/doors.h
tests_ops_conv_t_SOURCES = tests/ops-conv.c $(DOORS)
tests_ops_t_SOURCES = tests/ops.c $(DOORS)
tests_pages_t_SOURCES = tests/pages.c
tests_passes_t_SOURCES = tests/passes.c
PICTURES = libtap.la libpicture.la libcladecore.la
tests_picture_t_SOURCES = tests/picture.c
tests_picture_t_LDADD = $(PICTURES) -lm
tests_plan_t_SOURCES = tests/plan.c
PNGS = tests/pngs.c tests/pngs.h
tests_png_t_SOURCES = tests/png.c $(PNGS)
tests_png_t_CFLAGS = $(AM_CFLAGS) $(PNG_CFLAGS)
tests_png_t_LDADD = $(PICTURES) $(PNG_LIBS)
# This one predicts by the trainer's small net.
tests_predict_t_SOURCES = tests/predict.c $(PNGS) $(TRAINER)
tests_predict_t_CFLAGS = $(AM_CFLAGS) $(PNG_CFLAGS)
tests_predict_t_LDADD = $(PICTURES) $(PNG_LIBS) -lm
tests_programs_SOURCES = tests/programs.c
tests_programs_CFLAGS = $(AM_CFLAGS) $(OPENCL_CFLAGS)
# This one compiles some sources of the tool, without its main().
tests_progress_t_SOURCES = tests/progress.c src/tool/common.c \
  src/tool/progress.c
tests_progress_t_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_rates_t_SOURCES = tests/rates.c $(TRAINER)
tests_resize_t_SOURCES = tests/resize.c
tests_resume_t_SOURCES = tests/resume.c $(TRAINER)
tests_rewrites_t_SOURCES = tests/rewrites.c
tests_rng_t_SOURCES = tests/rng.c
tests_device_t_SOURCES = tests/device.c
THREADS = tests/threads.c tests/threads.h
# This one has a fault of tests/mutants-list.c in a driver.
tests_shadow_t_SOURCES = \
  tests/shadow.c \
  tests/mutants-list.c \
  tests/mutants.h \
  $(FAULTS) \
  $(FAULTY) \
  $(THREADS) \
  $(TRAINER) \
  src/tool/shadow.c
tests_shadow_t_CFLAGS = $(FAULTS_CFLAGS) $(JANSSON_CFLAGS)
tests_shadow_t_LDFLAGS = -export-dynamic
tests_shadow_t_LDADD = $(LDADD) -ldl
tests_shares_t_SOURCES = tests/shares.c $(THREADS) $(TRAINER)
tests_shares_t_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_signals_t_SOURCES = tests/signals.c src/tool/common.c
tests_signals_t_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_speed_t_SOURCES = tests/speed.c
tests_task_t_SOURCES = tests/task.c
# This one compiles a source of the tool, and trains the trainer's small net.
tests_timeline_t_SOURCES = tests/timeline.c $(TRAINER) src/tool/timeline.c
tests_timeline_t_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_timeline_t_LDADD = $(LDADD) $(JANSSON_LIBS)
tests_train_t_SOURCES = tests/train.c $(TRAINER)
# This one tunes the trainer's small net.
tests_tune_t_SOURCES = tests/tune.c $(TRAINER) $(SOFT)
tests_verify_brackets_t_SOURCES = tests/verify-brackets.c $(SOFT)
tests_verify_case_t_SOURCES = tests/verify-case.c
# This one runs the tool's `clade verify`, without its main().
tests_verify_deaths_t_SOURCES = \
  tests/verify-deaths.c \
  $(FAULTS) \
  $(VERIFY_SRC) \
  src/tool/common.c \
  src/tool/devices.c \
  src/tool/json.c \
  src/tool/options.c \
  src/tool/uptime.c
nodist_tests_verify_deaths_t_SOURCES = src/tool/page.inc
tests_verify_deaths_t_CFLAGS = $(FAULTS_CFLAGS) $(JANSSON_CFLAGS)
tests_verify_deaths_t_LDFLAGS = -export-dynamic
tests_verify_deaths_t_LDADD = $(LDADD) $(JANSSON_LIBS) -ldl
tests_verify_judge_t_SOURCES = tests/verify-judge.c $(FAULTY)
tests_verify_ops_t_SOURCES = tests/verify-ops.c
tests_verify_oracle_t_SOURCES = tests/verify-oracle.c
tests_verify_replay_t_SOURCES = tests/verify-replay.c $(FAULTS)
tests_verify_replay_t_CFLAGS = $(FAULTS_CFLAGS)
tests_verify_replay_t_LDFLAGS = -export-dynamic
tests_verify_replay_t_LDADD = $(LDADD) -ldl
tests_verify_selftest_t_SOURCES = tests/verify-selftest.c $(FAULTY)
DIVIDED = tests/divided.c tests/divided.h
tests_verify_shares_t_SOURCES = tests/verify-shares.c $(DIVIDED)
tests_verify_steps_t_SOURCES = tests/verify-steps.c $(FAULTY)
tests_verify_steps_t_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_verify_stop_t_SOURCES = tests/verify-stop.c
tests_verify_suites_t_SOURCES = tests/verify-suites.c $(FAULTY)
tests_verify_trainings_t_SOURCES = tests/verify-trainings.c
tests_verify_triage_t_SOURCES = tests/verify-triage.c
tests_verify_winograd_t_SOURCES = tests/verify-winograd.c $(SOFT)
tests_weights_t_SOURCES = tests/weights.c $(TRAINER)
tests_weights_t_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)

TEST_EXTENSIONS = .t .sh
T_LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) \
  $(top_srcdir)/build-aux/tap-driver.sh
SH_LOG_DRIVER = $(T_LOG_DRIVER)

# Drivers keep compiled kernels below HOME; keep those of the tests in the
# build folder.
TEST_HOME = $(abs_builddir)/tests/home
AM_TESTS_ENVIRONMENT = \
  HOME='$(TEST_HOME)'; export HOME; \
  XDG_CACHE_HOME='$(TEST_HOME)/cache'; export XDG_CACHE_HOME; \
  POCL_CACHE_DIR='$(TEST_HOME)/pocl'; export POCL_CACHE_DIR; \
  CLADE='$(abs_builddir)/clade$(EXEEXT)'; export CLADE; \
  MPIRUN='$(MPIRUN)'; export MPIRUN; \
  SRCDIR='$(abs_srcdir)'; export SRCDIR; \
  $(MKDIR_P) '$(TEST_HOME)/cache' '$(TEST_HOME)/pocl';

EXTRA_DIST += \
  $(test_scripts) \
  tests/archives.py \
  tests/command.sh \
  tests/faulty.sh \
  tests/interrupt.py \
  tests/launched.sh \
  tests/ranks.sh \
  tests/lsan.supp \
  tests/page.py \
  tests/ref/keras-float64-b2-s5-seed1.json \
  tests/serve.py \
  tests/tap.sh \
  tests/tested.sh \
  tests/verify.sh

# Build users' programs against the installed tree, and run them.
EXTRA_DIST += tests/installed.sh
installcheck-local:
	CC='$(CC)' CFLAGS='$(CFLAGS)' PKG_CONFIG='$(PKG_CONFIG)' \
	  SRCDIR='$(abs_srcdir)' DESTDIR='$(DESTDIR)' LIBDIR='$(libdir)' \
	  INCLUDEDIR='$(includedir)' PKGCONFIGDIR='$(pkgconfigdir)' \
	  EXAMPLEDIR='$(exampledir)' MANDIR='$(mandir)' \
	  $(SHELL) '$(srcdir)/tests/installed.sh'

# Compile the kernels for GPUs that this machine does not have.  This needs
# their compilers; see doc/targets.md.
EXTRA_DIST += tests/targets.sh
CLEANFILES += tests/programs$(EXEEXT) tests/targets.md
check-targets: tests/programs$(EXEEXT)
	rm -f tests/targets.md
	$(MAKE) $(AM_MAKEFLAGS) check-TESTS check_PROGRAMS= \
	  TESTS=tests/targets.sh
	test ! -f tests/targets.md || cat tests/targets.md
.PHONY: check-targets

clean-local:
	rm -rf '$(TEST_HOME)'

# Kill a process of a training again and again (KILLS times), and resume it.
EXTRA_DIST += tests/kill.sh
CLEANFILES += tests/kill.log tests/kill.trs
check-kill: all
	$(MAKE) $(AM_MAKEFLAGS) check-TESTS check_PROGRAMS= TESTS=tests/kill.sh
.PHONY: check-kill

# Train by three processes on two hosts, which the test makes; root may do that.
EXTRA_DIST += tests/hosts.sh
CLEANFILES += tests/hosts.log tests/hosts.trs
check-hosts: all
	$(MAKE) $(AM_MAKEFLAGS) check-TESTS check_PROGRAMS= TESTS=tests/hosts.sh
.PHONY: check-hosts

# Unlike devices as ranks of one training, inside an envelope made for it.
tests_mixed_t_SOURCES = tests/mixed.c $(DIVIDED) $(THREADS)
CLEANFILES += tests/mixed.log tests/mixed.trs tests/mixed.t
check-mixed: tests/mixed.t
	$(MAKE) $(AM_MAKEFLAGS) check-TESTS check_PROGRAMS= TESTS=tests/mixed.t
.PHONY: check-mixed

# Put faults into the driver, and see whether `clade verify` catches them.
tests_mutants_t_SOURCES = \
  $(FAULTS) \
  tests/mutants-control.c \
  tests/mutants-list.c \
  tests/mutants.c \
  tests/mutants.h
tests_mutants_t_CFLAGS = $(FAULTS_CFLAGS)
tests_mutants_t_LDFLAGS = -export-dynamic
tests_mutants_t_LDADD = $(LDADD) -ldl

# If every fault is caught, print the table and update doc/mutants.md.
check-mutants: all
	rm -f tests/mutants.md
	CLADE_MUTANTS_TABLE='$(abs_builddir)/tests/mutants.md' VERBOSE=1 \
	  $(MAKE) $(AM_MAKEFLAGS) TESTS=tests/mutants.t check-TESTS
	@if test -f tests/mutants.md; then \
	  cat tests/mutants.md; \
	  cmp -s tests/mutants.md '$(srcdir)/doc/mutants.md' || \
	    cp tests/mutants.md '$(srcdir)/doc/mutants.md'; \
	fi
.PHONY: check-mutants

CLEANFILES += \
  tests/mutants.log \
  tests/mutants.md \
  tests/mutants.t \
  tests/mutants.trs
EXTRA_DIST += doc/mutants.md

# Reproduce faults of drivers, without the library; see doc/drivers.md.
driver_programs = \
  tests/drivers/callback.t \
  tests/drivers/fill.t \
  tests/drivers/finish.t \
  tests/drivers/forged-binary.t \
  tests/drivers/llvmpipe-loops.t \
  tests/drivers/wide-builds.t \
  tests/drivers/wide-calls.t \
  tests/drivers/write.t
DRIVER_CFLAGS = $(AM_CFLAGS) $(OPENCL_CFLAGS) \
  -DCL_TARGET_OPENCL_VERSION=120 -DCL_USE_DEPRECATED_OPENCL_1_2_APIS
ONE_DEVICE = tests/drivers/one-device.h
tests_drivers_callback_t_SOURCES = tests/drivers/callback.c $(ONE_DEVICE)
tests_drivers_callback_t_CFLAGS = $(DRIVER_CFLAGS)
tests_drivers_callback_t_LDADD = $(OPENCL_LIBS)
tests_drivers_fill_t_SOURCES = tests/drivers/fill.c $(ONE_DEVICE)
tests_drivers_fill_t_CFLAGS = $(DRIVER_CFLAGS)
tests_drivers_fill_t_LDADD = $(OPENCL_LIBS)
tests_drivers_finish_t_SOURCES = tests/drivers/finish.c $(ONE_DEVICE)
tests_drivers_finish_t_CFLAGS = $(DRIVER_CFLAGS)
tests_drivers_finish_t_LDADD = $(OPENCL_LIBS)
tests_drivers_forged_binary_t_SOURCES = \
  tests/drivers/forged-binary.c \
  $(ONE_DEVICE)
tests_drivers_forged_binary_t_CFLAGS = $(DRIVER_CFLAGS)
tests_drivers_forged_binary_t_LDADD = $(OPENCL_LIBS)
tests_drivers_llvmpipe_loops_t_SOURCES = tests/drivers/llvmpipe-loops.c
tests_drivers_llvmpipe_loops_t_CFLAGS = $(DRIVER_CFLAGS)
tests_drivers_llvmpipe_loops_t_LDADD = $(OPENCL_LIBS)
tests_drivers_wide_builds_t_SOURCES = \
  tests/drivers/wide-builds.c \
  $(ONE_DEVICE)
tests_drivers_wide_builds_t_CFLAGS = $(DRIVER_CFLAGS)
tests_drivers_wide_builds_t_LDADD = $(OPENCL_LIBS)
tests_drivers_wide_calls_t_SOURCES = tests/drivers/wide-calls.c $(ONE_DEVICE)
tests_drivers_wide_calls_t_CFLAGS = $(DRIVER_CFLAGS)
tests_drivers_wide_calls_t_LDADD = $(OPENCL_LIBS) -lm
tests_drivers_write_t_SOURCES = tests/drivers/write.c $(ONE_DEVICE)
tests_drivers_write_t_CFLAGS = $(DRIVER_CFLAGS)
tests_drivers_write_t_LDADD = $(OPENCL_LIBS)

check-drivers: $(driver_programs)
	$(MAKE) $(AM_MAKEFLAGS) check-TESTS check_PROGRAMS= \
	  TESTS='$(driver_programs) tests/drivers/oclgrind.sh'
.PHONY: check-drivers
CLEANFILES += $(driver_programs)
EXTRA_DIST += \
  doc/drivers.md \
  tests/drivers/oclgrind.sh

# Hold a device to the limits of GPUs, and let it fail; see doc/drivers.md.  The
# layer is a module that the ICD loader loads.  It is not installed, but without
# -rpath libtool would make an archive of it.
EXTRA_LTLIBRARIES = tests/limits.la
tests_limits_la_SOURCES = \
  tests/limits-fail.c \
  tests/limits-late.c \
  tests/limits-null.c \
  tests/limits-profiles.c \
  tests/limits-rules.c \
  tests/limits.c \
  tests/limits.h
tests_limits_la_CFLAGS = $(AM_CFLAGS) $(OPENCL_CFLAGS) -fvisibility=default
tests_limits_la_LDFLAGS = -module -avoid-version -shared \
  -rpath $(abs_builddir)/tests
tests_limits_grids_t_SOURCES = tests/limits-grids.c tests/limits.h
tests_limits_grids_t_CFLAGS = $(AM_CFLAGS) $(OPENCL_CFLAGS)
tests_limits_layer_t_SOURCES = \
  tests/limits-layer.c \
  tests/limits-profiles.c \
  tests/limits.h
tests_limits_layer_t_CFLAGS = $(AM_CFLAGS) $(OPENCL_CFLAGS)
tests_limits_layer_t_LDADD = libtap.la $(OPENCL_LIBS)

limits_parts = tests/limits-grids.t tests/limits-layer.t tests/limits.la
check-limits: all
	$(MAKE) $(AM_MAKEFLAGS) $(limits_parts)
	$(MAKE) $(AM_MAKEFLAGS) check-TESTS check_PROGRAMS= TESTS=tests/limits.sh
.PHONY: check-limits
CLEANFILES += $(limits_parts) tests/limits.log tests/limits.trs
EXTRA_DIST += tests/limits.sh

# Run `clade verify` on older and newer runtimes, which this installs, and update
# the table of doc/drivers.md.
check-runtimes: all $(driver_programs)
	CLADE='$(abs_builddir)/clade$(EXEEXT)' SRCDIR='$(abs_srcdir)' \
	  $(SHELL) '$(srcdir)/tests/runtimes.sh'
.PHONY: check-runtimes
distclean-local:
	rm -rf runtimes
EXTRA_DIST += \
  tests/runtimes.py \
  tests/runtimes.sh

# Look at pages of `clade report` in chromium.
EXTRA_DIST += tests/peers/page.sh
check-page: all
	$(MAKE) $(AM_MAKEFLAGS) check-TESTS check_PROGRAMS= \
	  TESTS=tests/peers/page.sh
.PHONY: check-page
CLEANFILES += tests/peers/page.log tests/peers/page.trs

# The same network in other programs; see doc/interchange.md.  ONNX_PYTHON must
# have onnx and onnxruntime, TORCH_PYTHON PyTorch, KERAS_PYTHON TensorFlow, and all
# of them numpy and safetensors.
peer_tests = \
  tests/peers/keras.sh \
  tests/peers/page.sh \
  tests/peers/torch.sh
tests_peers_logits_SOURCES = tests/peers/logits.c
tests_peers_logits_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_peers_logits_LDADD = libcladecore.la $(JANSSON_LIBS)
check-onnx: all tests/peers/logits$(EXEEXT)
	$(MAKE) $(AM_MAKEFLAGS) check-TESTS check_PROGRAMS= \
	  TESTS=tests/peers/onnx.sh
check-peers: all tests/peers/logits$(EXEEXT)
	$(MAKE) $(AM_MAKEFLAGS) check-TESTS check_PROGRAMS= \
	  TESTS='$(peer_tests)'
.PHONY: check-onnx check-peers
CLEANFILES += \
  tests/peers/*.log \
  tests/peers/*.trs \
  tests/peers/logits$(EXEEXT)
EXTRA_DIST += \
  $(peer_tests) \
  tests/peers/check_keras.py \
  tests/peers/check_onnx.py \
  tests/peers/check_torch.py \
  tests/peers/onnx.sh \
  tests/peers/peer.py \
  tests/peers/python.sh

# How fast others train the same network; run by hand, see doc/scaling.md.
EXTRA_DIST += \
  tests/peers/ddp.py \
  tests/peers/ddp.sh
