# SPDX-License-Identifier: GPL-3.0-or-later
libadvntk_la_SOURCES += \
	core/graph/graph.c \
	core/graph/graph.h \
	core/graph/identity.c \
	core/graph/print.c
