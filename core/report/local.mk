# SPDX-License-Identifier: GPL-3.0-or-later
libadvntk_la_SOURCES += \
	core/report/chart.c \
	core/report/chart.h \
	core/report/compare.c \
	core/report/compare.h \
	core/report/curves.c \
	core/report/curves.h \
	core/report/page.c \
	core/report/page.h \
	core/report/parts.c \
	core/report/parts.h \
	core/report/picture.c \
	core/report/picture.h \
	core/report/png.c \
	core/report/png.h \
	core/report/select.c \
	core/report/select.h \
	core/report/sheet.c \
	core/report/sheet.h \
	core/report/skim.c \
	core/report/skim.h \
	core/report/statistics.c \
	core/report/statistics.h \
	core/report/stored.c \
	core/report/stored.h \
	core/report/style.h \
	core/report/variants.c \
	core/report/variants.h \
	core/report/verdicts.c \
	core/report/verdicts.h \
	core/report/verify.c \
	core/report/verify.h
