# SPDX-License-Identifier: GPL-3.0-or-later
libadvntk_la_SOURCES += \
	core/registry/audit.c \
	core/registry/describe.c \
	core/registry/describe.h \
	core/registry/describe_json.c \
	core/registry/host_params.c \
	core/registry/internal.h \
	core/registry/load.c \
	core/registry/registry.c \
	core/registry/registry.h \
	core/registry/search.c
