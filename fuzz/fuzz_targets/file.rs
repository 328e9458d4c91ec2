//! Files: whatever is in them, nothing but BTF and what refers to it changes, what was changed can be read, and
//! renumbering can be undone.
#![no_main]

use std::collections::BTreeMap;
use std::fs::File as Fd;
use std::io::Write;
use std::os::fd::{AsRawFd, FromRawFd};
use std::path::PathBuf;
use std::sync::Arc;

use btfkinds::{
    BaseIndex, Btf, Change, Describe, Edited, File, Parse, Place, Rebase, Renumber, Select, Split,
    Target, describe,
};
use btfkinds_fuzz::{FileInput, Raw, is_line, mutate_file};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use object::{Object, ObjectSection, SectionKind};

fuzz_target!(|data: &[u8]| {
    if let Some(input) = FileInput::read(data) {
        one(&input);
    }
});
fuzz_mutator!(|data: &mut [u8], size: usize, max: usize, seed: u32| {
    mutate_file(data, size, max, seed)
});

/// A file in memory, with a path for as long as it lives.
struct Memory(Fd);

impl Memory {
    fn new(bytes: &[u8]) -> Memory {
        // SAFETY: the name ends with NUL; a descriptor that is given is nobody else's.
        let mut file = unsafe {
            let fd = libc::memfd_create(c"btfkinds".as_ptr(), libc::MFD_CLOEXEC);
            assert!(fd >= 0, "{}", std::io::Error::last_os_error());
            Fd::from_raw_fd(fd)
        };
        file.write_all(bytes).expect("memory");
        Memory(file)
    }

    fn path(&self) -> PathBuf {
        format!("/proc/self/fd/{}", self.0.as_raw_fd()).into()
    }
}

fn open(bytes: &[u8]) -> btfkinds::Result<File> {
    let memory = Memory::new(bytes);
    File::open(&memory.path())
}

/// What an error says is a line; what went well goes on.
fn fine<T>(result: btfkinds::Result<T>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(err) => {
            assert!(is_line(&err.to_string()) && err.help().is_none_or(is_line), "{err:?}");
            None
        }
    }
}

/// The file as the options want it compressed.
fn packed(input: &FileInput<'_>) -> Vec<u8> {
    match input.options & 3 {
        1 => {
            let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            out.write_all(input.file).expect("memory");
            out.finish().expect("memory")
        }
        2 => zstd::encode_all(input.file, 1).expect("memory"),
        _ => input.file.to_vec(),
    }
}

fn one(input: &FileInput<'_>) {
    let packed = packed(input);
    let Some(file) = fine(open(&packed)) else { return };
    // Of what is neither, no more is read than tells so.
    let is_one = input.file.starts_with(b"\x7fELF") || Raw::read(input.file).is_some();
    if input.options & 3 == 0 && is_one {
        assert!(file.contents(false).is_ok_and(|bytes| bytes == input.file));
    }
    let _ = (fine(file.contents(true)), file.is_module(), file.is_signed(), file.is_relocatable());
    let base = fine(Btf::parse(input.base)).map(Arc::new);
    let mut parse = Parse::new();
    if let Some(base) = base.clone().filter(|_| input.flag(2)) {
        parse = parse.base(base);
    }
    for name in [".BTF", ".BTF.base", ".BTF.inline"] {
        fine(file.section(name, &parse));
    }
    let strip = input.flag(5);
    if let Some(btf) = fine(file.btf(&parse)) {
        let place = if input.flag(3) { Place::Front } else { Place::Back };
        described(input, &file, btf, place, &parse);
    }
    let targets =
        [Some(Target::Portable), base.clone().map(Target::Base), Some(Target::Standalone)];
    for target in targets.into_iter().flatten() {
        let (from, resolve_ids) = (None, input.flag(4));
        let how =
            Renumber { target, from, resolve_ids, strip_signature: strip, parse: Parse::new() };
        renumbered(input, &file, &how);
    }
    if let Some(base) = base {
        let index = Arc::new(BaseIndex::new(Arc::clone(&base)));
        let tos = [Split::On(Arc::clone(&index)), Split::Portable(index), Split::Flat(Some(base))];
        for to in tos {
            let (from, resolve_ids) = (parse.given_base().cloned(), input.flag(4));
            let how = Rebase { to, from, resolve_ids, strip_signature: strip, parse: Parse::new() };
            if let Some(Some((edited, _))) = fine(file.rebase(&how)) {
                written(input, &edited);
            }
        }
    }
}

/// The sections of an ELF file by their numbers; None if they overlap each other or the headers, for then
/// anything can change along.
fn sections(file: &[u8]) -> Option<BTreeMap<usize, (String, Vec<u8>)>> {
    let elf = object::File::parse(file).ok()?;
    let table = u64::from_le_bytes(*file.get(40..48)?.first_chunk()?);
    let count = elf.sections().count() as u64 + 1;
    let mut ranges = vec![(0, 64), (table, count * 64)];
    let mut found = BTreeMap::new();
    for section in elf.sections() {
        ranges.extend(section.file_range().filter(|(_, size)| *size > 0));
        // Symbols, relocations and names are about others: each is its own section's business.
        let name = match section.kind() {
            SectionKind::Metadata => ".BTF".to_owned(),
            _ => section.name().ok()?.to_owned(),
        };
        found.insert(section.index().0, (name, section.data().ok()?.to_vec()));
    }
    ranges.sort_unstable();
    let apart = ranges.windows(2).all(|pair| pair[0].0.saturating_add(pair[0].1) <= pair[1].0);
    apart.then_some(found)
}

/// What is not about BTF is as it was.
fn same_elsewhere(old: &[u8], new: &[u8]) {
    let Some(old) = sections(old) else { return };
    let new = sections(new).expect("an ELF file whose sections are apart");
    for (index, (name, data)) in &old {
        if name.contains(".BTF") {
            continue;
        }
        let (new_name, new_data) = new.get(index).expect("a section that was there");
        assert_eq!(new_name, name);
        assert!(new_data == data, "{name} has changed");
    }
}

fn unpacked(file: &File) -> bool {
    file.contents(false)
        .is_ok_and(|bytes| !bytes.starts_with(&[0x1f, 0x8b]) && !bytes.starts_with(&[0x28, 0xb5]))
}

fn described(input: &FileInput<'_>, file: &File, old: Btf, place: Place, parse: &Parse) {
    let mut new = old.clone();
    let options = Describe { place, select: Select::Used, ..Describe::default() };
    let Some(done) = fine(describe(&mut new, &options)) else { return };
    let (old, new) = (Arc::new(old), Arc::new(new));
    let change = Change::new(&old, &new, done.shift, parse);
    let Some(bytes) = fine(file.changed(&change, input.flag(5))) else { return };
    let again = open(&bytes).expect("a file that was written");
    let alike = file.is_raw() || sections(input.file).is_some();
    if alike {
        let read = again.btf(parse).unwrap_or_else(|err| panic!("{err}"));
        assert!(read.to_bytes() == new.to_bytes());
    }
    if unpacked(file) && !file.is_raw() {
        same_elsewhere(input.file, &bytes);
    }
}

/// The bytes of a changed file, which can be read.
fn written(input: &FileInput<'_>, edited: &Edited<'_>) -> Option<Vec<u8>> {
    fine(edited.sets_by_order());
    let bytes = fine(edited.bytes())?;
    let again = open(&bytes).expect("a file that was written");
    if again.is_raw() || sections(input.file).is_some() {
        let blob = again.bytes().unwrap_or_else(|err| panic!("{err}"));
        assert!(blob == edited.btf().to_bytes());
    }
    Some(bytes)
}

fn renumbered(input: &FileInput<'_>, file: &File, how: &Renumber) {
    let Some(Some(edited)) = fine(file.renumber(how)) else { return };
    let Some(bytes) = written(input, &edited) else { return };
    if !file.is_raw() && sections(input.file).is_none() {
        return;
    }
    let again = open(&bytes).expect("a file that was written");
    let twice = again.renumber(how).unwrap_or_else(|err| panic!("{err}"));
    assert!(twice.is_none(), "renumbering twice");
    let blob = file.bytes().expect("what was read");
    let plain = Raw::read(&blob).is_some_and(|raw| raw.bytes() == blob);
    // What has a base of its own is split on that, whatever it looks like.
    let standalone = edited.before.is_standalone() && !file.has_own_base();
    if standalone && plain && !matches!(how.target, Target::Standalone) {
        let undo = Renumber { target: Target::Standalone, ..how.clone() };
        let undone = again.renumber(&undo).unwrap_or_else(|err| panic!("{err}"));
        let undone = undone.expect("something to undo");
        assert!(undone.btf().to_bytes() == blob);
        fine(undone.bytes());
    }
}
