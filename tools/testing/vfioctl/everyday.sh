# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# What a person who hands devices out does: list, bind, unbind, topology, watch, doctor. Sourced by in-guest.
# All devices are unbound before and after.

bridge=
[ -z "$pair" ] || bridge=$(basename "$(dirname "$(realpath "/sys/bus/pci/devices/${pair%% *}")")")
group_of() { basename "$(realpath "/sys/bus/pci/devices/$1/iommu_group")"; }
iommu=$(basename "$(readlink "/sys/bus/pci/devices/$edu/iommu")")

# exactly STATUS ARGUMENT...: it ends so, and says what is on the standard input, but for runs of spaces
exactly() {
	local want=$1 status
	shift
	"$vfioctl" "$@" >"$said.out" 2>&1
	status=$?
	tr -s ' ' <"$said.out" >"$said.squeezed"
	[ "$status" = "$want" ] || { echo "ended with $status"; cat "$said.out"; return 1; }
	diff - "$said.squeezed"
}

# The last lines of list, which go for all groups; and what it says of a group whose devices have no driver.
if [ "$driver" = rust ]; then
	rule='Every device of a group must be bound to VFIO (vfio.strict_viability is on).'
	unbound="not viable: $edu has no driver"
else
	rule='Devices without a driver do not block (C VFIO).'
	unbound='viable, but not bound to VFIO yet'
fi

# says_list STATE DRIVER [LINE]: list of the device alone
says_list() {
	exactly 0 list "$edu" <<-END
		group $group: $1
		 $edu 1234:11e8 unclassified device $2${3:+
		 $3}
		$rule
	END
}

check 'list: a device without a driver' says_list "$unbound" -
check 'list: nothing of that name' says 1 'there is no IOMMU group 9999' list 9999
check 'bind: without a terminal it does not ask' says 1 'no terminal to ask at; --yes' bind "$edu"
check 'bind: it has not' bound_to none "$edu"
bind_plan() {
	exactly 0 bind "$@" "$edu" <<-END
		group $group:
		 $edu goes to vfio-pci
	END
}
check 'bind: only what would happen' bind_plan --dry-run
check 'bind: it has not happened' bound_to none "$edu"
bind_edu() {
	exactly 0 bind --yes "$edu" <<-END
		group $group:
		 $edu goes to vfio-pci
		$edu is bound to vfio-pci
		group $group: viable
	END
}
check 'bind: a device alone' bind_edu
check 'bind: it is' bound_to vfio-pci "$edu"
check 'bind: again there is nothing to do' says 0 'There is nothing to do' bind "$group"
check 'list: a device that is bound' says_list viable vfio-pci
exec 8<>"/dev/vfio/$group"
check 'list: who has it open' says_list viable vfio-pci "open in $$ ($(cat /proc/$$/comm)): /dev/vfio/$group"
# A file that others may not look into.
if command -v setpriv >/dev/null; then
	as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups "$vfioctl" list "$edu" | grep -q -F 'Who has a group open cannot be told for'; }
	check 'list: others cannot tell who' as_nobody
fi
check 'unbind: not while a program has it' says 1 "$$ .* has it or its group open; nothing was done" unbind -y "$edu"
check 'unbind: it has not' bound_to vfio-pci "$edu"
exec 8<&-
unbind_edu() {
	local after=$unbound
	exactly 0 unbind --yes "$group" <<-END
		group $group:
		 $edu goes from vfio-pci to the host
		$edu has no driver: no driver of the host takes it
		group $group: $after
	END
}
check 'unbind: a device alone' unbind_edu
check 'unbind: no driver is preferred any more' grep -q -x '(null)' "/sys/bus/pci/devices/$edu/driver_override"

# watched NAME COMMAND...: what watch tells while a command runs; without the times in $said.watched
watched() {
	local pid status options=$1
	shift
	: >"$said.told"
	# shellcheck disable=SC2086 # words
	"$vfioctl" watch --interval 100 --timeout 30 $options >"$said.told" 2>"$said.watching" &
	pid=$!
	within 20 grep -q watching "$said.watching" || return 1
	"$@"
	wait "$pid"
	status=$?
	cut -d ' ' -f 2- "$said.told" >"$said.watched"
	return "$status"
}

hold() {
	"$vfioctl" bind -y "$edu" && sleep 1 || return 1
	sleep 3 9<>"/dev/vfio/$group"
}
tells() {
	local sleeper
	watched '--count 4' hold
	sleeper=$(sed -n -E 's/.* opened by ([0-9]+) .*/\1/p' "$said.watched")
	diff - "$said.watched" <<-END
		$edu bound to vfio-pci
		group $group is viable
		/dev/vfio/$group opened by $sleeper (sleep)
		/dev/vfio/$group closed by $sleeper (sleep)
	END
}
check 'watch: bound, opened, closed' tells

if command -v python3 >/dev/null; then
	read_json() { "$vfioctl" "${@:2}" >"$said.json"; python3 -c "import json,os,sys
value=json.load(open('$said.json'))
$1"; }
	tells_json() {
		watched '--json --count 1' "$vfioctl" unbind -y "$edu" || return 1
		python3 -c "import json,sys
change=json.loads(open('$said.told').read())
assert change.pop('time') > 1e9, change
assert change == {'change': 'unbound', 'device': '$edu', 'driver': 'vfio-pci'}, change"
	}
	check 'watch: as JSON' tells_json
	check 'list: as JSON' read_json "
group=value['groups'][0]
assert value['modules'] == '$driver', value
assert group['group'] == $group and group['node'] is None and not group['bound'], group
assert group['viable'] == ('$driver' == 'c'), group
assert group['devices'][0]['device'] == '$edu', group
assert group['devices'][0]['iommu'] == '$iommu', group" list --json "$edu"
	check 'topology: as JSON, all devices' read_json "
def names(nodes):
    return [name for node in nodes for name in [node['device']] + names(node['devices'])]
found=[name for host in value['host_bridges'] for name in names(host['devices'])]
assert sorted(found) == sorted(os.listdir('/sys/bus/pci/devices')), found" topology --json
	picture() {
		"$vfioctl" topology --svg "$VM_OUT/topology.svg" && python3 -c "
import os, xml.dom.minidom
page=xml.dom.minidom.parse('$VM_OUT/topology.svg')
texts={node.firstChild.data for node in page.getElementsByTagName('text')}
assert set(os.listdir('/sys/bus/pci/devices')) <= texts, texts
assert 'group $group' in texts, texts"
	}
	check 'topology: a picture of all devices' picture
	check 'doctor: as JSON' read_json "
checks={finding['check']: finding for finding in value['findings']}
assert value['status'] == max((f['status'] for f in checks.values()), key=['ok', 'warn', 'fail'].index)
assert checks['vfio']['status'] == 'ok', checks
assert checks['iommu']['text'].startswith('there are %d groups' % len(os.listdir('/sys/kernel/iommu_groups'))), checks" doctor --json
fi
[ "$(driver_of "$edu")" = none ] || "$vfioctl" unbind -y "$edu" >/dev/null

case $driver in
rust) word='ok    vfio        the Rust modules are loaded; every device of a group must be bound' ;;
*) word='ok    vfio        the C modules are loaded; they accept groups with devices that have no driver' ;;
esac
# Groups with devices of several slots are the one thing that there is to warn of.
warnings=0
for devices in /sys/kernel/iommu_groups/*/devices; do
	slots=$(for device in "$devices"/*; do
		[ -e "$device/secondary_bus_number" ] || basename "${device%.*}"
	done | sort -u | wc -l)
	[ "$slots" -le 1 ] || warnings=3
done
check 'doctor: which modules, and no more warnings than there should be' says "$warnings" "^$word$" doctor
if [ "$driver" = rust ]; then
	echo 0 >/sys/module/vfio/parameters/strict_viability
	check 'doctor: the lax rule is a warning' says 3 '^warn  vfio .*strict_viability off' doctor
	check 'list: with the lax rule' says 0 "^group $group: viable, but not bound to VFIO yet" list "$group"
	echo 1 >/sys/module/vfio/parameters/strict_viability
fi

# Behind a bridge that does not tell its devices apart.
if [ -n "$pair" ]; then
	one=${pair%% *} two=${pair##* } pair_group=$(group_of "$one")
	bind_pair() {
		exactly 0 bind -y "$two" <<-END
			group $pair_group:
			 $one goes to vfio-pci
			 $two goes to vfio-pci
			$one is bound to vfio-pci
			$two is bound to vfio-pci
			group $pair_group: viable
		END
	}
	check 'bind: a group of two, by one of them' bind_pair
	part_of_tree() {
		"$vfioctl" topology | tr -s ' ' | grep -A 2 -F "─ $bridge " >"$said.tree"
		diff - "$said.tree" <<-END
			├─ $bridge PCI bridge to 01 group $pair_group viable - $iommu
			│ ├─ $one unclassified device group $pair_group viable vfio-pci $iommu
			│ └─ $two unclassified device group $pair_group viable vfio-pci $iommu
		END
	}
	check 'topology: a bridge and what is behind it' part_of_tree
	check 'doctor: they are not told apart' says 3 "^warn  groups .*group $pair_group \\($one, $two\\)" doctor
	echo "$two" >/sys/bus/pci/drivers/vfio-pci/unbind
	case $driver in
	rust) check 'list: one is missing' says 0 "^group $pair_group: not viable: $two has no driver$" list "$pair_group" ;;
	*) check 'list: one is missing' says 0 "^group $pair_group: viable$" list "$pair_group" ;;
	esac
	check 'unbind: a group of which one is bound' says 0 "$one has no driver" unbind -y "$pair_group"
fi

check 'bind: no VFIO driver' says 1 'pci-stub is no VFIO driver' bind -y --driver pci-stub "$edu"
check 'bind: all is as it was' bound_to none "$edu"
check 'bind: a driver that is not there' says 1 'there is no PCI driver vfio-nothing' bind -y --driver vfio-nothing "$edu"

# A network card and a disk that the host uses.
card=${VFIO_TEST_E1000E-} disk=${VFIO_TEST_NVME-}
if [ -n "$card" ] && modprobe e1000e && within 10 test -e "/sys/bus/pci/devices/$card/net"; then
	udevadm settle 2>/dev/null
	interface=$(interface_of "$card")
	card_group=$(group_of "$card")
	check 'list: the host has it' says 0 "^group $card_group: not viable: $card is bound to e1000e$" list "$card"
	bind_card() {
		exactly 0 bind -y "$card" <<-END
			group $card_group:
			 $card goes from e1000e to vfio-pci
			 network interface $interface
			$card is bound to vfio-pci
			group $card_group: viable
		END
	}
	check 'bind: a network card of the host' bind_card
	check 'unbind: the host has it again' says 0 "^$card is bound to e1000e$" unbind -y "$card"
	check 'unbind: with its interface' within 10 test -e "/sys/bus/pci/devices/$card/net"
fi
if [ -n "$disk" ] && modprobe nvme && within 20 test -b /dev/nvme0n1; then
	swap_is_refused() {
		mkswap /dev/nvme0n1 >/dev/null && swapon /dev/nvme0n1 || return 1
		says 1 "$disk is needed: disk nvme0n1 has swap; nothing was done" bind -y "$disk"
		local status=$?
		swapoff /dev/nvme0n1
		return "$status"
	}
	check 'bind: not a disk with swap' swap_is_refused
	check 'bind: it is the host'\''s' bound_to nvme "$disk"
	check 'bind: a disk that is not used' says 0 'disk nvme0n1, not mounted' bind -y "$disk"
	check 'unbind: the disk is back' says 0 "^$disk is bound to nvme$" unbind -y "$disk"
fi

completes() {
	"$vfioctl" completions bash >"$said.bash" && (
		# shellcheck source=/dev/null
		. "$said.bash"
		complete -p vfioctl
	)
}
check 'completions: bash takes them' completes
check 'completions: zsh' says 0 '^#compdef vfioctl' completions zsh
check 'completions: fish' says 0 '^complete -c vfioctl' completions fish
check 'manual: a page' says 0 '^.TH vfioctl 8' manual
check 'manual: it has the commands' says 0 '^.SS "vfioctl topology"' manual
