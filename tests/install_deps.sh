#!/bin/sh
# Installs the Debian packages that are missing; does nothing when all are there.
# Words: "build" what building, the demo and the tests need; "check" what `make check` needs besides;
# "fuzz" what fuzzing needs besides; "bench" what `make bench` compares with.
set -eu

build="gcc libc6-dev pkg-config openssl python3 python3-pytest python3-pytest-xdist groff-base systemd
libmicrohttpd-dev libgnutls28-dev libcurl4-openssl-dev libcjson-dev libssl-dev libsqlite3-dev
libfyaml-dev libpcre2-dev uthash-dev libsystemd-dev libisal-dev libglib2.0-dev
libcmocka-dev"
check="clang clang-format cppcheck"
fuzz="clang libclang-rt-dev llvm"
bench="nginx"

wanted=""
for word in "$@"; do
	case $word in
	build) wanted="$wanted $build" ;;
	check) wanted="$wanted $check" ;;
	fuzz) wanted="$wanted $fuzz" ;;
	bench) wanted="$wanted $bench" ;;
	*) echo "usage: $0 build|check|fuzz|bench ..." >&2; exit 2 ;;
	esac
done

missing=""
for package in $wanted; do
	state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
	[ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

echo "installing:$missing"
sudo=""
[ "$(id -u)" = 0 ] || sudo=sudo
$sudo apt-get update -q
# No service is started by us: nginx would take port 80.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	printf '#!/bin/sh\nexit 101\n' | $sudo tee $policy >/dev/null
	$sudo chmod 0755 $policy
	trap '$sudo rm -f $policy' EXIT
fi
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -q -y --no-install-recommends $missing
