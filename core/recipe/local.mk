# SPDX-License-Identifier: GPL-3.0-or-later
libadvntk_la_SOURCES += \
	core/recipe/compose.c \
	core/recipe/compose.h \
	core/recipe/condition.c \
	core/recipe/condition.h \
	core/recipe/configure.c \
	core/recipe/configure.h \
	core/recipe/describe.c \
	core/recipe/expression.c \
	core/recipe/expression.h \
	core/recipe/fault.c \
	core/recipe/fault.h \
	core/recipe/identity.c \
	core/recipe/node.c \
	core/recipe/node.h \
	core/recipe/parse.c \
	core/recipe/parse.h \
	core/recipe/print.c \
	core/recipe/radii.c \
	core/recipe/radii.h \
	core/recipe/reference.c \
	core/recipe/reference.h \
	core/recipe/resolve.c \
	core/recipe/resolve.h \
	core/recipe/resolved.h \
	core/recipe/schema.c \
	core/recipe/schema.h \
	core/recipe/standard.c \
	core/recipe/standard.h \
	core/recipe/study.c \
	core/recipe/sweep.c \
	core/recipe/sweep.h \
	core/recipe/unresolve.c \
	core/recipe/value.c \
	core/recipe/value.h
