//! Structs that BPF programs can allocate: their special fields must fit, and what owns what must have
//! an end.

use std::collections::{HashMap, HashSet};

use super::blob::{Blob, Member, Type};
use super::rule::{self, Rule};
use super::special::{Effect, Field, Finder, MAX_DEPTH, Special, shown};
use super::{Check, Options};
use crate::btf::Btf;
use crate::kind::Kind;

/// The most special fields of a struct.
const MAX_FIELDS: usize = 11;
/// How deep what owns what may be nested.
const MAX_OWNERSHIP: usize = 8;

/// Checks all structs with special fields. All types are known to be in order.
pub(super) fn check(check: &mut Check<'_, '_>) {
    for (rule, id) in broken(&check.blob, check.options) {
        let ty = check.blob.ty(id);
        check.of_type(rule, ty, "");
    }
}

/// What is wrong, and with which structs.
fn broken(blob: &Blob<'_>, options: &Options<'_>) -> Vec<(&'static Rule, u32)> {
    let mut finder = Finder::new(blob);
    let marks = finder.marks();
    let mut records = Records::new(blob, options);
    let mut broken = Vec::new();
    for ty in blob.ids().map(|id| blob.ty(id)).filter(|ty| ty.is(Kind::STRUCT)) {
        let marked = |member: Member| marks.get(member.ty as usize) == Some(&true);
        if !ty.elements(0).map(Member::from).any(marked) {
            continue;
        }
        finder.summarize(ty.id);
        let fields = fields(&finder, ty).and_then(|fields| records.fit(ty, fields));
        match fields {
            Ok(fields) => records.add(ty.id, fields),
            Err(rule) => broken.push((rule, ty.id)),
        }
    }
    if broken.is_empty() {
        broken.extend(records.ownership());
    }
    let mut all = records.warnings;
    all.append(&mut broken);
    all
}

/// The names of a kernel's own structs.
///
/// ```no_run
/// use btfkinds::{Btf, check::{KernelTypes, Options, check}};
///
/// let vmlinux = Btf::parse(&std::fs::read(btfkinds::kernel::VMLINUX)?)?;
/// let kernel = KernelTypes::of(&vmlinux);
/// let options = Options { kernel: Some(&kernel), ..Options::default() };
/// println!("{}", check(&std::fs::read("program.btf")?, &options).verdict());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct KernelTypes {
    structs: HashSet<Vec<u8>>,
}

impl KernelTypes {
    /// Those of a vmlinux.
    pub fn of(vmlinux: &Btf) -> KernelTypes {
        let structs = vmlinux.types().filter(|ty| ty.kind() == Kind::STRUCT);
        KernelTypes { structs: structs.map(|ty| ty.name().to_vec()).collect() }
    }
}

/// A struct that is gone through, nested in another.
struct Frame {
    id: u32,
    next: usize,
    /// How many fields there were before.
    start: usize,
    offset: u32,
    count: u32,
}

/// The special fields of a struct and of what is nested in it, in the order of members.
fn fields(finder: &Finder<'_, '_>, ty: Type<'_>) -> Result<Vec<Field>, &'static Rule> {
    let mut fields = Vec::new();
    let mut stack = vec![Frame { id: ty.id, next: 0, start: 0, offset: 0, count: 1 }];
    while let Some(frame) = stack.last_mut() {
        let effects = finder.summary(frame.id).map_or(&[][..], |summary| &summary.effects);
        let Some(effect) = effects.get(frame.next) else {
            let Frame { id, start, offset, count, .. } = *frame;
            stack.pop();
            let inner: &mut [Field] = fields.get_mut(start..).unwrap_or_default();
            if inner.is_empty() {
                continue;
            }
            for field in inner {
                field.offset = field.offset.wrapping_add(offset);
            }
            repeat(&mut fields, start, count, finder.blob.ty(id).size())?;
            continue;
        };
        frame.next = frame.next.saturating_add(1);
        let level = u32::try_from(stack.len()).unwrap_or(u32::MAX);
        match *effect {
            Effect::Broken(rule) => return Err(rule),
            Effect::Plain(height) => {
                if level.saturating_add(height).saturating_sub(1) >= MAX_DEPTH {
                    return Err(&rule::SPECIAL_DEPTH);
                }
            }
            Effect::Nested(id, offset, count) => {
                if level >= MAX_DEPTH {
                    return Err(&rule::SPECIAL_DEPTH);
                }
                stack.push(Frame { id, next: 0, start: fields.len(), offset, count });
            }
            Effect::Field(count, field) => {
                let start = fields.len();
                if start >= MAX_FIELDS {
                    return Err(&rule::SPECIAL_COUNT);
                }
                fields.push(field);
                repeat(&mut fields, start, count, field.special.size())?;
            }
        }
    }
    Ok(fields)
}

/// An array's fields: those of its first element are there, from `start` on.
fn repeat(
    fields: &mut Vec<Field>,
    start: usize,
    count: u32,
    size: u32,
) -> Result<(), &'static Rule> {
    let one = fields.get(start..).unwrap_or_default().to_vec();
    if count <= 1 {
        return Ok(());
    }
    if !one.iter().all(|field| field.special.is_pointer() || field.special.is_root()) {
        return Err(&rule::SPECIAL_ARRAY);
    }
    if one.len().saturating_mul(count as usize) > MAX_FIELDS.saturating_sub(start) {
        return Err(&rule::SPECIAL_COUNT);
    }
    for number in 1..count {
        let by = number.wrapping_mul(size);
        fields.extend(one.iter().map(|f| Field { offset: f.offset.wrapping_add(by), ..*f }));
    }
    Ok(())
}

/// The members of a struct by their names, and whether a name is there once.
type Named<'a> = HashMap<&'a [u8], (Member, bool)>;

/// The structs with special fields, so far.
struct Records<'a, 'b, 'o> {
    blob: &'b Blob<'a>,
    options: &'o Options<'o>,
    list: Vec<(u32, Vec<Field>)>,
    by_id: HashMap<u32, usize>,
    named: HashMap<u32, Named<'a>>,
    /// Whether the kernel has a struct of that name; by id of ours.
    kernel: HashMap<u32, bool>,
    warnings: Vec<(&'static Rule, u32)>,
}

impl<'a, 'b, 'o> Records<'a, 'b, 'o> {
    fn new(blob: &'b Blob<'a>, options: &'o Options<'o>) -> Self {
        Records {
            blob,
            options,
            list: Vec::new(),
            by_id: HashMap::new(),
            named: HashMap::new(),
            kernel: HashMap::new(),
            warnings: Vec::new(),
        }
    }

    fn add(&mut self, id: u32, fields: Vec<Field>) {
        self.by_id.insert(id, self.list.len());
        self.list.push((id, fields));
    }

    /// Whether the fields of a struct can be together.
    fn fit(&mut self, ty: Type<'_>, fields: Vec<Field>) -> Result<Vec<Field>, &'static Rule> {
        if fields.is_empty() {
            return Err(&rule::SPECIAL_NONE);
        }
        let mut end = 0;
        for field in &fields {
            let next = field.offset.wrapping_add(field.special.size());
            if next > ty.size() {
                return Err(&rule::SPECIAL_END);
            }
            if field.offset < end {
                return Err(&rule::SPECIAL_OVERLAP);
            }
            end = next;
            if field.special.is_root() {
                self.node(field)?;
            } else if field.special.is_pointer() {
                self.pointer(ty, field)?;
            }
        }
        let single = [Special::SpinLock, Special::ResSpinLock, Special::Refcount];
        let count = |special| fields.iter().filter(|field| field.special == special).count();
        if single.into_iter().any(|special| count(special) > 1) {
            self.warn(&rule::SPECIAL_NESTED, ty);
        }
        let has = |special| fields.iter().any(|field| field.special == special);
        let lock = has(Special::SpinLock) || has(Special::ResSpinLock);
        if has(Special::SpinLock) && has(Special::ResSpinLock) {
            return Err(&rule::TWO_LOCKS);
        }
        if fields.iter().any(|field| field.special.is_root()) && !lock {
            return Err(&rule::ROOT_LOCK);
        }
        if has(Special::ListNode) && has(Special::RbNode) && !has(Special::Refcount) {
            return Err(&rule::NODE_COUNT);
        }
        Ok(fields)
    }

    fn warn(&mut self, rule: &'static Rule, ty: Type<'_>) {
        let same = |last: &(&Rule, u32)| last.0.name == rule.name && last.1 == ty.id;
        if !self.warnings.last().is_some_and(same) {
            self.warnings.push((rule, ty.id));
        }
    }

    /// A list or tree: the member that its tag names must be a node of it.
    fn node(&mut self, field: &Field) -> Result<(), &'static Rule> {
        let blob = self.blob;
        let named = self.named.entry(field.target).or_insert_with(|| {
            let mut named = Named::new();
            for member in blob.ty(field.target).elements(0).map(Member::from) {
                let found = named.entry(shown(blob, member.name));
                found.and_modify(|found| found.1 = false).or_insert((member, true));
            }
            named
        });
        // No member's name is longer than an identifier can be.
        let found = named.get(blob.short_name(field.node, 513));
        let (member, once) = *found.ok_or(&rule::ROOT_MEMBER)?;
        let node = blob.ty(member.ty);
        let is: &[u8] =
            if field.special == Special::ListHead { b"bpf_list_node" } else { b"bpf_rb_node" };
        let offset = node.bit_offset(member);
        let fits = once
            && node.is(Kind::STRUCT)
            && shown(blob, node.name_off()) == is
            && offset.is_multiple_of(64);
        if fits { Ok(()) } else { Err(&rule::ROOT_NODE) }
    }

    /// A pointer: if it is to a type of the kernel's, the kernel must know how to release it.
    fn pointer(&mut self, ty: Type<'_>, field: &Field) -> Result<(), &'static Rule> {
        let target = self.blob.ty(field.target);
        let name = shown(self.blob, target.name_off());
        let options = self.options;
        let kernel = *self
            .kernel
            .entry(target.id)
            .or_insert_with(|| options.kernel.is_some_and(|types| types.structs.contains(name)));
        if field.special != Special::Owned {
            return Ok(());
        }
        if kernel && !RELEASED.contains(&name) {
            return Err(&rule::KPTR_RELEASE);
        }
        if options.kernel.is_none() {
            self.warn(&rule::KPTR_KERNEL, ty);
        }
        Ok(())
    }

    /// The record that a field owns: its place in the list. None if it owns nothing that matters.
    fn owned(&self, field: &Field) -> Result<Option<usize>, &'static Rule> {
        let record = self.by_id.get(&field.target).copied();
        let is_kernel = self.kernel.get(&field.target) == Some(&true);
        match field.special {
            special if special.is_root() => record.map(Some).ok_or(&rule::ROOT_RECORD),
            Special::Owned | Special::PerCpu if !is_kernel => Ok(record),
            _ => Ok(None),
        }
    }

    /// The first struct for which what owns what goes too deep.
    fn ownership(&self) -> Option<(&'static Rule, u32)> {
        let fields_of = |at: usize| self.list.get(at).map_or(&[][..], |(_, fields)| fields);
        let is_node = |f: &Field| matches!(f.special, Special::ListNode | Special::RbNode);
        for (id, fields) in &self.list {
            let in_others = fields.iter().any(is_node);
            for field in fields.iter().filter(|field| field.special.is_root()) {
                match self.owned(field) {
                    Err(rule) => return Some((rule, *id)),
                    Ok(Some(owned))
                        if in_others && fields_of(owned).iter().any(|f| f.special.is_root()) =>
                    {
                        return Some((&rule::OWNERSHIP, *id));
                    }
                    Ok(_) => {}
                }
            }
        }
        let mut depths = vec![0_usize; self.list.len()];
        for (root, (id, _)) in self.list.iter().enumerate() {
            if self.too_deep(root, &mut depths) {
                return Some((&rule::OWNERSHIP_DEPTH, *id));
            }
        }
        None
    }

    /// Whether more than so many records own each other from `root` on. `depths` has those that
    /// are known, 0 for the others.
    fn too_deep(&self, root: usize, depths: &mut [usize]) -> bool {
        // Records, which of their fields comes next, and the deepest of those before.
        let mut stack = vec![(root, 0_usize, 0_usize)];
        while let Some((index, next, deepest)) = stack.last_mut() {
            let fields = self.list.get(*index).map_or(&[][..], |(_, fields)| fields);
            let Some(field) = fields.get(*next) else {
                let (index, depth) = (*index, deepest.saturating_add(1));
                stack.pop();
                if let Some(slot) = depths.get_mut(index) {
                    *slot = depth;
                }
                if let Some((_, _, deepest)) = stack.last_mut() {
                    *deepest = depth.max(*deepest);
                }
                continue;
            };
            *next = next.saturating_add(1);
            let Ok(Some(owned)) = self.owned(field) else { continue };
            let known = depths.get(owned).copied().unwrap_or(0);
            *deepest = known.max(*deepest);
            if stack.len().saturating_add(known.max(1)) > MAX_OWNERSHIP {
                return true;
            }
            if known == 0 {
                stack.push((owned, 0, 0));
            }
        }
        false
    }
}

/// The kernel's structs that it knows how to release.
const RELEASED: [&[u8]; 4] = [b"task_struct", b"cgroup", b"bpf_cpumask", b"bpf_crypto_ctx"];
