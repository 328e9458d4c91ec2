//! The graph in the language of Graphviz.

use std::fmt::{self, Write};

use petgraph::visit::EdgeRef;

use super::{Graph, Node, Row};
use crate::kind::{Field, Kind, KindSpec, Third, WordClass};

/// Text within a label that is a table. Names come from files: whatever is in them stays text.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                // XML, which pictures are written in, can't have them.
                c if c.is_control() || is_noncharacter(c) => write!(f, "{}", c.escape_default())?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

fn is_noncharacter(c: char) -> bool {
    matches!(c, '\u{fffe}' | '\u{ffff}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Text within quotation marks.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for c in self.0.chars() {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                c if c.is_control() || is_noncharacter(c) => write!(f, "\\{}", c.escape_default())?,
                // Entities are understood here, too.
                '&' => f.write_str("&amp;")?,
                c => f.write_char(c)?,
            }
        }
        f.write_char('"')
    }
}

/// The colour of a node's head.
fn colour(kind: Kind) -> &'static str {
    match kind {
        Kind::STRUCT => "#d6e4f5",
        Kind::UNION => "#dcefd8",
        Kind::FUNC | Kind::FUNC_PROTO => "#fbeecb",
        Kind::VAR | Kind::DATASEC => "#f3dfd2",
        kind if kind.is_released() => "#e8e8e8",
        _ => "#ecdcf2",
    }
}

impl fmt::Display for Graph<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("digraph btf {\n\trankdir=LR;\n\tranksep=1.2;\n\tnodesep=0.15;\n")?;
        f.write_str("\tnode [shape=plain, fontname=\"Helvetica\", fontsize=11];\n")?;
        f.write_str("\tedge [color=\"#5b6b7b\", arrowsize=0.7];\n")?;
        for node in self.nodes() {
            write!(f, "\tt{} [label=<", node.id)?;
            table(f, node)?;
            f.write_str(">];\n")?;
        }
        for edge in self.graph.edge_references() {
            let from = self.graph.node_weight(edge.source());
            let (Some(from), Some(to)) = (from, self.graph.node_weight(edge.target())) else {
                continue;
            };
            let (edge, row) = (edge.weight(), edge.weight().row);
            // A line to the left side of its own node would cross it.
            let side = if from.id == to.id { ":e" } else { ":w" };
            write!(f, "\tt{}:r{row}:e -> t{}:t{side} [", from.id, to.id)?;
            if !edge.pointer {
                f.write_str("style=bold, color=\"#1f3a5f\", ")?;
            }
            writeln!(f, "edgetooltip={}];", Quoted(&edge.to_string()))?;
        }
        self.legend(f)?;
        f.write_str("}\n")
    }
}

/// A node's label: a head, and a row for each part.
fn table(f: &mut fmt::Formatter<'_>, node: &Node) -> fmt::Result {
    let border = if node.distance == 0 { 2 } else { 1 };
    write!(
        f,
        "<table border=\"{border}\" cellborder=\"0\" cellspacing=\"0\" cellpadding=\"3\" color=\"#5b6b7b\">"
    )?;
    let head = colour(node.kind);
    write!(
        f,
        "<tr><td port=\"t\" colspan=\"3\" align=\"left\" bgcolor=\"{head}\"><b>{}</b>",
        Escaped(&node.title)
    )?;
    f.write_str("<font point-size=\"9\" color=\"#555555\">  ")?;
    if let Some(size) = node.size {
        write!(f, "{size} bytes  ")?;
    }
    write!(f, "[{}]</font></td></tr>", node.id)?;
    for (number, row) in node.rows.iter().enumerate() {
        self::row(f, number, row)?;
    }
    f.write_str("</table>")
}

fn row(f: &mut fmt::Formatter<'_>, number: usize, row: &Row) -> fmt::Result {
    let grey = "<font point-size=\"9\" color=\"#555555\">";
    f.write_str("<tr><td align=\"right\">")?;
    match row.bits_offset {
        Some(bits) if bits % 8 == 0 => write!(f, "{grey}{}</font>", bits / 8)?,
        Some(bits) => write!(f, "{grey}{}:{}</font>", bits / 8, bits % 8)?,
        None => {}
    }
    write!(f, "</td><td align=\"left\">{}</td>", Escaped(&row.text))?;
    write!(f, "<td align=\"right\" port=\"r{number}\">")?;
    match row.bits {
        Some(1) if row.bitfield => write!(f, "{grey}1 bit</font>")?,
        Some(bits) if row.bitfield => write!(f, "{grey}{bits} bits</font>")?,
        Some(bits) => write!(f, "{grey}{}</font>", bits / 8)?,
        None => {}
    }
    f.write_str("</td></tr>")
}

impl Graph<'_> {
    /// What lines mean, and the kinds that the BTF describes with their words.
    fn legend(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\tsubgraph cluster_legend {\n\t\tlabel=\"\";\n\t\tcolor=\"#bbbbbb\";\n")?;
        f.write_str("\t\tlegend [fontsize=9, label=<<table border=\"0\" cellspacing=\"0\" cellpadding=\"2\">")?;
        let mut line = |a: &str, b: &str, c: &str| {
            let (a, b, c) = (Escaped(a), Escaped(b), Escaped(c));
            write!(
                f,
                "<tr><td align=\"right\">{a}</td><td align=\"left\">{b}</td><td align=\"left\">{c}</td></tr>"
            )
        };
        line("", "thick line", "contains, stands for")?;
        line("", "thin line", "over a pointer or a function")?;
        line("", "columns", "offset, declaration, size (bytes)")?;
        if self.left_out > 0 {
            line("", "left out", &format!("{} more types", self.left_out))?;
        }
        let mut level = Some(self.btf);
        while let Some(btf) = level {
            for (spec, id) in btf.descriptions() {
                line(&spec.kind.to_string(), &spec.name, &format!("{}  [{id}]", words(&spec)))?;
            }
            level = btf.base().map(|base| &**base);
        }
        f.write_str("</table>>];\n\t}\n")
    }
}

/// The words of a kind, as kind files write them.
fn words(spec: &KindSpec) -> String {
    if !spec.classes {
        return format!("{} bytes, {} each", spec.fixed_size(), spec.element_size());
    }
    let fields = |fields: &[Field]| {
        let text = |field: &Field| match field.class {
            WordClass::U32 => field.name.clone(),
            class => format!("{}:{}", field.name, class.as_str()),
        };
        fields.iter().map(text).collect::<Vec<_>>().join(" ")
    };
    let third = if spec.third == Third::Unused { "-" } else { spec.third.as_str() };
    let mut text = third.to_owned();
    for part in [fields(&spec.fixed), fields(&spec.elements)].iter().zip(["", "["]) {
        match part {
            (part, _) if part.is_empty() => {}
            (part, "") => text.push_str(&format!(" {part}")),
            (part, _) => text.push_str(&format!(" [{part}]")),
        }
    }
    text
}
