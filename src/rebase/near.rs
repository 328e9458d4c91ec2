//! Near misses: types of the module that the base has under the same name with another shape.

use std::collections::{HashMap, HashSet, VecDeque};
use std::rc::Rc;

use bstr::BStr;

use super::Rebased;
use super::matching::BaseIndex;
use super::signature::{Tag, defines};
use crate::btf::{Btf, Record, StrOff, TypeId};
use crate::dump::c::{declaration, definition};
use crate::dump::encoding;
use crate::kind::{Kind, Third};
use crate::relocate::is_composite;

/// A type or function of the module that is not quite the base's of that name: as
/// if the module had been built against other headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearMiss {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Its id in the standalone BTF.
    pub own: TypeId,
    /// The id of the base's type of that name that is most like it.
    pub base: TypeId,
    /// Both as C, the module's first.
    pub text: [String; 2],
    /// Both sizes in bytes, the module's first; 0 for functions and typedefs.
    pub size: [u32; 2],
    /// How one of the module's functions reaches it: from the function to the type, without the types
    /// that have no name; empty if no function does.
    pub reached: Vec<(Kind, String)>,
}

/// How many types of the base of one name are compared with one of the module.
const MOST_NAMESAKES: usize = 64;

/// The longest way from one name to the next that is followed.
const LONGEST_CHAIN: usize = 64;

impl BaseIndex {
    /// The types that the module kept though the base has one of the same name and nearly the same
    /// shape: most member or value names in common or, for functions, all parameter names; or any type
    /// that is referred to in the same place by types that are the same but for it.
    ///
    /// Types that differ only in what they refer to are not among them, nor those that have no more
    /// than the name in common: then two different things have one name.
    pub fn near_misses(&self, rebased: &Rebased) -> Vec<NearMiss> {
        let module = &rebased.standalone;
        let kept = |ty: &Record<'_>| {
            rebased.moved.id(ty.id()).is_some_and(|new| new.0 >= self.base().type_count())
        };
        let mut found: HashMap<TypeId, NearMiss> = HashMap::new();
        // Types of the module and of the base that are meant to be the same for certain.
        let mut meant: Vec<(Record<'_>, Record<'_>)> = Vec::new();
        let mut compared = HashSet::new();
        let mut texts: HashMap<TypeId, Rc<str>> = HashMap::new();
        for ty in module.types().filter(|ty| kept(ty)) {
            let own_text = match ty.kind() == Kind::FUNC || defines(&ty).is_some() {
                true => definition(module, ty.id()),
                false => continue,
            };
            let mut best = None;
            for other in self.namesakes(&ty) {
                let text = texts
                    .entry(other.id())
                    .or_insert_with(|| Rc::from(definition(self.base(), other.id())));
                let text = Rc::clone(text);
                let like = alike(&ty, &other);
                let same = same_shape(&ty, &other, [&own_text, &text]);
                if best.as_ref().is_none_or(|(_, _, most, _)| like > *most || same) {
                    best = Some((other, text, like, same));
                }
                if same {
                    break;
                }
            }
            let Some((other, text, like, same)) = best else { continue };
            if same || like > 0.5 {
                compared.insert(ty.id());
                meant.push((ty, other));
            }
            if !same && like > 0.5 {
                found.insert(ty.id(), NearMiss::new(&ty, &other, [own_text, text.to_string()]));
            }
        }
        // What these refer to at the same member is meant to be the same, however unlike.
        while let Some((ty, other)) = meant.pop() {
            for (ty, other) in pairs(&ty, &other) {
                if !kept(&ty) || !compared.insert(ty.id()) {
                    continue;
                }
                let text = [text_of(module, &ty), text_of(self.base(), &other)];
                let [own_text, other_text] = &text;
                if !same_shape(&ty, &other, [own_text, other_text]) {
                    found.insert(ty.id(), NearMiss::new(&ty, &other, text));
                }
                meant.push((ty, other));
            }
        }
        self.reach(module, &kept, &mut found);
        let mut found: Vec<NearMiss> = found.into_values().collect();
        // What is nearest to the module's functions comes first.
        found.sort_unstable_by_key(|miss| match miss.reached.len() {
            0 => (usize::MAX, miss.own),
            steps => (steps, miss.own),
        });
        found
    }

    /// The base's types of the same kind and name.
    fn namesakes<'a>(&'a self, ty: &Record<'a>) -> Vec<Record<'a>> {
        match defines(ty) {
            Some(tag) => self.definitions(tag, ty.name()).take(MOST_NAMESAKES).collect(),
            None => self.functions(ty.name()).take(MOST_NAMESAKES).collect(),
        }
    }

    /// Finds out how functions reach the types that were found.
    fn reach(
        &self,
        module: &Btf,
        kept: &dyn Fn(&Record<'_>) -> bool,
        found: &mut HashMap<TypeId, NearMiss>,
    ) {
        let functions = module.types().filter(|ty| ty.kind() == Kind::FUNC && kept(ty));
        let mut open: VecDeque<Record<'_>> = functions.collect();
        let mut from: HashMap<TypeId, TypeId> =
            open.iter().map(|ty| (ty.id(), TypeId::VOID)).collect();
        while let Some(ty) = open.pop_front() {
            ty.for_each_ref(|_, id, is_str| {
                let next = module.get(TypeId(id)).filter(|next| !is_str && kept(next));
                if let Some(next) = next.filter(|next| !from.contains_key(&next.id())) {
                    from.insert(next.id(), ty.id());
                    open.push_back(next);
                }
            });
        }
        for miss in found.values_mut() {
            let mut at = miss.own;
            while let (Some(before), Some(ty)) = (from.get(&at), module.get(at)) {
                if !ty.name().is_empty() {
                    miss.reached.push((ty.kind(), ty.name().to_string()));
                }
                at = *before;
            }
            miss.reached.reverse();
        }
    }
}

impl NearMiss {
    fn new(ty: &Record<'_>, other: &Record<'_>, text: [String; 2]) -> NearMiss {
        let size = |ty: &Record<'_>| match ty.spec().third {
            Third::Size => ty.size_or_type(),
            Third::Id | Third::Unused => 0,
        };
        NearMiss {
            kind: ty.kind(),
            name: ty.name().to_string(),
            own: ty.id(),
            base: other.id(),
            text,
            size: [size(ty), size(other)],
            reached: Vec::new(),
        }
    }
}

/// The names of a type's members, values or parameters.
fn names<'a>(ty: &Record<'a>) -> Vec<&'a BStr> {
    let of = match ty.kind() {
        Kind::FUNC => ty.referred(ty.size_or_type()),
        _ => Some(*ty),
    };
    let elements = of.into_iter().flat_map(|of| of.elements().map(move |element| (of, element)));
    // One that is longer than a name can be is none.
    let names =
        elements.filter_map(|(of, element)| of.btf().view().short_string(*element.first()?));
    names.filter(|name| !name.is_empty()).map(BStr::new).collect()
}

/// How many of the names two types have in common, from 0 to 1.
pub(crate) fn alike(a: &Record<'_>, b: &Record<'_>) -> f64 {
    let function = a.kind() == Kind::FUNC;
    let (a, b) = (names(a), names(b));
    // Many static functions have a name in common, and some parameters.
    if function && a != b {
        return 0.0;
    }
    let most = a.len().max(b.len());
    let b: HashSet<&BStr> = b.into_iter().collect();
    let a: HashSet<&BStr> = a.into_iter().collect();
    let common = a.intersection(&b).count();
    if most == 0 { 0.0 } else { common as f64 / most as f64 }
}

/// Whether two types of one name are the same but for what the types that they name are.
fn same_shape(a: &Record<'_>, b: &Record<'_>, text: [&str; 2]) -> bool {
    if a.kind() == Kind::FUNC {
        return prototype(a) == prototype(b);
    }
    let [a_text, b_text] = text;
    if a.kind() == Kind::TYPEDEF {
        return a_text == b_text;
    }
    let places = |ty: &Record<'_>| {
        // The type of a member is in the text.
        let skip = if is_composite(ty.kind()) { 2 } else { 1 };
        let words = ty.elements().flat_map(|element| element.iter().skip(skip));
        [ty.size_or_type()].into_iter().chain(words.copied()).collect::<Vec<u32>>()
    };
    a_text == b_text && a.kind() == b.kind() && (places(a) == places(b) || contains_other(a, b))
}

/// Whether members of two structs or unions have other sizes: then these are what differs.
fn contains_other(a: &Record<'_>, b: &Record<'_>) -> bool {
    let size = |of: &Record<'_>, member: &[u32]| {
        contained(of, *member.get(1)?).map(|(_, ty)| ty.size_or_type())
    };
    is_composite(a.kind())
        && a.elements().zip(b.elements()).any(|(left, right)| size(a, left) != size(b, right))
}

/// What a function returns and takes. A parameter's own qualifiers are no part of that.
fn prototype(function: &Record<'_>) -> Option<Vec<String>> {
    let prototype = function.referred(function.size_or_type())?;
    let types = prototype.elements().filter_map(|parameter| parameter.get(1).copied());
    let plain = types.map(|id| unqualified(&prototype, id));
    let all = [prototype.size_or_type()].into_iter().chain(plain);
    Some(all.map(|id| declaration(prototype.btf(), TypeId(id), "")).collect())
}

fn unqualified(from: &Record<'_>, id: u32) -> u32 {
    let mut id = id;
    for _ in 0..LONGEST_CHAIN {
        match from.referred(id) {
            Some(ty) if matches!(ty.kind(), Kind::CONST | Kind::VOLATILE | Kind::RESTRICT) => {
                id = ty.size_or_type();
            }
            _ => break,
        }
    }
    id
}

/// What members of one name in two structs or unions lead to, as long as it is named alike: typedefs on
/// the way, and the struct, union, enum or INT at its end.
fn pairs<'a>(a: &Record<'a>, b: &Record<'a>) -> Vec<(Record<'a>, Record<'a>)> {
    let members = |ty: &Record<'a>| -> Vec<(&'a BStr, u32)> {
        let member = |element: &[u32]| match element {
            [name, id, _] => Some((ty.string(StrOff(*name)), *id)),
            _ => None,
        };
        match is_composite(ty.kind()) {
            true => ty.elements().filter_map(member).collect(),
            false => Vec::new(),
        }
    };
    let others: HashMap<&BStr, u32> = members(b).into_iter().collect();
    let mut found = Vec::new();
    for (name, mut left) in members(a) {
        let Some(mut right) = others.get(name).copied() else { continue };
        for _ in 0..LONGEST_CHAIN {
            let (Some(ty), Some(other)) = (a.referred(left), b.referred(right)) else { break };
            let same_name = ty.kind() == other.kind() && ty.name() == other.name();
            if same_name && matches!(ty.kind(), Kind::TYPEDEF | Kind::INT)
                || defines(&ty).is_some()
                    && defines(&ty) == defines(&other)
                    && ty.name() == other.name()
            {
                found.push((ty, other));
            }
            match (link(&ty), link(&other)) {
                (Some(next), Some(other_next)) if same_name => {
                    (left, right) = (next, other_next);
                }
                _ => break,
            }
        }
    }
    found
}

/// The one type that a type is made of, or points to.
fn link(ty: &Record<'_>) -> Option<u32> {
    match ty.kind() {
        Kind::PTR
        | Kind::CONST
        | Kind::VOLATILE
        | Kind::RESTRICT
        | Kind::TYPEDEF
        | Kind::TYPE_TAG => Some(ty.size_or_type()),
        Kind::ARRAY => ty.fixed().first().copied(),
        _ => None,
    }
}

/// The struct, union or enum with a name that a member contains.
fn contained<'a>(from: &Record<'a>, id: u32) -> Option<(Tag, Record<'a>)> {
    let mut id = id;
    for _ in 0..LONGEST_CHAIN {
        let ty = from.referred(id)?;
        match link(&ty).filter(|_| ty.kind() != Kind::PTR) {
            Some(next) => id = next,
            None => return Some((defines(&ty)?, ty)),
        }
    }
    None
}

/// A type as people read it.
fn text_of(btf: &Btf, ty: &Record<'_>) -> String {
    match (ty.kind(), ty.fixed()) {
        (Kind::INT, [word]) => {
            format!("{}: {} bytes, {}", ty.name(), ty.size_or_type(), encoding(*word))
        }
        _ => definition(btf, ty.id()),
    }
}
