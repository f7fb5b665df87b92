/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is said while work goes on: on a terminal a bar, drawn at most ten times a second; elsewhere
 * a line every ten seconds. Each kind of work has a clock of its own, so that one inside another
 * (an attack inside a training step) does not spoil the estimate of the time left.
 */
#include "config.h"

#include "cli/cli.h"

#include "base/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CLOCKS = 8, BAR = 24 };

struct work_clock {
    char what[48];
    double start;
    int64_t first, done; /* done at the start, and last */
};

static struct {
    struct work_clock clocks[CLOCKS];
    bool quiet, verbose, terminal, colour, drawn;
    double last;
} progress;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void cli_progress_clear(void)
{
    if (progress.drawn) {
        fputs("\r\033[K", stderr);
        progress.drawn = false;
    }
}

static struct work_clock *clock_of(const char *what, int64_t done, double time)
{
    struct work_clock *c = NULL, *oldest = &progress.clocks[0];

    for (int i = 0; i < CLOCKS; i++) {
        struct work_clock *at = &progress.clocks[i];
        if (strncmp(at->what, what, sizeof(at->what) - 1) == 0) {
            c = at;
        }
        if (at->start < oldest->start) {
            oldest = at;
        }
    }
    if (c && done >= c->done) {
        c->done = done;
        return c;
    }
    c = c ? c : oldest;
    snprintf(c->what, sizeof(c->what), "%s", what);
    c->start = time;
    c->first = c->done = done;
    return c;
}

static void left_text(char *text, size_t size, double left)
{
    if (left < 60) {
        snprintf(text, size, "%.0f s left", left);
    } else if (left < 3600) {
        snprintf(text, size, "%.0f min left", left / 60);
    } else {
        snprintf(text, size, "%.1f h left", left / 3600);
    }
}

static void time_left(char *text, size_t size, const struct work_clock *c, int64_t total,
                      double time)
{
    double elapsed = time - c->start,
           share = (double)(c->done - c->first) / (double)(total - c->first);

    text[0] = '\0';
    if (elapsed < 1 || !(share > 0.01) || c->done >= total) {
        return;
    }
    left_text(text, size, elapsed * (1 - share) / share);
}

static void fill_bar(char bar[BAR + 1], double share)
{
    int filled = (int)(BAR * share);

    filled = filled < 0 ? 0 : filled > BAR ? BAR : filled;
    memset(bar, '.', BAR);
    memset(bar, '#', (size_t)filled);
    bar[BAR] = '\0';
}

/* One line for a whole study: runs, the time left for all, and the piece at hand. */
static void on_study(void *context, ptrdiff_t over, ptrdiff_t runs, double left, const char *what,
                     int64_t done, int64_t total)
{
    double time = now();
    char text[40] = "", bar[BAR + 1];

    (void)context;
    if (time - progress.last < (progress.terminal ? 0.1 : 10.0)) {
        return;
    }
    progress.last = time;
    if (left >= 0) {
        left_text(text, sizeof(text), left);
    }
    if (!progress.terminal) {
        fprintf(stderr, "advntk: %td of %td runs%s%s (%s %lld of %lld)\n", over, runs,
                *text ? ", " : "", text, what, (long long)done, (long long)total);
        return;
    }
    fill_bar(bar, (double)over / (double)runs);
    fprintf(stderr, "\r\033[K[%s] %td/%td runs %s  %s %lld/%lld", bar, over, runs, text, what,
            (long long)done, (long long)total);
    fflush(stderr);
    progress.drawn = true;
}

static void on_progress(void *context, const char *what, int64_t done, int64_t total)
{
    double time = now();
    struct work_clock *c = clock_of(what, done, time);
    char left[40], bar[BAR + 1];

    (void)context;
    if (total < 1 || time - progress.last < (progress.terminal ? 0.1 : 10.0)) {
        return;
    }
    progress.last = time;
    time_left(left, sizeof(left), c, total, time);
    if (!progress.terminal) {
        fprintf(stderr, "advntk: %s %lld of %lld%s%s\n", what, (long long)done, (long long)total,
                *left ? ", " : "", left);
        return;
    }
    fill_bar(bar, (double)done / (double)total);
    fprintf(stderr, "\r\033[K%s%s%s [%s] %lld/%lld %s", progress.colour ? "\033[1m" : "", what,
            progress.colour ? "\033[0m" : "", bar, (long long)done, (long long)total, left);
    fflush(stderr);
    progress.drawn = true;
}

static void on_log(void *context, enum advntk_log_level level, const char *line)
{
    static const char *const names[] = {"error: ", "warning: ", "", ""};

    (void)context;
    if (level > (progress.verbose ? ADVNTK_LOG_DEBUG
                 : progress.quiet ? ADVNTK_LOG_WARNING
                                  : ADVNTK_LOG_INFO)) {
        return;
    }
    cli_progress_clear();
    fprintf(stderr, "advntk: %s%s\n", names[level], line);
}

void cli_progress_start(const struct cli *cli, struct advntk_host *host)
{
    const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");

    progress.quiet = cli->quiet;
    progress.verbose = cli->verbose;
    progress.terminal = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
    progress.colour = progress.terminal && !(no_colour && *no_colour);
    progress.last = now();
    host->sink = (struct advntk__sink){.log = on_log,
                                       .progress = cli->quiet ? NULL : on_progress,
                                       .study = cli->quiet ? NULL : on_study};
    host->cancel = &cli_cancel;
}
