# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# Read by ../quickstart, ../check and ../.ci/run: packages, then an up-to-date build in build/.

# what a build from a clone needs
# shellcheck disable=SC2034
advntk_packages="autoconf automake gcc libc6-dev libgsl-dev libjansson-dev libmatio-dev libopenblas-dev libpng-dev \
libtool libxxhash-dev libyaml-dev libzip-dev make pkg-config zlib1g-dev"
advntk_cores=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)

# missing_packages PACKAGE...: those that are not installed
missing_packages() {
	for package; do
		# pkg-config is a name that pkgconf provides from Debian 13 on
		dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q 'ok installed' && continue
		[ "$package" = pkg-config ] && command -v pkg-config >/dev/null && continue
		printf '%s ' "$package"
	done
}

# need_packages [--no-install] PACKAGE...: installs what is missing, or only prints it and stops
need_packages() {
	install=yes
	if [ "$1" = --no-install ]; then
		install=no
		shift
	fi
	if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
		if [ "$install" = yes ] && command -v pkg-config >/dev/null && command -v autoreconf >/dev/null &&
			pkg-config --exists yaml-0.1 openblas gsl zlib matio jansson libxxhash libzip libpng; then
			return 0
		fi
		cat >&2 <<-END
			This is no Debian or Ubuntu. Please install, with their headers: libyaml, OpenBLAS, GSL, zlib, matio,
			jansson, xxHash, libzip, libpng; and gcc or clang, make, autoconf, automake, libtool, pkg-config. Then:
			    ./bootstrap && mkdir -p build && cd build && ../configure && make && make check
		END
		exit 1
	fi
	missing=$(missing_packages "$@")
	if [ "$install" = no ]; then
		if [ -n "$missing" ]; then
			echo "missing packages: $missing"
		else
			echo "no packages are missing"
		fi
		exit 0
	fi
	[ -n "$missing" ] || return 0
	sudo=
	if [ "$(id -u)" -ne 0 ]; then
		command -v sudo >/dev/null || {
			echo "As root, please run: apt-get install $missing" >&2
			exit 1
		}
		sudo=sudo
	fi
	echo "Installing with apt-get: $missing" >&2
	# shellcheck disable=SC2086
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing >apt.log 2>&1 || {
		$sudo apt-get update >apt.log 2>&1 &&
			$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing >>apt.log 2>&1
	} || {
		tail -n 20 apt.log >&2
		echo "apt-get failed; its whole output is in apt.log" >&2
		exit 1
	}
	rm -f apt.log
}

# build_in FOLDER [CONFIGURE_OPTION...]: bootstrap, configure and make, each only where something changed
build_in() {
	folder=$1
	shift
	if [ ! -x configure ] || [ -n "$(find configure.ac -newer configure)" ]; then
		echo "Preparing configure ..." >&2
		./bootstrap >bootstrap.log 2>&1 || {
			tail -n 20 bootstrap.log >&2
			exit 1
		}
		rm -f bootstrap.log
	fi
	mkdir -p "$folder"
	if [ ! -f "$folder/config.status" ]; then
		echo "Configuring in $folder/ ..." >&2
		(cd "$folder" && ../configure -q "$@" >configure.log 2>&1) || {
			tail -n 20 "$folder/configure.log" >&2
			rm -f "$folder/config.status"
			exit 1
		}
	fi
	# automake's rule for config.h always looks like work to make -q
	if ! make -s -q -o config.h -C "$folder" all-am >/dev/null 2>&1; then
		echo "Building in $folder/ ..." >&2
		make -s -j"$advntk_cores" -C "$folder" all >"$folder/make.log" 2>&1 || {
			tail -n 40 "$folder/make.log" >&2
			exit 1
		}
		grep -A 4 'warning:' "$folder/make.log" >&2 || true
	fi
}
