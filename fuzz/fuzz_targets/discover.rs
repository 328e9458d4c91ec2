//! Descriptions: what they say of kinds that nobody knows is what was walked by, in either byte order and
//! whoever says it.
#![no_main]

use std::sync::Arc;

use btfkinds::{Btf, Field, KindEntry, KindSpec, Parse, Source, TypeId};
use btfkinds_fuzz::{Input, Raw, as_told, target};

target!(|input| {
    if let Ok(btf) = input.parse().read(input.blob) {
        walked(&btf);
        readable(&btf);
        told(&input, &btf);
        swapped(&input, &btf);
    }
});

fn unreleased(btf: &Btf) -> impl Iterator<Item = &KindEntry> {
    btf.kinds().iter().filter(|entry| !entry.spec.kind.is_released())
}

/// Records have the words that their kinds say; all kinds that are in force have records.
fn walked(btf: &Btf) {
    for ty in btf.types() {
        let entry = btf.kinds().get(ty.kind()).expect("a kind in force");
        assert!(Arc::ptr_eq(&entry.spec, ty.spec()));
        let words = entry.spec.elements.len() * ty.vlen() as usize + entry.spec.fixed.len();
        let funny = entry.spec.elements.is_empty();
        let words = if funny { entry.spec.fixed.len() } else { words };
        assert_eq!(ty.words().len(), 3 + words);
    }
    for entry in unreleased(btf) {
        assert!(btf.types().any(|ty| ty.kind() == entry.spec.kind));
        if let Source::Description(id) = entry.source {
            let typedef = btf.get(id).expect("a typedef");
            let name = typedef.name().to_string();
            assert_eq!(name, format!("__BTF_KIND_{}", entry.spec.kind));
        }
    }
    let released = btf.kinds().iter().filter(|entry| entry.spec.kind.is_released());
    assert!(released.map(|entry| &entry.spec).eq(KindSpec::released()));
}

/// Descriptions that can be read are found by the number in their typedefs' names.
fn readable(btf: &Btf) {
    let found = btf.descriptions();
    assert!(found.is_sorted_by_key(|(spec, _)| spec.kind));
    for (spec, id) in &found {
        let typedef = btf.get(*id).expect("a typedef");
        assert_eq!(typedef.name().to_string(), format!("__BTF_KIND_{}", spec.kind));
        assert_eq!(spec.fixed_size(), spec.fixed.len() * 4);
    }
    for entry in unreleased(btf).filter(|entry| matches!(entry.source, Source::Description(_))) {
        assert!(found.iter().any(|(spec, _)| spec.same_layout(&entry.spec)));
    }
}

/// A caller who says the same is believed, one who says something else is not.
fn told(input: &Input<'_>, btf: &Btf) {
    let with = |spec: KindSpec| {
        let parse = btf.base().map_or_else(Parse::new, |base| Parse::new().base(Arc::clone(base)));
        let others = unreleased(btf).map(|entry| as_told(&entry.spec));
        let others = others.filter(|other| other.kind != spec.kind).collect::<Vec<_>>();
        others.into_iter().fold(parse.kind(spec), Parse::kind).read(input.blob)
    };
    for entry in unreleased(btf) {
        let same = with(as_told(&entry.spec));
        let same = same.unwrap_or_else(|err| panic!("{err}: {entry:?}"));
        assert!(same.types().map(|ty| ty.words()).eq(btf.types().map(|ty| ty.words())));
        let mut other = as_told(&entry.spec);
        other
            .fixed
            .push(Field { name: "more".into(), ..Field::clone(&KindSpec::released()[0].fixed[0]) });
        assert!(entry.source == Source::Given || with(other).is_err());
    }
}

/// The same in the other byte order.
fn swapped(input: &Input<'_>, btf: &Btf) {
    let swap = |blob: &[u8]| {
        let mut raw = Raw::read(blob)?;
        raw.big_endian ^= true;
        Some(raw.bytes())
    };
    let is_plain = |blob: &[u8]| Raw::read(blob).is_some_and(|raw| raw.bytes() == blob);
    if !is_plain(input.blob) || btf.base().is_some_and(|_| !is_plain(input.base)) {
        return;
    }
    let base = swap(input.base).filter(|_| btf.base().is_some()).unwrap_or_default();
    let swapped = Input { base: &base, ..*input };
    let other = swapped.parse().read(&swap(input.blob).expect("a header")).expect("the same");
    assert!(other.types().map(|ty| ty.words()).eq(btf.types().map(|ty| ty.words())));
    let kinds = |btf: &Btf| unreleased(btf).map(|entry| entry.spec.to_owned()).collect::<Vec<_>>();
    assert_eq!(kinds(&other), kinds(btf));
    assert!(btf.get(TypeId::VOID).is_none());
}
