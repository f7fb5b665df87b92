# SPDX-License-Identifier: GPL-3.0-or-later
libadvntk_la_SOURCES += \
	core/base/digests.c \
	core/base/digests.h \
	core/base/error.c \
	core/base/files.c \
	core/base/files.h \
	core/base/hash.c \
	core/base/hash.h \
	core/base/host.c \
	core/base/host.h \
	core/base/memory.c \
	core/base/memory.h \
	core/base/random.c \
	core/base/text.c \
	core/base/text.h \
	core/base/try.h
