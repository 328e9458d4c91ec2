//! Reading: what was read is written back byte for byte, and is what another reader sees.
#![no_main]

use btfkinds::{Btf, Numbering, Origin, Parse, StrOff, TypeId};
use btfkinds_fuzz::{Input, Raw, is_line, target};

target!(|input| {
    let alone = input.kinds().into_iter().fold(Parse::new(), Parse::kind);
    for parse in [alone, input.parse(), Parse::new()] {
        read(&input, &parse);
    }
    let _ = Btf::parse(input.base);
});

fn read(input: &Input<'_>, parse: &Parse) {
    let blob = input.blob;
    let numbering = Numbering::of(blob, parse);
    let as_it_is = parse.read_as_it_is(blob);
    if let Ok(btf) = &as_it_is {
        assert!(btf.to_bytes() == blob);
        assert!(numbering.is_ok());
    }
    match parse.read(blob) {
        Ok(btf) => check(&btf, blob),
        Err(err) => {
            assert!(is_line(&err.to_string()), "{err:?}");
            assert!(err.offset().is_none_or(|at| at <= blob.len()), "{err:?}");
            assert!(err.help().is_none_or(is_line), "{err:?}");
        }
    }
    if let Ok(numbering) = numbering {
        assert!(is_line(&numbering.to_string()));
    }
}

fn check(btf: &Btf, blob: &[u8]) {
    assert!(btf.to_bytes() == blob);
    assert_eq!(btf.byte_len(), blob.len());
    assert!(btf.origin().is_none_or(|origin| Origin::find(blob) == Some(origin)));
    assert!(btf.check_references().is_ok());
    let _ = (btf.check_base(), btf.is_sorted_by_name(), btf.crc32());

    let raw = Raw::read(blob).expect("a header");
    let words: Vec<u32> = btf.types().flat_map(|ty| ty.words().to_vec()).collect();
    let all: Vec<u32> = raw.records.iter().flatten().chain(&raw.rest).copied().collect();
    assert_eq!(words, all);
    if btf.types().all(|ty| ty.kind().is_released()) {
        assert!(raw.rest.is_empty());
        assert!(btf.types().map(|ty| ty.words()).eq(raw.records.iter().map(Vec::as_slice)));
    }
    assert_eq!((raw.strings.len(), all.len() * 4), (btf.str_len(), btf.type_len()));

    let first = btf.first_id().0;
    assert_eq!(btf.type_count() as usize, first as usize + btf.types().count());
    assert!(btf.get(TypeId(btf.type_count())).is_none() && btf.get(TypeId::VOID).is_none());
    for (ty, id) in btf.types().zip(first..) {
        assert_eq!(ty.id().0, id);
        assert_eq!(btf.get(TypeId(id)).map(|ty| ty.words()), Some(ty.words()));
        let spec = ty.spec();
        let words = 3 + ty.fixed().len() + ty.elements().map(<[u32]>::len).sum::<usize>();
        assert_eq!(words, ty.words().len());
        let elements = if spec.elements.is_empty() { 0 } else { ty.vlen() as usize };
        assert_eq!(ty.elements().count(), elements);
        let name = btf.string(ty.name_off()).expect("a name that was checked");
        assert!(name == &**ty.name() && !name.contains(&0));
        assert!(btf.string(StrOff(u32::MAX)).is_none());
    }
}
