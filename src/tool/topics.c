/* SPDX-License-Identifier: Apache-2.0 */
#include "topics.h"

#include "tool.h"

/* clang-format off */
static const struct topic_row cache_rows[] = {
    { "NUMBER", "compiled kernels, and the verdicts of self-tests: for each "
      "device and driver they are made again when they are needed" },
    { "measured-NUMBER.json", "what `clade tune` has measured on a device and "
      "driver; without it, choices are estimated" },
    { "speed-NUMBER.json", "what `clade train --shares auto` has measured: how "
      "long each process takes for an image" },
};

static const struct topic_row data_rows[] = {
    { "without --data", "images by formula, of ten classes that a network "
      "learns in minutes; --seed makes others" },
    { "--data PATH", "CIFAR-10's binary version: the folder that `clade fetch "
      "cifar10` makes, with data_batch_*.bin to train with and test_batch.bin "
      "to test with; or the archive, cifar-10-binary.tar.gz" },
    { "--train-count N", "the first N images of data_batch_*.bin, in the "
      "order of their names" },
    { "--test-count N", "the first N images of test_batch.bin" },
};

static const struct topic_row device_rows[] = {
    { "cpu", "the reference: plain C loops with exact sums; slow" },
    { "cpu64", "the same, but stores double precision" },
    { "opencl", "the best OpenCL device: GPUs come before CPUs, and software "
      "renderers and simulators come last; of equals, the one with the most "
      "compute units" },
    { "gpu", "the best OpenCL GPU" },
    { "auto", "the same as opencl for one process; of several under mpirun, "
      "each takes another OpenCL device of its machine, the best first" },
    { "opencl:P:D", "device D of platform P, with clinfo's numbers" },
    { "other text", "a part of `platform / device`; upper and lower case are "
      "the same" },
};

static const struct topic_row environment_rows[] = {
    { "CLADE_DEVICE", "the device to use without --device" },
    { "XDG_CACHE_HOME", "compiled kernels and measurements are kept in its "
      "folder clade; see `clade help cache`" },
    { "HOME", "without XDG_CACHE_HOME, the cache is in ~/.cache" },
    { "OCL_ICD_VENDORS", "where OpenCL's loader looks for drivers" },
    { "RUSTICL_ENABLE", "the drivers of Mesa that offer OpenCL, such as "
      "radeonsi" },
    { "OMP_NUM_THREADS", "how many threads the reference uses" },
    { "TERM", "if it is dumb, progress is a line now and then, as in a file" },
};

static const struct topic_row exit_code_rows[] = {
#define CODE_ROW(name, code, text) { #code, text },
    CLADE_STATUS_LIST(CODE_ROW)
#undef CODE_ROW
};

static const struct topic_row file_rows[] = {
    { "history.csv", "a row for each epoch: losses and accuracies of training "
      "and validation, with Keras' names" },
    { "steps.csv", "a row for each step: epoch, step, learning rate, losses "
      "before the update" },
    { "checkpoint.safetensors", "weights and momenta after the last epoch; in "
      "its metadata, what the run was made with" },
    { "checkpoint.previous.safetensors", "the same after the epoch before it" },
    { "best.safetensors", "with --save-best: the checkpoint of the epoch with "
      "the best validation" },
};

static const struct topic_row output_rows[] = {
    { "standard output", "results, a record a line; with --json one JSON value "
      "instead" },
    { "standard error", "progress, notices and errors; notices and errors begin "
      "with `clade: `" },
};

static const struct topic_row resume_rows[] = {
    { "SIGINT, SIGTERM", "the run ends after the step, with exit code 130; its "
      "files are those of the last complete epoch" },
    { "a second one", "the process ends at once; the files are the same" },
    { "--resume", "goes on in the folder of --out; the options that decide what "
      "is trained must be as before, but for --epochs" },
};

static const struct topic_row share_rows[] = {
    { "--accumulate S", "S equal shares of a batch, one after the other: less "
      "memory" },
    { "--shares N,N...", "shares of so many images" },
    { "--shares auto", "one for each process, by its measured speed" },
    { "--device D,D...", "under mpirun: devices that go round the processes of "
      "a machine" },
    { "--shadow N", "under mpirun: in every N-th step the devices check each "
      "other" },
};

#define ROWS(list) .rows = list, .n_rows = COUNT_OF(list)

const struct topic topics[] = {
    { "cache", "what is kept where, and how to remove it",
      "The folder is $XDG_CACHE_HOME/clade, or else ~/.cache/clade:",
      ROWS(cache_rows),
      "All of it can be removed while no command runs:\n\n"
      "  rm -r \"${XDG_CACHE_HOME:-$HOME/.cache}/clade\"\n\n"
      "The next command then compiles and tests again; the times of `clade "
      "tune` are lost. Some drivers also keep kernels in folders of their own." },
    { "data", "the images to train and to test with",
      "A training needs images of 32 x 32 pixels in ten classes:",
      ROWS(data_rows),
      "All images of CIFAR-10 are --train-count 50000 --test-count 10000. A "
      "checkpoint knows the images that it was trained with." },
    { "device", "which device computes",
      "--device D selects where a command computes:", ROWS(device_rows),
      "clade train under mpirun also takes a list, as in gpu,portable, and "
      "deals it to the processes of a machine. If there are more processes "
      "than devices, a list or auto is dealt round again. auto leaves out "
      "software renderers and simulators if there is another device. A device "
      "that two drivers offer counts twice.\n\n"
      "Without --device, the environment variable CLADE_DEVICE decides; "
      "without both, it is opencl, or cpu if there is no OpenCL device. `clade "
      "devices` lists all devices. If the text fits several of them, the "
      "command lists these and ends with exit code 2; if it fits none, with "
      "exit code 4." },
    { "environment", "the environment's variables",
      "These variables change what clade does:", ROWS(environment_rows),
      "Drivers have variables of their own." },
    { "exit-codes", "how a command ended",
      "The exit code says how a command ended:", ROWS(exit_code_rows), NULL },
    { "files", "what the folder of a training holds",
      "clade train writes to the folder of --out, after every epoch:",
      ROWS(file_rows),
      "Each file is replaced as a whole. A file with a name such as "
      "history.csv.123-1.tmp is left of a run that was killed; the next run in "
      "the folder removes it. While a run uses the folder, others are refused. "
      "clade eval, predict, export, report and train --weights read a "
      "checkpoint, or weights alone in the same format." },
    { "output", "what goes to standard output and to standard error",
      "What a command prints can be piped, and its errors still be seen:",
      ROWS(output_rows),
      "On a terminal, progress is a line that changes. Elsewhere, and if TERM "
      "is dumb, it is a line now and then; `clade train --quiet` leaves it out. "
      "There are no colours, so NO_COLOR changes nothing." },
    { "resume", "how to stop a training and go on",
      "A training can be stopped at any time:", ROWS(resume_rows),
      "Under mpirun, a run can go on with another number of processes. A run "
      "that was killed, or whose machine failed, is resumed in the same way; from "
      "the checkpoint before, if the newest is damaged. The files are those of a "
      "training that nothing disturbed." },
    { "shares", "a batch in shares, by one process or by several",
      "A batch that does not fit a device, or that several processes compute "
      "together, is cut into shares:",
      ROWS(share_rows),
      "The gradients are summed in the order of the shares, so these three "
      "write the same files, if their devices are alike:\n\n"
      "  mpirun -np 4 clade train\n"
      "  mpirun -np 2 clade train --accumulate 4\n"
      "  clade train --accumulate 4\n\n"
      "For mpirun, clade must be built with MPI (configure --with-mpi). Only "
      "the first process writes files." },
    { NULL, NULL, NULL, NULL, 0, NULL },
};
/* clang-format on */
