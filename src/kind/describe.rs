//! Descriptions, written: [`KindSpec`] to types.

use std::collections::HashMap;

use super::discover::{self, KIND_PREFIX};
use super::{Field, Kind, KindSpec, Source, Third, Version, WordClass};
use crate::btf::{Btf, TypeId, Types};
use crate::error::{Error, ErrorKind, Result};
use crate::origin::Origin;
use crate::renumber::Shift;

const U32: &[u8] = b"__u32";
const S32: &[u8] = b"__s32";

/// Which released kinds to describe in a base or in standalone BTF. Kinds that are not released
/// are described wherever records have them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Select {
    /// All of them.
    #[default]
    All,
    /// Those that records have, and those that the descriptions themselves are made of.
    Used,
    /// None.
    None,
}

/// Where descriptions are put.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Place {
    /// Behind all types: no id changes.
    #[default]
    Back,
    /// Before the first record of a kind above the released ones, else before all types, for
    /// readers that go through the types once. What follows is renumbered.
    Front,
}

/// What to describe, and where.
#[derive(Debug, Clone, Default)]
pub struct Describe {
    /// Which released kinds.
    pub select: Select,
    /// Of these, only the kinds that a kernel or reader of this version does not know.
    pub newer_than: Option<Version>,
    /// Where the descriptions go.
    pub place: Place,
    /// Add an [`Origin`] record that says that the blob is standalone, as modules need it: it
    /// tells so when the module has been renumbered. Not for split BTF.
    pub origin: bool,
}

/// What [`describe`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// The kinds that have a description now and had none, by number.
    pub kinds: Vec<Kind>,
    /// The kinds in use that are not released and of which only sizes are known, from a layout section
    /// or a description without word classes: their descriptions say no more.
    pub without_classes: Vec<Kind>,
    /// How many types were added, an origin record not counted.
    pub types: u32,
    /// Whether an origin record was added.
    pub origin: bool,
    /// The first of them.
    pub first: TypeId,
    /// By how many bytes the type and string sections grew together.
    pub bytes: usize,
    /// How split BTF has to move that continues this blob, and what else holds its type ids.
    pub shift: Shift,
}

/// Describes kinds in `btf`, as ordinary types of it ("encode BTF kinds").
///
/// A base or standalone blob gets the released kinds that `options` select and all others that its
/// records have; split BTF only the latter, where its base does not describe them. What is there
/// already is used, so that describing twice changes nothing.
///
/// # Errors
/// If a limit of the format would be passed; if [`Place::Front`] would have to move ids in records
/// of a kind whose word classes are not known; if the blob holds bytes that cannot be understood
/// and would be lost. The blob is as it was then.
///
/// ```
/// use btfkinds::{Btf, Describe, describe};
///
/// let mut btf = Btf::new();
/// let done = describe(&mut btf, &Describe::default())?;
/// assert_eq!(done.kinds.len(), 19);
/// assert_eq!(describe(&mut btf, &Describe::default())?.types, 0);
/// assert!(btf.types().any(|ty| ty.name() == "__BTF_KIND_ARRAY"));
/// # Ok::<(), btfkinds::Error>(())
/// ```
pub fn describe(btf: &mut Btf, options: &Describe) -> Result<Described> {
    describe_only(btf, options, |_| true)
}

/// The same for some kinds alone.
pub(crate) fn describe_only(
    btf: &mut Btf,
    options: &Describe,
    wanted: impl Fn(Kind) -> bool,
) -> Result<Described> {
    let origin = options.origin && btf.base().is_none() && btf.origin().is_none();
    let mut missing = missing(btf, options, origin)?;
    missing.specs.retain(|spec| wanted(spec.kind));
    missing.sizes_only.retain(|(spec, _)| wanted(spec.kind));
    if missing.specs.is_empty() && missing.sizes_only.is_empty() && !origin {
        let shift =
            Shift { ids_from: btf.type_count(), strs_from: btf.str_end(), ..Shift::default() };
        let without_classes = missing.without_classes;
        return Ok(Described {
            kinds: Vec::new(),
            without_classes,
            types: 0,
            origin: false,
            first: TypeId(btf.type_count()),
            bytes: 0,
            shift,
        });
    }
    match options.place {
        // What is behind all others can be taken off, so that nothing is copied for that.
        Place::Back => {
            let before = btf.checkpoint()?;
            add_missing(btf, options, missing).inspect_err(|_| btf.go_back(before))
        }
        Place::Front => {
            let before = btf.clone();
            add_missing(btf, options, missing).inspect_err(|_| *btf = before)
        }
    }
}

fn add_missing(btf: &mut Btf, options: &Describe, missing: Missing) -> Result<Described> {
    let Missing { specs, sizes_only, without_classes } = missing;
    let mut kinds: Vec<Kind> =
        specs.iter().chain(sizes_only.iter().map(|(spec, _)| spec)).map(|spec| spec.kind).collect();
    kinds.sort_unstable();
    let old_bytes = btf.type_len().saturating_add(btf.str_len());
    // It stays the last type, with the last strings.
    let old_origin = btf.take_origin()?;
    let new_origin = Origin { standalone: Origin::ENCODED, ..Origin::default() };
    let wanted = options.origin && btf.base().is_none();
    let origin = old_origin.or(wanted.then_some(new_origin));
    let first = match options.place {
        Place::Back => btf.type_count(),
        Place::Front => {
            let unreleased = btf.types().find(|ty| !ty.kind().is_released());
            unreleased.map_or(btf.first_id(), |ty| ty.id()).0
        }
    };
    let old_str_end = btf.str_end();
    let mut plan = Plan::new(btf, first);
    plan.records(&specs, &sizes_only)?;
    let Plan { new: mut records, strings, .. } = plan;
    let offsets = btf.intern_all(&strings)?;
    for record in &mut records {
        let info = record.get(1).copied().unwrap_or_default();
        let Some(entry) = btf.kinds().get(Kind::of_info(info)) else { continue };
        entry.refs.for_each_mut(record, |word, is_str| {
            if is_str {
                *word = offsets.get(*word as usize).copied().unwrap_or_default();
            }
        });
    }
    let types = u32::try_from(records.len()).unwrap_or(u32::MAX);
    let strs_by = btf.str_end().saturating_sub(old_str_end);
    let names = origin.map(|_| btf.append_strings(Origin::NAMES)).transpose()?;
    btf.check_room(records.len().saturating_add(usize::from(origin.is_some())))?;
    btf.insert(TypeId(first), &records)?;
    if let (Some(origin), Some(names)) = (origin, names) {
        btf.put_origin_record(origin, names)?;
    }
    btf.refresh_kinds()?;
    Ok(Described {
        kinds,
        without_classes,
        types,
        origin: origin.is_some() && old_origin.is_none(),
        first: TypeId(first),
        bytes: btf.type_len().saturating_add(btf.str_len()).saturating_sub(old_bytes),
        shift: Shift { ids_from: first, ids_by: types, strs_from: old_str_end, strs_by },
    })
}

/// What there is to describe.
struct Missing {
    /// The kinds that are not described, by number.
    specs: Vec<KindSpec>,
    /// Those whose description lacks only the name that carries the sizes, and its typedef.
    sizes_only: Vec<(KindSpec, TypeId)>,
    /// Those of which there is no more to say than sizes.
    without_classes: Vec<Kind>,
}

fn missing(btf: &Btf, options: &Describe, adds_origin: bool) -> Result<Missing> {
    let described = btf.descriptions();
    let mut missing =
        Missing { specs: Vec::new(), sizes_only: Vec::new(), without_classes: Vec::new() };
    if btf.base().is_none() {
        let used = used_kinds(btf, options.select, adds_origin);
        let selected = KindSpec::released()
            .iter()
            .filter(|spec| used.get(spec.kind.index()).is_some_and(|used| *used))
            .filter(|spec| options.newer_than.is_none_or(|version| spec.since > Some(version)))
            .filter(|want| !described.iter().any(|(spec, _)| spec.same_layout(want)));
        missing.specs.extend(selected.map(|spec| KindSpec::clone(spec)));
    }
    for entry in btf.kinds().iter().filter(|entry| !entry.spec.kind.is_released()) {
        let kind = entry.spec.kind;
        if !entry.spec.classes {
            missing.without_classes.push(kind);
            // What the header says can be said by types as well; what types say is there.
            if entry.source == Source::Layout {
                missing.specs.push(KindSpec::clone(&entry.spec));
            }
            continue;
        }
        if let Some(known) = btf.base().and_then(|base| base.known(kind)) {
            let known = known?;
            if known.spec.classes && known.source.is_description() {
                continue;
            }
        }
        let same: Vec<_> =
            described.iter().filter(|(spec, _)| spec.same_layout(&entry.spec)).collect();
        let complete = same.iter().any(|(spec, typedef)| btf.has_sizes_name(spec, *typedef));
        match same.first() {
            _ if complete => {}
            Some((spec, typedef)) if options.place == Place::Back => {
                missing.sizes_only.push((spec.clone(), *typedef));
            }
            _ => missing.specs.push(KindSpec::clone(&entry.spec)),
        }
    }
    Ok(missing)
}

/// Which released kinds `select` means, by number.
fn used_kinds(btf: &Btf, select: Select, adds_origin: bool) -> [bool; 128] {
    let mut used = [select == Select::All; 128];
    if select == Select::Used {
        // The kinds that every description of a kind with words is made of.
        let own = [Kind::INT, Kind::ARRAY, Kind::STRUCT, Kind::UNION, Kind::TYPEDEF];
        let origin = adds_origin.then_some(Kind::ENUM);
        for kind in btf.types().map(|ty| ty.kind()).chain(own).chain(origin) {
            if let Some(slot) = used.get_mut(kind.index()) {
                *slot = true;
            }
        }
    }
    used
}

/// A type of a description: the id to refer to it by, and all existing ids that are as good.
#[derive(Clone)]
struct Node {
    id: u32,
    /// In ascending order.
    same: Vec<u32>,
}

impl Node {
    /// Whether an existing type that refers to `id` refers to this. None refers to a new type:
    /// its id may be the one that another type still has, before it moves up.
    fn is(&self, id: u32) -> bool {
        self.same.binary_search(&id).is_ok()
    }
}

/// A member to be: its name, its type, its offset in bytes.
type Member<'a> = (&'a str, &'a Node, u32);

/// The records to add, and what is there to be used instead.
struct Plan<'a> {
    types: Types<'a>,
    /// The id that the first new type gets.
    first: u32,
    /// Existing types that could be part of a description, by kind and name.
    present: HashMap<(Kind, &'a [u8]), Vec<u32>>,
    /// The names `__u32` and `__s32`, as often as types behind `first` have them.
    behind: Vec<&'static [u8]>,
    /// In place of string offsets they have positions among `strings`.
    new: Vec<Vec<u32>>,
    /// The strings of the new records, in the order in which they come to need them.
    strings: Vec<String>,
    /// Types shared by descriptions, once they were needed.
    shared: HashMap<&'static str, Node>,
}

impl<'a> Plan<'a> {
    fn new(btf: &'a Btf, first: u32) -> Self {
        let mut present: HashMap<(Kind, &[u8]), Vec<u32>> = HashMap::new();
        let mut behind = Vec::new();
        let levels = || std::iter::successors(Some(btf), |btf| btf.base().map(|base| &**base));
        // Most blobs have no names of descriptions: then there are words at most.
        let has_parts = levels().any(|at| discover::has_parts(at.own_strings()));
        for at in levels() {
            let types = at.view();
            for (id, info) in types.own_infos() {
                let kind = Kind::of_info(info);
                if !(is_word(kind) || has_parts && is_compound(kind)) {
                    continue;
                }
                let Some(name) = types.get(id).and_then(|words| part_name(&types, kind, words))
                else {
                    continue;
                };
                if id < first {
                    present.entry((kind, name)).or_default().push(id);
                } else if let Some(word) = [U32, S32].into_iter().find(|word| *word == name) {
                    behind.push(word);
                }
            }
        }
        // A base's types come before those of what is split on it.
        present.values_mut().for_each(|ids| ids.sort_unstable());
        Plan {
            types: btf.view(),
            first,
            present,
            behind,
            new: Vec::new(),
            strings: Vec::new(),
            shared: HashMap::new(),
        }
    }

    /// Plans the descriptions of `specs`, and names that carry the sizes of other ones.
    fn records(&mut self, specs: &[KindSpec], sizes_only: &[(KindSpec, TypeId)]) -> Result<()> {
        specs.iter().try_for_each(|spec| self.description(spec))?;
        for (spec, typedef) in sizes_only {
            let to = self.types.get(typedef.0).and_then(|words| words.get(2).copied());
            let to = to.unwrap_or_default();
            self.sizes_name(spec, &Node { id: to, same: vec![to] });
        }
        Ok(())
    }

    fn description(&mut self, spec: &KindSpec) -> Result<()> {
        let name = &spec.name;
        let header = if spec.classes { self.header(spec.third)? } else { self.plain_header()? };
        let part = |suffix: &str| format!("__BTF_KIND_{suffix}_{name}");
        let fixed = match (spec.fixed.as_slice(), spec.elements.as_slice()) {
            ([], _) => None,
            (fields, []) => Some(("meta", self.part(&part("META"), fields, 1)?)),
            (fields, _) => Some(("info", self.part(&part("INFO"), fields, 1)?)),
        };
        let elements = match spec.elements.as_slice() {
            [] => None,
            fields => Some(("meta", self.part(&part("META"), fields, 0)?)),
        };
        let bytes = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let end = bytes(spec.fixed_size().saturating_add(12));
        let mut members = vec![("type", &header, 0)];
        members.extend(fixed.as_ref().map(|(name, node)| (*name, node, 12)));
        members.extend(elements.as_ref().map(|(name, node)| (*name, node, end)));
        let outer = self.strukt(Kind::STRUCT, &format!("__BTF_KIND_{name}"), end, &members)?;
        self.typedef(&format!("__BTF_KIND_{}", spec.kind), &outer);
        if !spec.kind.is_released() {
            self.sizes_name(spec, &outer);
        }
        Ok(())
    }

    /// The typedef that tells a kind's sizes by its name.
    fn sizes_name(&mut self, spec: &KindSpec, outer: &Node) {
        let (fixed, element) = (spec.fixed_size(), spec.element_size());
        self.typedef(&format!("__BTF_SIZES_{}_{fixed}_{element}", spec.kind), outer);
    }

    /// The header struct for this sort of third word.
    fn header(&mut self, third: Third) -> Result<Node> {
        let name = match third {
            Third::Unused => "__btf_type",
            Third::Size => "__btf_type___size",
            Third::Id => "__btf_type___ref",
        };
        if let Some(node) = self.shared.get(name) {
            return Ok(node.clone());
        }
        let name_off = self.word(WordClass::Str);
        let info = self.word(WordClass::U32);
        let (third_name, third) = match third {
            Third::Size => ("size", info.clone()),
            Third::Id => ("type", self.word(WordClass::Id)),
            Third::Unused => {
                let id = self.word(WordClass::Id);
                ("", self.strukt(Kind::UNION, "", 4, &[("size", &info, 0), ("type", &id, 0)])?)
            }
        };
        let members = [("name_off", &name_off, 0), ("info", &info, 4), (third_name, &third, 8)];
        let node = self.strukt(Kind::STRUCT, name, 12, &members)?;
        self.shared.insert(name, node.clone());
        Ok(node)
    }

    /// The header struct where word classes are not known. As in the descriptions of 2022 its name is
    /// plain, which says so.
    fn plain_header(&mut self) -> Result<Node> {
        let name = "__btf_type___sizes";
        if let Some(node) = self.shared.get(name) {
            return Ok(node.clone());
        }
        let word = self.word(WordClass::U32);
        let members = [("name_off", &word, 0), ("info", &word, 4), ("size_or_type", &word, 8)];
        let node = self.strukt(Kind::STRUCT, name, 12, &members)?;
        self.shared.insert(name, node.clone());
        Ok(node)
    }

    /// An array of a struct with these fields.
    fn part(&mut self, name: &str, fields: &[Field], count: u32) -> Result<Node> {
        let words: Vec<Node> = fields.iter().map(|field| self.word(field.class)).collect();
        let names: Vec<String> = (fields.iter().enumerate())
            .map(|(at, field)| match field.name.as_str() {
                "" => format!("w{at}"),
                name => identifier(name),
            })
            .collect();
        let members: Vec<Member<'_>> = names
            .iter()
            .zip(&words)
            .zip((0_u32..).step_by(4))
            .map(|((name, word), at)| (name.as_str(), word, at))
            .collect();
        let size = u32::try_from(fields.len().saturating_mul(4)).unwrap_or(u32::MAX);
        let element = self.strukt(Kind::STRUCT, name, size, &members)?;
        let index = self.int("unsigned int", 0);
        let same = self.same(Kind::ARRAY, "", |words| {
            matches!(words, [_, _, _, ty, ix, n] if element.is(*ty) && index.is(*ix) && *n == count)
        });
        Ok(self.node(same, Kind::ARRAY, "", 0, 0, &[element.id, index.id, count]))
    }

    /// The type of a word of this class.
    fn word(&mut self, class: WordClass) -> Node {
        let name = match class {
            WordClass::U32 => "__u32",
            WordClass::S32 => "__s32",
            WordClass::Id => "__btf_type_id",
            WordClass::Str => "__btf_name_off",
        };
        if let Some(node) = self.shared.get(name) {
            return node.clone();
        }
        let node = match class {
            WordClass::U32 => self.plain(name, "unsigned int", 0),
            WordClass::S32 => self.plain(name, "int", 1),
            WordClass::Id | WordClass::Str => {
                let word = self.word(WordClass::U32);
                self.typedef(name, &word)
            }
        };
        self.shared.insert(name, node.clone());
        node
    }

    /// The typedef of that name for a 4-byte INT, or the INT itself where the name is taken: by
    /// something else, or by a typedef that stands too far behind to be used.
    fn plain(&mut self, name: &str, int: &'static str, encoding: u32) -> Node {
        let word = self.int(int, encoding);
        let present = |kind| self.present.contains_key(&(kind, name.as_bytes()));
        let taken =
            self.behind.contains(&name.as_bytes()) || present(Kind::TYPEDEF) || present(Kind::INT);
        let same =
            self.same(Kind::TYPEDEF, name, |words| words.get(2).is_some_and(|id| word.is(*id)));
        if same.is_empty() && taken { word } else { self.typedef(name, &word) }
    }

    fn int(&mut self, name: &'static str, encoding: u32) -> Node {
        if let Some(node) = self.shared.get(name) {
            return node.clone();
        }
        let encoding = encoding << 24 | 32;
        let same =
            self.same(Kind::INT, name, |words| matches!(words, [_, _, 4, e] if *e == encoding));
        let node = self.node(same, Kind::INT, name, 0, 4, &[encoding]);
        self.shared.insert(name, node.clone());
        node
    }

    fn typedef(&mut self, name: &str, to: &Node) -> Node {
        let same =
            self.same(Kind::TYPEDEF, name, |words| words.get(2).is_some_and(|id| to.is(*id)));
        self.node(same, Kind::TYPEDEF, name, 0, to.id, &[])
    }

    /// A struct or union.
    fn strukt(
        &mut self,
        kind: Kind,
        name: &str,
        size: u32,
        members: &[Member<'_>],
    ) -> Result<Node> {
        let types = self.types;
        let same = self.same(kind, name, |words| {
            let [_, info, has_size, rest @ ..] = words else {
                return false;
            };
            let (found, _) = rest.as_chunks::<3>();
            // kind_flag set would give the offsets another meaning.
            info >> 31 == 0
                && *has_size == size
                && found.len() == members.len()
                && found.iter().zip(members).all(|([name_off, ty, bits], (name, node, at))| {
                    node.is(*ty)
                        && at.checked_mul(8) == Some(*bits)
                        && types.short_string(*name_off) == Some(name.as_bytes())
                })
        });
        let mut words = Vec::new();
        if same.is_empty() {
            for (name, node, at) in members {
                let bits = at.checked_mul(8).filter(|bits| *bits < 1 << 24);
                let Some(bits) = bits else {
                    return Err(Error::new(
                        ErrorKind::Edit,
                        format!("'{name}' lies too far behind in its struct"),
                    ));
                };
                words.extend([self.string(name), node.id, bits]);
            }
        }
        let vlen = u32::try_from(members.len()).unwrap_or(u32::MAX);
        Ok(self.node(same, kind, name, vlen, size, &words))
    }

    /// The existing types of this kind and name for which `test` holds, lowest id first.
    fn same(&self, kind: Kind, name: &str, test: impl Fn(&[u32]) -> bool) -> Vec<u32> {
        let Some(ids) = self.present.get(&(kind, name.as_bytes())) else {
            return Vec::new();
        };
        ids.iter().copied().filter(|id| self.types.get(*id).is_some_and(&test)).collect()
    }

    /// What is there already, or a new record.
    fn node(
        &mut self,
        same: Vec<u32>,
        kind: Kind,
        name: &str,
        vlen: u32,
        third: u32,
        words: &[u32],
    ) -> Node {
        if let Some(id) = same.first().copied() {
            return Node { id, same };
        }
        let added = u32::try_from(self.new.len()).unwrap_or(u32::MAX);
        let info = u32::from(kind.0) << 24 | vlen;
        let mut record = vec![self.string(name), info, third];
        record.extend_from_slice(words);
        self.new.push(record);
        Node { id: self.first.saturating_add(added), same }
    }

    /// The position of one more string.
    fn string(&mut self, string: &str) -> u32 {
        let position = u32::try_from(self.strings.len()).unwrap_or(u32::MAX);
        self.strings.push(string.to_owned());
        position
    }
}

/// A field's name as a C identifier, which the kernel wants of members: fields that were read out
/// of nested structs and arrays are called `a.b` and `v[0]`.
fn identifier(name: &str) -> String {
    let digit = name.starts_with(|c: char| c.is_ascii_digit()).then_some('_');
    let valid = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    digit.into_iter().chain(name.chars().filter(|c| *c != ']').map(valid)).collect()
}

/// Whether the words of descriptions can be of this kind.
fn is_word(kind: Kind) -> bool {
    matches!(kind, Kind::INT | Kind::TYPEDEF)
}

/// Whether what descriptions make of words can be of this kind.
fn is_compound(kind: Kind) -> bool {
    matches!(kind, Kind::STRUCT | Kind::UNION | Kind::ARRAY)
}

/// The kind and name of a type that a description could be made of; None for all others.
pub(crate) fn part_of_description<'a>(
    types: &Types<'a>,
    words: &'a [u32],
) -> Option<(Kind, &'a [u8])> {
    let kind = Kind::of_info(*words.get(1)?);
    let name = (is_word(kind) || is_compound(kind)).then(|| part_name(types, kind, words))?;
    Some((kind, name?))
}

/// The name of a type of one of these kinds, if a description could be made of it.
fn part_name<'a>(types: &Types<'a>, kind: Kind, words: &'a [u32]) -> Option<&'a [u8]> {
    let [name_off, _, _, rest @ ..] = words else {
        return None;
    };
    let names: &[&[u8]] = match kind {
        Kind::INT => &[b"int\0", b"unsigned int\0", b"__u32\0", b"__s32\0"],
        Kind::TYPEDEF => &[b"__u32\0", b"__s32\0", b"__btf_", b"__BTF_"],
        Kind::STRUCT => &[b"__btf_type\0", b"__btf_type___", KIND_PREFIX],
        Kind::UNION => return (*name_off == 0 && rest.len() == 6).then_some(b""),
        _ => {
            let element = types.get(*rest.first()?)?;
            return types.starts_with(*element.first()?, KIND_PREFIX).then_some(b"");
        }
    };
    // Nearly all names differ in the first bytes: only few are looked at to their end.
    let tail = types.tail(*name_off)?;
    let first = tail.first_chunk::<4>()?;
    let ours = names.iter().any(|name| name.first_chunk() == Some(first) && tail.starts_with(name));
    ours.then(|| types.short_string(*name_off)).flatten()
}
