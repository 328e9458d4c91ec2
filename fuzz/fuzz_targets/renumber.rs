//! Moving BTF from base to base: renumbering and back, rebasing and back, distilled bases, bases that grow.
#![no_main]

use std::sync::Arc;

use btfkinds::{
    BaseIndex, Btf, Describe, Numbering, Origin, Parse, Place, Select, Shift, TypeId, describe,
    distill, flatten, growth, portable_base, relocate, renumber, restore,
};
use btfkinds_fuzz::{Input, Raw, as_told, is_line, target};

target!(|input| {
    let alone = input.kinds().into_iter().fold(Parse::new(), Parse::kind);
    let given = input.kinds().into_iter().fold(Parse::new(), Parse::kind);
    let _ = restore(input.blob, &given);
    if let Ok(btf) = alone.read(input.blob) {
        let portable = portable_base(&btf).expect("an INT");
        renumbered(&input, &btf, &Arc::new(portable));
        if let Some(base) = input.base() {
            renumbered(&input, &btf, &base);
            rebased(&btf, &base);
            grown(&btf, &base, input.flag(2));
        }
    }
    if let (Some(base), Ok(split)) = (input.base(), input.parse().read(input.blob)) {
        flat(&split);
        let _ = relocate(&split, &base);
        let mut twice = btfkinds::Btf::clone(&base);
        if describe(&mut twice, &Describe::default()).is_ok() {
            let _ = relocate(&split, &Arc::new(twice));
        }
    }
});

/// Whether a blob is arranged as we write it.
fn is_plain(blob: &[u8]) -> bool {
    Raw::read(blob).is_some_and(|raw| raw.bytes() == blob)
}

/// The kinds that a reader needs to be told.
fn telling(btf: &Btf) -> Parse {
    let kinds = btf.kinds().iter().filter(|entry| !entry.spec.kind.is_released());
    kinds.fold(Parse::new(), |parse, entry| parse.kind(as_told(&entry.spec)))
}

/// What is split can be read, and says what it is on.
fn splits(btf: &Btf, base: &Arc<Btf>) {
    let blob = btf.to_bytes();
    let parse = telling(btf).base(Arc::clone(base));
    let read = parse.read_as_it_is(&blob).unwrap_or_else(|err| panic!("{err}"));
    assert!(read.to_bytes() == blob);
    assert!(Origin::find(&blob).is_some_and(|origin| origin.names(base)));
    assert!(!Numbering::of(&blob, &parse).expect("a blob that can be read").is_standalone());
}

/// To a base and back.
fn renumbered(input: &Input<'_>, btf: &Btf, base: &Arc<Btf>) {
    let new = match renumber(btf, base) {
        Ok(new) => new,
        Err(err) => return assert!(is_line(&err.to_string())),
    };
    splits(&new, base);
    let (back, origin) = restore(&new.to_bytes(), &telling(btf)).expect("the way back");
    assert!(origin.was_standalone() && origin.names(base));
    if is_plain(input.blob) && btf.origin().is_none() {
        assert!(back.to_bytes() == input.blob);
    }
    let shift = Shift::onto(base);
    let own = btf.type_count() - u32::from(btf.origin().is_some());
    for ty in btf.types().filter(|ty| ty.id().0 < own) {
        let moved = new.get(TypeId(shift.id(ty.id().0))).expect("a type that moved");
        assert_eq!((moved.kind(), moved.name(), moved.vlen()), (ty.kind(), ty.name(), ty.vlen()));
    }
}

/// To a base's own types, to a distilled base, and back.
fn rebased(btf: &Btf, base: &Arc<Btf>) {
    let index = BaseIndex::new(Arc::clone(base));
    let rebased = match index.rebase(btf, &["a", "b"]) {
        Ok(rebased) => rebased,
        Err(err) => return assert!(is_line(&err.to_string())),
    };
    splits(rebased.btf(), base);
    let origin = u32::from(btf.origin().is_some());
    assert_eq!(rebased.of_base() + rebased.own(), (btf.type_count() - 1 - origin) as usize);
    for miss in index.near_misses(&rebased) {
        assert!(btf.get(miss.own).is_some() && base.get(miss.base).is_some());
    }
    let Ok(flat) = flatten(rebased.btf(), &[]) else { return };
    let flat = flat.btf();
    let read = telling(flat).read(&flat.to_bytes());
    let read = read.unwrap_or_else(|err| panic!("{err}"));
    // What was left to a declaration may now be left to others, so that it need not come to the same.
    if let Ok(again) = index.rebase(&read, &["a", "b"]) {
        splits(again.btf(), base);
    }
    let Ok(distilled) = distill(rebased.btf(), &[]) else { return };
    let distilled = distilled.btf();
    let own = distilled.base().expect("a distilled base");
    splits(distilled, own);
    if let Ok(back) = relocate(distilled, base) {
        splits(&back, base);
    }
}

/// Split BTF follows its base as it grows.
fn grown(btf: &Btf, base: &Arc<Btf>, front: bool) {
    let Ok(split) = renumber(btf, base) else { return };
    let mut new = Btf::clone(base);
    let place = if front { Place::Front } else { Place::Back };
    let options = Describe { place, select: Select::Used, ..Describe::default() };
    let Ok(done) = describe(&mut new, &options) else { return };
    let new = Arc::new(new);
    let followed = match split.follow_base(&done.shift, Arc::clone(&new)) {
        Ok(followed) => followed,
        Err(err) => return assert!(is_line(&err.to_string())),
    };
    splits(&followed, &new);
    if base.origin().is_none() {
        let found = growth(base, &new).expect("it has grown");
        assert_eq!((found.ids_by, found.strs_by), (done.shift.ids_by, done.shift.strs_by));
    }
}

/// Split BTF becomes standalone.
fn flat(split: &Btf) {
    let roots = [TypeId(1), TypeId(split.type_count() - 1)];
    let Ok(moved) = flatten(split, &roots) else { return };
    let flat = moved.btf();
    let read = telling(flat).read(&flat.to_bytes());
    let read = read.unwrap_or_else(|err| panic!("{err}"));
    let origin = u32::from(split.origin().is_some());
    let count = split.type_count() - origin;
    for ty in split.types().filter(|ty| ty.id().0 < count) {
        let id = moved.id(ty.id()).expect("an own type stays");
        let new = read.get(id).expect("it is there");
        assert_eq!((new.kind(), new.name(), new.vlen()), (ty.kind(), ty.name(), ty.vlen()));
    }
}
