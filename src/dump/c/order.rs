//! Which definitions a header needs, and which must stand before which.

use super::chain::{self, MAX_LINKS};
use super::decl::is_c_type;
use crate::btf::{Btf, Record, TypeId};
use crate::kind::Kind;

const ENTERED: u8 = 1;
const FINISHED: u8 = 2;
/// Referred to by its tag, or spelled out where it is used.
const MENTIONED: u8 = 4;
const NEEDS_ITSELF: u8 = 8;

/// What to do next with a type.
enum Step {
    Enter(TypeId),
    Leave(TypeId),
}

/// The order of a header's types.
pub(super) struct Order<'a> {
    btf: &'a Btf,
    /// Types in an order in which each has what it needs before it, those that are spelled out
    /// where they are used among them.
    pub(super) finished: Vec<TypeId>,
    /// By type id.
    marks: Vec<u8>,
    steps: Vec<Step>,
}

impl<'a> Order<'a> {
    pub(super) fn new(btf: &'a Btf) -> Self {
        Order {
            btf,
            finished: Vec::new(),
            marks: vec![0; btf.type_count() as usize],
            steps: Vec::new(),
        }
    }

    /// Adds all types of the blob that a header has, with what they need of its bases.
    pub(super) fn add_all(&mut self) {
        for ty in self.btf.types() {
            let has_tag = chain::is_record(ty) || chain::is_enum(ty);
            if ty.kind() == Kind::TYPEDEF || (has_tag && !chain::is_inline(ty)) {
                self.add(ty.id());
            }
        }
        // Enums that only give names to numbers.
        for ty in self.btf.types().filter(|ty| chain::is_enum(*ty) && chain::is_inline(*ty)) {
            if self.mark(ty.id()) == 0 {
                self.add(ty.id());
            }
        }
    }

    /// Adds a type and what it needs.
    pub(super) fn add(&mut self, id: TypeId) {
        self.steps.push(Step::Enter(id));
        while let Some(step) = self.steps.pop() {
            match step {
                Step::Enter(id) => self.enter(id),
                Step::Leave(id) => {
                    self.set(id, FINISHED);
                    self.finished.push(id);
                }
            }
        }
    }

    /// The types that the header names, in the order of their ids.
    pub(super) fn named(&self) -> impl Iterator<Item = TypeId> {
        (0..).zip(&self.marks).filter(|(_, mark)| **mark != 0).map(|(id, _)| TypeId(id))
    }

    /// Whether a type must be complete before it can be completed.
    pub(super) fn needs_itself(&self, id: TypeId) -> bool {
        self.mark(id) & NEEDS_ITSELF != 0
    }

    fn mark(&self, id: TypeId) -> u8 {
        self.marks.get(id.0 as usize).copied().unwrap_or(0)
    }

    fn set(&mut self, id: TypeId, flag: u8) {
        if let Some(mark) = self.marks.get_mut(id.0 as usize) {
            *mark |= flag;
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
                for member in ty.elements().rev() {
                    if let [_, id, _] = *member {
                        self.need(TypeId(id), true);
                    }
                }
            }
            Kind::FUNC_PROTO => {
                for parameter in ty.elements().rev() {
                    if let [_, id] = *parameter {
                        self.need(TypeId(id), false);
                    }
                }
                self.need(chain::next(ty), false);
            }
            Kind::TYPEDEF | Kind::FUNC | Kind::VAR => self.need(chain::next(ty), false),
            _ => {}
        }
    }

    /// Asks for what a declaration with this type needs: typedefs and enums always, structs and
    /// unions if they must be `complete`. A pointer can point to what is not complete, but not to
    /// an array of it.
    fn need(&mut self, id: TypeId, complete: bool) {
        let (mut id, mut complete) = (id, complete);
        for _ in 0..MAX_LINKS {
            let Some(ty) = self.btf.get(id) else { return };
            match ty.kind() {
                Kind::PTR => complete = false,
                Kind::ARRAY => complete = true,
                Kind::CONST | Kind::VOLATILE | Kind::RESTRICT | Kind::TYPE_TAG => {}
                Kind::TYPEDEF if chain::is_builtin(self.btf, ty) => {}
                Kind::TYPEDEF => {
                    self.push(ty);
                    if !complete {
                        return;
                    }
                }
                Kind::FUNC if complete => return,
                Kind::FUNC => {}
                Kind::FUNC_PROTO => return self.push(ty),
                Kind::STRUCT | Kind::UNION if complete || chain::is_inline(ty) => {
                    return self.push(ty);
                }
                Kind::ENUM | Kind::ENUM64 if !chain::is_inline(ty) => return self.push(ty),
                Kind::INT if self.mark(id) == 0 && !is_c_type(self.btf, ty) => {
                    return self.push(ty);
                }
                Kind::INT | Kind::STRUCT | Kind::UNION | Kind::ENUM | Kind::ENUM64 | Kind::FWD => {
                    return self.set(id, MENTIONED);
                }
                _ => return,
            }
            id = chain::next(ty);
        }
    }

    fn push(&mut self, ty: Record<'_>) {
        if self.mark(ty.id()) & FINISHED == 0 {
            self.steps.push(Step::Enter(ty.id()));
        }
    }
}
