# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Which archive, and which kernel of it. Sourced after env.sh.

# The Debian archive: VFIO_RUST_MIRROR, or the one this host's own apt uses.
host_mirror() {
	local codename uri
	if [ -n "${VFIO_RUST_MIRROR-}" ]; then
		printf '%s\n' "$VFIO_RUST_MIRROR"
		return
	fi
	codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME-}")
	# apt reads both forms of its source lists, and mirror lists; ask it rather than parse them.
	uri=$(apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(COMPONENT) $(REPO_URI)' |
		awk -v c="$codename" '$1 == "Debian" && $2 == c && $3 == "main" { print $4; exit }')
	[ -n "$uri" ] || return 1
	case $uri in
	mirror+file:*) uri=$(awk 'NF { print $1; exit }' "${uri#mirror+file:}") ;;
	esac
	printf '%s\n' "${uri%/}"
}

# What apt on this host was told about proxies, for mmdebstrap, which does not read that.
apt_options() {
	apt-config dump 2>/dev/null | grep -i -E '^(Acquire::https?::(Proxy|Verify)|Acquire::(Retries|Check))' || true
}

write_sources() {
	local suite
	for suite in "$SUITE" "$SUITE-updates" "$SUITE-backports"; do
		printf 'deb %s %s main\n' "$1" "$suite"
	done
}

# apt with the build root's sources and lists of its own, so that the host's stay as they are.
foreign_apt() {
	local tool=$1
	shift
	"$tool" -o Dir::Etc::sourcelist="$CACHE/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null \
		-o Dir::State::lists="$CACHE/apt/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
		-o APT::Architecture=amd64 -o APT::Architectures::=amd64 -o Dir::State::status=/dev/null "$@"
}

# Fetch the package lists, and write the release of the newest kernel of our series to apt/release.
choose_kernel() {
	local mirror found
	mirror=$(host_mirror) || {
		echo "no Debian archive found in this host's apt configuration; set VFIO_RUST_MIRROR to one"
		return 1
	}
	mkdir -p "$CACHE/apt/lists/partial"
	write_sources "$mirror" >"$CACHE/apt/sources.list"
	foreign_apt apt-get update || return 1
	found=$(foreign_apt apt-cache pkgnames linux-image-"$SERIES" |
		sed -n -E "s/^linux-image-(${SERIES}[0-9.]*\+[a-z0-9.~+]*-amd64)\$/\1/p" | sort -V | tail -n 1)
	if [ -z "$found" ]; then
		echo "this code fits the $SERIES kernel series only, and the archive has" \
			"$(foreign_apt apt-cache pkgnames linux-source- | sed 's/linux-source-//' | sort -V | tr '\n' ' ')"
		return 1
	fi
	printf '%s\n' "$found" >"$CACHE/apt/release"
}
