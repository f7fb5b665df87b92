# SPDX-License-Identifier: GPL-3.0-or-later
libadvntk_la_SOURCES += \
	core/store/cache.c \
	core/store/cache.h \
	core/store/folder.c \
	core/store/folder.h \
	core/store/lock.c \
	core/store/lock.h \
	core/store/npy.c \
	core/store/npy_format.c \
	core/store/npy_file.h \
	core/store/npy_format.h \
	core/store/npy_member.c \
	core/store/npz.c \
	core/store/npz.h \
	core/store/part.c \
	core/store/part.h \
	core/store/state.c \
	core/store/state.h \
	core/store/tiles.c \
	core/store/tiles.h
