# SPDX-License-Identifier: GPL-3.0-or-later
# Every plugin: one line here, and its file plugins/KIND/NAME.c. A plugin that needs a library of its
# own says so in the second list.
plugins = \
	activation/ab_relu \
	activation/abs \
	activation/cos \
	activation/erf \
	activation/exp \
	activation/exp_normalized \
	activation/gabor \
	activation/gaussian \
	activation/gelu \
	activation/hermite \
	activation/identity \
	activation/leaky_relu \
	activation/monomial \
	activation/polynomial \
	activation/rbf \
	activation/rectified_monomial \
	activation/relu \
	activation/sigmoid_like \
	activation/sign \
	activation/silu \
	activation/sin \
	activation/softplus \
	activation/tanh \
	architecture/cnn \
	architecture/custom \
	architecture/mlp \
	architecture/myrtle \
	architecture/resnet \
	attack/apgd \
	attack/autoattack \
	attack/bim \
	attack/cw \
	attack/ddn \
	attack/deepfool \
	attack/ensemble \
	attack/fab \
	attack/fgsm \
	attack/fmn \
	attack/line_search_pgd \
	attack/mim \
	attack/nifgsm \
	attack/noise \
	attack/none \
	attack/pgd \
	attack/square \
	attack/transfer \
	backend/openblas \
	dataset/cifar10 \
	dataset/cifar100 \
	dataset/digits \
	dataset/idx \
	dataset/npy \
	dataset/svhn \
	kernel/gaussian_rbf \
	kernel/laplace \
	kernel/nngp \
	kernel/ntk \
	loss/cross_entropy \
	loss/dlr \
	loss/dlr_targeted \
	loss/kl \
	loss/margin \
	loss/mse \
	method/advntk \
	method/ntk \
	norm/l0 \
	norm/l1 \
	norm/l2 \
	norm/linf \
	norm/mahalanobis \
	optimizer/adam \
	optimizer/gradnorm_sgd \
	optimizer/sgd

plugins/backend/openblas.so: PLUGIN_LIBS = $(OPENBLAS_LIBS)
plugins/dataset/svhn.so: PLUGIN_LIBS = $(MATIO_LIBS)
plugins/dataset/idx.so: PLUGIN_LIBS = $(ZLIB_LIBS)
plugins/dataset/digits.so: PLUGIN_LIBS = $(ZLIB_LIBS)

plugin_files = $(addprefix plugins/,$(addsuffix .so,$(plugins)))
# sources by rule, not by hand, so that a plugin costs one line
EXTRA_DIST += $(addprefix plugins/,$(addsuffix .c,$(plugins)))
# what plugins of a kind share; digits_data.h is made by the build
EXTRA_DIST += $(filter-out plugins/dataset/digits_data.h,$(patsubst $(srcdir)/%,%,$(wildcard $(srcdir)/plugins/*/*.h)))
EXTRA_DIST += plugins/activation/logistic.inc
all-local: $(plugin_files)
check-am: all-local
CLEANFILES += $(plugin_files) $(plugin_files:.so=.d)

# Number-crunching kinds get the kernel flags; -z defs: a missing symbol is found here, not at run time.
plugins/activation/%.so plugins/kernel/%.so plugins/norm/%.so: PLUGIN_KERNEL_FLAGS = -O3 -ffp-contract=fast -fno-math-errno -fno-trapping-math
plugins/%.so: plugins/%.c libadvntk.la
	$(AM_V_CC)$(MKDIR_P) $(@D) && $(CC) $(DEFS) -I. $(AM_CPPFLAGS) $(CPPFLAGS) $(AM_CFLAGS) $(MATIO_CFLAGS) \
		$(OPENBLAS_CFLAGS) $(CFLAGS) $(PLUGIN_KERNEL_FLAGS) -fPIC -fvisibility=hidden -MMD -MF $(@:.so=.d) \
		-shared $(LDFLAGS) $(PLUGIN_DEFS_LDFLAGS) -o $@ $< .libs/libadvntk.so $(PLUGIN_LIBS) -lm
-include $(plugin_files:.so=.d)

# the digits as a C array, from the compressed file that is kept
EXTRA_DIST += plugins/dataset/digits.py plugins/dataset/data/README plugins/dataset/data/digits.idx.gz
CLEANFILES += plugins/dataset/digits_data.h
plugins/dataset/digits_data.h: plugins/dataset/data/digits.idx.gz
	$(AM_V_GEN)$(MKDIR_P) $(@D) && od -An -v -tu1 $(srcdir)/plugins/dataset/data/digits.idx.gz | \
		sed -e 's/\([0-9]\)  */\1, /g' -e 's/$$/,/' >$@.tmp && mv $@.tmp $@
plugins/dataset/digits.so: plugins/dataset/digits_data.h

install-exec-local: $(plugin_files)
	@for p in $(plugins); do \
		$(MKDIR_P) "$(DESTDIR)$(pkglibdir)/$${p%/*}" && \
		$(INSTALL_PROGRAM) "plugins/$$p.so" "$(DESTDIR)$(pkglibdir)/$$p.so" || exit 1; \
	done
uninstall-local:
	@for p in $(plugins); do rm -f "$(DESTDIR)$(pkglibdir)/$$p.so"; done
