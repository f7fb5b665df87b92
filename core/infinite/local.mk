# SPDX-License-Identifier: GPL-3.0-or-later
libadvntk_la_SOURCES += \
	core/infinite/engine.c \
	core/infinite/engine.h \
	core/infinite/hermite.c \
	core/infinite/hermite.h \
	core/infinite/import.c \
	core/infinite/pixel.c \
	core/infinite/pixel.h \
	core/infinite/predictor.c \
	core/infinite/predictor.h \
	core/infinite/program.c
libkernels_la_SOURCES += \
	core/infinite/pass.c \
	core/infinite/pass.inc \
	core/infinite/pixel_pass.c \
	core/infinite/pixel_pass.inc
