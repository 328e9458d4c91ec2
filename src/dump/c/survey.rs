//! What one look at all types finds.

use hashbrown::HashMap;

use super::chain;
use super::source::Source;
use crate::btf::{Btf, TypeId};
use crate::kind::Kind;

/// The declaration tags of structs, unions and typedefs: component and text.
pub(super) type Tags<'a> = HashMap<TypeId, Vec<(i32, &'a [u8])>>;

/// Types that matter to a header as a whole, in the order of their ids.
#[derive(Default)]
pub(super) struct Survey<'a> {
    /// Enums without a name.
    pub(super) enums: Vec<TypeId>,
    /// Types of kinds that are not released.
    pub(super) unknown: Vec<TypeId>,
    /// Those of the bases, too.
    pub(super) tags: Tags<'a>,
}

impl<'a> Survey<'a> {
    /// Calls `named` for each typedef, and each struct, union and enum with a name, as it comes by.
    pub(super) fn of(btf: &'a Btf, mut named: impl FnMut(TypeId)) -> Survey<'a> {
        let strings = Source::of(btf);
        let mut found = Survey::default();
        let view = btf.view();
        for (id, start) in (view.start_id..).zip(view.starts) {
            let Some([name, info, ..]) = view.words.get(*start as usize..) else { continue };
            let id = TypeId(id);
            match Kind::of_info(*info) {
                Kind::PTR | Kind::FUNC | Kind::FUNC_PROTO => {}
                Kind::TYPEDEF => named(id),
                Kind::STRUCT | Kind::UNION | Kind::ENUM | Kind::ENUM64 if *name != 0 => named(id),
                Kind::ENUM | Kind::ENUM64 => found.enums.push(id),
                Kind::DECL_TAG => found.tag(&strings, id),
                kind if !kind.is_released() => found.unknown.push(id),
                _ => {}
            }
        }
        let mut base = btf.base();
        while let Some(btf) = base {
            for ty in btf.types().filter(|ty| ty.kind() == Kind::DECL_TAG) {
                found.tag(&strings, ty.id());
            }
            base = btf.base();
        }
        found
    }

    /// Tags of functions and variables are not printed.
    fn tag(&mut self, btf: &Source<'a>, id: TypeId) {
        let Some(ty) = btf.get(id) else { return };
        let target = TypeId(ty.size_or_type());
        let component = ty.fixed().first().map_or(-1, |word| word.cast_signed());
        if btf.get(target).is_some_and(|of| chain::is_record(of) || of.kind() == Kind::TYPEDEF) {
            let name = btf.name(ty);
            self.tags.entry(target).or_default().push((component, name));
        }
    }
}
