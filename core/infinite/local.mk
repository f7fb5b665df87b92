# SPDX-License-Identifier: GPL-3.0-or-later
libadvntk_la_SOURCES += \
	core/infinite/engine.c \
	core/infinite/engine.h \
	core/infinite/hermite.c \
	core/infinite/hermite.h \
	core/infinite/hermite_table.c \
	core/infinite/import.c \
	core/infinite/loops.h \
	core/infinite/maps.h \
	core/infinite/pixel.c \
	core/infinite/pixel.h \
	core/infinite/pixel_plan.c \
	core/infinite/pixel_weights.c \
	core/infinite/position.c \
	core/infinite/position.h \
	core/infinite/position_image.c \
	core/infinite/position_net.c \
	core/infinite/position_section.c \
	core/infinite/predictor.c \
	core/infinite/predictor.h \
	core/infinite/program.c \
	core/infinite/variance.c \
	core/infinite/variance.h \
	core/infinite/weights.c \
	core/infinite/weights.h
libkernels_la_SOURCES += \
	core/infinite/pass.c \
	core/infinite/pass.inc \
	core/infinite/pixel_image.c \
	core/infinite/pixel_pass.c \
	core/infinite/pixel_pass.inc \
	core/infinite/position_back.inc \
	core/infinite/position_pass.c \
	core/infinite/position_pass.inc \
	core/infinite/position_shift.inc \
	core/infinite/series.inc
