dnl SPDX-License-Identifier: GPL-3.0-or-later
dnl ADVNTK_COMPILER_FLAGS(VARIABLE, FLAGS): appends to VARIABLE each flag that the C compiler takes.
AC_DEFUN([ADVNTK_COMPILER_FLAGS], [
  for advntk_flag in $2; do
    AS_VAR_PUSHDEF([advntk_cache], [advntk_cv_flag_$advntk_flag])
    AC_CACHE_CHECK([whether $CC takes $advntk_flag], [advntk_cache], [
      advntk_saved=$CFLAGS
      CFLAGS="$CFLAGS -Werror $advntk_flag"
      AC_COMPILE_IFELSE([AC_LANG_PROGRAM()], [AS_VAR_SET([advntk_cache], [yes])], [AS_VAR_SET([advntk_cache], [no])])
      CFLAGS=$advntk_saved])
    AS_VAR_IF([advntk_cache], [yes], [AS_VAR_APPEND([$1], [" $advntk_flag"])])
    AS_VAR_POPDEF([advntk_cache])
  done
])

dnl ADVNTK_LIBRARY(VARIABLE, MODULE, PACKAGE): a library by pkg-config; where it is missing, PACKAGE (its
dnl name in Debian) is noted, so that configure names all that is missing at once.
AC_DEFUN([ADVNTK_LIBRARY], [
  PKG_CHECK_MODULES([$1], [$2],
    [AS_VAR_APPEND([advntk_libraries], [" $2 `$PKG_CONFIG --modversion "$2"`"])],
    [AS_VAR_APPEND([advntk_missing], [" $3"])])
])

dnl ADVNTK_KEEP_CORE: configure's clean-up removes files called core, which here is a folder with the
dnl sources (or with objects, in the build folder): rm would complain, and leave other files behind.
dnl Must come right after AC_INIT.
AC_DEFUN([ADVNTK_KEEP_CORE], [
  m4_divert_text([DEFAULTS], [[
# not the folder core/
rm ()
{
  for advntk_arg
  do
    shift
    if test "x$advntk_arg" != xcore; then
      set dummy "${@}" "$advntk_arg"
      shift
    fi
  done
  command rm "${@}"
}
]])
])
