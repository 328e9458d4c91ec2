//! What the tests share.
//!
//! `Graph` builds BTF word by word and knows nothing of the library: what it writes is an
//! independent statement of the format.

#![allow(dead_code, missing_docs, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

pub mod kernels;
pub mod needs;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A word of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum W {
    /// A plain number.
    N(u32),
    /// The id of a type of the same graph, by its index.
    Id(usize),
    /// The id of a type elsewhere (0, or in the base).
    Abs(u32),
    /// The offset of a string.
    S(&'static str),
    /// The offset of a string that was made at run time, by its index.
    Own(usize),
}

/// Types that refer to each other by index, before they have ids.
#[derive(Clone, Default)]
pub struct Graph {
    pub types: Vec<Vec<W>>,
    pub owned: Vec<String>,
}

pub fn info(kind: u32, vlen: u32, flag: bool) -> W {
    W::N((u32::from(flag) << 31) | (kind << 24) | vlen)
}

/// How a graph is laid out.
#[derive(Clone)]
pub struct Layout {
    /// The graph's types in the order of their ids.
    pub order: Vec<usize>,
    pub big_endian: bool,
    /// The first type id and the first string offset: 1 and 0, or the base's ends.
    pub first: (u32, u32),
    /// Entries of the layout section, if the header is to have one.
    pub section: Option<Vec<[u8; 4]>>,
}

impl Layout {
    pub fn plain(graph: &Graph) -> Layout {
        Layout {
            order: (0..graph.types.len()).collect(),
            big_endian: false,
            first: (1, 0),
            section: None,
        }
    }
}

impl Graph {
    pub fn add(&mut self, words: impl Into<Vec<W>>) -> usize {
        self.types.push(words.into());
        self.types.len() - 1
    }

    pub fn own(&mut self, string: String) -> W {
        self.owned.push(string);
        W::Own(self.owned.len() - 1)
    }

    pub fn text(&self, word: W) -> &str {
        match word {
            W::S(s) => s,
            W::Own(i) => &self.owned[i],
            _ => "",
        }
    }

    /// The bytes of this graph, and the id that each type of it got.
    pub fn write(&self, layout: &Layout) -> (Vec<u8>, Vec<u32>) {
        let word = |value: u32| {
            if layout.big_endian { value.to_be_bytes() } else { value.to_le_bytes() }
        };
        let (first_id, first_str) = layout.first;
        let mut ids = vec![0; self.types.len()];
        for (at, index) in layout.order.iter().enumerate() {
            ids[*index] = first_id + at as u32;
        }
        let mut strings: Vec<u8> = if first_str == 0 { vec![0] } else { Vec::new() };
        let mut known: HashMap<String, u32> = HashMap::new();
        // Long strings that are used often are not looked up again.
        let mut made = vec![0; self.owned.len()];
        let mut types = Vec::new();
        for index in &layout.order {
            for w in &self.types[*index] {
                let value = match *w {
                    W::N(n) | W::Abs(n) => n,
                    W::Id(i) => ids[i],
                    W::S("") => 0,
                    W::Own(i) if made[i] != 0 => made[i],
                    W::S(_) | W::Own(_) => {
                        let text = self.text(*w).to_owned();
                        let offset = *known.entry(text).or_insert_with_key(|text| {
                            let offset = first_str + strings.len() as u32;
                            strings.extend(text.as_bytes());
                            strings.push(0);
                            offset
                        });
                        if let W::Own(i) = *w {
                            made[i] = offset;
                        }
                        offset
                    }
                };
                types.extend(word(value));
            }
        }
        let section: Vec<u8> = layout.section.iter().flatten().flatten().copied().collect();
        let mut out = if layout.big_endian { vec![0xeb, 0x9f] } else { vec![0x9f, 0xeb] };
        out.extend([1, 0]);
        let hdr_len = if layout.section.is_some() { 32 } else { 24 };
        let str_off = types.len() + section.len();
        let mut header = vec![hdr_len, 0, types.len(), str_off, strings.len()];
        if layout.section.is_some() {
            header.extend([types.len(), section.len()]);
        }
        for value in header {
            out.extend(word(value as u32));
        }
        out.extend(types);
        out.extend(section);
        out.extend(strings);
        (out, ids)
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.write(&Layout::plain(self)).0
    }

    pub fn int(&mut self, name: &'static str, size: u32, encoding: u32) -> usize {
        self.add([W::S(name), info(1, 0, false), W::N(size), W::N((encoding << 24) | (size * 8))])
    }

    pub fn structure(&mut self, name: W, size: u32, members: &[(W, usize, u32)]) -> usize {
        let mut words = vec![name, info(4, members.len() as u32, false), W::N(size)];
        words.extend(
            members.iter().flat_map(|(name, ty, bytes)| [*name, W::Id(*ty), W::N(bytes * 8)]),
        );
        self.add(words)
    }
}

/// A made-up or proposed kind, stated by hand: `i` is an id, `s` a string offset, `n` a number,
/// `d` a number with a sign.
#[derive(Clone, Copy, Debug)]
pub struct MadeUp {
    pub n: u32,
    pub name: &'static str,
    /// `i` an id, `n` a size, `-` unused.
    pub third: char,
    pub fixed: &'static str,
    pub element: &'static str,
}

/// Both layouts of the proposed kinds, and made-up ones of every form up to the last number.
pub const MADE_UP: [MadeUp; 11] = [
    MadeUp { n: 20, name: "LOC_PARAM", third: 'n', fixed: "n", element: "n" },
    MadeUp { n: 21, name: "LOC_PROTO", third: '-', fixed: "", element: "i" },
    MadeUp { n: 22, name: "LOCSEC", third: '-', fixed: "", element: "iin" },
    MadeUp { n: 20, name: "LOC_PARAM", third: 'n', fixed: "nn", element: "" },
    MadeUp { n: 21, name: "LOC_PROTO", third: 'i', fixed: "", element: "i" },
    MadeUp { n: 22, name: "LOCSEC", third: '-', fixed: "", element: "siin" },
    MadeUp { n: 23, name: "BARE", third: '-', fixed: "", element: "" },
    MadeUp { n: 31, name: "FIXED", third: 'i', fixed: "sin", element: "" },
    MadeUp { n: 57, name: "LIST", third: 'n', fixed: "", element: "sdi" },
    MadeUp { n: 99, name: "BOTH", third: 'i', fixed: "nis", element: "nnsi" },
    MadeUp { n: 127, name: "LAST_1", third: '-', fixed: "d", element: "isnnn" },
];

impl MadeUp {
    pub fn info_sz(&self) -> u32 {
        self.fixed.len() as u32 * 4
    }

    pub fn elem_sz(&self) -> u32 {
        self.element.len() as u32 * 4
    }

    /// The kind as a kind file.
    pub fn file(&self) -> String {
        let field = |(i, class): (usize, char)| match class {
            'i' => format!("w{i}:id"),
            's' => format!("w{i}:str"),
            'd' => format!("w{i}:s32"),
            _ => format!("w{i}"),
        };
        let list =
            |classes: &str| classes.chars().enumerate().map(field).collect::<Vec<_>>().join(" ");
        let third = match self.third {
            'i' => "id",
            'n' => "size",
            _ => "unused",
        };
        let mut text = format!("kind {} {}\nthird {third}\n", self.n, self.name);
        if !self.fixed.is_empty() {
            text += &format!("fixed {}\n", list(self.fixed));
        }
        if !self.element.is_empty() {
            text += &format!("elements {}\n", list(self.element));
        }
        text
    }

    fn words(&self, classes: &str, target: W) -> Vec<W> {
        classes
            .chars()
            .enumerate()
            .map(|(i, class)| match class {
                'i' => target,
                's' => W::S("a_name_of_a_made_up_kind"),
                'd' => W::N(-5_i32 as u32),
                _ => W::N(0x7000 + i as u32),
            })
            .collect()
    }

    /// Adds a record of this kind that refers to `target` wherever it can.
    pub fn record(&self, graph: &mut Graph, name: &'static str, target: usize, vlen: u32) -> usize {
        let target = W::Id(target);
        let third = match self.third {
            'i' => target,
            'n' => W::N(4),
            _ => W::N(0),
        };
        let mut words = vec![W::S(name), info(self.n, vlen, false), third];
        words.extend(self.words(self.fixed, target));
        let element = self.words(self.element, target);
        for _ in 0..vlen {
            words.extend(&element);
        }
        graph.add(words)
    }
}

/// The types that descriptions share.
#[derive(Clone, Copy)]
pub struct Shared {
    pub uint: usize,
    int: usize,
    id: usize,
    off: usize,
    plain: usize,
    reference: usize,
    pub size: usize,
}

/// How descriptions are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Style {
    /// With word classes and, for kinds that are not released, `__BTF_SIZES_` names.
    Full,
    /// With word classes, without `__BTF_SIZES_` names.
    NoSizes,
    /// As posted in 2022: plain words only.
    Old,
}

/// Adds the types that descriptions share, as FORMAT.md spells them.
pub fn shared(graph: &mut Graph, style: Style) -> Shared {
    let uint = graph.int("unsigned int", 4, 0);
    let int = graph.int("int", 4, 1);
    let u32 = graph.add([W::S("__u32"), info(8, 0, false), W::Id(uint)]);
    let (id, off) = if style == Style::Old {
        (u32, u32)
    } else {
        let id = graph.add([W::S("__btf_type_id"), info(8, 0, false), W::Id(u32)]);
        (id, graph.add([W::S("__btf_name_off"), info(8, 0, false), W::Id(u32)]))
    };
    let union = graph.add([
        W::S(""),
        info(5, 2, false),
        W::N(4),
        W::S("size"),
        W::Id(u32),
        W::N(0),
        W::S("type"),
        W::Id(id),
        W::N(0),
    ]);
    let mut header = |name, third: (&'static str, usize)| {
        let members =
            [(W::S("name_off"), off, 0), (W::S("info"), u32, 4), (W::S(third.0), third.1, 8)];
        graph.structure(W::S(name), 12, &members)
    };
    let plain = header("__btf_type", ("", union));
    let (reference, size) = if style == Style::Old {
        (plain, plain)
    } else {
        (header("__btf_type___ref", ("type", id)), header("__btf_type___size", ("size", u32)))
    };
    Shared { uint, int, id, off, plain, reference, size }
}

/// Adds a description by hand; gives the index of its typedef `__BTF_KIND_n`.
pub fn described(graph: &mut Graph, types: Shared, kind: &MadeUp, style: Style) -> usize {
    let header = match kind.third {
        'i' => types.reference,
        'n' => types.size,
        _ => types.plain,
    };
    let mut members = vec![(W::S("type"), header, 0)];
    let mut size = 12;
    let parts = match (kind.fixed, kind.element) {
        ("", "") => vec![],
        ("", element) => vec![("META", "meta", element, 0)],
        (fixed, "") => vec![("META", "meta", fixed, 1)],
        (fixed, element) => vec![("INFO", "info", fixed, 1), ("META", "meta", element, 0)],
    };
    for (label, member, classes, count) in parts {
        let mut words = Vec::new();
        for (i, class) in classes.chars().enumerate() {
            let ty = match class {
                'i' => types.id,
                's' => types.off,
                'd' => types.int,
                _ => types.uint,
            };
            let field = graph.own(format!("w{i}"));
            words.push((field, ty, i as u32 * 4));
        }
        let bytes = classes.len() as u32 * 4;
        let name = graph.own(format!("__BTF_KIND_{label}_{}", kind.name));
        let one = graph.structure(name, bytes, &words);
        let array = graph.add([
            W::S(""),
            info(3, 0, false),
            W::N(0),
            W::Id(one),
            W::Id(types.uint),
            W::N(count),
        ]);
        members.push((W::S(member), array, size));
        size += bytes * count;
    }
    let name = graph.own(format!("__BTF_KIND_{}", kind.name));
    let outer = graph.structure(name, size, &members);
    let name = graph.own(format!("__BTF_KIND_{}", kind.n));
    let typedef = graph.add([name, info(8, 0, false), W::Id(outer)]);
    if style == Style::Full && kind.n > 19 {
        let name =
            graph.own(format!("__BTF_SIZES_{}_{}_{}", kind.n, kind.info_sz(), kind.elem_sz()));
        graph.add([name, info(8, 0, false), W::Id(outer)]);
    }
    typedef
}

/// A random number generator for tests that must repeat: xorshift.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }

    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for i in (1..list.len()).rev() {
            list.swap(i, self.below(i + 1));
        }
    }
}

/// The project's folder.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs the command.
pub fn btfkinds<I, S>(args: I) -> Output
where
    I: IntoIterator<Item = S>,
    S: AsRef<std::ffi::OsStr>,
{
    Command::new(env!("CARGO_BIN_EXE_btfkinds")).args(args).output().expect("btfkinds runs")
}

/// Runs the command, which must succeed, and gives what it printed.
pub fn ok<I, S>(args: I) -> String
where
    I: IntoIterator<Item = S>,
    S: AsRef<std::ffi::OsStr>,
{
    let out = btfkinds(args);
    let err = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "exit {:?}: {err}", out.status.code());
    String::from_utf8(out.stdout).expect("text")
}

/// Runs the command, which must fail with exit status 2, and gives what it said.
pub fn fails<I, S>(args: I) -> String
where
    I: IntoIterator<Item = S>,
    S: AsRef<std::ffi::OsStr>,
{
    let out = btfkinds(args);
    let err = String::from_utf8(out.stderr).expect("text");
    assert_eq!(out.status.code(), Some(2), "{err}");
    err
}

/// Runs another program, which must succeed, and gives its standard output.
pub fn run(program: &str, args: &[&str]) -> Vec<u8> {
    // bpftool is in sbin, which is not on everybody's path.
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let out = Command::new(program).args(args).env("PATH", path).output();
    let out = out.unwrap_or_else(|err| panic!("{program}: {err}"));
    assert!(
        out.status.success(),
        "{program} {args:?}: {:?}\n{}",
        out.status.code(),
        String::from_utf8_lossy(&out.stderr)
    );
    out.stdout
}

/// A temporary folder and a way to name files in it.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Folder {
        Folder(tempfile::tempdir().expect("a temporary folder"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn name(&self, name: &str) -> String {
        self.path(name).to_str().expect("a path in UTF-8").to_owned()
    }

    pub fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        std::fs::write(self.path(name), bytes).expect("a temporary file");
        self.name(name)
    }
}
