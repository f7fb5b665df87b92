# SPDX-License-Identifier: GPL-3.0-or-later
libadvntk_la_SOURCES += \
	core/linalg/apply.c \
	core/linalg/factor.c \
	core/linalg/flow.c \
	core/linalg/gram.c \
	core/linalg/gram.h \
	core/linalg/krylov.c \
	core/linalg/krylov.h \
	core/linalg/phi.c \
	core/linalg/phi.h \
	core/linalg/room.c \
	core/linalg/room.h \
	core/linalg/sym.c \
	core/linalg/sym.h
libkernels_la_SOURCES += \
	core/linalg/tile_product.c \
	core/linalg/tile_product.h \
	core/linalg/tile_product.inc
