//! BTF and ELF, read without the library: by a reader made for the tests, bpftool, `object` and
//! readelf.

#![allow(unreachable_pub)]

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::process::Command;

use object::{Object, ObjectSection};

use crate::common::run;

/// The word classes of the kinds, as FORMAT.md has them: `i` an id, `s` a string, `n` a number.
fn classes(kind: u32) -> (char, &'static str, &'static str) {
    match kind {
        2 | 8..=12 | 18 => ('i', "", ""),
        14 | 17 => ('i', "n", ""),
        13 => ('i', "", "si"),
        1 => ('n', "n", ""),
        3 => ('n', "iin", ""),
        4 | 5 => ('n', "", "sin"),
        6 => ('n', "", "sn"),
        7 | 16 => ('n', "", ""),
        15 => ('n', "", "inn"),
        19 => ('n', "", "snn"),
        20 => ('n', "n", "n"),
        _ => panic!("kind {kind}"),
    }
}

/// A blob and those that it is split on: ids and string offsets run through all of them.
#[derive(Default)]
pub struct Chain {
    /// Every word with its class, by type id.
    pub records: Vec<Vec<(char, u32)>>,
    pub strings: Vec<u8>,
    /// The first id of the last blob, and where its records start in it.
    pub first: usize,
    pub places: Vec<usize>,
}

pub fn word(big_endian: bool, bytes: &[u8]) -> u32 {
    let bytes = bytes[..4].try_into().unwrap();
    if big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
}

pub fn words(big_endian: bool, bytes: &[u8]) -> Vec<u32> {
    bytes.chunks(4).map(|chunk| word(big_endian, chunk)).collect()
}

impl Chain {
    pub fn of(blobs: &[&[u8]]) -> Chain {
        let mut chain = Chain { records: vec![Vec::new()], ..Chain::default() };
        for blob in blobs {
            let big = blob[0] == 0xeb;
            let [header, types, types_len, strs, strs_len] =
                [4, 8, 12, 16, 20].map(|at| word(big, &blob[at..]) as usize);
            (chain.first, chain.places) = (chain.records.len(), Vec::new());
            let (start, end) = (header + types, header + types + types_len);
            let all = words(big, &blob[start..end]);
            let mut rest = &all[..];
            while let [_, info, ..] = rest {
                let (third, fixed, element) = classes(info >> 24 & 0x7f);
                let elements = element.repeat((info & 0xff_ffff) as usize);
                let layout = ['s', 'n', third].into_iter().chain(fixed.chars());
                let record: Vec<(char, u32)> =
                    layout.chain(elements.chars()).zip(rest.iter().copied()).collect();
                chain.places.push(end - rest.len() * 4);
                rest = &rest[record.len()..];
                chain.records.push(record);
            }
            chain.strings.extend(&blob[header + strs..header + strs + strs_len]);
        }
        chain
    }

    pub fn string(&self, offset: u32) -> &str {
        let text = self.strings.get(offset as usize..).unwrap();
        std::str::from_utf8(text.split(|byte| *byte == 0).next().unwrap()).unwrap()
    }

    pub fn string_at(&self, text: &str) -> u32 {
        (0..self.strings.len() as u32).find(|at| self.string(*at) == text).unwrap()
    }

    pub fn count(&self) -> u32 {
        self.records.len() as u32
    }

    /// A type as kind and name.
    pub fn name(&self, id: u32) -> String {
        let record = &self.records[id as usize];
        format!("{} '{}'", record[1].1 >> 24 & 0x7f, self.string(record[0].1))
    }

    /// The type that byte `offset` of the last blob is in, and how far in.
    pub fn place(&self, offset: usize) -> (u32, usize) {
        let own = self.places.partition_point(|start| *start <= offset) - 1;
        ((self.first + own) as u32, offset - self.places[own])
    }
}

/// The byte offset of the place of the first variable in the first DATASEC.
pub fn datasec_place(blob: &[u8]) -> usize {
    let chain = Chain::of(&[blob]);
    let own = chain.records.iter().skip(1).position(|r| r[1].1 >> 24 == 15).unwrap();
    chain.places[own] + 16
}

/// What ids become: those from `.0` on grow by `.1`.
pub type Moved = (u32, u32);

pub fn moved((from, by): Moved, id: u32) -> u32 {
    if id >= from && id != 0 { id + by } else { id }
}

/// Every type of the last blob of `old` is there in `new`, and means the same.
pub fn same_types(old: &Chain, new: &Chain, by: Moved) {
    for id in old.first as u32..old.count() {
        let (was, is) = (&old.records[id as usize], &new.records[moved(by, id) as usize]);
        assert_eq!(was.len(), is.len(), "[{id}]");
        for ((class, was), (_, is)) in was.iter().zip(is) {
            match class {
                'i' => assert_eq!(moved(by, *was), *is, "[{id}]"),
                's' => assert_eq!(old.string(*was), new.string(*is), "[{id}]"),
                _ => assert_eq!(was, is, "[{id}]"),
            }
        }
    }
}

// The same by bpftool.

pub fn dump(file: &str, base: Option<&str>) -> String {
    let base = base.into_iter().flat_map(|base| ["-B", base]);
    let args: Vec<&str> = base.chain(["btf", "dump", "file", file]).collect();
    String::from_utf8(run("bpftool", &args)).unwrap()
}

/// The ids of types, by kind and name: `STRUCT 'point'`.
pub fn ids(dump: &str) -> BTreeMap<String, u32> {
    let line = |line: &str| {
        let (id, rest) = line.strip_prefix('[')?.split_once("] ")?;
        let end = rest.rfind('\'')?;
        Some((rest[..=end].to_owned(), id.parse().unwrap()))
    };
    dump.lines().filter_map(line).collect()
}

pub fn describes_all(dump: &str) {
    for kind in 1..=19 {
        assert_eq!(dump.matches(&format!(" TYPEDEF '__BTF_KIND_{kind}' ")).count(), 1, "{kind}");
    }
}

// ELF files, by `object` and readelf.

pub fn section_range(elf: &[u8], name: &str) -> Option<Range<usize>> {
    let file = object::File::parse(elf).unwrap();
    let (start, size) = file.section_by_name(name)?.file_range()?;
    Some(start as usize..(start + size) as usize)
}

pub fn section(elf: &[u8], name: &str) -> Vec<u8> {
    elf[section_range(elf, name).unwrap()].to_vec()
}

pub fn btf_of(path: &str) -> Vec<u8> {
    section(&fs::read(path).unwrap(), ".BTF")
}

pub fn readelf(flags: &str, path: &str) -> String {
    let out = Command::new("readelf").args([flags, path]).output().unwrap();
    assert!(out.stderr.is_empty(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

/// readelf's section headers, without place and size where those may change.
fn headers(path: &str, grown: &[&str]) -> Vec<String> {
    let line = |line: &str| {
        let mut fields: Vec<&str> = line.rsplit(']').next().unwrap().split_whitespace().collect();
        if fields.first().is_some_and(|name| grown.contains(name)) {
            fields.drain(3..5);
        }
        fields.join(" ")
    };
    readelf("-SW", path).lines().map(line).collect()
}

/// Where a section's header is.
pub fn header_at(elf: &[u8], name: &str) -> usize {
    let file = object::File::parse(elf).unwrap();
    let (low, entry) = match (file.is_64(), file.is_little_endian()) {
        (true, true) => (0x28, 64),
        (true, false) => (0x2c, 64),
        (false, _) => (0x20, 40),
    };
    let table = word(!file.is_little_endian(), &elf[low..]) as usize;
    table + entry * file.section_by_name(name).unwrap().index().0
}

/// Nothing in a file changed but the sections in `grown`, which may stand elsewhere, and the
/// content of those in `edited`, to which relocation sections may belong.
pub fn only(old_path: &str, new_path: &str, grown: &[&str], edited: &[&str]) {
    let (old, new) = (fs::read(old_path).unwrap(), fs::read(new_path).unwrap());
    let is_64 = object::File::parse(&old[..]).unwrap().is_64();
    let fields = if is_64 { 0x18..0x28 } else { 0x10..0x18 };
    let place = |name: &&str| {
        let header = header_at(&old, name);
        header + fields.start..header + fields.end
    };
    let mut free: Vec<Range<usize>> = grown.iter().map(place).collect();
    free.extend(grown.iter().chain(edited).map(|name| section_range(&old, name).unwrap()));
    assert!(new.len() >= old.len());
    for (at, (was, is)) in old.iter().zip(&new).enumerate() {
        assert!(was == is || free.iter().any(|range| range.contains(&at)), "byte {at:#x}");
    }
    assert_eq!(headers(old_path, grown), headers(new_path, grown));
    assert_eq!(readelf("-hlsW", old_path), readelf("-hlsW", new_path));
    if !edited.iter().any(|name| name.starts_with(".rel")) {
        assert_eq!(readelf("-rW", old_path), readelf("-rW", new_path));
    }
}

/// The relocations of `.BTF`: where, and all else there is to say of them.
pub fn relocations(elf: &[u8]) -> Vec<(usize, String)> {
    let file = object::File::parse(elf).unwrap();
    let section = file.section_by_name(".BTF").unwrap();
    let all = section.relocations();
    all.map(|(at, r)| (at as usize, format!("{:?} {:?} {}", r.flags(), r.target(), r.addend())))
        .collect()
}

/// Each relocation of `.BTF` is for the same word of the same type as before.
pub fn same_relocations(old: &[u8], new: &[u8], by: Moved) {
    let (old_types, new_types) =
        (Chain::of(&[&section(old, ".BTF")]), Chain::of(&[&section(new, ".BTF")]));
    let (was, is) = (relocations(old), relocations(new));
    assert!(!was.is_empty() && was.len() == is.len());
    for ((was_at, was), (is_at, is)) in was.into_iter().zip(is) {
        let (id, within) = old_types.place(was_at);
        assert_eq!((moved(by, id), within), new_types.place(is_at));
        assert_eq!(was, is);
    }
}

/// What `.BTF.ext` says, a line for each record: ids as types, offsets as strings.
pub fn ext(elf: &[u8]) -> Vec<String> {
    let (data, types) = (section(elf, ".BTF.ext"), Chain::of(&[&section(elf, ".BTF")]));
    let all = words(data[0] == 0xeb, &data);
    let mut lines = Vec::new();
    for (part, name) in ["func", "line", "relo"].into_iter().enumerate() {
        let [offset, len] = [2, 3].map(|at| (all[at + part * 2] / 4) as usize);
        let start = all[1] as usize / 4 + offset;
        let (size, mut rest) = (all[start] as usize / 4, &all[start + 1..start + len]);
        while let [section, count, tail @ ..] = rest {
            let (records, tail) = tail.split_at(*count as usize * size);
            rest = tail;
            for r in records.chunks(size) {
                let say = match name {
                    "func" => types.name(r[1]),
                    "line" => {
                        format!("{} {} {}", types.string(r[1]), types.string(r[2]), r[3])
                    }
                    _ => format!("{} {} {}", types.name(r[1]), types.string(r[2]), r[3]),
                };
                lines.push(format!("{name} {} {} {say}", types.string(*section), r[0]));
            }
        }
    }
    lines
}
