//! Random bases, and modules that are made of parts of them.

#![allow(unreachable_pub)]

use std::fmt::Write;
use std::sync::Arc;

use btfkinds::{Btf, KindSpec, Parse};

use crate::common::{Graph, Layout, MadeUp, Random, Style, W, described, info, shared};
use crate::reference::MADE_UP_KIND;

const NAMES: [&str; 4] = ["a", "b", "node", "list"];
const MEMBERS: [&str; 3] = ["x", "y", "next"];

/// Layouts of the kind that is not released.
const LAYOUTS: [MadeUp; 4] = [
    MadeUp { n: MADE_UP_KIND, name: "GADGET", third: 'i', fixed: "s", element: "ni" },
    MadeUp { n: MADE_UP_KIND, name: "GADGET", third: 'n', fixed: "", element: "si" },
    // As the first, with a number where that has a string.
    MadeUp { n: MADE_UP_KIND, name: "GADGET", third: 'i', fixed: "n", element: "ni" },
    MadeUp { n: MADE_UP_KIND, name: "GADGET", third: '-', fixed: "ii", element: "" },
];

/// Kinds, each as often as it is to be drawn.
const MIXES: [&[u32]; 5] = [
    &[1, 1, 2, 2, 2, 3, 4, 4, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19],
    &[1, 2, 2, 2, 4, 4, 4, 4, 4, 5, 6, 6, 7, 7, 19],
    &[1, 2, 2, 2, 9, 10],
    &[1, 2, 2, 3, 4, 4, 5, 13, 13, 8, 7],
    &[1, 2, 2, 4, 4, 12, 12, 13, 13, 17, 18, 14, 15],
];

pub struct Case {
    pub seed: u64,
    /// The base's types, those of its own base first.
    pub base: Graph,
    /// How many of them are in the base's base, if it has one.
    pub lower: Option<usize>,
    pub module: Graph,
    pub big_endian: bool,
    /// Whether the module ends in a record that it is standalone.
    pub recorded: bool,
    pub own_functions: Vec<&'static str>,
    /// The layouts of the kind that is not released, in the base and in the module.
    pub made_up: [Option<&'static MadeUp>; 2],
    /// Whether these describe it themselves.
    pub describes: [bool; 2],
}

/// What types are drawn from.
struct Draw {
    random: Random,
    mix: &'static [u32],
    /// Between how many names is chosen.
    names: usize,
}

impl Draw {
    fn one_in(&mut self, n: usize) -> bool {
        self.random.below(n) == 0
    }

    fn name(&mut self) -> W {
        W::S(NAMES[self.random.below(self.names)])
    }

    fn member(&mut self) -> W {
        W::S(["", MEMBERS[0], MEMBERS[1], MEMBERS[2]][self.random.below(4)])
    }

    /// Void, or one of the first `n` types.
    fn target(&mut self, n: usize) -> W {
        if n == 0 || self.one_in(10) { W::Abs(0) } else { W::Id(self.random.below(n)) }
    }

    fn number(&mut self) -> W {
        W::N([0, 4, 8][self.random.below(3)])
    }

    /// A type that refers to the first `n` types, which may be more than there are yet.
    fn ty(&mut self, n: usize, made_up: Option<&MadeUp>) -> Vec<W> {
        if let Some(kind) = made_up
            && self.one_in(4)
        {
            return self.made_up(n, kind);
        }
        let kind = self.mix[self.random.below(self.mix.len())];
        let maybe_named = if self.one_in(2) { W::S("") } else { self.name() };
        let name = match kind {
            4 | 5 | 6 | 19 => maybe_named,
            2 | 3 | 9..=11 | 13 => W::S(""),
            _ => self.name(),
        };
        let few = self.random.below(3) as u32;
        let flag = self.one_in(2);
        let (vlen, third) = match kind {
            4 | 5 => (few, W::N(8)),
            6 | 19 => (few, W::N(4)),
            13 => (few, self.target(n)),
            15 => (few, self.number()),
            12 => (few % 2, self.target(n)),
            1 | 16 => (0, self.number()),
            3 | 7 => (0, W::N(0)),
            _ => (0, self.target(n)),
        };
        let mut words = vec![name, info(kind, vlen, kind == 7 && flag), third];
        match kind {
            1 => words.push(W::N(1 << 24 | 32)),
            3 => {
                let (to, by, count) = (self.target(n), self.target(n), self.number());
                words.extend([to, by, count]);
            }
            14 | 17 => words.push(self.number()),
            _ => {}
        }
        for i in 0..if kind == 12 { 0 } else { vlen } {
            match kind {
                4 | 5 => {
                    let (name, to) = (self.member(), self.target(n));
                    words.extend([name, to, W::N(i * 32)]);
                }
                6 => words.extend([self.member(), W::N(i)]),
                13 => words.extend([self.member(), self.target(n)]),
                15 => words.extend([self.target(n), W::N(i), W::N(4)]),
                _ => words.extend([self.member(), W::N(i), W::N(0)]),
            }
        }
        words
    }

    fn made_up(&mut self, n: usize, kind: &MadeUp) -> Vec<W> {
        let vlen = if kind.element.is_empty() { 0 } else { self.random.below(3) };
        let third = match kind.third {
            'i' => self.target(n),
            'n' => self.number(),
            _ => W::N(0),
        };
        let mut words = vec![self.name(), info(kind.n, vlen as u32, self.one_in(2)), third];
        for class in [kind.fixed, &kind.element.repeat(vlen)].concat().chars() {
            words.push(match class {
                'i' => self.target(n),
                's' => self.member(),
                _ => self.number(),
            });
        }
        words
    }

    /// Something small about one type becomes another.
    fn mutate(&mut self, graph: &mut Graph, at: usize, n: usize, made_up: Option<&MadeUp>) {
        let words = &graph.types[at];
        let W::N(old_info) = words[1] else { panic!("info is a plain word") };
        let (kind, named) = (old_info >> 24 & 0x7f, words[0] != W::S(""));
        graph.types[at] = match (kind, self.random.below(4)) {
            // A declaration takes the place of what it declares.
            (4 | 5, 0) if named => vec![words[0], info(7, 0, kind == 5), W::N(0)],
            (6 | 19, 0) if named => vec![words[0], info(6, 0, false), W::N(4)],
            (_, 1) if self.one_in(3) => self.ty(n, made_up),
            _ => {
                let mut words = words.clone();
                let place = self.random.below(words.len());
                words[place] = match words[place] {
                    W::N(_) if place == 1 => W::N(old_info ^ (u32::from(kind == 7) << 31)),
                    // See `declarations_of_other_sizes`.
                    word @ W::N(_) if kind == 7 || (kind == 6 && old_info << 8 == 0) => word,
                    W::N(_) => self.number(),
                    W::Id(_) | W::Abs(_) => self.target(n),
                    W::S(_) | W::Own(_) if place == 0 && !named => words[place],
                    W::S(_) | W::Own(_) if place == 0 => self.name(),
                    W::S(_) | W::Own(_) => self.member(),
                };
                words
            }
        };
    }

    /// Copies the types at `from` behind all others, referring to each other as the originals do,
    /// and to the types `outside` gives for all else.
    fn copy(
        &mut self,
        to: &mut Graph,
        types: &[Vec<W>],
        from: &[usize],
        outside: impl Fn(&mut Draw, usize) -> W,
    ) {
        let first = to.types.len();
        for at in from {
            let map = |word: &W| match *word {
                W::Id(old) => match from.iter().position(|at| *at == old) {
                    Some(new) => W::Id(first + new),
                    None => outside(self, old),
                },
                word => word,
            };
            let words: Vec<W> = types[*at].iter().map(map).collect();
            to.types.push(words);
        }
    }
}

/// The types that `start` reaches, itself the first, at most so many.
fn reached(types: &[Vec<W>], start: usize, most: usize) -> Vec<usize> {
    let mut found = vec![start];
    let mut next = 0;
    while next < found.len() && found.len() < most {
        for word in &types[found[next]] {
            match word {
                W::Id(at) if !found.contains(at) => found.push(*at),
                _ => {}
            }
        }
        next += 1;
    }
    found
}

/// No type refers to the typedef that names sizes, the last one of the described.
fn without_sizes(graph: &mut Graph, described: usize) {
    for words in graph.types.iter_mut().skip(described) {
        let sizes = words.iter_mut().filter(|word| **word == W::Id(described.wrapping_sub(1)));
        sizes.for_each(|word| *word = W::Abs(0));
    }
}

/// Nothing but sections and tags refers to variables, as in all BTF that means something; see
/// `types_that_contain_variables`.
fn without_variables(graph: &mut Graph) {
    let kind = |words: &[W]| match words[1] {
        W::N(info) => info >> 24 & 0x7f,
        _ => panic!("info is a plain word"),
    };
    let kinds: Vec<u32> = graph.types.iter().map(|words| kind(words)).collect();
    for words in &mut graph.types {
        if !matches!(kind(words), 15 | 17) {
            for word in words {
                match *word {
                    W::Id(at) if matches!(kinds[at], 14 | 15 | 17) => *word = W::Abs(0),
                    _ => {}
                }
            }
        }
    }
}

impl Case {
    pub fn new(seed: u64) -> Case {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        for _ in 0..4 {
            random.below(2);
        }
        let mix = MIXES[random.below(MIXES.len())];
        let names = 1 + random.below(NAMES.len());
        let mut draw = Draw { random, mix, names };
        let (made_up, describes) = draw.kinds();
        let mut base = Graph::default();
        let mut lower = None;
        if describes[0] {
            describe(&mut base, made_up[0]);
        }
        let described = base.types.len();
        for level in 0..if draw.one_in(4) { 2 } else { 1 } {
            if level == 1 {
                lower = Some(base.types.len());
            }
            draw.fill(&mut base, described, made_up[0]);
        }
        without_variables(&mut base);
        without_sizes(&mut base, described);
        let mut module = Graph::default();
        if describes[1] {
            describe(&mut module, made_up[1]);
        }
        let same_description =
            describes == [true, true] && made_up[0].map(|k| k.fixed) == made_up[1].map(|k| k.fixed);
        let known = if same_description { described } else { 0 };
        let described_here = module.types.len();
        draw.take(&mut module, &base, described, known, made_up);
        without_sizes(&mut module, described_here);
        let own_functions = match draw.random.below(4) {
            0 => vec!["node"],
            1 => vec!["a", "list", "nothing"],
            _ => Vec::new(),
        };
        Case {
            seed,
            base,
            lower,
            module,
            big_endian: draw.one_in(4),
            // A kind that is not described would be now.
            recorded: draw.one_in(4) && (describes[1] || made_up[1].is_none()),
            own_functions,
            made_up,
            describes,
        }
    }

    /// How the base, or the module, is read.
    pub fn parse(&self, module: bool) -> Parse {
        let side = usize::from(module);
        match self.made_up[side] {
            Some(kind) if !self.describes[side] => {
                Parse::new().kind(KindSpec::parse(&kind.file()).unwrap())
            }
            _ => Parse::new(),
        }
    }

    pub fn read_base(&self) -> Arc<Btf> {
        let count = self.lower.unwrap_or(self.base.types.len());
        let part = |from: usize, to: usize| {
            let place = |word: &W| match *word {
                W::Id(at) if at < from => W::Abs(at as u32 + 1),
                W::Id(at) => W::Id(at - from),
                word => word,
            };
            let types = self.base.types[from..to].iter();
            Graph {
                types: types.map(|words| words.iter().map(place).collect()).collect(),
                owned: self.base.owned.clone(),
            }
        };
        let lower = part(0, count);
        let layout = Layout { big_endian: self.big_endian, ..Layout::plain(&lower) };
        let lower = Arc::new(self.parse(false).read(&lower.write(&layout).0).unwrap());
        if count == self.base.types.len() {
            return lower;
        }
        let upper = part(count, self.base.types.len());
        let first = (lower.type_count(), lower.str_len() as u32);
        let layout = Layout { first, big_endian: self.big_endian, ..Layout::plain(&upper) };
        let bytes = upper.write(&layout).0;
        Arc::new(self.parse(false).base(lower).read(&bytes).unwrap())
    }

    pub fn module_bytes(&self) -> Vec<u8> {
        let layout = Layout { big_endian: self.big_endian, ..Layout::plain(&self.module) };
        self.module.write(&layout).0
    }

    /// Everything about the case.
    pub fn text(&self) -> String {
        let mut text = format!(
            "seed {}, base's base {:?}, big endian {}, own functions {:?}\nmade-up kinds {:?}\n",
            self.seed, self.lower, self.big_endian, self.own_functions, self.made_up
        );
        for (what, graph) in [("base", &self.base), ("module", &self.module)] {
            let _ = writeln!(text, "{what}:");
            text += &show(graph);
        }
        text
    }
}

/// A graph as text, one type a line.
pub fn show(graph: &Graph) -> String {
    let mut text = String::new();
    for (index, words) in graph.types.iter().enumerate() {
        let W::N(info) = words[1] else { panic!("info is a plain word") };
        let (kind, flag, vlen) = (info >> 24 & 0x7f, info >> 31, info & 0xff_ffff);
        let _ = write!(text, "  [{}] kind {kind} flag {flag} vlen {vlen}", index + 1);
        for (at, word) in words.iter().enumerate().filter(|(at, _)| *at != 1) {
            let _ = match *word {
                W::N(n) => write!(text, " {n}"),
                W::Id(at) => write!(text, " [{}]", at + 1),
                W::Abs(id) => write!(text, " [{id}]"),
                W::S(_) | W::Own(_) if at == 0 => write!(text, " '{}'", graph.text(*word)),
                W::S(_) | W::Own(_) => write!(text, " .{}", graph.text(*word)),
            };
        }
        text.push('\n');
    }
    text
}

fn describe(graph: &mut Graph, kind: Option<&MadeUp>) {
    let types = shared(graph, Style::Full);
    described(graph, types, kind.expect("a kind"), Style::Full);
}

type Kinds = [Option<&'static MadeUp>; 2];

impl Draw {
    /// The kind that is not released: in most cases there is none.
    fn kinds(&mut self) -> (Kinds, [bool; 2]) {
        if !self.one_in(6) {
            return ([None; 2], [false; 2]);
        }
        let kind = &LAYOUTS[self.random.below(2)];
        let other = match self.random.below(6) {
            0 => &LAYOUTS[2],
            1 => &LAYOUTS[3],
            _ => kind,
        };
        // See `two_meanings_of_one_kind`.
        let differ = !std::ptr::eq(kind, other);
        ([Some(kind), Some(other)], [self.one_in(2), differ || self.one_in(2)])
    }

    /// Adds types that refer to each other and to those that are there, some of them nearly twice.
    fn fill(&mut self, graph: &mut Graph, described: usize, made_up: Option<&MadeUp>) {
        let first = graph.types.len();
        let count = 1 + self.random.below(12);
        for _ in 0..count {
            let words = self.ty(first + count, made_up);
            graph.types.push(words);
        }
        for _ in 0..self.random.below(3) {
            let start = first + self.random.below(graph.types.len() - first);
            let most = 1 + self.random.below(8);
            let part = reached(&graph.types, start, most);
            let part: Vec<usize> = part.into_iter().filter(|at| *at >= described).collect();
            let types = graph.types.clone();
            let to = graph.types.len();
            self.copy(graph, &types, &part, |_, old| W::Id(old));
            let end = graph.types.len();
            if end > to && !self.one_in(4) {
                let at = to + self.random.below(end - to);
                self.mutate(graph, at, end, made_up);
            }
        }
        // The kind's third word may have come to be anything; descriptions have not.
        debug_assert!(graph.types.len() > described);
    }

    /// Takes parts of the base into the module, changed here and there, and adds to them.
    fn take(
        &mut self,
        module: &mut Graph,
        base: &Graph,
        described: usize,
        known: usize,
        made_up: Kinds,
    ) {
        let first = module.types.len();
        // Where both have the same words, records can be copied.
        let same = made_up[0].map(|k| (k.third, k.fixed)) == made_up[1].map(|k| (k.third, k.fixed));
        let is_made_up = |words: &[W]| matches!(words[1], W::N(info) if info >> 24 & 0x7f == 42);
        for _ in 0..1 + self.random.below(3) {
            let count = base.types.len();
            let start = described + self.random.below(count - described);
            let mut part = match self.random.below(3) {
                0 => (described..count).collect(),
                1 => reached(&base.types, start, 1 + self.random.below(10)),
                _ => reached(&base.types, start, usize::MAX),
            };
            part.retain(|at| *at >= described && (same || !is_made_up(&base.types[*at])));
            if self.one_in(2) {
                self.random.shuffle(&mut part);
            }
            // What is not taken is something else.
            let there = module.types.len() + part.len();
            self.copy(module, &base.types, &part, |draw, old| match old < known {
                true => W::Id(old),
                false => draw.target(there),
            });
        }
        for _ in 0..self.random.below(3) {
            let n = module.types.len() + 1;
            let words = self.ty(n, made_up[1]);
            module.types.push(words);
        }
        let n = module.types.len();
        for _ in 0..self.random.below(4).min(n - first) {
            let at = first + self.random.below(n - first);
            self.mutate(module, at, n, made_up[1]);
        }
        if self.one_in(2) {
            self.declare(module, first);
        }
    }

    /// Puts declarations where something is defined, or beside it.
    fn declare(&mut self, graph: &mut Graph, first: usize) {
        let (from, beside) = (graph.types.len(), self.one_in(3));
        for at in first..from {
            let words = graph.types[at].clone();
            let W::N(old_info) = words[1] else { panic!("info is a plain word") };
            let declaration = match old_info >> 24 & 0x7f {
                _ if words[0] == W::S("") || self.one_in(2) => continue,
                kind @ (4 | 5) => vec![words[0], info(7, 0, kind == 5), W::N(0)],
                6 | 19 => vec![words[0], info(6, 0, false), W::N(4)],
                _ => continue,
            };
            if !beside {
                graph.types[at] = declaration;
                continue;
            }
            graph.types.push(declaration);
            // Some of what referred to the definition refers to the declaration now.
            let end = graph.types.len();
            for user in first..end {
                if self.one_in(3) {
                    let places = graph.types[user].iter_mut().filter(|word| **word == W::Id(at));
                    places.for_each(|word| *word = W::Id(end - 1));
                }
            }
        }
    }
}
