//! A blob for each message that there is: the verdict, the id and the message are the kernel's.

use std::collections::BTreeSet;

use btfkinds::check::{Options, Outcome, Rule, check};

use super::oracle::{Both, running};
use super::raw::Raw;

/// What no blob reaches: something else is found first.
const UNREACHABLE: [&str; 6] = [
    "strings-length",   // a blob of 16 MiB is the largest
    "section-var-type", // the variable itself is refused
    "state",            // the kernel's assertions
    "special-end",
    "tag-target", // only where types are not resolved first
    "relocation", // only of a module
];

/// A case: the rule that it breaks, and how.
type Case = (&'static str, fn(&mut Raw));

const INT: u32 = 1 << 24;

/// An id that is not needed.
fn done(_: u32) {}

fn named(raw: &mut Raw, kind: u32, vlen: u32, flag: bool, third: u32, rest: &[u32]) -> u32 {
    let name = raw.name("n");
    raw.add(name, (kind, vlen, flag), third, rest)
}

fn bare(raw: &mut Raw, kind: u32, vlen: u32, flag: bool, third: u32, rest: &[u32]) -> u32 {
    raw.add(0, (kind, vlen, flag), third, rest)
}

/// A struct of 8 bytes with one member.
fn holder(raw: &mut Raw, flag: bool, ty: u32, offset: u32) {
    let name = raw.name("m");
    named(raw, 4, 1, flag, 8, &[name, ty, offset]);
}

fn var(raw: &mut Raw, ty: u32) -> u32 {
    named(raw, 14, 0, false, ty, &[1])
}

fn section(raw: &mut Raw, size: u32, vars: &[u32]) {
    let name = raw.name(".data");
    raw.add(name, (15, vars.len() as u32 / 3, false), size, vars);
}

/// Type 1 is an int of 4 bytes in all of these.
const RECORDS: &[Case] = &[
    ("record-cut", |raw| raw.types.push(vec![0])),
    ("record-cut", |raw| raw.types.push(vec![0, INT, 4])),
    ("record-cut", |raw| done(named(raw, 4, 2, false, 4, &[0, 1, 0]))),
    ("info-bits", |raw| raw.types[0][1] |= 1 << 16),
    ("info-bits", |raw| raw.types[0][1] |= 1 << 29),
    ("kind", |raw| done(bare(raw, 20, 0, false, 0, &[]))),
    ("kind", |raw| done(bare(raw, 0, 0, false, 0, &[]))),
    ("name-offset", |raw| raw.types[0][0] = 5),
    ("name-offset", |raw| raw.types[0][0] = 0x100_0000),
    ("vlen", |raw| raw.types[0][1] |= 1),
    ("kind-flag", |raw| raw.types[0][1] |= 1 << 31),
    ("kind-flag", |raw| done(bare(raw, 2, 0, true, 1, &[]))),
    ("kind-flag", |raw| done(bare(raw, 13, 0, true, 0, &[]))),
    ("named", |raw| done(named(raw, 2, 0, false, 1, &[]))),
    ("named", |raw| done(named(raw, 13, 0, false, 1, &[]))),
    ("named", |raw| done(named(raw, 3, 0, false, 0, &[1, 1, 1]))),
    ("name", |raw| done(bare(raw, 8, 0, false, 1, &[]))),
    ("name", |raw| done(raw.reference(8, "a-b", 1))),
    ("name", |raw| done(raw.reference(8, "9a", 1))),
    ("name", |raw| done(raw.reference(8, &"x".repeat(513), 1))),
    ("name", |raw| done(raw.reference(8, &"x".repeat(2000), 1))),
    ("name-if-any", |raw| done(raw.structure("a b", 4, &[]))),
    ("name-if-any", |raw| {
        let name = raw.bytes_name(b"x\xd7");
        raw.add(name, (6, 0, false), 4, &[]);
    }),
    ("tag-name", |raw| done(bare(raw, 18, 0, false, 1, &[]))),
    ("section-name", |raw| done(bare(raw, 15, 0, false, 4, &[]))),
    ("section-name", |raw| {
        let name = raw.name("a\tb");
        raw.add(name, (15, 0, false), 4, &[]);
    }),
    ("tag-value", |raw| done(bare(raw, 17, 0, false, 1, &[0]))),
    ("type-id", |raw| done(bare(raw, 2, 0, false, 0x10_0000, &[]))),
    ("var-type-id", |raw| done(var(raw, 0))),
    ("int-data", |raw| raw.types[0][3] |= 1 << 28),
    ("int-bits", |raw| raw.types[0][3] = 129),
    ("int-bits", |raw| raw.types[0][3] = 64 << 16 | 65),
    ("int-size", |raw| raw.types[0][3] = 33),
    ("int-encoding", |raw| raw.types[0][3] |= 3 << 24),
    ("fwd-type", |raw| done(named(raw, 7, 0, false, 1, &[]))),
    ("array-size", |raw| done(bare(raw, 3, 0, false, 1, &[1, 1, 1]))),
    ("array-elem-id", |raw| done(bare(raw, 3, 0, false, 0, &[0, 1, 1]))),
    ("array-index-id", |raw| done(bare(raw, 3, 0, false, 0, &[1, 0, 1]))),
    ("enum-size", |raw| done(named(raw, 6, 0, false, 3, &[]))),
    ("enum-size", |raw| done(named(raw, 19, 0, false, 16, &[]))),
    ("float-size", |raw| done(named(raw, 16, 0, false, 1, &[]))),
    ("func-linkage", |raw| done(named(raw, 12, 2, false, 1, &[]))),
    ("var-linkage", |raw| done(named(raw, 14, 0, false, 1, &[2]))),
    ("section-empty", |raw| section(raw, 0, &[])),
    ("tag-component", |raw| done(named(raw, 17, 0, false, 1, &[-2_i32 as u32]))),
    ("member-name-offset", |raw| done(named(raw, 4, 1, false, 4, &[99, 1, 0]))),
    ("member-name", |raw| done(raw.structure("s", 4, &[("a b", 1, 0)]))),
    ("member-type-id", |raw| done(raw.structure("s", 4, &[("a", 0, 0)]))),
    ("member-type-id", |raw| holder(raw, true, 0x10_0000, 3 << 24 | 1)),
    ("union-offset", |raw| done(named(raw, 5, 1, false, 8, &[0, 1, 8]))),
    ("member-order", |raw| done(raw.structure("s", 8, &[("a", 1, 32), ("b", 1, 0)]))),
    ("member-offset", |raw| done(raw.structure("s", 4, &[("a", 1, 33)]))),
    ("value-name-offset", |raw| done(named(raw, 6, 1, false, 4, &[99, 0]))),
    ("value-name", |raw| done(named(raw, 6, 1, false, 4, &[0, 0]))),
    ("value-name", |raw| done(named(raw, 19, 1, true, 4, &[0, 0, 0]))),
    ("section-var-id", |raw| section(raw, 4, &[0, 0, 4])),
    ("section-var-offset", |raw| section(raw, 4, &[2, 4, 4])),
    ("section-var-offset", |raw| section(raw, 8, &[2, 0, 4, 2, 3, 4])),
    ("section-var-size", |raw| section(raw, 4, &[2, 0, 0])),
    ("section-var-end", |raw| section(raw, 4, &[2, 2, 4])),
    // The end is added up in 32 bits.
    ("section-sum", |raw| section(raw, u32::MAX, &[2, 1, u32::MAX, 2, 0, 4])),
];

const TYPES: &[Case] = &[
    ("target", |raw| done(bare(raw, 2, 0, false, 9, &[]))),
    ("target", |raw| {
        let var = var(raw, 1);
        bare(raw, 10, 0, false, var, &[]);
    }),
    ("target", |raw| done(var(raw, 3))),
    ("target", |raw| {
        let fwd = named(raw, 7, 0, false, 0, &[]);
        var(raw, fwd);
    }),
    ("target", |raw| done(named(raw, 12, 0, false, 1, &[]))),
    ("target", |raw| done(named(raw, 17, 0, false, 1, &[0]))),
    // A pointer stops at a function that is not resolved yet; a modifier goes on.
    ("target", |raw| {
        bare(raw, 2, 0, false, 3, &[]);
        named(raw, 12, 0, false, 4, &[]);
        bare(raw, 13, 0, false, 0, &[]);
    }),
    ("accepted", |raw| {
        bare(raw, 10, 0, false, 3, &[]);
        named(raw, 12, 0, false, 4, &[]);
        bare(raw, 13, 0, false, 0, &[]);
    }),
    ("array-index", |raw| done(bare(raw, 3, 0, false, 0, &[1, 9, 1]))),
    ("array-index", |raw| {
        let pointer = bare(raw, 2, 0, false, 1, &[]);
        bare(raw, 3, 0, false, 0, &[1, pointer, 1]);
    }),
    ("array-elem", |raw| {
        let fwd = named(raw, 7, 0, false, 0, &[]);
        bare(raw, 3, 0, false, 0, &[fwd, 1, 1]);
    }),
    ("array-elem", |raw| {
        let void = bare(raw, 10, 0, false, 0, &[]);
        bare(raw, 3, 0, false, 0, &[void, 1, 1]);
    }),
    ("array-of-bits", |raw| {
        let bits = bare(raw, 1, 0, false, 4, &[7]);
        bare(raw, 3, 0, false, 0, &[bits, 1, 1]);
    }),
    ("array-overflow", |raw| done(bare(raw, 3, 0, false, 0, &[1, 1, 1 << 30]))),
    ("member-target", |raw| holder(raw, false, 9, 0)),
    ("member-target", |raw| {
        let void = bare(raw, 10, 0, false, 0, &[]);
        holder(raw, true, void, 0);
    }),
    ("member-align", |raw| {
        let pointer = bare(raw, 2, 0, false, 1, &[]);
        holder(raw, false, pointer, 1);
    }),
    ("member-align", |raw| {
        let list = named(raw, 6, 0, false, 4, &[]);
        holder(raw, true, list, 1);
    }),
    ("member-float-align", |raw| {
        let float = named(raw, 16, 0, false, 4, &[]);
        holder(raw, false, float, 16);
    }),
    ("member-end", |raw| holder(raw, false, 1, 40)),
    ("member-end", |raw| holder(raw, true, 1, 40)),
    // The kernel logs what the member's type comes down to.
    ("member-end", |raw| {
        let inner = raw.structure("inner", 12, &[]);
        let typedef = raw.reference(8, "t", inner);
        holder(raw, false, typedef, 0);
    }),
    ("member-end", |raw| {
        let float = named(raw, 16, 0, false, 16, &[]);
        holder(raw, true, float, 0);
    }),
    ("member-end", |raw| {
        let small = named(raw, 6, 0, false, 1, &[]);
        holder(raw, true, small, 40);
    }),
    ("member-range", |raw| {
        let bits = bare(raw, 1, 0, false, 16, &[100 << 16 | 1]);
        named(raw, 4, 1, false, u32::MAX, &[0, bits, u32::MAX]);
    }),
    ("member-bits", |raw| {
        let large = raw.int(16);
        named(raw, 4, 1, false, 32, &[0, large, 1]);
    }),
    ("bitfield-base", |raw| {
        let bits = bare(raw, 1, 0, false, 4, &[7]);
        holder(raw, true, bits, 0);
    }),
    ("bitfield-offset", |raw| holder(raw, true, 1, 1)),
    ("bitfield-size", |raw| holder(raw, true, 1, 33 << 24)),
    ("bitfield-size", |raw| {
        let pointer = bare(raw, 2, 0, false, 1, &[]);
        holder(raw, true, pointer, 1 << 24);
    }),
    ("bitfield-size", |raw| {
        let list = named(raw, 6, 0, false, 8, &[]);
        holder(raw, true, list, 33 << 24);
    }),
    ("section-target", |raw| section(raw, 4, &[1, 0, 4])),
    ("section-var-small", |raw| {
        let var = var(raw, 1);
        section(raw, 4, &[var, 0, 3]);
    }),
    // The kernel does not look at the size if it had to resolve the variable first.
    ("accepted", |raw| {
        section(raw, 4, &[3, 0, 3]);
        var(raw, 1);
    }),
    ("tag-member", |raw| {
        let one = raw.structure("s", 4, &[("m", 1, 0)]);
        named(raw, 17, 0, false, one, &[1]);
    }),
    ("tag-member", |raw| {
        let var = var(raw, 1);
        named(raw, 17, 0, false, var, &[0]);
    }),
    ("return-type", |raw| done(bare(raw, 13, 0, false, 9, &[]))),
    ("return-type", |raw| {
        let void = bare(raw, 10, 0, false, 0, &[]);
        bare(raw, 13, 0, false, void, &[]);
    }),
    ("arg", |raw| done(bare(raw, 13, 1, false, 0, &[0, 9]))),
    ("arg", |raw| done(bare(raw, 13, 2, false, 0, &[0, 0, 0, 1]))),
    ("arg", |raw| done(bare(raw, 13, 1, false, 0, &[99, 1]))),
    ("arg", |raw| done(bare(raw, 13, 100, false, 0, &[0; 200]))),
    ("arg-vararg", |raw| done(bare(raw, 13, 1, false, 0, &[1, 0]))),
    ("func-arg", |raw| {
        let proto = bare(raw, 13, 1, false, 0, &[0, 1]);
        named(raw, 12, 0, false, proto, &[]);
    }),
    ("loop", |raw| done(bare(raw, 2, 0, false, 2, &[]))),
    ("loop", |raw| done(raw.structure("s", 4, &[("m", 2, 0)]))),
    // A loop through a modifier that was resolved for a struct.
    ("loop", |raw| {
        raw.structure("s", 8, &[("m", 3, 0)]);
        bare(raw, 10, 0, false, 4, &[]);
        bare(raw, 2, 0, false, 3, &[]);
    }),
    ("depth", |raw| {
        (0..33).for_each(|i| done(bare(raw, 10, 0, false, 3 + i, &[])));
        bare(raw, 10, 0, false, 1, &[]);
    }),
    // The same chain the other way round is none.
    ("accepted", |raw| (0..34).for_each(|i| done(bare(raw, 10, 0, false, 1 + i, &[])))),
    ("depth", |raw| {
        (0..33).for_each(|i| done(raw.structure("s", 4, &[("m", 3 + i, 0)])));
        raw.structure("s", 4, &[]);
    }),
    ("tag-order", |raw| {
        let tag = raw.reference(18, "t", 1);
        bare(raw, 10, 0, false, tag, &[]);
    }),
    // Resolved from its middle, then from its start: the depth is enough, the chain too long.
    ("tag-chain", |raw| {
        bare(raw, 2, 0, false, 20, &[]);
        (4..37).for_each(|next| done(bare(raw, 10, 0, false, next, &[])));
        bare(raw, 10, 0, false, 1, &[]);
    }),
];

/// Types 1 to 8 are what the fields of these are made of.
const SPECIAL: &[Case] = &[
    ("accepted", |raw| done(raw.structure("s", 16, &[("l", 2, 0), ("i", 1, 32), ("p", 8, 64)]))),
    ("special-bitfield", |raw| done(raw.structure("s", 12, &[("l", 2, 0), ("i", 1, 33)]))),
    ("special-twice", |raw| done(raw.structure("s", 8, &[("l", 2, 0), ("k", 2, 32)]))),
    ("special-depth", |raw| {
        let mut inner = raw.structure("in", 4, &[("i", 1, 0)]);
        for _ in 0..31 {
            inner = raw.structure("in", 4, &[("m", inner, 0)]);
        }
        raw.structure("s", 8, &[("l", 2, 0), ("m", inner, 32)]);
    }),
    ("special-count", |raw| {
        let array = bare(raw, 3, 0, false, 0, &[8, 1, 11]);
        raw.structure("s", 96, &[("p", 8, 0), ("a", array, 64)]);
    }),
    ("special-array", |raw| {
        let array = bare(raw, 3, 0, false, 0, &[2, 1, 2]);
        raw.structure("s", 16, &[("n", 4, 0), ("a", array, 192)]);
        raw.types.last_mut().unwrap()[2] = 32;
    }),
    ("special-overlap", |raw| done(raw.structure("s", 24, &[("n", 4, 0), ("l", 2, 0)]))),
    ("special-none", |raw| done(raw.structure("s", 12, &[("i", 1, 0), ("p", 8, 32)]))),
    ("kptr-tags", |raw| {
        let tag = raw.reference(18, "kptr", 7);
        let pointer = bare(raw, 2, 0, false, tag, &[]);
        raw.structure("s", 16, &[("p", 8, 0), ("q", pointer, 64)]);
    }),
    ("kptr-tag", |raw| {
        let tag = raw.reference(18, "other", 6);
        let pointer = bare(raw, 2, 0, false, tag, &[]);
        raw.structure("s", 16, &[("p", 8, 0), ("q", pointer, 64)]);
    }),
    ("kptr-target", |raw| {
        let tag = raw.reference(18, "kptr", 1);
        let pointer = bare(raw, 2, 0, false, tag, &[]);
        raw.structure("s", 16, &[("p", 8, 0), ("q", pointer, 64)]);
    }),
    ("kptr-release", |raw| {
        let own = raw.structure("list_head", 4, &[]);
        let tag = raw.reference(18, "kptr", own);
        let pointer = bare(raw, 2, 0, false, tag, &[]);
        raw.structure("s", 8, &[("p", pointer, 0)]);
    }),
    ("accepted", |raw| {
        let own = raw.structure("task_struct", 4, &[]);
        let tag = raw.reference(18, "kptr", own);
        let pointer = bare(raw, 2, 0, false, tag, &[]);
        raw.structure("s", 8, &[("p", pointer, 0)]);
    }),
    ("accepted", |raw| list(raw, "contains:v:n")),
    ("root-tag", |raw| list(raw, "other:v:n")),
    ("root-tag", |raw| list(raw, "contains:v")),
    ("root-tag", |raw| list(raw, "contains:v:")),
    ("root-tag", |raw| {
        list(raw, "contains:v:n");
        let same = raw.types.last().unwrap().clone();
        raw.types.push(same);
    }),
    ("root-value", |raw| list(raw, "contains:w:n")),
    ("root-value", |raw| list(raw, &format!("contains:{}:n", "v".repeat(3000)))),
    ("root-tag", |raw| list(raw, &format!("contains:{}", "v".repeat(3000)))),
    ("root-member", |raw| list(raw, "contains:v:x")),
    ("root-node", |raw| list(raw, "contains:v:i")),
    ("root-lock", |raw| {
        list(raw, "contains:v:n");
        let of = raw.types.len() - 2;
        raw.types[of][4] = 1;
    }),
    // What is in the list is a node only by its name.
    ("root-record", |raw| {
        let node = raw.structure("bpf_list_node", 24, &[]);
        raw.structure("v", 24, &[("n", node, 0)]);
        let root = raw.structure("s", 24, &[("l", 2, 0), ("h", 3, 64)]);
        let name = raw.name("contains:v:n");
        raw.add(name, (17, 0, false), root, &[1]);
    }),
    ("two-locks", |raw| {
        let lock = raw.structure("bpf_res_spin_lock", 4, &[]);
        raw.structure("s", 8, &[("l", 2, 0), ("r", lock, 32)]);
    }),
    ("node-refcount", |raw| {
        let node = raw.structure("bpf_rb_node", 32, &[]);
        raw.structure("s", 56, &[("n", 4, 0), ("r", node, 192)]);
    }),
    ("ownership", |raw| {
        let own = raw.types.len() as u32 + 1;
        raw.structure("s", 48, &[("l", 2, 0), ("h", 3, 64), ("n", 4, 192)]);
        let name = raw.name("contains:s:n");
        raw.add(name, (17, 0, false), own, &[1]);
    }),
];

/// A list of structs `v`, by this tag.
fn list(raw: &mut Raw, tag: &str) {
    raw.structure("v", 32, &[("n", 4, 0), ("i", 1, 192)]);
    let root = raw.structure("s", 24, &[("l", 2, 0), ("h", 3, 64)]);
    let name = raw.name(tag);
    raw.add(name, (17, 0, false), root, &[1]);
}

/// Headers: the rule, and the bytes.
fn headers() -> Vec<(&'static str, Vec<u8>)> {
    let mut raw = Raw::default();
    raw.int(4);
    let plain = raw.bytes();
    let set = |at: usize, value: u32| {
        let mut bytes = plain.clone();
        bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        bytes
    };
    let longer = |value: u8| {
        let mut bytes = set(4, 32);
        bytes.splice(24..24, [0, 0, 0, 0, 0, 0, 0, value]);
        bytes
    };
    let with = |types: &[u8], strings: &[u8]| {
        let mut bytes = Raw::header(types.len() as u32, strings.len() as u32);
        bytes.extend(types);
        bytes.extend(strings);
        bytes
    };
    let types = &plain[24..40];
    let mut strings_first = Raw::header(16, 5);
    strings_first[8..24].copy_from_slice(&[5, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0]);
    strings_first.extend(&plain[40..]);
    strings_first.extend(types);
    let mut unaligned = Raw::header(0, 1);
    unaligned[8] = 1;
    unaligned[16] = 0;
    unaligned.push(0);
    let mut short = plain.clone();
    short[4] = 4;
    vec![
        ("accepted", plain.clone()),
        ("accepted", longer(0)),
        ("size", vec![0; (16 << 20) + 1]),
        ("header-cut", Vec::new()),
        ("header-cut", plain[..7].to_vec()),
        ("header-length", plain[..23].to_vec()),
        ("header-length", set(4, u32::MAX)),
        ("header-tail", longer(1)),
        ("magic", set(0, 0x0001_9feb)),
        ("magic", set(4, 0)),
        ("section-rest", short),
        ("version", set(0, 0x0002_eb9f)),
        ("flags", set(0, 0x0101_eb9f)),
        ("no-data", plain[..24].to_vec()),
        ("section-offset", set(16, 1000)),
        ("section-gap", set(8, 4)),
        ("section-gap", set(16, 20)),
        ("section-overlap", set(16, 12)),
        ("section-length", set(20, 6)),
        ("section-length", set(12, u32::MAX)),
        ("section-rest", set(20, 4)),
        ("strings-last", strings_first),
        ("strings-empty", with(types, b"")),
        ("strings-end", with(types, b"\0int")),
        ("strings-start", with(types, b"aint\0")),
        ("types-align", unaligned),
        ("no-types", with(b"", b"\0")),
    ]
}

/// All of them: the rule, and the blob.
pub fn blobs() -> Vec<(&'static str, Vec<u8>)> {
    let mut all = headers();
    for (rule, make) in RECORDS.iter().chain(TYPES) {
        let mut raw = Raw::default();
        raw.int(4);
        make(&mut raw);
        all.push((rule, raw.bytes()));
    }
    for (rule, make) in SPECIAL {
        let mut raw = Raw::default();
        raw.int(4);
        let known = [
            ("bpf_spin_lock", 4),
            ("bpf_list_head", 16),
            ("bpf_list_node", 24),
            ("bpf_refcount", 4),
        ];
        for (name, size) in known {
            raw.structure(name, size, &[]);
        }
        let own = raw.structure("own", 4, &[]);
        let tag = raw.reference(18, "kptr_untrusted", own);
        raw.reference(2, "", tag);
        make(&mut raw);
        all.push((rule, raw.bytes()));
    }
    all
}

/// Each of them breaks what it is made to break, and every rule has one.
pub fn by_hand() {
    let mut reached = BTreeSet::new();
    let mut wrong = Vec::new();
    for (number, (rule, bytes)) in blobs().into_iter().enumerate() {
        let both = Both::ask(&bytes);
        reached.insert(rule);
        if both.rule != rule || !both.agree() {
            wrong.push(format!("case {number}, {rule}:\n{}", both.text()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let version = running().version;
    for rule in Rule::all().filter(|rule| rule.errno.is_some() && rule.holds(version)) {
        assert_ne!(reached.contains(rule.name), UNREACHABLE.contains(&rule.name), "{}", rule.name);
    }
}

/// The kernel drops what is behind the last id without a word; what refers to it, it refuses.
pub fn too_many_types() {
    let mut raw = Raw::default();
    raw.int(4);
    for _ in 0..0xf_ffff {
        raw.add(0, (16, 0, false), 4, &[]);
    }
    let bytes = raw.bytes();
    let both = Both::ask(&bytes);
    assert!(both.rule == "accepted" && both.agree(), "{}", both.text());
    let report = check(&bytes, &Options { allow: &["string-unused"], ..running() });
    assert_eq!(report.findings().iter().map(|f| f.rule).collect::<Vec<_>>(), ["types-dropped"]);
    for (to, rule) in [(0xf_fffe, "accepted"), (0xf_ffff, "target"), (0x10_0000, "type-id")] {
        raw.types[5] = vec![0, 2 << 24, to];
        let both = Both::ask(&raw.bytes());
        assert!(both.rule == rule && both.agree(), "{rule}: {}", both.text());
    }
}

/// All that is wrong is found, not only the first, and nothing for what follows from it.
pub fn all_findings() {
    let mut raw = Raw::default();
    raw.int(4);
    raw.structure("s", 4, &[("a b", 1, 0), ("c", 1, 99), ("d", 9, 0)]);
    raw.reference(8, "t", 7);
    bare(&mut raw, 2, 0, false, 3, &[]);
    bare(&mut raw, 10, 0, false, 5, &[]);
    bare(&mut raw, 2, 0, false, 99, &[]);
    let report = check(&raw.bytes(), &Options::default());
    let found: Vec<(u32, &str)> =
        report.findings().iter().map(|f| (f.place.type_id.unwrap().0, f.rule)).collect();
    let expected = [
        (2, "member-name"),
        (2, "member-offset"),
        (2, "member-order"),
        (3, "target"),
        (5, "loop"),
        (6, "target"),
    ];
    assert_eq!(found, expected);
    let first = report.first_error().unwrap();
    assert_eq!(first.place.offset, Some(24 + 16 + 12));
    assert_eq!(
        first.to_string(),
        ".BTF+0x34: type [2] STRUCT 's': member 0 a b: the name is not an identifier (member-name, since 4.19)"
    );
    assert_eq!(first.kernel.as_deref(), Some("\ta b type_id=1 bits_offset=0 Invalid name"));
    let few = check(&raw.bytes(), &Options { most: 2, ..Options::default() });
    assert_eq!((few.findings().len(), few.omitted()), (2, 4));
    assert_eq!(few.verdict(), report.verdict());
    assert_ne!(few.verdict(), Outcome::Accepted);
}
