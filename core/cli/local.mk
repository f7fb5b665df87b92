# SPDX-License-Identifier: GPL-3.0-or-later
advntk_SOURCES += core/cli/main.c
