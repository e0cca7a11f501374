// SPDX-License-Identifier: GPL-2.0-only

//! The nodes of a device tree for a group.
//!
//! See the PCI Bus Binding to IEEE 1275 for those of the bus, and LoPAPR for `ibm,dma-window`.

use crate::{
    address,
    dts::{
        Node,
        Value, //
    },
    failure::Failure,
    machine::Function,
    members::Member, //
};
use vfio_uapi::{
    vfio_dma_window,
    DmaWindowFlags, //
};
use vfio_user::{
    Address,
    Place, //
};

/// Where QEMU's host bridges of POWER begin; their index follows.
const HOST_BRIDGES: u64 = 0x0800_0000_2000_0000;

/// The windows of a group.
pub(super) struct Windows<'a> {
    /// The number of the table of the first window; the others follow.
    pub(super) first_liobn: u32,
    pub(super) windows: &'a [vfio_dma_window],
}

/// Returns the tree of a group where it is on the host; the windows are on the node at `place`.
pub(super) fn with_bridges(
    group: u32,
    members: &[Member],
    place: Place,
    windows: &Windows<'_>,
) -> Result<Node, Failure> {
    let first = members.first();
    let first = first.ok_or_else(|| Failure::new(format!("group {group} has no PCI device")))?;
    let domain = first.function.address.domain;
    if place == Place::Nowhere || members.iter().any(|m| m.function.address.domain != domain) {
        return Err(Failure::new(format!(
            "no host bridge leads to all devices of group {group}; try --form host-bridge"
        )));
    }
    let mut host = host_bridge(domain.into(), (first.root_bus, 0xff))
        .remark(format!("host bridge {domain:04x}:{:02x}", first.root_bus))
        .cells("linux,pci-domain", &[domain]);
    if let Place::HostBridge(_) = place {
        host = windows.describe(host);
    }
    let here = |address: Address| match place {
        Place::Device(at) | Place::Bridge(at) => at == address,
        Place::HostBridge(_) | Place::Nowhere => false,
    };
    let ways: Vec<(&[Function], &Function)> = members
        .iter()
        .map(|member| (&member.bridges[..], &member.function))
        .collect();
    host.children = below(&ways, &|node, address| match here(address) {
        true => windows.describe(node),
        false => node,
    });
    Ok(root(host))
}

/// Returns the nodes below a bridge: `ways` are the devices there, each with the bridges that are
/// still in between; `finish` adds to a node what it alone has.
fn below(ways: &[(&[Function], &Function)], finish: &dyn Fn(Node, Address) -> Node) -> Vec<Node> {
    let mut nodes = Vec::new();
    let mut rest = ways;
    while let Some(((bridges, device), after)) = rest.split_first() {
        let Some((bridge, _)) = bridges.split_first() else {
            nodes.push(finish(device_node(device, device.address), device.address));
            rest = after;
            continue;
        };
        // Members are sorted by address, so those behind one bridge follow each other.
        let same = |way: &&(&[Function], &Function)| way.0.first() == Some(bridge);
        let count = rest.iter().take_while(same).count();
        let (inside, others) = rest.split_at(count);
        let inside: Vec<_> = inside
            .iter()
            .filter_map(|(bridges, device)| Some((bridges.get(1..)?, *device)))
            .collect();
        let mut node = finish(bridge_node(bridge), bridge.address);
        node.children = below(&inside, finish);
        nodes.push(node);
        rest = others;
    }
    nodes
}

/// Returns the tree of a group with a host bridge of its own. Its devices are on one bus: those that
/// are functions of one device on the host still are, the devices are counted from 1.
pub(super) fn with_host_bridge(group: u32, members: &[Member], windows: &Windows<'_>) -> Node {
    // Wraps nowhere: the group's number has 32 bits.
    let mut host = host_bridge(HOST_BRIDGES | u64::from(group), (0, 0))
        .remark(format!("host bridge of group {group}"));
    host = windows.describe(host);
    let (mut slot, mut function, mut last) = (0u8, 0u8, None);
    for member in members {
        let at = member.function.address;
        let device = (at.domain, at.bus, address::slot(at));
        if last == Some(device) {
            function = function.wrapping_add(1);
        } else {
            (slot, function, last) = (slot.wrapping_add(1), 0, Some(device));
        }
        let there = Address {
            domain: 0,
            bus: 0,
            devfn: (slot << 3) | (function & 7),
        };
        host.children.push(device_node(&member.function, there));
    }
    root(host)
}

fn root(host: Node) -> Node {
    let mut root = Node::new("/")
        .cells("#address-cells", &[2])
        .cells("#size-cells", &[2]);
    root.children.push(host);
    root
}

/// Returns the node of a host bridge at `number`, with the buses from and to behind it.
fn host_bridge(number: u64, buses: (u8, u8)) -> Node {
    let [high, low] = cells_of(number);
    let node = Node::new(format!("pci@{number:x}")).cells("reg", &[high, low, 0, 0]);
    bus(node, buses)
        .cells("ranges", &[0x0300_0000, 0, 0, 0, 0, 0, 0])
        .remarks(["the addresses behind it are the virtual machine's business".into()])
}

/// Adds what every node with a PCI bus behind it has.
fn bus(node: Node, (first, last): (u8, u8)) -> Node {
    node.property("device_type", Value::Text("pci".into()))
        .cells("#address-cells", &[3])
        .cells("#size-cells", &[2])
        .cells("bus-range", &[first.into(), last.into()])
}

fn bridge_node(bridge: &Function) -> Node {
    let node = Node::new(format!("pci@{}", unit(bridge.address)))
        .remark(format!("bridge {}", address::text(bridge.address)))
        .cells("reg", &reg(bridge.address));
    bus(node, bridge.buses.unwrap_or_default()).property("ranges", Value::Empty)
}

/// Returns the node of a device, which the guest finds at address `at`.
fn device_node(device: &Function, at: Address) -> Node {
    Node::new(format!(
        "pci{:x},{:x}@{}",
        device.vendor,
        device.device,
        unit(at)
    ))
    .remark(format!("device {}", address::text(device.address)))
    .cells("reg", &reg(at))
    .cells("vendor-id", &[device.vendor.into()])
    .cells("device-id", &[device.device.into()])
    .cells("class-code", &[device.class])
}

/// Returns what stands behind the "@": the number of the device, and that of a function other than 0.
fn unit(address: Address) -> String {
    match address::function(address) {
        0 => format!("{:x}", address::slot(address)),
        function => format!("{:x},{function:x}", address::slot(address)),
    }
}

/// Returns the address of the configuration space, as the binding has it.
fn reg(address: Address) -> [u32; 5] {
    let place = (u32::from(address.bus) << 16) | (u32::from(address.devfn) << 8);
    [place, 0, 0, 0, 0]
}

fn cells_of(number: u64) -> [u32; 2] {
    // CAST: The two halves.
    [(number >> 32) as u32, number as u32]
}

impl Windows<'_> {
    /// Adds the windows to a node.
    fn describe(&self, node: Node) -> Node {
        let node = node
            .cells("ibm,#dma-address-cells", &[2])
            .cells("ibm,#dma-size-cells", &[2]);
        let cells = self.windows.iter().map(|window| {
            let [start_high, start_low] = cells_of(window.start);
            let [size_high, size_low] = cells_of(size(window));
            let liobn = self.first_liobn.wrapping_add(window.slot);
            vec![liobn, start_high, start_low, size_high, size_low]
        });
        node.property("ibm,dma-window", Value::Cells(cells.collect()))
            .remarks(self.windows.iter().map(remark))
    }
}

/// Returns the size in bytes; one byte less for a window of all 2^64 addresses.
fn size(window: &vfio_dma_window) -> u64 {
    window.last.saturating_sub(window.start).saturating_add(1)
}

/// Returns what the property has no place for.
fn remark(window: &vfio_dma_window) -> String {
    let flags = DmaWindowFlags::from_bits_truncate(window.flags);
    let page = 1u64.checked_shl(window.page_shift).unwrap_or(0);
    let mut text = format!(
        "window {}: {:#x} to {:#x}, pages of {}",
        window.slot,
        window.start,
        window.last,
        amount(page)
    );
    for (flag, word) in [
        (DmaWindowFlags::DEFAULT, "there from the start"),
        (DmaWindowFlags::DYNAMIC, "made by the program"),
        (DmaWindowFlags::PENDING, "not used yet"),
    ] {
        if flags.contains(flag) {
            text.push_str(", ");
            text.push_str(word);
        }
    }
    text
}

/// Returns a power of two as people say it.
fn amount(bytes: u64) -> String {
    match bytes.trailing_zeros() {
        0..=9 | 64.. => format!("{bytes} bytes"),
        shift @ 10..=19 => format!("{} KiB", 1u64 << (shift - 10)),
        shift @ 20..=29 => format!("{} MiB", 1u64 << (shift - 20)),
        shift => format!("{} GiB", 1u64 << (shift - 30)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dts::Tree;

    fn at(text: &str) -> Address {
        address::parse(text).unwrap()
    }

    fn function(text: &str, buses: Option<(u8, u8)>) -> Function {
        Function {
            address: at(text),
            vendor: 0x8086,
            device: 0x10d3,
            class: 0x20000,
            buses,
        }
    }

    fn member(device: &str, bridges: &[(&str, u8, u8)]) -> Member {
        Member {
            function: function(device, None),
            bridges: bridges
                .iter()
                .map(|&(bridge, first, last)| function(bridge, Some((first, last))))
                .collect(),
            root_bus: 0,
        }
    }

    fn below_4g() -> vfio_dma_window {
        vfio_dma_window {
            start: 0,
            last: 0x7fff_ffff,
            page_shift: 12,
            levels: 1,
            slot: 0,
            flags: DmaWindowFlags::DEFAULT.bits(),
        }
    }

    fn bridges(members: &[Member], place: Place, windows: &[vfio_dma_window]) -> String {
        let windows = Windows {
            first_liobn: 0x8000_0000,
            windows,
        };
        let root = with_bridges(7, members, place, &windows).unwrap();
        Tree { root }.to_string()
    }

    /// Returns the name of the node that has the windows.
    fn owner(tree: &str) -> &str {
        assert_eq!(tree.matches("ibm,dma-window").count(), 1, "{tree}");
        let before = tree.split("ibm,dma-window").next().unwrap();
        let line = before.lines().rev().find(|line| line.ends_with('{'));
        line.unwrap().trim().trim_end_matches(" {")
    }

    #[test]
    fn one_device_has_the_windows_itself() {
        let members = [member("0001:00:01.0", &[])];
        let tree = bridges(&members, Place::Device(at("0001:00:01.0")), &[below_4g()]);
        assert_eq!(owner(&tree), "pci8086,10d3@1");
        assert!(tree.contains("pci@1 {"), "{tree}");
        assert!(
            tree.contains("ibm,dma-window = <0x80000000 0x0 0x0 0x0 0x80000000>;"),
            "{tree}"
        );
    }

    #[test]
    fn several_devices_have_them_on_the_bridge() {
        let way = [("0000:00:15.0", 1, 1)];
        let members = [member("0000:01:01.0", &way), member("0000:01:02.1", &way)];
        let tree = bridges(&members, Place::Bridge(at("0000:00:15.0")), &[below_4g()]);
        assert_eq!(owner(&tree), "pci@15");
        // The bridge is there once, with both devices in it.
        assert_eq!(tree.matches("pci@15").count(), 1);
        assert!(tree.contains("pci8086,10d3@2,1 {"), "{tree}");
        assert!(tree.contains("reg = <0x11100 0x0 0x0 0x0 0x0>;"), "{tree}");
    }

    #[test]
    fn without_a_bridge_in_common_it_is_the_host_bridge() {
        let members = [
            member("0000:01:00.0", &[("0000:00:01.0", 1, 1)]),
            member("0000:02:00.0", &[("0000:00:02.0", 2, 2)]),
        ];
        let place = Place::HostBridge(at("0000:00:00.0"));
        assert_eq!(owner(&bridges(&members, place, &[below_4g()])), "pci@0");
    }

    #[test]
    fn a_host_bridge_of_its_own() {
        let windows = Windows {
            first_liobn: 0x8000_0700,
            windows: &[
                below_4g(),
                vfio_dma_window {
                    start: 1 << 59,
                    last: (1 << 59) + (1 << 30) - 1,
                    page_shift: 16,
                    slot: 1,
                    flags: DmaWindowFlags::DYNAMIC.bits(),
                    ..below_4g()
                },
            ],
        };
        let members = [
            member("0000:03:00.0", &[]),
            member("0000:03:00.3", &[]),
            member("0000:05:1f.6", &[]),
        ];
        let root = with_host_bridge(7, &members, &windows);
        let tree = Tree { root }.to_string();
        assert_eq!(owner(&tree), "pci@800000020000007");
        for name in ["@1 {", "@1,1 {", "@2 {"] {
            assert!(tree.contains(&format!("pci8086,10d3{name}")), "{tree}");
        }
        assert!(
            tree.contains("<0x80000701 0x8000000 0x0 0x0 0x40000000>;"),
            "{tree}"
        );
        assert!(
            tree.contains("pages of 64 KiB, made by the program"),
            "{tree}"
        );
    }

    #[test]
    fn a_group_without_a_place_is_refused() {
        let windows = Windows {
            first_liobn: 0,
            windows: &[],
        };
        let members = [member("0000:03:00.0", &[]), member("0001:03:00.0", &[])];
        assert!(with_bridges(7, &members, Place::Nowhere, &windows).is_err());
        assert!(with_bridges(7, &[], Place::Nowhere, &windows).is_err());
    }
}
