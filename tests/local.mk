# SPDX-License-Identifier: GPL-3.0-or-later
# A test program: one line in unit_tests (tests/unit/NAME.c) or oracle_tests (tests/oracle/NAME.c); a shell
# test: one line in script_tests (tests/NAME.sh). All speak TAP; tests/run runs them and counts.
unit_tests = \
	attack_panel \
	backend \
	npy \
	npz \
	random \
	sym
oracle_tests =
script_tests =

test_programs = $(addprefix tests/unit/,$(unit_tests)) $(addprefix tests/oracle/,$(oracle_tests))
test_scripts = $(addprefix tests/,$(addsuffix .sh,$(script_tests)))
test_binaries = $(addsuffix .test,$(test_programs))
EXTRA_DIST += tests/attack_world.h tests/plugin.h tests/run tests/scratch.h tests/tap.h $(addsuffix .c,$(test_programs)) $(test_scripts)
CLEANFILES += $(test_binaries) $(addsuffix .d,$(test_binaries))

$(test_binaries): tests/%.test: tests/%.c libadvntk.la
	$(AM_V_CC)$(MKDIR_P) $(@D) && $(CC) $(DEFS) -I. $(AM_CPPFLAGS) -I$(top_srcdir)/tests $(CPPFLAGS) $(AM_CFLAGS) \
		$(CFLAGS) -DTEST_DATA='"$(abs_top_srcdir)/tests/oracle/data"' -DPLUGINS='"$(abs_top_builddir)/plugins"' \
		-MMD -MF $@.d $(LDFLAGS) -o $@ $< .libs/libadvntk.so $(GSL_LIBS) $(JANSSON_LIBS) -lm \
		-Wl,-rpath,$(abs_top_builddir)/.libs
-include $(addsuffix .d,$(test_binaries))

# make check ONLY='tests/unit/random.test' runs only these
TESTS_TO_RUN = $(or $(ONLY),$(test_binaries) $(test_scripts))
check-local: all $(test_binaries)
	@top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' CC='$(CC)' \
		$(SHELL) $(top_srcdir)/tests/run $(TESTS_TO_RUN)
