# SPDX-License-Identifier: GPL-3.0-or-later
libadvntk_la_SOURCES += \
	core/attack/audit.c \
	core/attack/clean.c \
	core/attack/evaluate.h \
	core/attack/group.c \
	core/attack/keep.c \
	core/attack/measure.c \
	core/attack/panel.c \
	core/attack/panel.h \
	core/attack/plan.c \
	core/attack/query.c \
	core/attack/record.c \
	core/attack/result.c \
	core/attack/result.h \
	core/attack/scan.h \
	core/attack/start.c \
	core/attack/steer.c \
	core/attack/verdict.c
libkernels_la_SOURCES += \
	core/attack/scan.c
