//! Blobs at random: valid ones with every kind in any order, and ways to break them.

use super::common::Random;
use super::raw::{Raw, id_words, kind};

/// What has been generated, by what it can be used for.
#[derive(Default)]
struct Pools {
    /// Types with a size, and the size.
    sized: Vec<(u32, u32)>,
    ints: Vec<u32>,
    protos: Vec<u32>,
    funcs: Vec<(u32, u32)>,
    structs: Vec<(u32, u32)>,
    vars: Vec<(u32, u32)>,
    pointable: Vec<u32>,
    tags: Vec<u32>,
}

fn pick<T: Copy>(random: &mut Random, list: &[T]) -> T {
    list[random.below(list.len())]
}

/// A valid blob, ids in the order of what needs what.
pub fn valid(random: &mut Random) -> Raw {
    let mut raw = Raw::default();
    let mut pools = Pools::default();
    for size in [4, 8, 1, 2, 16] {
        if size == 4 || random.below(3) == 0 {
            let id = raw.int(size);
            pools.ints.push(id);
            pools.sized.push((id, size));
        }
    }
    for number in 0..1 + random.below(24) {
        one(random, &mut raw, &mut pools, number);
    }
    raw
}

fn one(random: &mut Random, raw: &mut Raw, pools: &mut Pools, number: usize) {
    let name = match random.below(8) {
        0 => format!(".n{number}"),
        1 => format!("_n.{number}"),
        2 => "same".to_owned(),
        _ => format!("n{number}"),
    };
    let any = |random: &mut Random, pools: &Pools| {
        if random.below(4) == 0 && !pools.pointable.is_empty() {
            pick(random, &pools.pointable)
        } else if random.below(8) == 0 {
            0
        } else {
            pick(random, &pools.sized).0
        }
    };
    match random.below(19) {
        0 | 1 => {
            let to = any(random, pools);
            let id = raw.reference(2, "", to);
            pools.sized.push((id, 8));
        }
        2 => {
            let (elem, size) = pick(random, &pools.sized);
            let count = pick(random, &[0, 1, 2, 3, 10]);
            if size.saturating_mul(count) < 1 << 20 {
                let index = pick(random, &pools.ints);
                let id = raw.add(0, (3, 0, false), 0, &[elem, index, count]);
                pools.sized.push((id, size * count));
            }
        }
        3..=6 => composite(random, raw, pools, &name),
        7 => {
            let kind = pick(random, &[6, 19]);
            let size = pick(random, &[1, 2, 4, 8]);
            let mut words = Vec::new();
            let count = random.below(4) as u32;
            for value in 0..count {
                words.extend([raw.name(&format!("V{value}")), random.below(1 << 32) as u32]);
                words.extend((kind == 19).then_some(value));
            }
            let name = raw.name(&name);
            let id = raw.add(name, (kind, count, random.below(2) == 0), size, &words);
            pools.sized.push((id, size));
        }
        8 => {
            let name = raw.name(&name);
            let id = raw.add(name, (7, 0, random.below(2) == 0), 0, &[]);
            pools.pointable.push(id);
        }
        9 | 10 => {
            let kind = pick(random, &[8, 9, 10, 11, 8, 9]);
            let (to, size) = pick(random, &pools.sized);
            // Type tags come first: a pointer's tags, then the rest.
            if !pools.tags.contains(&to) {
                let id = raw.reference(kind, if kind == 8 { &name } else { "" }, to);
                pools.sized.push((id, size));
            }
        }
        11 => {
            let (to, size) = pick(random, &pools.sized);
            let id = raw.reference(18, "tag", to);
            raw.types[id as usize - 1][1] |= (random.below(4) as u32 / 3) << 31;
            pools.tags.push(id);
            pools.sized.push((id, size));
        }
        12 => {
            let count = random.below(4) as u32;
            let mut words = Vec::new();
            for arg in 0..count {
                words.extend([raw.name(&format!("a{arg}")), pick(random, &pools.sized).0]);
            }
            let vararg = u32::from(random.below(4) == 0);
            words.extend([0, 0].iter().take(2 * vararg as usize));
            let result = if random.below(2) == 0 { 0 } else { pick(random, &pools.sized).0 };
            let id = raw.add(0, (13, count + vararg, false), result, &words);
            pools.protos.push(id);
            pools.pointable.push(id);
        }
        13 if !pools.protos.is_empty() => {
            let proto = pick(random, &pools.protos);
            let args = raw.types[proto as usize - 1][1] & 0xffff;
            let name = raw.name(&name);
            let id = raw.add(name, (12, random.below(2) as u32, false), proto, &[]);
            pools.funcs.push((id, args));
        }
        14 => {
            let (to, size) = pick(random, &pools.sized);
            let name = raw.name(&name);
            let id = raw.add(name, (14, 0, false), to, &[random.below(2) as u32]);
            pools.vars.push((id, size));
        }
        15 => {
            let mut words = Vec::new();
            let mut at = 0;
            for _ in 0..random.below(4) {
                if !pools.vars.is_empty() {
                    let (var, size) = pick(random, &pools.vars);
                    words.extend([var, at, size.max(1)]);
                    at += size.max(1) + random.below(3) as u32;
                }
            }
            let name = raw.name(pick(random, &[".data", "a section/of-names", "maps"]));
            raw.add(name, (15, words.len() as u32 / 3, false), at.max(1), &words);
        }
        16 => {
            let size = pick(random, &[2, 4, 8, 12, 16]);
            let name = raw.name(&name);
            let id = raw.add(name, (16, 0, false), size, &[]);
            pools.sized.push((id, size));
        }
        17 => {
            let name = raw.name("decl");
            let (to, count) = match random.below(3) {
                0 if !pools.structs.is_empty() => pick(random, &pools.structs),
                1 if !pools.funcs.is_empty() => pick(random, &pools.funcs),
                _ if !pools.vars.is_empty() => (pick(random, &pools.vars).0, 0),
                _ => return,
            };
            let at = if count == 0 || random.below(2) == 0 {
                -1
            } else {
                random.below(count as usize) as i32
            };
            raw.add(name, (17, 0, random.below(2) == 0), to, &[at as u32]);
        }
        _ => {
            // A list of itself.
            let own = raw.types.len() as u32 + 1;
            let pointer = raw.reference(2, "", own + 1);
            let id = raw.structure(&name, 8, &[("next", pointer, 0)]);
            pools.sized.push((id, 8));
        }
    }
}

fn composite(random: &mut Random, raw: &mut Raw, pools: &mut Pools, name: &str) {
    let union = random.below(4) == 0;
    let flag = random.below(3) == 0;
    let (mut words, mut at, mut largest) = (Vec::new(), 0_u32, 0);
    let count = random.below(5) as u32;
    for member in 0..count {
        let (ty, size) = pick(random, &pools.sized);
        at = if union { 0 } else { at.next_multiple_of(8) };
        let name = if random.below(5) == 0 { String::new() } else { format!("m{member}") };
        let name = raw.name(&name);
        if flag && pools.ints.contains(&ty) && size <= 8 && random.below(2) == 0 {
            let bits = 1 + random.below(size as usize * 8) as u32;
            words.extend([name, ty, (bits << 24) | (at * 8)]);
        } else {
            words.extend([name, ty, at * 8]);
        }
        if !union {
            at += size;
        }
        largest = largest.max(size);
        if at > 1 << 16 {
            return;
        }
    }
    let size = if union { largest } else { at };
    let name = if random.below(4) == 0 { 0 } else { raw.name(name) };
    let id = raw.add(name, (if union { 5 } else { 4 }, count, flag), size, &words);
    pools.sized.push((id, size));
    pools.structs.push((id, count));
}

/// Types with a meaning of their own in BPF programs.
pub fn special(random: &mut Random) -> Raw {
    let mut raw = Raw::default();
    let int = raw.int(4);
    let known = [
        ("bpf_spin_lock", 4),
        ("bpf_res_spin_lock", 4),
        ("bpf_list_head", 16),
        ("bpf_list_node", 24),
        ("bpf_rb_root", 16),
        ("bpf_rb_node", 32),
        ("bpf_refcount", 4),
        ("bpf_timer", 16),
        ("bpf_wq", 16),
        ("bpf_task_work", 8),
    ];
    let mut fields = vec![(int, 4_u32)];
    for (name, size) in known {
        if random.below(3) != 0 {
            let size = if random.below(30) == 0 { size + 4 } else { size };
            fields.push((raw.structure(name, size, &[]), size));
        }
    }
    let mut structs: Vec<(u32, u32)> = Vec::new();
    let tag_kinds = ["kptr", "kptr_untrusted", "percpu_kptr", "uptr", "other"];
    for number in 0..1 + random.below(5) {
        // Pointers with tags, to structs before or behind.
        for _ in 0..random.below(3) {
            let to = match random.below(8) {
                0 => int,
                1 => raw.types.len() as u32 + 3,
                _ if !structs.is_empty() => pick(random, &structs).0,
                _ => fields[0].0,
            };
            let most = random.below(5) + 1;
            let tag = raw.reference(18, tag_kinds[random.below(most)], to);
            let to = if random.below(12) == 0 { raw.reference(18, "kptr", tag) } else { tag };
            let pointer = raw.reference(2, "", to);
            let pointer =
                if random.below(8) == 0 { raw.reference(9, "", pointer) } else { pointer };
            fields.push((pointer, 8));
        }
        if random.below(4) == 0 {
            let (elem, size) = pick(random, &fields);
            let count = pick(random, &[0, 1, 2, 3, 12]);
            fields.push((raw.add(0, (3, 0, false), 0, &[elem, int, count]), size * count));
        }
        let (mut at, mut members) = (0_u32, Vec::new());
        let mut tags = Vec::new();
        let names: Vec<String> = (0..6).map(|i| format!("m{i}")).collect();
        for (index, name) in names.iter().take(1 + random.below(6)).enumerate() {
            let (ty, size) = if random.below(5) == 0 && !structs.is_empty() {
                pick(random, &structs)
            } else {
                pick(random, &fields)
            };
            if random.below(12) != 0 {
                at = at.next_multiple_of(if size >= 8 { 8 } else { 4 });
            }
            members.push((name.as_str(), ty, at * 8));
            at += size;
            let head = raw.types.get(ty as usize - 1).is_some_and(|words| {
                let name = &raw.strings[words[0] as usize..];
                name.starts_with(b"bpf_list_head") || name.starts_with(b"bpf_rb_root")
            });
            if head && random.below(10) != 0 || random.below(20) == 0 {
                tags.push(index as u32);
            }
        }
        let id = raw.structure(&format!("s{number}"), at, &members);
        structs.push((id, at));
        for index in tags {
            let (to, member) = (random.below(number + 2), random.below(6));
            let text = match random.below(16) {
                0 => "contains:s0".to_owned(),
                1 => "contains:s0:".to_owned(),
                2 => "contains::m0".to_owned(),
                _ => format!("contains:s{to}:m{member}"),
            };
            let name = raw.name(&text);
            for _ in 0..1 + random.below(12) / 11 {
                raw.add(name, (17, 0, false), id, &[index]);
            }
        }
    }
    raw
}

/// Puts the types into another order.
pub fn shuffle(random: &mut Random, raw: &mut Raw) {
    let mut order: Vec<usize> = (0..raw.types.len()).collect();
    match random.below(3) {
        0 => order.reverse(),
        _ => {
            for at in (1..order.len()).rev() {
                order.swap(at, random.below(at + 1));
            }
        }
    }
    raw.reorder(&order);
}

/// A chain of references, deeper or less deep than the kernel follows.
pub fn chain(random: &mut Random, raw: &mut Raw) {
    let count = raw.types.len();
    let mut last = 1 + random.below(count) as u32;
    let depth = pick(random, &[3, 29, 30, 31, 32, 33, 34, 40]);
    let kinds: &[u32] =
        pick(random, &[&[9], &[2], &[4], &[3], &[9, 2], &[8, 9, 10, 4, 3, 2, 18], &[18, 9]]);
    for _ in 0..depth {
        let kind = pick(random, kinds);
        last = match kind {
            4 => raw.structure("deep", 64, &[("m", last, 0)]),
            3 => raw.add(0, (3, 0, false), 0, &[last, 1, 1]),
            8 => raw.reference(8, "deep", last),
            18 => raw.reference(18, "deep", last),
            _ => raw.reference(kind, "", last),
        };
    }
    if random.below(2) == 0 {
        let mut order: Vec<usize> = (0..raw.types.len()).collect();
        order[count..].reverse();
        raw.reorder(&order);
    }
    if random.below(3) == 0 {
        // A loop.
        let to = 1 + random.below(raw.types.len()) as u32;
        let from = random.below(raw.types.len());
        if let Some(at) = id_words(&raw.types[from]).first() {
            raw.types[from][*at] = to;
        }
    }
}

const WORDS: [u32; 24] = [
    0,
    1,
    2,
    3,
    4,
    7,
    8,
    9,
    15,
    16,
    31,
    32,
    33,
    63,
    64,
    128,
    0xffff,
    0x10000,
    0xf_ffff,
    0x10_0000,
    0xff_ffff,
    0x8000_0000,
    0xffff_fff8,
    u32::MAX,
];

/// Breaks one thing in the records or strings.
pub fn mutate(random: &mut Random, raw: &mut Raw) {
    if raw.types.is_empty() {
        return;
    }
    let count = raw.types.len();
    let at = random.below(count);
    let strings = raw.strings.len();
    let words = &mut raw.types[at];
    if words.len() < 3 {
        return;
    }
    match random.below(20) {
        0 => words[random.below(3)] = pick(random, &WORDS),
        1 | 2 => {
            let word = random.below(words.len());
            words[word] = pick(random, &WORDS);
        }
        3 => {
            let word = random.below(words.len());
            words[word] ^= 1 << random.below(32);
        }
        4 => {
            let word = random.below(words.len());
            words[word] =
                words[word].wrapping_add(pick(random, &[1, 2, 8, u32::MAX, 0u32.wrapping_sub(8)]));
        }
        5..=8 => {
            let ids = id_words(words);
            if !ids.is_empty() {
                words[pick(random, &ids)] = random.below(count + 2) as u32;
            }
        }
        9 => words[1] = words[1] & 0xe0ff_ffff | (random.below(24) as u32) << 24,
        10 => words[1] ^= 1 << 31,
        11 => words[1] = words[1] & 0xffff_0000 | pick(random, &[0, 1, 2, 3, 5, 0xffff]),
        12 => words[0] = random.below(strings + 2) as u32,
        13 => words[2] = pick(random, &[0, 1, 2, 3, 4, 8, 12, 16, 17, 64]),
        14 => {
            let other = raw.types[random.below(count)].clone();
            raw.types.insert(at, other);
        }
        15 => {
            raw.types.remove(at);
        }
        16 => raw.types.swap(at, random.below(count)),
        17 if strings > 1 => {
            let byte = random.below(strings);
            raw.strings[byte] = pick(
                random,
                &[0, b'.', b'-', b' ', b'9', 0x80, 0xa0, 0xc1, 0xd7, 0xff, b'a', b'\n'],
            );
        }
        18 => {
            // The names of elements.
            if words.len() > 5 && matches!(kind(words), 4 | 5 | 6 | 13 | 19) {
                let len = if matches!(kind(words), 6 | 13) { 2 } else { 3 };
                let element = random.below((words.len() - 3) / len);
                words[3 + element * len] = random.below(strings + 2) as u32;
            }
        }
        _ => {
            let length = pick(random, &[1, 500, 511, 512, 513, 600, 1015, 1100]);
            raw.types[at][0] = raw.bytes_name(&vec![b'l'; length]);
        }
    }
}

/// Breaks the header, or cuts the whole blob.
pub fn mutate_bytes(random: &mut Random, bytes: &mut Vec<u8>) {
    match random.below(8) {
        0 => bytes.truncate(random.below(bytes.len() + 1)),
        1 => bytes.push(random.below(2) as u8),
        2 => {
            // A longer header, with or without something in it.
            let extra = pick(random, &[1, 4, 8]);
            let value = (random.below(3) / 2) as u8;
            bytes.splice(24..24, vec![value; extra]);
            bytes[4..8].copy_from_slice(&(24 + extra as u32).to_le_bytes());
        }
        3 => bytes[random.below(4)] ^= 1 << random.below(8),
        4 => {
            let at = 4 + 4 * random.below(5);
            bytes[at] = pick(random, &[0, 1, 4, 7, 8, 12, 20, 23, 24, 25, 255]);
        }
        5 => {
            let at = 4 + 4 * random.below(5);
            bytes[at] = bytes[at].wrapping_add(pick(random, &[1, 4, 252, 255]));
        }
        6 => {
            // Strings before types, or something behind or between.
            let (head, tail) = (bytes[8..16].to_vec(), bytes[16..24].to_vec());
            bytes[8..16].copy_from_slice(&tail);
            bytes[16..24].copy_from_slice(&head);
        }
        _ => {
            let at = random.below(bytes.len());
            bytes[at] ^= 1 << random.below(8);
        }
    }
}

/// A blob as it is, with long chains, with its ids shuffled, or broken in a few places: what a test asks a verifier about.
pub fn varied(random: &mut Random, mut raw: Raw) -> Vec<u8> {
    if random.below(6) == 0 {
        chain(random, &mut raw);
    }
    if random.below(2) == 0 {
        shuffle(random, &mut raw);
    }
    if random.below(3) != 0 {
        for _ in 0..1 + random.below(3) {
            mutate(random, &mut raw);
        }
    }
    let mut bytes = raw.bytes();
    if random.below(12) == 0 {
        mutate_bytes(random, &mut bytes);
    }
    bytes
}
