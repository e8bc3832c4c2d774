# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Shared by the scripts of this folder; sourced, never run.

set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
me=$(basename "$0")
# shellcheck disable=SC2034 # used by the scripts that source this file
cache=${XDG_CACHE_HOME:-${HOME:?HOME is not set}/.cache}/device-private

# The same result for everyone: no locale, no configuration of the user's git.
export LC_ALL=C
export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE CDPATH

die() {
	printf '%s: %s\n' "$me" "$*" >&2
	exit 1
}

usage_error() {
	printf '%s: %s (-h for help)\n' "$me" "$*" >&2
	exit 2
}

# The comment at the top of the script is its help.
usage() {
	awk 'NR > 2 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$0"
	exit 0
}

# Progress, with the time since the main job began.
: "${HOUSE_START:=$(date +%s)}"
export HOUSE_START
say() {
	local s=$(($(date +%s) - HOUSE_START))

	printf '[%3d:%02d] %s\n' $((s / 60)) $((s % 60)) "$*" >&2
}

need() {
	local tool

	for tool; do
		command -v "$tool" >/dev/null ||
			die "needs $tool, which is not installed: run scripts/deps (--test --full has all)"
	done
}

# need_space DIR MIB: DIR need not exist yet.
need_space() {
	local dir=$1 free

	while [ ! -d "$dir" ]; do dir=$(dirname "$dir"); done
	free=$(($(df -Pk "$dir" | awk 'NR == 2 { print $4 }') / 1024))
	[ "$free" -ge "$2" ] ||
		die "not enough disk space under $1: $free MiB free, $2 MiB needed"
}

# Cleaning up: on_exit COMMAND runs when the script ends, however it ends.
house_exit=()
on_exit() {
	house_exit+=("$*")
}
house_at_exit() {
	local status=$? i

	trap '' INT TERM HUP
	for ((i = ${#house_exit[@]} - 1; i >= 0; i--)); do
		eval "${house_exit[i]}" || true
	done
	exit "$status"
}
trap house_at_exit EXIT
trap 'printf "%s: line %s: command failed\n" "$me" "$LINENO" >&2' ERR
trap 'printf "%s: interrupted\n" "$me" >&2; exit 130' INT
trap 'printf "%s: terminated\n" "$me" >&2; exit 143' TERM HUP

# Puts a new temporary folder, removed at the end, into the variable NAME.
# temp_dir NAME [PARENT]
temp_dir() {
	local parent=${2:-${TMPDIR:-/tmp}} made

	mkdir -p "$parent" || die "cannot write to $parent"
	made=$(mktemp -d "$parent/tmp.XXXXXXXX") || die "cannot write to $parent"
	on_exit "rm -rf '$made'"
	printf -v "$1" %s "$made"
}

# lock FILE: until the script ends; a second run waits.
lock() {
	mkdir -p "$(dirname "$1")" || die "cannot write to $(dirname "$1")"
	exec {house_lock}>"$1"
	if ! flock -n "$house_lock"; then
		say "waiting for another run to release $1"
		flock "$house_lock"
	fi
}

# quiet LOG COMMAND...: output goes to LOG; on failure its end is shown.
quiet() {
	local log=$1 status=0

	shift
	mkdir -p "$(dirname "$log")"
	"$@" >"$log" 2>&1 </dev/null || status=$?
	if [ "$status" != 0 ]; then
		tail -n "${HOUSE_TAIL:-15}" "$log" >&2
	fi
	return "$status"
}

# The mirror of Debian that apt uses, or DEBIAN_MIRROR; into the variable mirror.
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
find_mirror() {
	need apt-get dpkg-deb
	[ -r "$keyring" ] || die "needs $keyring: run scripts/deps"
	mirror=${DEBIAN_MIRROR-}
	# shellcheck disable=SC2016 # $(LABEL) and $(SITE) are apt's
	[ -n "$mirror" ] ||
		mirror=$(apt-get indextargets --format '$(LABEL) $(SITE)' |
			awk '$1 == "Debian" { print $2; exit }') || true
	# Before the first apt-get update, it knows only where it would look.
	[ -n "$mirror" ] ||
		mirror=$(apt-get --print-uris update | sed -n "s|^'\(.*/debian\)/dists/.*|\1|p" | head -n 1) || true
	[ -n "$mirror" ] || die "apt knows no mirror of Debian: run apt-get update, or set DEBIAN_MIRROR"
}

# apt with configuration, sources, lists and cache of its own, in DIR: of the
# machine's configuration it keeps how to reach a mirror. It checks the signatures.
# private_apt DIR ARGUMENT...
private_apt() {
	APT_CONFIG=$1/apt.conf apt-get -q "${@:2}" </dev/null
}

# private_suites DIR SUITE...: where it is to look, after find_mirror.
private_suites() {
	local dir=$1

	shift
	mkdir -p "$dir/state/lists/partial" "$dir/cache/archives/partial"
	{
		apt-config dump Acquire
		printf '%s "%s";\n' Dir::Etc::main - Dir::Etc::parts - Dir::Etc::sourceparts - \
			Dir::Etc::sourcelist "$dir/apt.sources" Dir::State "$dir/state" \
			Dir::State::status /dev/null Dir::Cache "$dir/cache" \
			APT::Architecture amd64 APT::Sandbox::User "$(id -un)" \
			APT::Update::Error-Mode any APT::Get::AllowUnauthenticated false \
			Acquire::Languages none Acquire::Retries 2 Acquire::http::Timeout 30
	} >"$dir/apt.conf"
	printf '%s\n' 'Types: deb' "URIs: $mirror" "Suites: $*" 'Components: main' \
		"Architectures: amd64" "Signed-By: $keyring" >"$dir/apt.sources"
	private_apt "$dir" update >"$dir/log" 2>&1 ||
		die "the Debian mirror $mirror cannot be reached, or does not have $*"
}

# The patch files of the series, one per line, in order.
series() {
	sed 's/#.*//; s/[[:space:]]*$//; /^$/d' "$top/series"
}

# git for a tree that may belong to somebody else than the one who tests it.
git_in() {
	local tree=$1

	shift
	git -c safe.directory='*' -c core.hooksPath=/dev/null \
		-c commit.gpgSign=false -c gc.auto=0 -c advice.detachedHead=false \
		-c core.autocrlf=false -C "$tree" "$@"
}

# What a kernel build for ARCH needs; into the variables karch (ARCH= of make),
# cross (the prefix of the compiler), image (make's target) and image_file.
# for_arch ARCH
# shellcheck disable=SC2034 # used by the scripts that source this file
for_arch() {
	cross='' image=Image
	case $1 in
	x86_64) karch=x86_64 image=bzImage image_file=arch/x86/boot/bzImage ;;
	arm64) karch=arm64 cross=aarch64-linux-gnu- image_file=arch/arm64/boot/Image ;;
	riscv64) karch=riscv cross=riscv64-linux-gnu- image_file=arch/riscv/boot/Image ;;
	powerpc64le) karch=powerpc cross=powerpc64le-linux-gnu- image=vmlinux image_file=vmlinux ;;
	s390x) karch=s390 cross=s390x-linux-gnu- image=bzImage image_file=arch/s390/boot/bzImage ;;
	loongarch64)
		"$top/scripts/loongarch" || exit
		karch=loongarch cross=$cache/loongarch64/bin/loongarch64-linux-gnu- image=vmlinux image_file=vmlinux
		;;
	*) die "no such architecture: $1" ;;
	esac
}

# arch_of BUILD: the architecture that a build folder is for.
arch_of() {
	cat "$1/built-for" 2>/dev/null || echo x86_64
}
