//! Which types of a module are the base's: slow, and word for word what the definition says.

#![allow(unreachable_pub)]

use std::collections::HashMap;

use crate::common::{Graph, MadeUp, W};

const ENUM: u32 = 6;
const FWD: u32 = 7;
const FUNC: u32 = 12;
const VAR: u32 = 14;
const DATASEC: u32 = 15;
const ENUM64: u32 = 19;

/// The number of the kind that is not released.
pub const MADE_UP_KIND: u32 = 42;

/// One word of a record, names by content and ids without what they lead to.
#[derive(PartialEq, Eq, Hash, Clone)]
enum Piece {
    Id,
    Plain(u32),
    Text(String),
}

pub struct Type {
    pub kind: u32,
    pub vlen: u32,
    pub flag: bool,
    pub name: String,
    /// The same number for types that are the same but for what their ids lead to.
    local: usize,
    /// It never becomes another.
    stays: bool,
    /// Where the id words lead.
    pub ids: Vec<usize>,
}

/// The numbers that `Type::local` gives.
#[derive(Default)]
pub struct Locals(HashMap<(Option<String>, Vec<Piece>), usize>);

/// The types of a graph: index 0 is void, the types of the graph follow in their order.
pub fn types(
    graph: &Graph,
    made_up: Option<&MadeUp>,
    own_functions: &[&str],
    locals: &mut Locals,
) -> Vec<Type> {
    let void = Type {
        kind: 0,
        vlen: 0,
        flag: false,
        name: String::new(),
        local: usize::MAX,
        stays: false,
        ids: Vec::new(),
    };
    let mut all = vec![void];
    for words in &graph.types {
        let W::N(info) = words[1] else { panic!("info is a plain word") };
        let (kind, name) = (info >> 24 & 0x7f, graph.text(words[0]).to_owned());
        let mut ids = Vec::new();
        let pieces = words.iter().map(|word| match *word {
            W::N(n) => Piece::Plain(n),
            W::Id(index) => {
                ids.push(index + 1);
                Piece::Id
            }
            W::Abs(id) => {
                ids.push(id as usize);
                Piece::Id
            }
            W::S(_) | W::Own(_) => Piece::Text(graph.text(*word).to_owned()),
        });
        let pieces: Vec<Piece> = pieces.collect();
        // Kinds of one number and different words are different kinds.
        let classes = (kind == MADE_UP_KIND).then(|| {
            let kind = made_up.expect("a kind that is not released is known");
            format!("{} {} {}", kind.third, kind.fixed, kind.element)
        });
        let stays = matches!(kind, VAR | DATASEC)
            || (kind == FUNC && own_functions.contains(&name.as_str()));
        let next = locals.0.len();
        let local = *locals.0.entry((classes, pieces)).or_insert(next);
        let (vlen, flag) = (info & 0xff_ffff, info >> 31 == 1);
        all.push(Type { kind, vlen, flag, name, local, stays, ids });
    }
    all
}

/// Whether `m` only says that there is a type of this name, and `b` is such a type.
fn declares(m: &Type, b: &Type) -> bool {
    !m.name.is_empty()
        && m.name == b.name
        && match m.kind {
            FWD => b.kind == if m.flag { 5 } else { 4 },
            ENUM => m.vlen == 0 && (b.kind == ENUM64 || (b.kind == ENUM && b.vlen != 0)),
            _ => false,
        }
}

/// A relation between the types of two lists.
pub type Relation = Vec<Vec<bool>>;

/// Which relation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// Between types of one blob: whether anything tells them apart.
    Within,
    /// Between a module and a base: exactly the same.
    Exact,
    /// As that; declarations are also the same as what they declare.
    Fits,
}

/// The largest relation in which types are alike and lead, id by id, to types that are in it.
pub fn largest(a: &[Type], b: &[Type], sort: Sort) -> Relation {
    let alike = |a: &Type, b: &Type| a.local == b.local && (sort == Sort::Within || !a.stays);
    let declared = |a: &Type, b: &Type| sort == Sort::Fits && declares(a, b);
    let mut related: Relation =
        a.iter().map(|a| b.iter().map(|b| alike(a, b) || declared(a, b)).collect()).collect();
    related[0][0] = true;
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    for (x, row) in related.iter().enumerate() {
        pairs.extend(row.iter().enumerate().filter(|(_, is)| **is).map(|(y, _)| (x, y)));
    }
    pairs.retain(|(x, y)| !declared(&a[*x], &b[*y]));
    loop {
        let before = pairs.len();
        pairs.retain(|(x, y)| {
            let ids = a[*x].ids.iter().zip(&b[*y].ids);
            let holds = ids.into_iter().all(|(x, y)| related[*x][*y]);
            related[*x][*y] = holds;
            holds
        });
        if pairs.len() == before {
            return related;
        }
    }
}

/// Why a type of the module became what it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Choice {
    /// Exactly this type of the base.
    Exact(usize),
    /// This type of the base, which fits.
    Fits(usize),
    /// Several types of the base fit, and it can't be told which it is.
    Unclear,
    /// No type of the base fits.
    Own,
}

impl Choice {
    pub fn id(self) -> Option<usize> {
        match self {
            Choice::Exact(id) | Choice::Fits(id) => Some(id),
            Choice::Unclear | Choice::Own => None,
        }
    }
}

/// What every type of the module becomes, by id.
pub fn choices(module: &[Type], base: &[Type]) -> Vec<Choice> {
    let exact = largest(module, base, Sort::Exact);
    let fits = largest(module, base, Sort::Fits);
    let same = largest(base, base, Sort::Within);
    let choose = |m: usize| {
        let ty = &module[m];
        if let Some(b) = (0..base.len()).find(|b| exact[m][*b]) {
            return Choice::Exact(b);
        }
        let all: Vec<usize> = (0..base.len()).filter(|b| fits[m][*b]).collect();
        let Some(&lowest) = all.first() else { return Choice::Own };
        let declaration = ty.kind == FWD || (ty.kind == ENUM && ty.vlen == 0);
        let clear = || all.iter().all(|b| all.iter().all(|other| b == other || same[*b][*other]));
        if (!ty.name.is_empty() && !declaration) || clear() {
            Choice::Fits(lowest)
        } else {
            Choice::Unclear
        }
    };
    (0..module.len()).map(choose).collect()
}
