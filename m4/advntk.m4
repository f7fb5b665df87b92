# SPDX-License-Identifier: GPL-3.0-or-later
# serial 1
#
# ADVNTK_PLUGIN_CHECK([MINIMUM-VERSION])
#
# For packages that build plugins of advntk: finds the installed headers and library with pkg-config
# and sets ADVNTK_CFLAGS, ADVNTK_LIBS and ADVNTK_PLUGINDIR (where to install KIND/NAME.so). Stops
# configure where advntk is missing or older than asked for.
AC_DEFUN([ADVNTK_PLUGIN_CHECK], [
AC_REQUIRE([PKG_PROG_PKG_CONFIG])dnl
PKG_CHECK_MODULES([ADVNTK], [advntk]m4_ifval([$1], [[ >= $1]]))
PKG_CHECK_VAR([ADVNTK_PLUGINDIR], [advntk], [plugindir])
AC_SUBST([ADVNTK_PLUGINDIR])
])
