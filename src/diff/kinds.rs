//! Kinds that one side describes and the other does not, or with other words.

use std::sync::Arc;

use crate::btf::Btf;
use crate::kind::{Kind, KindSpec, Source};

/// A kind that both sides do not know alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindChange {
    /// Its number.
    pub kind: Kind,
    /// What the old side says of it, and from where; None if it does not describe it.
    pub old: Option<(Arc<KindSpec>, Source)>,
    /// The same of the new side.
    pub new: Option<(Arc<KindSpec>, Source)>,
}

impl KindChange {
    /// The kind's name, as the new side has it.
    pub fn name(&self) -> &str {
        self.new.as_ref().or(self.old.as_ref()).map_or("", |(spec, _)| &spec.name)
    }
}

/// What a blob or one of its bases says of a kind: of a released one whether it is described, of any other
/// its words, wherever these are known from.
fn said(btf: &Btf, kind: Kind) -> Option<(Arc<KindSpec>, Source)> {
    if !kind.is_released() {
        let entry = btf.known(kind)?.ok()?;
        return Some((entry.spec, entry.source));
    }
    let typedef = btf.description_typedefs(kind).into_iter().next()?;
    let mut level = Some(btf);
    while let Some(btf) = level {
        let found = btf.descriptions().into_iter().find(|(spec, _)| spec.kind == kind);
        if let Some((spec, _)) = found {
            return Some((Arc::new(spec), Source::Description(typedef)));
        }
        level = btf.base().map(|base| base.as_ref());
    }
    None
}

/// Whether two sides say the same, wherever from.
fn same(old: &KindSpec, new: &KindSpec) -> bool {
    let names = |spec: &KindSpec| -> Vec<String> {
        let fields = spec.fixed.iter().chain(&spec.elements);
        fields.map(|field| field.name.clone()).collect()
    };
    old.same_layout(new) && old.name == new.name && names(old) == names(new)
}

/// The kinds that are not known alike, in the order of their numbers.
pub(super) fn kinds([old, new]: [&Btf; 2]) -> Vec<KindChange> {
    let all = (1..=Kind::MAX.0).map(Kind);
    let both = all.map(|kind| KindChange { kind, old: said(old, kind), new: said(new, kind) });
    both.filter(|change| match (&change.old, &change.new) {
        (Some((old, _)), Some((new, _))) => !same(old, new),
        (None, None) => false,
        _ => true,
    })
    .collect()
}
