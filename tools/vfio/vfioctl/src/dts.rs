// SPDX-License-Identifier: GPL-2.0-only

//! Device trees as text, in the form that `dtc` reads.
//!
//! See the Devicetree Specification, appendix A ("Devicetree Source Format").

use std::fmt;

/// The value of a property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// That it is there is all it says.
    Empty,
    /// Words of 32 bits, in groups that are shown a line each.
    Cells(Vec<Vec<u32>>),
    /// A string without quotes or backslashes.
    Text(String),
}

/// A property, with a remark for who reads the source.
#[derive(Clone, Debug)]
pub(crate) struct Property {
    name: String,
    value: Value,
    remarks: Vec<String>,
}

/// A node.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// What it stands for, for who reads the source.
    pub(crate) remark: Option<String>,
    pub(crate) name: String,
    pub(crate) properties: Vec<Property>,
    pub(crate) children: Vec<Node>,
}

impl Node {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self {
            remark: None,
            name: name.into(),
            properties: Vec::new(),
            children: Vec::new(),
        }
    }

    /// Adds a remark, which stands above the node.
    pub(crate) fn remark(mut self, text: impl Into<String>) -> Self {
        self.remark = Some(text.into());
        self
    }

    /// Adds a property of one line of cells.
    pub(crate) fn cells(self, name: &str, cells: &[u32]) -> Self {
        self.property(name, Value::Cells(vec![cells.to_vec()]))
    }

    /// Adds a property.
    pub(crate) fn property(mut self, name: &str, value: Value) -> Self {
        self.properties.push(Property {
            name: name.into(),
            value,
            remarks: Vec::new(),
        });
        self
    }

    /// Adds remarks to the property that was added last, which stand above it.
    pub(crate) fn remarks(mut self, remarks: impl IntoIterator<Item = String>) -> Self {
        if let Some(property) = self.properties.last_mut() {
            property.remarks.extend(remarks);
        }
        self
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        let indent = "\t".repeat(depth);
        if let Some(remark) = &self.remark {
            writeln!(f, "{indent}/* {remark} */")?;
        }
        writeln!(f, "{indent}{} {{", self.name)?;
        for property in &self.properties {
            for remark in &property.remarks {
                writeln!(f, "{indent}\t/* {remark} */")?;
            }
            write!(f, "{indent}\t{}", property.name)?;
            property.value.write(f, depth)?;
        }
        for child in &self.children {
            writeln!(f)?;
            child.write(f, depth + 1)?;
        }
        writeln!(f, "{indent}}};")
    }
}

impl Value {
    fn write(&self, f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        match self {
            Self::Empty => writeln!(f, ";"),
            Self::Text(text) => writeln!(f, " = \"{text}\";"),
            Self::Cells(lines) => {
                let lines: Vec<String> = lines.iter().map(|line| cells(line)).collect();
                let next = format!(",\n{}", "\t".repeat(depth + 2));
                writeln!(f, " = {};", lines.join(&next))
            }
        }
    }
}

fn cells(line: &[u32]) -> String {
    let cells: Vec<String> = line.iter().map(|cell| format!("{cell:#x}")).collect();
    format!("<{}>", cells.join(" "))
}

/// A whole tree, shown as the source of it.
pub(crate) struct Tree {
    pub(crate) root: Node,
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "/dts-v1/;\n")?;
        self.root.write(f, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_like_the_specification() {
        let mut root = Node::new("/").cells("#size-cells", &[2]);
        root.children.push(
            Node::new("pci@1")
                .remark("a bridge")
                .property("ranges", Value::Empty)
                .property("device_type", Value::Text("pci".into()))
                .property("two", Value::Cells(vec![vec![1], vec![0x20, 3]]))
                .remarks(["first".into()]),
        );
        let text = "/dts-v1/;\n\n/ {\n\t#size-cells = <0x2>;\n\n\t/* a bridge */\n\tpci@1 {\n\
                    \t\tranges;\n\t\tdevice_type = \"pci\";\n\t\t/* first */\n\
                    \t\ttwo = <0x1>,\n\t\t\t<0x20 0x3>;\n\t};\n};\n";
        assert_eq!(Tree { root }.to_string(), text);
    }
}
