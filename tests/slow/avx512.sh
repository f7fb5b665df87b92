#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The AVX-512 variants, run where no processor has them: in Bochs, an emulator that does (Debian: bochs, bochs-term,
# xorriso, isolinux, cpio). It boots a Linux kernel (LINUX_IMAGE, else the newest of /boot that can be read, else
# Debian's cloud kernel, which apt-get fetches) with the test programs, the plugins and the oracle's numbers in its
# memory, and what they print comes back through a serial port. AVX512_TESTS="unit/sym" runs others than those below:
# they are small, and see each loop of the engines and of the matrix products. Takes some 9 minutes of one processor.
# shellcheck source=tests/cli/lib.sh
. "$top_srcdir/tests/cli/lib.sh"

few="oracle/duals oracle/moments oracle/kernels oracle/networks unit/distance_kernels unit/factor \
unit/infinite unit/pixel_reference unit/sym"
tests=${AVX512_TESTS:-$few}
subject="AVX-512 under emulation"

not_here() {
	skip "$subject" "$1"
	done_testing
}
# first FILE...: the first that can be read
first() {
	for file; do
		[ -r "$file" ] && echo "$file" && return
	done
	return 1
}

case $(uname -m) in
x86_64) ;;
*) not_here "the programs are not for x86-64" ;;
esac
for tool in bochs xorriso cpio ldd; do
	command -v "$tool" >/dev/null || not_here "no $tool"
done
if ldd "$top_builddir/.libs/advntk" | grep -q -e libasan -e libubsan; then
	not_here "a build with sanitizers, which needs too much memory"
fi
bochs --help cpu 2>&1 | grep -q corei7_skylake_x || not_here "this Bochs has no processor with AVX-512"
bios=$(first /usr/share/bochs/BIOS-bochs-latest /usr/local/share/bochs/BIOS-bochs-latest) || not_here "no BIOS of Bochs"
video=$(first /usr/share/bochs/VGABIOS-lgpl-latest /usr/share/vgabios/vgabios.bin \
	/usr/local/share/bochs/VGABIOS-lgpl-latest) || not_here "no video BIOS of Bochs"
loader=$(first /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/bios/isolinux.bin) || not_here "no isolinux"
menu=$(first /usr/lib/syslinux/modules/bios/ldlinux.c32 /usr/lib/syslinux/bios/ldlinux.c32) || not_here "no ldlinux.c32"

# debian_kernel: its path, fetched
debian_kernel() {
	package=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[^ ]*\)$/\1/p')
	[ -n "$package" ] && apt-get download "$package" >apt.log 2>&1 && dpkg -x linux-image-*.deb kernel || return 1
	first kernel/boot/vmlinuz-*
}
# shellcheck disable=SC2012
kernel=${LINUX_IMAGE:-$(ls -t /boot/vmlinuz-* 2>/dev/null | head -n 1)}
[ -r "$kernel" ] || kernel=$(debian_kernel) || not_here "no Linux kernel: none in /boot, and none could be fetched"

# put FILE...: each with the libraries it needs, at its own place below root/
put() {
	for file; do
		ldd "$file" 2>/dev/null | awk '/=> \// { print $3; next } $1 ~ /^\// { print $1 }' | while read -r library; do
			put_one "$library"
		done
		put_one "$file"
	done
}
put_one() {
	[ -e "root$1" ] || { mkdir -p "root${1%/*}" && cp -L "$1" "root$1"; }
}
mkdir -p root/proc root/dev root/run disc/isolinux
put /bin/sh /bin/mount /bin/sleep "$top_builddir/.libs/advntk"
for kind in activation architecture backend kernel; do
	for plugin in "$top_builddir/plugins/$kind"/*.so; do
		put "$plugin"
	done
done
for test in $tests; do
	put "$top_builddir/tests/$test.test"
done
for file in "$top_srcdir"/tests/oracle/data/kernels/* "$top_srcdir"/tests/oracle/data/duals/*; do
	put_one "$file"
done

# One thread, as there is one processor; the best instruction set alone. What is printed last must have left the
# port before the power goes.
cat >root/init <<END
#!/bin/sh
mount -t proc proc /proc
mount -t devtmpfs dev /dev
mount -t tmpfs -o size=1g run /run
{
	export TMPDIR=/run OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive ADVNTK_TEST_ISA=best \
		LD_LIBRARY_PATH='$top_builddir/.libs'
	echo "advntk-boot"
	'$top_builddir/.libs/advntk' version --verbose --plugin-path '$top_builddir/plugins'
	for test in $tests; do
		echo "advntk-begin \$test"
		'$top_builddir'/tests/\$test.test
		echo "advntk-end \$test \$?"
	done
	echo "advntk-done"
} >/dev/ttyS0 2>&1 </dev/null
sleep 0.1
echo o >/proc/sysrq-trigger
sleep 60
END
chmod +x root/init
# Not compressed: unpacking would take longer than reading.
(cd root && find . | cpio -o -H newc --quiet) >disc/initrd
cp "$kernel" disc/vmlinuz
cp "$loader" "$menu" disc/isolinux
# XSAVES and XSAVEC: Bochs 2.7 tells a wrong size of their area, and the kernel then does without AVX altogether.
# A panic ends the emulator, by a triple fault.
cat >disc/isolinux/isolinux.cfg <<'END'
DEFAULT linux
PROMPT 0
LABEL linux
KERNEL /vmlinuz
INITRD /initrd
APPEND console=ttyS0 loglevel=3 noxsaves clearcpuid=xsavec mitigations=off nokaslr nopti cryptomgr.notests=1 tsc=reliable panic=-1 reboot=t,force
END
xorriso -as mkisofs -quiet -o disc.iso -b isolinux/isolinux.bin -c isolinux/boot.cat -no-emul-boot -boot-load-size 4 \
	-boot-info-table disc >xorriso.log 2>&1
is $? 0 "$subject: a disc to boot from"
# few instructions a second: what waits by the clock waits shorter
cat >bochsrc <<END
config_interface: textconfig
display_library: term
cpu: model=corei7_skylake_x, count=1, ips=10000000, reset_on_triple_fault=0, ignore_bad_msrs=1
memory: guest=1024, host=1024
romimage: file=$bios, options=fastboot
vgaromimage: file=$video
ata0-master: type=cdrom, path=disc.iso, status=inserted
boot: cdrom
clock: sync=none
sound: driver=dummy
com1: enabled=1, mode=file, dev=serial
log: bochs.log
panic: action=fatal
error: action=ignore
info: action=ignore
debug: action=ignore
END
# where it was built with its debugger (Debian's was), that waits for "continue" first
script=
if bochs --help 2>&1 | grep -q -e '-rc filename'; then
	printf 'continue\nquit\n' >commands
	script="-rc commands"
fi
# It does not heed SIGTERM. At most 25 minutes, below what make check-slow grants.
: >serial
# shellcheck disable=SC2086
TERM=${TERM:-dumb} bochs -q -f bochsrc $script >out 2>err </dev/null &
emulator=$!
trap 'kill -KILL "$emulator" 2>/dev/null; rm -rf "$scratch"' EXIT
waited=0
reader=
while kill -0 "$emulator" 2>/dev/null && [ "$waited" -lt 1500 ]; do
	sleep 1
	waited=$((waited + 1))
	# the screen is a terminal of its own, and it stands still when nobody takes from there what it shows
	screen=$(sed -n 's/^Bochs connected to screen "\(.*\)"$/\1/p' err)
	if [ -z "$reader" ] && [ -n "$screen" ]; then
		cat "$screen" >/dev/null 2>&1 &
		reader=$!
	fi
done
tr -d '\r' <serial >said
if ! grep -qx advntk-done said; then
	for log in said bochs.log err; do
		tail -n 20 "$log" | sed 's/^/# /'
	done
	ok 1 "$subject: ran to its end (waited $waited s)"
fi
grep -q '^instruction set *avx512$' said
ok $? "$subject: chosen by itself"
grep '^blas ' said | sed 's/^/# /'

# the lines of the programs, numbered on, and one for each that ended early
awk -v count="$count" '
	function line(good, text) { print (good ? "ok " : "not ok ") ++count " - " text }
	/^advntk-begin / { test = $2; seen = 0; plan = -1; next }
	/^advntk-end / {
		line($3 == 0 && plan == seen && seen > 0, test ": ended with status " $3 ", " seen " of " plan " tests")
		test = ""
		next
	}
	test == "" { next }
	/^1\.\.[0-9]+$/ { plan = substr($0, 4) + 0; next }
	/^(not )?ok [0-9]+/ { good = $1 == "ok"; sub(/^(not )?ok [0-9]+( - )?/, ""); seen++; line(good, test ": " $0); next }
	{ print "# " $0 }
	END { if (test != "") line(0, test ": did not end") }
' said >lines
cat lines
count=$((count + $(grep -cE '^(not )?ok ' lines)))
failures=$((failures + $(grep -c '^not ok ' lines)))
done_testing
