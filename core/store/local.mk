# SPDX-License-Identifier: GPL-3.0-or-later
libadvntk_la_SOURCES += \
	core/store/folder.c \
	core/store/folder.h \
	core/store/npy.c \
	core/store/npy_format.c \
	core/store/npy_format.h \
	core/store/npz.c \
	core/store/npz.h \
	core/store/state.c \
	core/store/state.h
