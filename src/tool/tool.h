/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOOL_H
#define TOOL_H

#include <stddef.h>
#include <stdio.h>

#include <clade/train.h>
#include <jansson.h>

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

/* How an option's text is stored in the command's struct of options. */
enum tool_kind {
    TOOL_FLAG,     /* bool, takes no text */
    TOOL_INT,      /* int within min ... max */
    TOOL_SEED,     /* uint64_t */
    TOOL_REAL,     /* double, above min and at most max */
    TOOL_TEXT,     /* const char *, the argument itself */
    TOOL_CHOICE,   /* const char *, one of `values` ("train|infer") */
    TOOL_LIST,     /* struct tool_list: the option may be repeated */
    TOOL_OPERAND,  /* const char *, the argument that has no name; only one */
    TOOL_OPERANDS, /* struct tool_operands: all arguments that have no name */
};

struct tool_list {
    const char *item[32];
    int count;
};

/* They lie in the argv that was parsed. */
struct tool_operands {
    char **item;
    int count;
};

/* One option, as the parser and --help read it. */
struct tool_option {
    const char *name; /* "batch"; an operand's name is shown in --help only */
    enum tool_kind kind;
    size_t at;          /* offsetof the value in the struct of options */
    const char *values; /* "N", "DIR", "train|infer"; NULL for a flag */
    const char *help;   /* with units; --help adds the default */
    double min, max;
};

/*
 * A subcommand.  `run` gets the struct of options: `defaults`, overwritten by
 * what the command line says.  It returns CLADE_OK, or a status whose message
 * main() prints and whose exit code it ends with.
 */
struct tool_command {
    const char *name;
    const char *summary; /* one line, for the list of commands */
    const char *text;    /* paragraphs for --help, lines of 78 columns */
    const struct tool_option *options;
    size_t n_options;
    const void *defaults;
    size_t size; /* bytes of the struct of options */
    bool ranks;  /* several processes can run it together */
    clade_status (*run)(const void *options);
};

extern const struct tool_command cmd_bench, cmd_completion, cmd_devices,
    cmd_eval, cmd_export, cmd_fetch, cmd_help, cmd_predict, cmd_report,
    cmd_train, cmd_tune, cmd_verify;

/* Every subcommand, in the order of help; the last one's name is NULL. */
extern const struct tool_command *const tool_commands[];
const struct tool_command *tool_command_find(const char *name);

/* The help of --device, which every command that uses a device has. */
#define TOOL_DEVICE_HELP                                                       \
    "the device: cpu, cpu64, opencl, auto, gpu, opencl:P:D or part of its "    \
    "name; "                                                                   \
    "see `clade help device`"

/*
 * Fill `options` (a copy of command->defaults) from argv[0..argc-1], the
 * arguments after the command's name.  *help: --help or -h was among them, and
 * nothing else was looked at.  All arguments after "--" are operands.
 * CLADE_EUSAGE names the option, the values that it takes, and for an unknown
 * option the nearest known one.
 */
clade_status tool_parse(const struct tool_command *command, void *options,
                        bool *help, int argc, char **argv);
/* Is it --help or -h? */
bool tool_asks_help(const char *text);
/* The option of a command that a text names ("batch" or "batch=16"), or
 * NULL. */
const struct tool_option *tool_option_find(const struct tool_command *command,
                                           const char *text);
/* Has it no name on the command line? */
bool tool_is_operand(const struct tool_option *o);
/* --help of a command, to stdout. */
void tool_usage(const struct tool_command *command);

/* Print a text to stdout, in lines of at most 78 columns that are broken
 * between words.  The first line begins with `first`, the others with as many
 * blanks as `indent` says. */
void tool_wrap(const char *first, int indent, const char *text);

/* The list of commands, to stdout or stderr. */
void tool_overview(FILE *to);

/* The name of names[0..n-1] nearest to a misspelt one, or NULL. */
const char *tool_nearest(const char *word, const char *const names[], size_t n);

/* Seconds since main() first called it. */
double tool_uptime(void);

/* After tool_catch_signals(), the first SIGINT or SIGTERM makes tool_stop()
 * true; a second one, whichever of the two, ends the process at once.  A signal
 * that the process was started to ignore is still ignored. */
void tool_catch_signals(void);
bool tool_stop(void *arg);

/* Is stderr a terminal, where a line of progress can change? */
bool tool_terminal(void);
/* Print "clade: " and a text of one or more lines to stderr. */
void tool_notice(const char *text);
/* Print a backend's notices in that way. */
void tool_notices(clade_backend *be);
/* Print a line of progress, at most one a second; a backend's `say`. */
void tool_progress(void *arg, const char *text);
/* Print "[====>...]" to stderr. */
void tool_bar(int64_t done, int64_t total);
/* Open a device, and print its notices. */
clade_status tool_open(clade_backend **be, const char *device);

/* The nets that a command will run on a device. */
#define TOOL_PLANS_MAX 8
struct tool_plans {
    struct clade_net_config config[TOOL_PLANS_MAX];
    int count;  /* 0: there is no self-test */
    bool quiet; /* say nothing meanwhile */
};
/* Test that the device computes these nets' ops rightly, unless that is known;
 * then open it.  Call this before anything else opens a device or starts a
 * thread. */
clade_status tool_open_tested(clade_backend **be, const char *device,
                              const struct tool_plans *plans);

struct shadow_verdict;
/* Judge this rank's device while it computes a share: the `judge` of struct
 * shadow_options. */
clade_status tool_judge_share(struct shadow_verdict *verdict, clade_net *net,
                              const struct clade_batch *share, uint32_t step);

/* Make a net with the parameters of a checkpoint, and print the notices of its
 * backend. */
clade_status tool_load(clade_net **net, clade_backend *be,
                       const struct clade_net_config *config,
                       clade_checkpoint *checkpoint);

/* The option that leaves the self-test out. */
#define TOOL_NO_SELF_TEST(at)                                                  \
    {                                                                          \
        "no-self-test", TOOL_FLAG, at, NULL,                                   \
            "do not test whether a device that is met for the first time "     \
            "computes "                                                        \
            "rightly",                                                         \
            0, 0                                                               \
    }

/* The i-th name ("denorm") of what the device's CL_DEVICE_SINGLE_FP_CONFIG
 * promises for floats; NULL after the last. */
const char *tool_float_config(const struct clade_device *d, int i);

/* A number; null if it is none. */
json_t *tool_real_json(double value);
/* The loss of a net, and losses and accuracies of its heads. */
json_t *tool_figures_json(const struct clade_net_shape *shape,
                          const struct clade_figures *figures);
/* Print what --json prints, on lines of its own, and free it.  CLADE_ENOMEM if
 * it is NULL. */
clade_status tool_print_json(json_t *value);

/* A device as a JSON object; NULL if there is no memory. */
json_t *tool_device_json(const struct clade_device *d);

/* "3.2 GB" (10^9 bytes).  Stays valid for seven more calls. */
const char *tool_bytes(uint64_t bytes);
/* "1:02:03" or "2:03".  Stays valid until the next call. */
const char *tool_clock(double seconds);

#endif
