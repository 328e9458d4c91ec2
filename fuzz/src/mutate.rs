//! Changing an input.

use std::sync::Arc;

use btfkinds::{
    BaseIndex, Btf, Describe, KindSpec, NewType, Parse, Place, Select, TypeId, Version, degrade,
    describe, distill, flatten, renumber,
};
use libfuzzer_sys::fuzzer_mutate;

use crate::edit::{Edit, STRINGS};
use crate::input::SPLIT;
use crate::link::link;
use crate::random::Random;
use crate::{Input, Raw};

/// Kinds that are not released.
pub(crate) const KINDS: [&str; 6] = [
    "kind 20 LOC_PARAM\nthird size\nelements value\n",
    "kind 20 LOC_PARAM\nthird size\nfixed lo hi\n",
    "kind 21 LOC_PROTO\nthird id\nelements param:id\n",
    "kind 22 LOCSEC\nthird unused\nelements name_off:str func:id proto:id offset\n",
    "kind 42 GADGET\nthird id\nfixed a:s32 b:id\nelements name_off:str type:id n\n",
    "kind 127 LAST\nthird unused\n",
];

/// What libFuzzer does to bytes that nobody knows anything about, to one part of an input.
pub(crate) fn plainly(part: &[u8], max: usize) -> Vec<u8> {
    let mut bytes = part.to_vec();
    let size = part.len();
    bytes.resize(max.max(size), 0);
    let size = fuzzer_mutate(&mut bytes, size, max.max(1));
    bytes.truncate(size);
    bytes
}

/// Changes an input: `data[..size]`, which may grow up to `max` bytes. For `fuzz_mutator!`.
pub fn mutate(data: &mut [u8], size: usize, max: usize, seed: u32) -> usize {
    let mut random = Random::new(seed);
    let changed = match Input::read(&data[..size]) {
        Some(input) if !random.one_in(8) => changed(input, &mut random),
        _ => None,
    };
    put_back(data, size, max, changed)
}

/// What has changed as the input, if it is not too long; else what libFuzzer makes of the old one.
pub(crate) fn put_back(
    data: &mut [u8],
    size: usize,
    max: usize,
    changed: Option<Vec<u8>>,
) -> usize {
    match changed {
        Some(bytes) if bytes.len() <= max => {
            data[..bytes.len()].copy_from_slice(&bytes);
            bytes.len()
        }
        _ => fuzzer_mutate(data, size, max),
    }
}

/// The same for inputs whose text is a program of calls: see `capi/drive.c`.
pub fn mutate_program(data: &mut [u8], size: usize, max: usize, seed: u32) -> usize {
    let mut random = Random::new(seed);
    if random.one_in(2)
        && let Some(input) = Input::read(&data[..size])
        && let Some(bytes) =
            (Input { text: &plainly(input.text, input.text.len() + 24), ..input }).bytes()
        && bytes.len() <= max
    {
        data[..bytes.len()].copy_from_slice(&bytes);
        return bytes.len();
    }
    mutate(data, size, max, seed)
}

fn changed(input: Input<'_>, random: &mut Random) -> Option<Vec<u8>> {
    let (mut base, mut blob, mut text) =
        (input.base.to_vec(), input.blob.to_vec(), input.text.to_vec());
    let mut options = input.options;
    match random.below(32) {
        0 | 1 => options ^= 1 << random.below(16),
        2 | 3 => text = plainly(&text, text.len() + 16),
        4 => {
            text = random.of(&KINDS).as_bytes().to_vec();
            options |= 2;
        }
        5 if !base.is_empty() => base = edited(&base, None, random),
        6 => base.clone_from(&blob),
        7 => std::mem::swap(&mut base, &mut blob),
        8 => base.clear(),
        // As the library changes it: from there it goes on to what lies beyond.
        9..12 => {
            if let Some((split, bytes)) = by_library(&input, random) {
                options = options & !SPLIT | split;
                blob = bytes;
            }
        }
        12 => {
            let bytes = described(&base, &Parse::new(), random);
            base = bytes.unwrap_or(base);
        }
        _ => {
            let split = options & SPLIT != 0;
            let below = Raw::read(&base).filter(|_| split);
            blob = edited(&blob, below.as_ref(), random);
        }
    }
    Input { options, base: &base, blob: &blob, text: &text }.bytes()
}

/// A blob with some of its words changed; `below` is what it is split on.
pub(crate) fn edited(blob: &[u8], below: Option<&Raw>, random: &mut Random) -> Vec<u8> {
    let Some(mut raw) = Raw::read(blob) else {
        return match blob {
            [] => Raw { strings: vec![0], ..Raw::default() }.bytes(),
            _ => plainly(blob, blob.len() + 32),
        };
    };
    let mut edit = Edit::new(&mut raw, below, random);
    edit.some();
    let mut bytes = raw.bytes();
    if random.one_in(24) {
        // The header's words, or bytes behind it.
        let at = random.below(8) * 4;
        if let Some(word) = bytes.get_mut(at..at + 4) {
            let by = *random.of(&[1_u8, 2, 4, 8, 0x80, 0xff]);
            let byte = random.below(4);
            word[byte] = match random.below(3) {
                0 => word[byte].wrapping_add(by),
                1 => word[byte].wrapping_sub(by),
                _ => by,
            };
        }
    }
    bytes
}

fn described(blob: &[u8], parse: &Parse, random: &mut Random) -> Option<Vec<u8>> {
    let mut btf = parse.read(blob).ok()?;
    if random.one_in(2) {
        let text = *random.of(&KINDS);
        let spec = KindSpec::parse(text).ok()?;
        let (kind, fixed, elements) = (spec.kind, spec.fixed.len(), spec.elements.len());
        btf.add_kind(spec).ok()?;
        let vlen = random.below(3);
        let last = btf.type_count() - 1;
        let words = vec![0; fixed + vlen * elements];
        let name = random.of(&STRINGS);
        let new = NewType {
            kind,
            name,
            kind_flag: random.one_in(4),
            vlen: vlen as u32,
            size_or_type: random.below(last as usize + 1) as u32,
            words: &words,
        };
        btf.add(new).ok()?;
    }
    let options = Describe {
        select: *random.of(&[Select::None, Select::None, Select::Used, Select::All]),
        newer_than: Some(Version { major: 5, minor: 17 }).filter(|_| random.one_in(2)),
        place: *random.of(&[Place::Back, Place::Front]),
        origin: random.one_in(3),
    };
    describe(&mut btf, &options).ok()?;
    if random.one_in(4) {
        btf.add_layout().ok()?;
    }
    Some(btf.to_bytes())
}

/// What one of the library's own changes makes of the blob, and whether that is split on the base.
fn by_library(input: &Input<'_>, random: &mut Random) -> Option<(u16, Vec<u8>)> {
    let split = input.options & SPLIT;
    let parse = input.parse();
    match random.below(6) {
        0 | 1 => Some((split, described(input.blob, &parse, random)?)),
        2 => {
            let mut btf = parse.read(input.blob).ok()?;
            let version = Version { major: 4 + random.below(3) as u16, minor: 18 };
            degrade::degrade(&mut btf, version).ok()?;
            Some((split, btf.to_bytes()))
        }
        3 => {
            let btf = Btf::parse(input.blob).ok()?;
            Some((SPLIT, renumber(&btf, &input.base()?).ok()?.to_bytes()))
        }
        4 => {
            let btf = Btf::parse(input.blob).ok()?;
            let rebased = BaseIndex::new(input.base()?).rebase(&btf, &[]).ok()?;
            Some((SPLIT, rebased.btf().to_bytes()))
        }
        _ => {
            let btf = parse.read(input.blob).ok()?;
            let roots = [TypeId(1)];
            let moved = match random.one_in(2) {
                true => flatten(&btf, &roots),
                false => distill(&btf, &roots),
            };
            let moved = Arc::new(moved.ok()?.into_btf());
            Some((moved.base().map_or(0, |_| SPLIT), moved.to_bytes()))
        }
    }
}

/// Makes one input of two. For `fuzz_crossover!`.
pub fn cross_over(one: &[u8], other: &[u8], out: &mut [u8], seed: u32) -> usize {
    let mut random = Random::new(seed);
    let made = match (Input::read(one), Input::read(other)) {
        (Some(one), Some(other)) => crossed(one, other, &mut random),
        _ => None,
    };
    let bytes = made.filter(|bytes| bytes.len() <= out.len()).unwrap_or_else(|| one.to_vec());
    let len = bytes.len().min(out.len());
    out[..len].copy_from_slice(&bytes[..len]);
    len
}

fn crossed(one: Input<'_>, other: Input<'_>, random: &mut Random) -> Option<Vec<u8>> {
    match random.below(4) {
        0 => Input { base: other.blob, ..one }.bytes(),
        1 => Input { text: other.text, options: other.options, ..one }.bytes(),
        _ => {
            let (mut raw, more) = (Raw::read(one.blob)?, Raw::read(other.blob)?);
            link(&mut raw, &more, random);
            Input { blob: &raw.bytes(), ..one }.bytes()
        }
    }
}
