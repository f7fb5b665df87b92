# SPDX-License-Identifier: GPL-3.0-or-later
libadvntk_la_SOURCES += \
	core/graph/build.h \
	core/graph/graph.c \
	core/graph/graph.h \
	core/graph/identity.c \
	core/graph/json.c \
	core/graph/layers.c \
	core/graph/merge.c \
	core/graph/print.c
