//! Which definitions a header needs, and which must stand before which.

use super::chain::{self, MAX_LINKS};
use super::decl::is_c_type;
use super::known::{Known, Table};
use super::source::Source;
use crate::btf::{Record, TypeId};
use crate::kind::Kind;

const ENTERED: u8 = 1;
const FINISHED: u8 = 2;
/// Referred to by its tag, or spelled out where it is used.
const MENTIONED: u8 = 4;
const NEEDS_ITSELF: u8 = 8;
const KNOWN: u8 = ENTERED | FINISHED | MENTIONED | NEEDS_ITSELF;
/// All that a declaration with this type needs is finished: as a member, and as what a pointer leads to.
const COMPLETE: u8 = 16;
const INCOMPLETE: u8 = 32;
/// The header has a declaration of this tag.
const DECLARED: u8 = 64;

/// What to do next with a type.
enum Step {
    Enter(TypeId),
    Leave(TypeId),
}

/// The order of a header's types.
pub(super) struct Order<'a> {
    btf: Source<'a>,
    /// Types that have definitions, in an order in which each has what it needs before it.
    pub(super) finished: Vec<TypeId>,
    /// Marks, and the layouts of all structs and unions that are finished.
    pub(super) known: Table<'a>,
    steps: Vec<Step>,
    /// How many members, values and parameters the finished types have in all; how many of the types have
    /// tags; how many names their typedefs and values are.
    pub(super) elements: u64,
    pub(super) tags: usize,
    pub(super) others: usize,
}

impl<'a> Order<'a> {
    pub(super) fn new(btf: Source<'a>, known: Table<'a>) -> Self {
        Order {
            btf,
            finished: Vec::new(),
            known,
            steps: Vec::new(),
            elements: 0,
            tags: 0,
            others: 0,
        }
    }

    /// Adds those of these types that nothing has needed.
    pub(super) fn add_missing(&mut self, ids: &[TypeId]) {
        for id in ids {
            if !self.is_known(*id) {
                self.add(*id);
            }
        }
    }

    /// Adds a type and what it needs.
    pub(super) fn add(&mut self, id: TypeId) {
        self.steps.push(Step::Enter(id));
        while let Some(step) = self.steps.pop() {
            match step {
                Step::Enter(id) => self.enter(id),
                Step::Leave(id) => self.leave(id),
            }
        }
    }

    /// Whether the header has something of this name.
    fn is_known(&self, id: TypeId) -> bool {
        self.mark(id) & KNOWN != 0
    }

    fn mark(&self, id: TypeId) -> u8 {
        self.known.get(id).marks
    }

    fn set(&mut self, id: TypeId, flag: u8) {
        if let Some(known) = self.known.get_mut(id) {
            known.marks |= flag;
        }
    }

    fn enter(&mut self, id: TypeId) {
        let mark = self.mark(id);
        if mark & ENTERED != 0 {
            if mark & FINISHED == 0 {
                self.set(id, NEEDS_ITSELF);
            }
            return;
        }
        let Some(ty) = self.btf.get(id) else { return };
        self.set(id, ENTERED);
        self.steps.push(Step::Leave(id));
        // What is pushed last is entered first.
        match ty.kind() {
            Kind::STRUCT | Kind::UNION => {
                for [_, id, _] in chain::members(ty).iter().rev() {
                    self.need(TypeId(*id), true);
                }
            }
            Kind::FUNC_PROTO => {
                for [_, id] in chain::parameters(ty).iter().rev() {
                    self.need(TypeId(*id), false);
                }
                self.need(chain::next(ty), false);
            }
            Kind::TYPEDEF | Kind::FUNC | Kind::VAR => self.need(chain::next(ty), false),
            _ => {}
        }
    }

    fn leave(&mut self, id: TypeId) {
        self.set(id, FINISHED);
        let Some(ty) = self.btf.get(id) else { return };
        if self.is_defined(ty) {
            self.finished.push(id);
        }
        self.elements = self.elements.saturating_add(u64::from(ty.vlen()));
        match ty.kind() {
            Kind::STRUCT | Kind::UNION => {
                self.tags = self.tags.saturating_add(1);
                self.known.decide(&self.btf, ty);
            }
            Kind::ENUM | Kind::ENUM64 => {
                self.tags = self.tags.saturating_add(1);
                self.others = self.others.saturating_add(ty.vlen() as usize);
            }
            Kind::TYPEDEF => self.others = self.others.saturating_add(1),
            _ => {}
        }
    }

    /// Whether a type that the header needs has a definition of its own.
    fn is_defined(&self, ty: Record<'_>) -> bool {
        match ty.kind() {
            Kind::STRUCT | Kind::UNION => !chain::is_inline(ty),
            // Those without names that are spelled out elsewhere have not come here.
            Kind::ENUM | Kind::ENUM64 => true,
            Kind::TYPEDEF => !chain::is_builtin(&self.btf, ty),
            Kind::INT => !is_c_type(&self.btf, ty),
            Kind::FUNC | Kind::VAR | Kind::FWD => true,
            _ => false,
        }
    }

    /// Asks for what a declaration with this type needs: typedefs and enums always, structs and
    /// unions if they must be `complete`. A pointer can point to what is not complete, but not to
    /// an array of it.
    #[inline]
    fn need(&mut self, id: TypeId, complete: bool) {
        let there = if complete { COMPLETE } else { INCOMPLETE };
        if self.mark(id) & there == 0 && !self.ask(id, complete) {
            self.set(id, there);
        }
    }

    /// Whether something that is needed had to be asked for.
    #[inline(never)]
    fn ask(&mut self, id: TypeId, complete: bool) -> bool {
        let (mut id, mut complete) = (id, complete);
        let mut asked = false;
        for _ in 0..MAX_LINKS {
            let Some(ty) = self.btf.get(id) else { return asked };
            match ty.kind() {
                Kind::PTR => complete = false,
                Kind::ARRAY => complete = true,
                Kind::CONST | Kind::VOLATILE | Kind::RESTRICT | Kind::TYPE_TAG => {}
                Kind::TYPEDEF if chain::is_builtin(&self.btf, ty) => {}
                Kind::TYPEDEF => {
                    asked |= self.push(ty);
                    if !complete {
                        return asked;
                    }
                }
                Kind::FUNC if complete => return asked,
                Kind::FUNC => {}
                Kind::FUNC_PROTO => return asked | self.push(ty),
                Kind::STRUCT | Kind::UNION if complete || chain::is_inline(ty) => {
                    return asked | self.push(ty);
                }
                Kind::ENUM | Kind::ENUM64 if !chain::is_inline(ty) => return asked | self.push(ty),
                Kind::INT if !self.is_known(id) && !is_c_type(&self.btf, ty) => {
                    return asked | self.push(ty);
                }
                Kind::INT | Kind::STRUCT | Kind::UNION | Kind::ENUM | Kind::ENUM64 | Kind::FWD => {
                    self.set(id, MENTIONED);
                    return asked;
                }
                _ => return asked,
            }
            id = chain::next(ty);
        }
        asked
    }

    /// Asks for a type, if it is not there.
    fn push(&mut self, ty: Record<'_>) -> bool {
        let is_missing = self.mark(ty.id()) & FINISHED == 0;
        if is_missing {
            self.steps.push(Step::Enter(ty.id()));
        }
        is_missing
    }
}

impl Table<'_> {
    /// The types that the header names, in the order of their ids.
    pub(super) fn named(&mut self) -> impl Iterator<Item = (TypeId, &mut Known)> {
        self.iter_mut().filter(|(_, known)| known.marks & KNOWN != 0)
    }

    /// Notes that a tag is declared. Gives whether it was already, also for what is no type.
    pub(super) fn declare(&mut self, id: TypeId) -> bool {
        let Some(known) = self.get_mut(id) else { return true };
        let before = known.marks;
        known.marks = before | DECLARED;
        before & DECLARED != 0
    }

    /// Whether a type must be complete before it can be completed.
    pub(super) fn needs_itself(&self, id: TypeId) -> bool {
        self.get(id).marks & NEEDS_ITSELF != 0
    }
}
