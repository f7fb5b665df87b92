# SPDX-License-Identifier: GPL-3.0-or-later
advntk_SOURCES += \
	core/cli/cli.h \
	core/cli/describe.c \
	core/cli/list.c \
	core/cli/main.c \
	core/cli/options.c \
	core/cli/output.c \
	core/cli/progress.c \
	core/cli/version.c
advntk_CPPFLAGS = $(AM_CPPFLAGS) -DADVNTK_CFLAGS='"$(OPTIMIZE_CFLAGS) $(CFLAGS)"'
advntk_LDADD += $(YAML_LIBS) $(ZLIB_LIBS) $(XXHASH_LIBS) $(ZIP_LIBS)
