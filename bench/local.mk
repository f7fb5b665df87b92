# SPDX-License-Identifier: GPL-3.0-or-later
# make bench: a program bench/NAME.c is one line here.
bench_names = \
	attack \
	conv_kernel \
	linear \
	mlp_kernel \
	stored
bench_programs = $(addprefix bench/,$(addsuffix .bench,$(bench_names)))
CLEANFILES += $(bench_programs) $(bench_programs:.bench=.d)

$(bench_programs): bench/%.bench: bench/%.c libadvntk.la
	$(AM_V_CC)$(MKDIR_P) $(@D) && $(CC) $(DEFS) -I. $(AM_CPPFLAGS) -I$(top_srcdir)/tests $(CPPFLAGS) $(AM_CFLAGS) \
		$(CFLAGS) -DTEST_DATA='"$(abs_top_srcdir)/tests/oracle/data"' -DPLUGINS='"$(abs_top_builddir)/plugins"' \
		-MMD -MF $(@:.bench=.d) $(LDFLAGS) -o $@ $< .libs/libadvntk.so $(JANSSON_LIBS) -lm -Wl,-rpath,$(abs_top_builddir)/.libs
-include $(bench_programs:.bench=.d)

.PHONY: bench
bench: all $(bench_programs)
	@top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' $(SHELL) $(top_srcdir)/bench/run.sh
