# SPDX-License-Identifier: GPL-2.0-only
# rules.awk: the rules of the tree that a machine can check. Reads file names, reads those files,
# prints each breach as FILE:LINE: TEXT, and ends with status 1 if there was one.
#
#   - no unsafe code and no bindings:: under drivers/vfio; each crate root there denies unsafe code
#   - sources name their licence in the first two lines
#   - Rust files and the C beside them have at most 500 lines, functions of Rust at most 80
#   - no folder of one machine and no registry or mirror in the tree

function breach(line, text) {
	printf "%s:%s: %s\n", file, line, text
	bad = 1
}

# The code of a line: comments and string literals taken out.
function code(s) {
	gsub(/\\"/, "", s)
	gsub(/"[^"]*"/, "\"\"", s)
	sub(/\/\/.*/, "", s)
	return s
}

function check_driver(n, s) {
	if (s ~ /(^|[^A-Za-z0-9_])unsafe([^A-Za-z0-9_]|$)/)
		breach(n, "unsafe belongs in rust/")
	if (s ~ /(^|[^A-Za-z0-9_])bindings::/)
		breach(n, "bindings belong in rust/")
}

function check_machine(n, s) {
	if (s ~ /\/(home|root|work|Users)\/[A-Za-z0-9._-]+\/|\/opt\/[a-z]/ && s !~ /\/root\/\.cache/)
		breach(n, "a path of one machine")
	if (s ~ /(deb|ftp[.a-z]*|snapshot)\.debian\.org|static\.crates\.io|index\.crates\.io/)
		breach(n, "a mirror or registry by name")
}

# A function begins at a line with fn and ends at the closing brace of the same depth of indent.
function check_length(n, raw) {
	if (!start && raw ~ /^ *(pub(\([a-z]+\))? )?(const |unsafe |extern "C" |async )*fn [a-z_]/) {
		start = n
		match(raw, /^ */)
		indent = RLENGTH
	}
	if (!start)
		return
	match(raw, /^ */)
	if (RLENGTH == indent && (raw ~ /^ *}/ || raw ~ /(;|}) *$/)) {
		if (n - start + 1 > 80)
			breach(start, "a function of " (n - start + 1) " lines; 80 is the most")
		start = 0
	}
}

{
	file = $0
	if (file ~ /^LICENSES\// || file ~ /\.(png|svg|pdf)$/)
		next
	rust = file ~ /\.rs$/
	driver = rust && file ~ /^drivers\/vfio\//
	n = start = licence = denies = root = 0
	while ((getline raw < file) > 0) {
		n++
		if (n <= 2 && raw ~ /SPDX-License-Identifier:/)
			licence = 1
		check_machine(n, raw)
		if (!rust)
			continue
		if (raw ~ /^#!\[deny\(unsafe_code\)\]/)
			denies = 1
		if (raw ~ /^(kernel::)?module(_[a-z_]*)?! *{/ || raw ~ /^#!\[no_std\]/)
			root = 1
		stripped = code(raw)
		if (driver && raw !~ /^#!\[deny\(unsafe_code\)\]/)
			check_driver(n, stripped)
		check_length(n, raw)
	}
	close(file)
	if (file ~ /\.(rs|c|h|sh|awk|py)$/ && !licence)
		breach(1, "no SPDX line")
	if ((rust || file ~ /^(drivers|rust)\/.*\.c$/) && n > 500)
		breach(n, "a file of " n " lines; 500 is the most")
	if (driver && (root || file ~ /vfio\/vfio\.rs$|vfio_iommu_[a-z0-9_]*\.rs$|vfio_pci_core\.rs$|vfio_pci\.rs$/) && !denies)
		breach(1, "this crate root lacks #![deny(unsafe_code)]")
}

END { exit bad }
