//! Describing kinds, a layout section, BTF for old kernels: what was there is still there, the result can be read by
//! itself, and doing it again changes nothing.
#![no_main]

use btfkinds::check::{Options, Outcome, check};
use btfkinds::{Btf, Describe, Place, Select, Shift, Version, degrade, describe};
use btfkinds_fuzz::{Input, is_line, target};

target!(|input| {
    if let Ok(btf) = input.parse().read(input.blob) {
        described(&input, &btf);
        laid_out(&input, &btf);
        degraded(&input, &btf);
    }
});

/// The version that the options name: from 4.18 to 7.3.
fn version(input: &Input<'_>) -> Version {
    let n = input.number(8, 6);
    Version { major: 4 + n % 4, minor: if n.is_multiple_of(4) { 18 } else { n / 4 } }
}

fn options(input: &Input<'_>) -> Describe {
    Describe {
        select: [Select::All, Select::Used, Select::None][usize::from(input.number(2, 2) % 3)],
        newer_than: Some(version(input)).filter(|_| input.flag(4)),
        place: if input.flag(5) { Place::Front } else { Place::Back },
        origin: input.flag(6),
    }
}

/// Reads a blob on the same base, with nothing else known.
fn again(btf: &Btf) -> Btf {
    let blob = btf.to_bytes();
    match btf.base() {
        Some(base) => Btf::parse_split(&blob, base.clone()),
        None => Btf::parse(&blob),
    }
    .unwrap_or_else(|err| panic!("{err}"))
}

/// Whether a kernel takes it.
fn accepted(btf: &Btf) -> bool {
    let report = check(&btf.to_bytes(), &Options::default());
    btf.base().is_none() && report.verdict() == Outcome::Accepted
}

/// The types of `old` are in `new`, moved.
fn holds(new: &Btf, old: &Btf, shift: &Shift) {
    for ty in old.types() {
        let id = btfkinds::TypeId(shift.id(ty.id().0));
        let moved = new.get(id).expect("a type that moved");
        assert_eq!(moved.words().len(), ty.words().len());
        let mut words = ty.words().to_vec();
        words.copy_from_slice(moved.words());
        assert_eq!((moved.kind(), moved.vlen(), moved.name()), (ty.kind(), ty.vlen(), ty.name()));
        if shift.ids_by == 0
            || id == ty.id() && old.types().all(|ty| shift.id(ty.id().0) == ty.id().0)
        {
            assert_eq!(moved.words(), ty.words());
        }
    }
}

fn described(input: &Input<'_>, old: &Btf) {
    let options = options(input);
    let mut new = old.clone();
    let done = match describe(&mut new, &options) {
        Ok(done) => done,
        Err(err) => {
            assert!(is_line(&err.to_string()), "{err}");
            assert!(new.to_bytes() == input.blob, "{err}: the blob is as it was");
            return;
        }
    };
    let added = done.types + u32::from(done.origin);
    assert_eq!(new.type_count(), old.type_count() + added);
    assert_eq!(new.type_len() + new.str_len(), old.type_len() + old.str_len() + done.bytes);
    let mut rest = old.clone();
    if old.origin().is_none() {
        holds(&new, old, &done.shift);
    } else {
        assert_eq!(new.origin(), rest.origin());
    }
    let mut twice = new.clone();
    assert!(!accepted(old) || accepted(&new));
    let nothing = describe(&mut twice, &options).expect("what was described");
    assert_eq!((nothing.types, nothing.bytes, nothing.origin), (0, 0, false));
    assert!(twice.to_bytes() == new.to_bytes());
    let mut read = again(&new);
    assert!(read.to_bytes() == new.to_bytes());
    assert_eq!(describe(&mut read, &options).expect("what was read").types, 0);
    for entry in old.kinds().iter() {
        let known = new.kinds().get(entry.spec.kind).expect("a kind that was known");
        assert!(known.spec.same_layout(&entry.spec));
    }
    // The same from the same.
    describe(&mut rest, &options).expect("what was described before");
    assert!(rest.to_bytes() == new.to_bytes());
}

fn laid_out(input: &Input<'_>, old: &Btf) {
    let mut new = old.clone();
    match new.add_layout() {
        Ok(_) => {
            assert!(again(&new).types().map(|ty| ty.words()).eq(old.types().map(|ty| ty.words())));
            let once = new.to_bytes();
            new.add_layout().expect("what was laid out");
            assert!(new.to_bytes() == once);
        }
        Err(_) => assert_eq!(new.to_bytes(), input.blob),
    }
}

fn degraded(input: &Input<'_>, old: &Btf) {
    let version = version(input);
    let mut new = old.clone();
    let found = degrade::check(old, version);
    match degrade::degrade(&mut new, version) {
        Ok(done) => {
            assert_eq!(done.is_nothing(), found.is_empty());
            assert_eq!(new.type_count(), old.type_count() + done.types);
            again(&new);
            // What is broken for every kernel may become something else that is.
            if !accepted(old) {
                return;
            }
            // Newer kernels look for tags, which older ones refuse; a tag that has lost its kind_flag is one, and a
            // struct may have had no special field but a tagged pointer.
            let report = check(&new.to_bytes(), &Options::default());
            let of_tags = ["root-tag", "kptr-tag", "kptr-target", "special-none"];
            let error = report.first_error().filter(|error| !of_tags.contains(&error.rule));
            assert!(error.is_none(), "{version}: {error:?}");
            let left = degrade::check(&new, version);
            assert!(left.is_empty(), "{version}: {left:?}");
            assert!(degrade::degrade(&mut new, version).expect("what was degraded").is_nothing());
        }
        Err(err) => {
            assert!(is_line(&err.to_string()), "{err}");
            assert!(new.to_bytes() == input.blob, "{err}: the blob is as it was");
        }
    }
}
