# SPDX-License-Identifier: GPL-3.0-or-later
advntk_SOURCES += \
	core/cli/attack.c \
	core/cli/cache.c \
	core/cli/check.c \
	core/cli/cli.h \
	core/cli/compare.c \
	core/cli/completion.c \
	core/cli/describe.c \
	core/cli/eval.c \
	core/cli/examples.c \
	core/cli/examples.h \
	core/cli/graph.c \
	core/cli/graph.h \
	core/cli/grid.c \
	core/cli/grid.h \
	core/cli/kernel.c \
	core/cli/list.c \
	core/cli/main.c \
	core/cli/new.c \
	core/cli/options.c \
	core/cli/output.c \
	core/cli/plan.c \
	core/cli/predict.c \
	core/cli/progress.c \
	core/cli/report.c \
	core/cli/rm.c \
	core/cli/run.c \
	core/cli/runs.c \
	core/cli/schema.c \
	core/cli/show.c \
	core/cli/summary.c \
	core/cli/summary.h \
	core/cli/tune.c \
	core/cli/verify.c \
	core/cli/version.c \
	core/cli/work.c
advntk_CPPFLAGS = $(AM_CPPFLAGS) -DADVNTK_CFLAGS='"$(OPTIMIZE_CFLAGS) $(CFLAGS)"'
advntk_LDADD += $(YAML_LIBS) $(ZLIB_LIBS) $(XXHASH_LIBS) $(ZIP_LIBS) $(PNG_LIBS)

# the examples of the documentation, inside the program: what `advntk new` writes
examples = $(patsubst $(srcdir)/docs/examples/%,%,$(sort $(wildcard $(srcdir)/docs/examples/*.yaml $(srcdir)/docs/examples/*/*)))
BUILT_SOURCES = core/cli/examples_data.h
CLEANFILES += core/cli/examples_data.h
core/cli/examples_data.h: $(addprefix $(srcdir)/docs/examples/,$(examples)) $(srcdir)/scripts/embed.sh
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(SHELL) $(srcdir)/scripts/embed.sh $(srcdir)/docs/examples $(examples) >$@.tmp && mv $@.tmp $@
core/cli/advntk-examples.$(OBJEXT): core/cli/examples_data.h
