# SPDX-License-Identifier: GPL-3.0-or-later
libadvntk_la_SOURCES += \
	core/linalg/gram.c \
	core/linalg/gram.h \
	core/linalg/room.c \
	core/linalg/room.h \
	core/linalg/sym.c \
	core/linalg/sym.h
