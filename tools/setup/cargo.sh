# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# cargo inside the build root, offline, with Debian's crates. Sourced after env.sh.

# Variables for cargo, and flags for bindgen's clang: build-tools sets them for another architecture.
cargo_env=()
uapi_flags=

# cargo_in WORKSPACE TARGET_DIR ARGUMENT...: run cargo in a workspace of the checkout, with its results in
# TARGET_DIR, one run at a time.
cargo_in() {
	mkdir -p "$2"
	(
		flock 8
		run_cargo "$@"
	) 8>"$2/lock"
}

# The workspace is mirrored, so that Cargo.lock stays out of the checkout; as its members name files of the
# checkout relative to it, the mirror has those as links.
run_cargo() {
	local workspace=$1 target=$2 mirror=$2/mirror
	shift 2
	rm -rf "$mirror"
	mkdir -p "$mirror/${workspace%/*}" "$target/cargo"
	cp -a "$PROJECT/$workspace" "$mirror/$workspace"
	ln -s "$PROJECT/drivers" "$PROJECT/rust" "$PROJECT/include" "$mirror/"
	printf '%s\n' '[net]' 'offline = true' '[source.crates-io]' 'replace-with = "debian"' '[source.debian]' \
		'directory = "/usr/share/cargo/registry"' >"$target/cargo/config.toml"
	"$PROJECT/tools/setup/enter-root" sh "$PROJECT/rust/uapi/gen.sh" "$target/uapi_generated.rs" \
		"$PROJECT/include/uapi/linux/vfio.h" bindgen "$uapi_flags" || return 1
	"$PROJECT/tools/setup/enter-root" env -C "$mirror/$workspace" "${cargo_env[@]}" CARGO_HOME="$target/cargo" \
		CARGO_TARGET_DIR="$target/target" VFIO_UAPI_GENERATED="$target/uapi_generated.rs" \
		cargo "$@"
}
