//! Random blobs of all kinds, most of which the newest kernel takes.

use btfkinds::kernel::{Verdict, verify};
use btfkinds::{Btf, KindSpec, Parse};

use super::common::{Graph, MADE_UP, Random, W, info};
use super::{accepted, degraded, running, versions};

const NAMES: [&str; 8] = ["a", "b", "list", "x.y", "_z", "Opt<T>", ".c", "long long name"];

/// What there is to refer to.
#[derive(Clone, Copy)]
struct Type {
    at: usize,
    /// In bytes; None where a type has none.
    size: Option<u32>,
    /// The kind behind modifiers.
    behind: u32,
    /// Whether it is a type tag.
    tag: bool,
}

struct Maker {
    graph: Graph,
    random: Random,
    types: Vec<Type>,
    vars: Vec<Type>,
    protos: Vec<(usize, u32)>,
    tagged: Vec<(usize, u32)>,
    /// Names that no kernel takes.
    odd_names: bool,
}

impl Maker {
    fn below(&mut self, n: usize) -> usize {
        self.random.below(n)
    }

    fn flag(&mut self) -> bool {
        self.below(2) == 0
    }

    fn name(&mut self) -> W {
        let from = if self.odd_names { NAMES.len() } else { 5 };
        W::S(NAMES[self.below(from)])
    }

    fn push(&mut self, kind: u32, size: Option<u32>, words: Vec<W>) -> Type {
        let at = self.graph.add(words);
        let ty = Type { at, size, behind: kind, tag: false };
        self.types.push(ty);
        ty
    }

    fn any(&mut self) -> Type {
        let at = self.below(self.types.len());
        self.types[at]
    }

    fn sized(&mut self) -> Type {
        loop {
            let ty = self.any();
            if ty.size.is_some() {
                return ty;
            }
        }
    }

    fn structure(&mut self, kind: u32) {
        let flag = self.flag();
        let count = self.below(6);
        let mut words = Vec::new();
        let (mut at, mut end) = (0_u32, 0_u32);
        for _ in 0..count {
            let ty = self.sized();
            let size = ty.size.unwrap();
            let bits = match ty.behind {
                1 | 6 | 19 if flag && size <= 4 && self.flag() => {
                    1 + self.below(size.min(4) as usize * 8) as u32
                }
                _ => 0,
            };
            if bits == 0 {
                let align = size.clamp(1, 8).next_power_of_two() * 8;
                at = at.next_multiple_of(align);
            }
            let offset = if kind == 5 { 0 } else { at };
            let name = if self.below(5) == 0 { W::S("") } else { self.name() };
            words.extend([name, W::Id(ty.at), W::N(bits << 24 | offset)]);
            // Enums count as four bytes where structs have the flag.
            at = offset + if bits > 0 { bits } else { size.max(4) * 8 };
            end = end.max(at);
        }
        let size = (end.div_ceil(8)).max(1);
        // Structs that grow without end help nobody.
        if size < 4096 {
            let name = self.name();
            let words = [vec![name, info(kind, count as u32, flag), W::N(size)], words].concat();
            let ty = self.push(kind, Some(size), words);
            self.tagged.push((ty.at, count as u32));
        }
    }

    fn one(&mut self, made_up: bool) {
        let name = self.name();
        let flag = self.flag();
        match self.below(if made_up { 17 } else { 16 }) {
            0 => {
                let (size, bits) = [(1, 8), (2, 16), (4, 32), (8, 64), (16, 128)][self.below(5)];
                self.push(1, Some(size), vec![name, info(1, 0, false), W::N(size), W::N(bits)]);
            }
            1 => {
                let to = W::Id(self.any().at);
                self.push(2, Some(8), vec![W::S(""), info(2, 0, false), to]);
            }
            2 => {
                let (ty, count) = (self.sized(), self.below(3) as u32);
                let size = ty.size.unwrap() * count;
                let words = [W::N(0), W::Id(ty.at), W::Id(0), W::N(count)];
                let head = [W::S(""), info(3, 0, false)];
                self.push(3, Some(size), [&head[..], &words[..]].concat());
            }
            kind @ 3..=4 => self.structure(kind as u32 + 1),
            5 => {
                let size = [1, 2, 4, 8][self.below(4)];
                let count = self.below(3) as u32;
                let mut words = vec![name, info(6, count, flag), W::N(size)];
                (0..count).for_each(|i| words.extend([W::S("E"), W::N(i)]));
                self.push(6, Some(size), words);
            }
            6 => {
                let count = self.below(3) as u32;
                let mut words = vec![name, info(19, count, flag), W::N(8)];
                (0..count).for_each(|i| words.extend([W::S("F"), W::N(i), W::N(i)]));
                self.push(19, Some(8), words);
            }
            7 => {
                self.push(7, None, vec![name, info(7, 0, flag), W::N(0)]);
            }
            8..=9 => {
                let kind = 8 + self.below(4) as u32;
                let to = self.any();
                // Tags come before modifiers, and only pointers and typedefs lead to functions.
                if !to.tag && (kind == 8 || to.behind != 13) {
                    let name = if kind == 8 { name } else { W::S("") };
                    let words = vec![name, info(kind, 0, false), W::Id(to.at)];
                    let ty = self.push(kind, to.size, words);
                    self.types.last_mut().unwrap().behind = to.behind;
                    if kind == 8 {
                        self.tagged.push((ty.at, 0));
                    }
                }
            }
            10 => {
                let to = self.any();
                let words = vec![name, info(18, 0, flag), W::Id(to.at)];
                self.push(18, to.size, words);
                let last = self.types.last_mut().unwrap();
                (last.behind, last.tag) = (to.behind, true);
            }
            11 => {
                let count = self.below(3) as u32;
                let returned = if flag { W::N(0) } else { W::Id(self.sized().at) };
                let mut words = vec![W::S(""), info(13, count, false), returned];
                for _ in 0..count {
                    words.extend([W::S("p"), W::Id(self.sized().at)]);
                }
                let ty = self.push(13, None, words);
                self.protos.push((ty.at, count));
            }
            12 => {
                let count = self.protos.len();
                if count > 0 {
                    let (proto, args) = self.protos[self.random.below(count)];
                    let linkage = self.below(2) as u32;
                    let at = self.graph.add([name, info(12, linkage, false), W::Id(proto)]);
                    self.tagged.push((at, args));
                }
            }
            13 => {
                let ty = self.sized();
                let linkage = self.below(2) as u32;
                let at = self.graph.add([name, info(14, 0, false), W::Id(ty.at), W::N(linkage)]);
                self.vars.push(Type { at, ..ty });
                self.tagged.push((at, 0));
            }
            14 => {
                let name = W::S([".data", ".bss.x", "?.ops", "license"][self.below(4)]);
                let (mut words, mut end) = (Vec::new(), 0);
                let count = self.below(3).min(self.vars.len());
                for _ in 0..count {
                    let var = self.vars[self.random.below(self.vars.len())];
                    let size = var.size.unwrap().max(1);
                    words.extend([W::Id(var.at), W::N(end), W::N(size)]);
                    end += size + self.below(3) as u32;
                }
                let head = vec![name, info(15, count as u32, false), W::N(end.max(1))];
                self.graph.add([head, words].concat());
            }
            15 => {
                let size = [2, 4, 8, 12, 16][self.below(5)];
                self.push(16, Some(size), vec![name, info(16, 0, false), W::N(size)]);
            }
            _ => {
                let kind = &MADE_UP[6 + self.below(5)];
                let vlen = self.below(3) as u32;
                let at = kind.record(&mut self.graph, "made_up", 0, vlen);
                let ty = Type { at, size: Some(1), behind: kind.n, tag: false };
                self.types.push(ty);
            }
        }
        if self.below(6) == 0 && !self.tagged.is_empty() {
            let (at, parts) = self.tagged[self.random.below(self.tagged.len())];
            let part = self.below(parts as usize + 1) as u32;
            let component = if part == parts { u32::MAX } else { part };
            let flag = self.flag();
            self.graph.add([W::S("tag"), info(17, 0, flag), W::Id(at), W::N(component)]);
        }
    }
}

fn blob(seed: u64, made_up: bool) -> Graph {
    let random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut maker = Maker {
        graph: Graph::default(),
        random,
        types: Vec::new(),
        vars: Vec::new(),
        protos: Vec::new(),
        tagged: Vec::new(),
        odd_names: seed.is_multiple_of(7),
    };
    maker.push(1, Some(4), vec![W::S("int"), info(1, 0, false), W::N(4), W::N(1 << 24 | 32)]);
    maker.push(1, Some(1), vec![W::S("char"), info(1, 0, false), W::N(1), W::N(8)]);
    maker.push(1, Some(4), vec![W::S("uint"), info(1, 0, false), W::N(4), W::N(32)]);
    for _ in 0..40 {
        maker.one(made_up);
    }
    maker.graph
}

fn parsed(seed: u64) -> (bool, Btf) {
    let made_up = seed.is_multiple_of(2);
    let parse = MADE_UP[6..]
        .iter()
        .fold(Parse::new(), |parse, kind| parse.kind(KindSpec::parse(&kind.file()).unwrap()));
    (made_up, parse.read(&blob(seed, made_up).bytes()).unwrap())
}

pub(crate) fn blobs() {
    for seed in 1..400 {
        let (_, btf) = parsed(seed);
        for version in versions() {
            let new = degraded(&btf, version);
            // The INTs that unions and bitfields need are there, but for the odd widths of old.
            if version >= super::version("5.0") {
                assert_eq!(new.type_count(), btf.type_count(), "{seed} {version}");
            }
            assert!(new.types().all(|ty| ty.spec().since.unwrap() <= version), "{seed} {version}");
        }
    }
}

pub(crate) fn kernel_takes_them() {
    let running = running();
    let versions: Vec<_> =
        versions().into_iter().filter(|version| *version <= running).chain([running]).collect();
    let (mut taken, mut with_made_up) = (0, 0);
    for seed in 1..1000 {
        let (made_up, btf) = parsed(seed);
        // What is wrong with it apart from made-up kinds and names shows when those are replaced.
        let now = degraded(&btf, running);
        let Verdict::Accepted = verify(&now.to_bytes()) else { continue };
        taken += 1;
        with_made_up += u32::from(made_up);
        for version in &versions {
            accepted(&format!("{seed} for {version}"), &degraded(&btf, *version).to_bytes());
        }
    }
    println!("{taken} of 999 blobs, {with_made_up} with made-up kinds");
    assert!(taken > 800, "{taken}");
}
