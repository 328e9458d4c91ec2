//! Changing files: ELF files so that the headers go on to fit, raw BTF as BTF.

use crate::mutate::{edited, plainly, put_back};
use crate::random::Random;
use crate::{FileInput, Raw};

/// A section of a little-endian 64-bit ELF file.
struct Section {
    name: Vec<u8>,
    /// Where its header is.
    header: usize,
    offset: usize,
    size: usize,
}

/// Where in a section header the offset and the size are.
const OFFSET: usize = 24;
const SIZE: usize = 32;

fn number(file: &[u8], at: usize, len: usize) -> Option<usize> {
    let bytes = file.get(at..at.checked_add(len)?)?;
    Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte)))
}

fn set(file: &mut [u8], at: usize, value: usize) {
    if let Some(place) = file.get_mut(at..at + 8) {
        place.copy_from_slice(&(value as u64).to_le_bytes());
    }
}

/// The sections that lie within the file.
fn sections(file: &[u8]) -> Option<Vec<Section>> {
    if !file.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let headers = number(file, 40, 8)?;
    let (count, names) = (number(file, 60, 2)?, number(file, 62, 2)?);
    let header = |n: usize| headers.checked_add(n * 64);
    let names = number(file, header(names)?.checked_add(OFFSET)?, 8)?;
    let section = |n| {
        let header = header(n)?;
        let offset = number(file, header.checked_add(OFFSET)?, 8)?;
        let size = number(file, header.checked_add(SIZE)?, 8)?;
        file.get(offset..offset.checked_add(size)?)?;
        let name = file.get(names.checked_add(number(file, header, 4)?)?..)?;
        let name = name.split(|byte| *byte == 0).next().unwrap_or_default().to_vec();
        Some(Section { name, header, offset, size })
    };
    Some((0..count.min(64)).filter_map(section).collect())
}

/// Changes an input of the target `file`: `data[..size]`, which may grow up to `max` bytes.
pub fn mutate_file(data: &mut [u8], size: usize, max: usize, seed: u32) -> usize {
    let mut random = Random::new(seed);
    let changed = match FileInput::read(&data[..size]) {
        Some(input) if !random.one_in(12) => changed(input, &mut random),
        _ => None,
    };
    put_back(data, size, max, changed)
}

fn changed(input: FileInput<'_>, random: &mut Random) -> Option<Vec<u8>> {
    let mut options = input.options;
    let (mut base, mut file) = (input.base.to_vec(), input.file.to_vec());
    match random.below(8) {
        0 => options ^= 1 << random.below(16),
        1 => base = edited(&base, None, random),
        _ => match sections(&file) {
            Some(sections) if !sections.is_empty() => {
                let section = pick(&sections, random);
                section_changed(&mut file, section, &base, random);
            }
            _ => file = edited(&file, None, random),
        },
    }
    FileInput { options, base: &base, file: &file }.bytes()
}

/// A section, mostly one that is about BTF.
fn pick<'a>(sections: &'a [Section], random: &mut Random) -> &'a Section {
    let about: Vec<&Section> = sections
        .iter()
        .filter(|section| section.name.windows(4).any(|name| name == b".BTF"))
        .collect();
    if about.is_empty() || random.one_in(8) {
        random.of(sections)
    } else {
        about[random.below(about.len())]
    }
}

fn section_changed(file: &mut Vec<u8>, section: &Section, base: &[u8], random: &mut Random) {
    let data = file[section.offset..section.offset + section.size].to_vec();
    if random.one_in(12) {
        // A field of its header.
        let at = section.header + 4 * random.below(16);
        let bits = random.below(20);
        let value = random.below(1 << bits);
        if let Some(place) = file.get_mut(at..at + 4) {
            place.copy_from_slice(&(value as u32).to_le_bytes());
        }
        return;
    }
    let below = Raw::read(base).filter(|_| random.one_in(2));
    let new = match Raw::read(&data) {
        Some(_) => edited(&data, below.as_ref(), random),
        // A word of .BTF_ids, .BTF.ext, of a relocation or a symbol.
        None if data.len() >= 4 && !random.one_in(4) => {
            let mut data = data;
            let at = 4 * random.below(data.len() / 4);
            let bits = random.below(12);
            let value = random.below(1 << bits) as u32;
            data[at..at + 4].copy_from_slice(&value.to_le_bytes());
            data
        }
        None => plainly(&data, data.len() + 16),
    };
    let offset = match new.len() <= section.size {
        true => section.offset,
        false => {
            let end = file.len().next_multiple_of(8);
            file.resize(end + new.len(), 0);
            end
        }
    };
    file[offset..offset + new.len()].copy_from_slice(&new);
    set(file, section.header + OFFSET, offset);
    set(file, section.header + SIZE, new.len());
}
