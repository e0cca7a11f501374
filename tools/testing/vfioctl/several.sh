# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# More than a group of the IOMMU: isolation, groups made of several, groups that capture. Sourced by in-guest
# with the device alone bound, and the pair if there is one.

# has FILE VALUE
has() { [ "$(cat "$1")" = "$2" ] || { cat "$1"; return 1; }; }

# Whether the modules and vfioctl agree on which groups can be handed out.
agrees() {
	local file number kernel tool all=0
	for file in /sys/kernel/debug/vfio/groups/*; do
		number=${file##*/}
		kernel=$(sed -n 's/^viable: //p' "$file")
		"$vfioctl" list "$number" >"$said.list" || return 1
		case $(head -n 1 "$said.list") in
		"group $number: viable"*) tool=yes ;;
		*) tool=no ;;
		esac
		[ "$kernel" = "$tool" ] || { cat "$file" "$said.list"; return 1; }
		all=$((all + 1))
	done
	[ "$all" -gt 0 ]
}
[ "$driver" = c ] || check 'list: the modules agree' agrees

place=/sys/class/vfio/$group
if [ -e "$place/isolation" ]; then
	check 'isolate: how it is' says 0 'isolation: group$' isolate "$edu"
	check 'isolate: all of the slot' says 0 'isolation: slot$' isolate "$edu" slot
	check 'isolate: it is so' has "$place/isolation" slot
	check 'isolate: the lax rule, for one group' says 0 'strict: off$' isolate "$edu" --strict off
	check 'isolate: it is so for that' has "$place/strict" 0
	check 'isolate: a bridge that is not above it' says 1 "not above all devices" isolate "$edu" --bridge 0000:00:00.0
	if [ -n "$pair" ]; then
		check 'isolate: all of the bus' says 0 "handed out together: $group [0-9]" isolate "$edu" bus
		check 'list: what else is on the bus' says 0 "^    handed out with: $(cut -d ' ' -f 2- "$place/unit")\$" list "$edu"
		check 'list: the modules agree on what is in the way' agrees
		check 'isolate: all below a bridge' says 0 "isolation: bridge $bridge\$" isolate "$pair_group" --bridge "$bridge"
		check 'isolate: it is so' has "/sys/class/vfio/$pair_group/isolation" "bridge $bridge"
		"$vfioctl" isolate "$pair_group" group >/dev/null
	fi
	check 'isolate: back' says 0 'isolation: group$' isolate "$edu" group --strict on
else
	check 'isolate: modules without levels' says 1 'no levels of isolation' isolate "$edu"
fi

modprobe configfs 2>/dev/null
if [ -d /sys/kernel/config ] && { mount -t configfs none /sys/kernel/config 2>/dev/null || true; } &&
	[ -d /sys/kernel/config/vfio ]; then
	# POWER guests have one.
	merged=${pair:+ $pair_group}
	check 'merge: some groups' says 0 "^/dev/vfio/both is made of the groups $group$merged$" merge both "$edu" $merged
	check 'merge: it has a node' within 5 test -c /dev/vfio/both
	check 'merge: list shows it' says 0 "^synthetic group both: groups $group$merged, enabled$" list
	check 'merge: the name is taken' says 1 'there is a group both already' merge both "$edu"
	check 'unmerge' says 0 'is gone' unmerge both
	check 'unmerge: the node is gone' within 5 test ! -e /dev/vfio/both
else
	check 'merge: modules that make none' says 1 'make no groups of several' merge both "$edu"
fi
check 'unmerge: none of that name' says 1 '(there is no group other|make no groups of several)' unmerge other

if [ -n "$pair" ]; then
	debug=/sys/kernel/debug/vfio/groups
	capture_says() {
		# shellcheck disable=SC2016 # the program's variables
		"$vfioctl" capture "$edu" "$pair_group" -- sh -c 'readlink "/proc/self/fd/$VFIO_GROUP_FD"; cat "$0"' \
			"$debug/$pair_group" >"$said.out" 2>&1 || { cat "$said.out"; return 1; }
		[ "$(head -n 1 "$said.out")" = "/dev/vfio/$group" ] && grep -q -x "captured by: $group" "$said.out"
	}
	if [ "$driver" = rust ]; then
		check 'capture: a program has both' capture_says
		check 'capture: then all is as it was' test "$(grep -c '^captured by' "$debug/$pair_group")" = 0
		check 'capture: the status is the program'\''s' says 7 ended capture "$edu" "$pair_group" -- sh -c 'echo ended; exit 7'
		check 'capture: a program that is not there' says 1 'no-such-program' capture "$edu" "$pair_group" -- no-such-program
	else
		check 'capture: modules that cannot' says 1 'cannot let a group capture another' capture "$edu" "$pair_group" -- true
	fi
	check 'capture: a group twice' says 1 "group $group is named twice" capture "$edu" "$group" -- true
fi
