# SPDX-License-Identifier: GPL-3.0-or-later
# A test program: one line in unit_tests (tests/unit/NAME.c) or oracle_tests (tests/oracle/NAME.c); a shell
# test: one line in script_tests (tests/NAME.sh). All speak TAP; tests/run runs them and counts.
unit_tests = \
	activations \
	attack_audit \
	attack_iterated \
	attack_panel \
	attack_plugins \
	attack_properties \
	attack_search \
	attack_sharing \
	attack_state \
	attack_transfer \
	audit_constants \
	audit_limits \
	backend \
	costs \
	datasets \
	distance_kernels \
	engine_edges \
	factor \
	family \
	files \
	flow \
	graph \
	graph_fuzz \
	infinite \
	kernel_reference \
	losses \
	memory \
	norms \
	npy \
	npz \
	optimizers \
	parallel \
	pixel_reference \
	projections \
	random \
	recipe_expression \
	recipe_fuzz \
	run_data \
	skim \
	statistics \
	sym \
	text \
	thread_bits \
	tiles \
	weights \
	weights_maps
oracle_tests = \
	advntk \
	apgd \
	attack_predictor \
	autoattack \
	duals \
	fab \
	few \
	kernels \
	moments \
	networks \
	losses \
	pgd \
	predictor \
	projections \
	square
# tests of other folders: tests/NAME.c
folder_tests = \
	broken/refusals \
	cli/arrays \
	cli/methods \
	contract/plugins \
	recipes/bad \
	recipes/custom \
	recipes/resolve \
	recipes/round \
	recipes/sweep
script_tests = \
	cli/attack \
	cli/compare \
	cli/memory \
	cli/plan \
	cli/report \
	cli/run \
	cli/stranger_plugin \
	cli/tune \
	cli/usage \
	contract/headers \
	fault/clock \
	fault/disk \
	fault/gram \
	fault/kernel \
	fault/kill \
	fault/large \
	fault/study \
	recipes/experiments \
	recipes/schema

test_programs = $(addprefix tests/unit/,$(unit_tests)) $(addprefix tests/oracle/,$(oracle_tests)) \
	$(addprefix tests/,$(folder_tests))
test_scripts = $(addprefix tests/,$(addsuffix .sh,$(script_tests)))
test_binaries = $(addsuffix .test,$(test_programs))
EXTRA_DIST += $(patsubst $(srcdir)/%,%,$(wildcard $(srcdir)/tests/*.h $(srcdir)/tests/*/*.h))
EXTRA_DIST += tests/run tests/slow/avx512.sh tests/slow/study.sh tests/cli/lib.sh tests/cli/autoattack.sh tests/oracle/data $(addsuffix .c,$(test_programs)) $(test_scripts)
CLEANFILES += $(test_binaries) $(addsuffix .d,$(test_binaries)) $(addsuffix .log,$(test_programs)) $(test_scripts:.sh=.log)

$(test_binaries): tests/%.test: tests/%.c libadvntk.la
	$(AM_V_CC)$(MKDIR_P) $(@D) && $(CC) $(DEFS) -I. $(AM_CPPFLAGS) -I$(top_srcdir)/tests $(CPPFLAGS) $(AM_CFLAGS) $(MATIO_CFLAGS) \
		$(CFLAGS) -DTEST_DATA='"$(abs_top_srcdir)/tests/oracle/data"' -DPLUGINS='"$(abs_top_builddir)/plugins"' \
		-DBROKEN='"$(abs_top_builddir)/tests/broken"' -DRECIPES='"$(abs_top_builddir)/tests/recipes"' \
		-DSOURCE='"$(abs_top_srcdir)"' \
		-MMD -MF $@.d $(LDFLAGS) -o $@ $< .libs/libadvntk.so $(GSL_LIBS) $(JANSSON_LIBS) $(MATIO_LIBS) $(ZLIB_LIBS) -lm \
		-Wl,-rpath,$(abs_top_builddir)/.libs
-include $(addsuffix .d,$(test_binaries))

# Plugins with one fault each: tests/broken/NAME.c. -z defs is left out, as one of them lacks a symbol.
broken_plugins = \
	bad_name \
	bad_version \
	binary_name \
	choice_default \
	choice_twice \
	default_on_open_end \
	default_out_of_range \
	duplicate_parameter \
	endless_table \
	good \
	host_parameter \
	huge_size \
	list_of_lists \
	long_summary \
	longer_rows \
	min_above_max \
	missing_choices \
	missing_help \
	missing_licence \
	missing_name \
	missing_ops \
	missing_step \
	missing_summary \
	missing_version \
	name_differs \
	nan_default \
	newer_minor \
	no_entry \
	no_operation \
	no_ops_bytes \
	offset_outside \
	offset_unaligned \
	offsets_overlap \
	old_release \
	old_shorter \
	parameter_name \
	returns_null \
	returns_wild_pointer \
	save_without_load \
	slot_key \
	slot_kind \
	tiny_size \
	undefined_symbol \
	unknown_flags \
	unknown_goal \
	unknown_kind \
	unknown_type \
	unterminated_table \
	wild_name \
	wrong_blasint \
	wrong_kind \
	wrong_magic \
	wrong_major \
	wrong_param_bytes
broken_files = $(addprefix tests/broken/attack/,$(addsuffix .so,$(broken_plugins)))
EXTRA_DIST += $(addprefix tests/broken/,$(addsuffix .c,$(broken_plugins)))
CLEANFILES += $(broken_files) $(broken_files:.so=.d)
tests/broken/refusals.test: $(broken_files)
tests/broken/attack/%.so: tests/broken/%.c
	$(AM_V_CC)$(MKDIR_P) $(@D) && $(CC) $(DEFS) -I. $(AM_CPPFLAGS) $(CPPFLAGS) $(AM_CFLAGS) $(CFLAGS) \
		-DBROKEN_NAME='"$*"' -fPIC -fvisibility=hidden -MMD -MF $(@:.so=.d) -shared $(LDFLAGS) -o $@ $<
-include $(broken_files:.so=.d)

# A method with a row of every parameter type, for the tests of recipes; and the bad recipes.
recipe_plugin = tests/recipes/method/fit.so
EXTRA_DIST += tests/recipes/fit.c tests/recipes-bad
CLEANFILES += $(recipe_plugin) $(recipe_plugin:.so=.d)
tests/recipes/bad.test tests/recipes/custom.test tests/recipes/resolve.test tests/recipes/round.test tests/recipes/sweep.test \
	tests/unit/recipe_fuzz.test: $(recipe_plugin)
tests/recipes/method/%.so: tests/recipes/%.c libadvntk.la
	$(AM_V_CC)$(MKDIR_P) $(@D) && $(CC) $(DEFS) -I. $(AM_CPPFLAGS) $(CPPFLAGS) $(AM_CFLAGS) $(CFLAGS) \
		-fPIC -fvisibility=hidden -MMD -MF $(@:.so=.d) -shared $(LDFLAGS) -o $@ $< .libs/libadvntk.so
-include $(recipe_plugin:.so=.d)

.PHONY: build-tests
build-tests: all-am $(test_binaries) $(broken_files) $(recipe_plugin)

# make check ONLY='tests/unit/random.test' runs only these
TESTS_TO_RUN = $(or $(ONLY),$(test_binaries) $(test_scripts))
check-local: all-am $(test_binaries)
	@top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' CC='$(CC)' \
		$(SHELL) $(top_srcdir)/tests/run $(TESTS_TO_RUN)

# make check-slow: tests that look at more when ADVNTK_SLOW_TESTS is set (all images, all seeds, longer runs)
slow_tests = \
	tests/cli/autoattack.sh \
	tests/oracle/apgd.test \
	tests/oracle/autoattack.test \
	tests/oracle/fab.test \
	tests/oracle/square.test \
	tests/slow/avx512.sh \
	tests/slow/study.sh \
	tests/unit/graph_fuzz.test
.PHONY: check-slow
check-slow: all-am $(test_binaries)
	@ADVNTK_SLOW_TESTS=1 TEST_SECONDS=1800 top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' CC='$(CC)' \
		$(SHELL) $(top_srcdir)/tests/run $(or $(ONLY),$(slow_tests))
