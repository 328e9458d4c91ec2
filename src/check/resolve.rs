//! What types make of each other: every chain must end in something, and members must fit.
//!
//! The kernel goes through the types in the order of their ids, and from each one to what it needs to
//! know first. Its stack is 32 deep, and how far it follows depends on what it started from, so that
//! whether it gives up depends on the order of ids. This is the same machine. Where the kernel stops, we
//! mark the type and go on, and say nothing of what depends on it.

use super::blob::{Blob, Element, Member, Type};
use super::rule::{self, Rule};
use super::{Check, Role, member, proto};
use crate::kind::Kind;

/// How deep the kernel's stack is.
const MAX_DEPTH: usize = 32;

/// How far a type is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    NotVisited,
    /// On the stack.
    Visited,
    Resolved,
    /// It could not be resolved, and that has been said.
    Failed,
    /// Something is wrong with its own record, and that has been said.
    Broken,
}

/// What is being resolved: it decides how far references are followed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    ToBeDetermined,
    Pointer,
    StructOrArray,
}

/// What one step came to.
enum Step {
    /// This type must be resolved first.
    Needs(u32),
    /// Resolved to a type and an array's size; both are 0 where they mean nothing.
    Done(u32, u32),
    /// It cannot be resolved, and that has been said, of this type or of what it needs.
    Failed,
}

/// Types that are resolved, and those on the way.
pub(super) struct Resolver {
    states: Vec<State>,
    /// By id: what the type comes down to.
    ids: Vec<u32>,
    /// By id: an array's size.
    sizes: Vec<u32>,
    /// Ids, and which of their elements comes next.
    stack: Vec<(u32, u32)>,
    mode: Mode,
}

/// Whether a compiler left it to who loads the object to link a function or variable.
pub(super) fn is_extern(check: &Check<'_, '_>, ty: Type<'_>) -> bool {
    let linkage = match ty.kind() {
        Kind::FUNC => ty.vlen(),
        Kind::VAR => ty.fixed(),
        _ => return false,
    };
    check.options.role == Role::Object && linkage == 2
}

/// Resolves all types. `broken` are those whose own records are wrong.
pub(super) fn check(check: &mut Check<'_, '_>, broken: &[bool]) {
    let state = |broken: &bool| if *broken { State::Broken } else { State::NotVisited };
    let states: Vec<State> =
        std::iter::once(State::NotVisited).chain(broken.iter().map(state)).collect();
    let mut resolver = Resolver {
        ids: vec![0; states.len()],
        sizes: vec![0; states.len()],
        states,
        stack: Vec::with_capacity(MAX_DEPTH),
        mode: Mode::ToBeDetermined,
    };
    for id in check.blob.ids() {
        let ty = check.blob.ty(id);
        if resolver.is_lost(id) {
            continue;
        }
        if ty.needs_resolve() {
            resolver.resolve(check, ty);
        } else if ty.is(Kind::FUNC_PROTO) {
            proto::check(check, &mut resolver, ty);
        } else if ty.is(Kind::FUNC) {
            proto::names(check, &resolver, ty);
        }
    }
}

impl Resolver {
    fn state(&self, id: u32) -> State {
        self.states.get(id as usize).copied().unwrap_or(State::NotVisited)
    }

    fn set(&mut self, id: u32, state: State) {
        if let Some(slot) = self.states.get_mut(id as usize) {
            *slot = state;
        }
    }

    /// Whether it cannot be known what the type is.
    pub(super) fn is_lost(&self, id: u32) -> bool {
        matches!(self.state(id), State::Failed | State::Broken)
    }

    fn is_resolved(&self, id: u32) -> bool {
        self.state(id) == State::Resolved
    }

    /// Whether the way ends here, for what is being resolved.
    fn is_sink(&self, ty: Type<'_>) -> bool {
        match self.mode {
            Mode::ToBeDetermined => !ty.needs_resolve(),
            Mode::Pointer => !ty.is_modifier() && !ty.is(Kind::PTR),
            Mode::StructOrArray => !ty.is_modifier() && !ty.is(Kind::ARRAY) && !ty.is_struct(),
        }
    }

    /// What must come first before `ty` can be used: the type itself, or what it fails for.
    fn first(&self, ty: Type<'_>) -> Option<Step> {
        match self.state(ty.id) {
            State::Broken => Some(Step::Failed),
            State::Failed if !self.is_sink(ty) => Some(Step::Failed),
            State::NotVisited | State::Visited if !self.is_sink(ty) => Some(Step::Needs(ty.id)),
            _ => None,
        }
    }

    /// The type that has the size of `id`, and that size; None if it has none.
    pub(super) fn sized<'a>(&self, blob: &Blob<'a>, id: u32) -> Option<(Type<'a>, u32)> {
        let mut ty = blob.get(id)?;
        if ty.is_modifier() || ty.is(Kind::VAR) {
            ty = blob.get(self.resolved(id))?;
        }
        if ty.has_no_size() {
            None
        } else if ty.has_own_size() {
            Some((ty, ty.size()))
        } else if ty.is(Kind::ARRAY) {
            Some((ty, self.sizes.get(ty.id as usize).copied().unwrap_or(0)))
        } else {
            ty.is(Kind::PTR).then_some((ty, 8))
        }
    }

    fn resolved(&self, id: u32) -> u32 {
        self.ids.get(id as usize).copied().unwrap_or(0)
    }

    fn push(&mut self, ty: Type<'_>) -> Option<&'static Rule> {
        if self.stack.len() == MAX_DEPTH {
            return Some(&rule::DEPTH);
        }
        if self.state(ty.id) != State::NotVisited {
            return Some(&rule::LOOP);
        }
        self.set(ty.id, State::Visited);
        self.stack.push((ty.id, 0));
        if self.mode == Mode::ToBeDetermined {
            if ty.is(Kind::PTR) {
                self.mode = Mode::Pointer;
            } else if ty.is_struct() || ty.is(Kind::ARRAY) {
                self.mode = Mode::StructOrArray;
            }
        }
        None
    }

    /// Resolves a type and all that it needs. Nothing is done where it is resolved, or cannot be.
    pub(super) fn resolve(&mut self, check: &mut Check<'_, '_>, root: Type<'_>) {
        if self.state(root.id) != State::NotVisited {
            return;
        }
        self.mode = Mode::ToBeDetermined;
        self.push(root);
        while let Some((id, next)) = self.stack.last().copied() {
            let ty = check.blob.ty(id);
            let needs = match self.step(check, ty, next) {
                Step::Needs(needs) => needs,
                Step::Done(to, size) => {
                    self.stack.pop();
                    self.set(id, State::Resolved);
                    if let Some(slot) = self.ids.get_mut(id as usize) {
                        *slot = to;
                    }
                    if let Some(slot) = self.sizes.get_mut(id as usize) {
                        *slot = size;
                    }
                    continue;
                }
                Step::Failed => {
                    self.stack.pop();
                    self.set(id, State::Failed);
                    continue;
                }
            };
            let needs = check.blob.ty(needs);
            if let Some(rule) = self.push(needs) {
                check.of_type(rule, root, "");
                while let Some((id, _)) = self.stack.pop() {
                    self.set(id, State::Failed);
                }
            }
        }
        let valid = self.is_valid(&check.blob, root) || is_extern(check, root);
        if self.is_resolved(root.id) && !valid {
            check.of_type(&rule::STATE, root, "");
            self.set(root.id, State::Failed);
        }
    }

    /// The kernel's last look at what it resolved.
    fn is_valid(&self, blob: &Blob<'_>, ty: Type<'_>) -> bool {
        let to = self.resolved(ty.id);
        let size = self.sizes.get(ty.id as usize).copied().unwrap_or(0);
        match ty.kind() {
            Kind::STRUCT | Kind::UNION | Kind::DATASEC => to == 0 && size == 0,
            Kind::DECL_TAG | Kind::FUNC => to != 0 && size == 0,
            Kind::ARRAY => self.sized(blob, ty.fixed()).is_some_and(|(elem, elem_size)| {
                !elem.is_modifier() && elem_size.wrapping_mul(ty.word(5)) == size
            }),
            _ => {
                let to = blob.get(to);
                to.is_some_and(|to| !to.is_modifier() && !to.is(Kind::VAR) && !to.is(Kind::DATASEC))
            }
        }
    }

    fn step(&mut self, check: &mut Check<'_, '_>, ty: Type<'_>, next: u32) -> Step {
        match ty.kind() {
            Kind::STRUCT | Kind::UNION => self.members(check, ty, next),
            Kind::ARRAY => self.array(check, ty),
            Kind::FUNC => match proto::names(check, self, ty) {
                true => Step::Done(ty.target(), 0),
                false => Step::Failed,
            },
            Kind::DATASEC => self.section(check, ty, next),
            Kind::DECL_TAG => self.tag(check, ty),
            _ => self.reference(check, ty),
        }
    }

    /// Where a struct or section is in its elements.
    fn set_next(&mut self, next: u32) {
        if let Some((_, slot)) = self.stack.last_mut() {
            *slot = next;
        }
    }

    /// Modifiers, pointers and variables.
    fn reference(&mut self, check: &mut Check<'_, '_>, ty: Type<'_>) -> Step {
        let fail = |check: &mut Check<'_, '_>| {
            check.of_type(&rule::TARGET, ty, "");
            Step::Failed
        };
        let target = match check.blob.get(ty.target()) {
            Some(target) if !target.is_source_only() => target,
            _ => return fail(check),
        };
        if let Some(step) = self.first(target) {
            return step;
        }
        // A modifier that was resolved for a struct may have stopped at a pointer. From a pointer or
        // variable it goes on, to find a loop through it.
        if !ty.is_modifier() && target.is_modifier() {
            let end = check.blob.ty(self.resolved(target.id));
            if end.is(Kind::PTR)
                && let Some(step) = self.first(end)
            {
                return step;
            }
        }
        if let Some((sized, _)) = self.sized(&check.blob, target.id) {
            return Step::Done(sized.id, 0);
        }
        if ty.is(Kind::VAR) {
            // What is extern gets its type from who loads it.
            return if is_extern(check, ty) { Step::Done(target.id, 0) } else { fail(check) };
        }
        let end = if self.is_resolved(target.id) {
            check.blob.ty(self.resolved(target.id))
        } else {
            target
        };
        if end.is_void() || end.is(Kind::FWD) || end.is(Kind::FUNC_PROTO) {
            return Step::Done(end.id, 0);
        }
        fail(check)
    }

    fn array(&mut self, check: &mut Check<'_, '_>, ty: Type<'_>) -> Step {
        let fail = |check: &mut Check<'_, '_>, rule| {
            check.of_type(rule, ty, "");
            Step::Failed
        };
        let usable = |target: &Type<'_>| !target.has_no_size() && !target.is_source_only();
        let Some(index) = check.blob.get(ty.word(4)).filter(usable) else {
            return fail(check, &rule::INDEX);
        };
        if let Some(step) = self.first(index) {
            return step;
        }
        let index = self.sized(&check.blob, index.id);
        if !index.is_some_and(|(index, _)| index.is(Kind::INT) && index.is_regular_int()) {
            return fail(check, &rule::INDEX);
        }
        let Some(elem) = check.blob.get(ty.fixed()).filter(usable) else {
            return fail(check, &rule::ELEM);
        };
        if let Some(step) = self.first(elem) {
            return step;
        }
        let Some((elem, size)) = self.sized(&check.blob, elem.id) else {
            return fail(check, &rule::ELEM);
        };
        if elem.is(Kind::INT) && !elem.is_regular_int() {
            return fail(check, &rule::ARRAY_OF_BITS);
        }
        match size.checked_mul(ty.word(5)) {
            Some(size) => Step::Done(elem.id, size),
            None => fail(check, &rule::ARRAY_OVERFLOW),
        }
    }

    fn members(&mut self, check: &mut Check<'_, '_>, ty: Type<'_>, next: u32) -> Step {
        for found in ty.elements(next).map(Member::from) {
            let usable = |target: &Type<'_>| !target.has_no_size() && !target.is_source_only();
            let Some(target) = check.blob.get(found.ty).filter(usable) else {
                check.of_member(&rule::MEMBER_TARGET, ty, found, true, "");
                continue;
            };
            match self.first(target) {
                None => {
                    let broken = member::check(&check.blob, self, ty, found, target);
                    if let Some((rule, logged)) = broken {
                        check.of_member(rule, ty, logged, true, "");
                    }
                }
                Some(Step::Needs(id)) => {
                    // This member comes again when its type is known.
                    self.set_next(found.number);
                    return Step::Needs(id);
                }
                // Others can be wrong in their own ways.
                Some(_) => {}
            }
        }
        // A struct has its size, whatever is wrong within.
        Step::Done(0, 0)
    }

    fn section(&mut self, check: &mut Check<'_, '_>, ty: Type<'_>, next: u32) -> Step {
        if check.blob.format.section_by_variable {
            self.mode = Mode::ToBeDetermined;
        }
        for found in ty.elements(next) {
            let Element { number, words: [id, _, size], .. } = found;
            let Some(var) = check.blob.get(id).filter(|var| var.is(Kind::VAR)) else {
                // Compilers put functions that are extern into a section.
                if !check.blob.get(id).is_some_and(|ty| is_extern(check, ty)) {
                    check.of_var(&rule::SECTION_TARGET, ty, found, true);
                }
                continue;
            };
            match self.first(var) {
                None => {}
                Some(Step::Needs(id)) => {
                    // The kernel does not come back to a variable that it had to resolve first.
                    self.set_next(number.saturating_add(1));
                    return Step::Needs(id);
                }
                Some(_) => continue,
            }
            match self.sized(&check.blob, var.target()) {
                None if is_extern(check, var) => {}
                None => check.of_var(&rule::SECTION_VAR_TYPE, ty, found, true),
                Some((_, needs)) if size < needs && !is_extern(check, var) => {
                    check.of_var(&rule::SECTION_VAR_SMALL, ty, found, true);
                }
                Some(_) => {}
            }
        }
        Step::Done(0, 0)
    }

    fn tag(&mut self, check: &mut Check<'_, '_>, ty: Type<'_>) -> Step {
        let target = match check.blob.get(ty.target()) {
            Some(target)
                if target.is_struct()
                    || matches!(target.kind(), Kind::FUNC | Kind::VAR | Kind::TYPEDEF) =>
            {
                target
            }
            _ => {
                check.of_type(&rule::TARGET, ty, "");
                return Step::Failed;
            }
        };
        if let Some(step) = self.first(target) {
            return step;
        }
        let components = match target.kind() {
            Kind::STRUCT | Kind::UNION => target.vlen(),
            Kind::FUNC => check.blob.ty(target.target()).vlen(),
            _ => 0,
        };
        if ty.fixed() != u32::MAX && ty.fixed() >= components {
            check.of_type(&rule::TAG_MEMBER, ty, "");
            return Step::Failed;
        }
        Step::Done(target.id, 0)
    }
}
