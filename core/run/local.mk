# SPDX-License-Identifier: GPL-3.0-or-later
libadvntk_la_SOURCES += \
	core/run/build.c \
	core/run/build.h \
	core/run/cost.c \
	core/run/cost.h \
	core/run/data.c \
	core/run/data.h \
	core/run/evaluate.c \
	core/run/evaluate.h \
	core/run/family.c \
	core/run/family.h \
	core/run/identity.c \
	core/run/identity.h \
	core/run/inventory.c \
	core/run/inventory.h \
	core/run/matrices.c \
	core/run/matrices.h \
	core/run/pace.c \
	core/run/pace.h \
	core/run/plan.c \
	core/run/plan.h \
	core/run/probe.c \
	core/run/probe.h \
	core/run/record.c \
	core/run/record.h \
	core/run/runner.c \
	core/run/runner.h \
	core/run/services.c \
	core/run/services.h \
	core/run/share.c \
	core/run/share.h \
	core/run/slots.c \
	core/run/slots.h \
	core/run/study.c \
	core/run/study.h \
	core/run/train.c \
	core/run/train.h
