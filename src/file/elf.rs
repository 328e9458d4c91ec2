//! ELF files: their sections, and putting one back without touching anything else.

use std::fs;
use std::io::{self, Seek, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::FileExt;

use memchr::memmem;
use object::elf::{
    ET_REL, FileHeader32, FileHeader64, PT_LOAD, SHF_ALLOC, SHF_COMPRESSED, SHT_NOBITS, SHT_REL,
    SHT_RELA, SectionFlags, SectionType,
};
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader, SectionTable, Sym};
use object::{Endianness, ReadCache, ReadRef, SectionIndex};

use super::window::Window;
use crate::btf::{Blob, Endian};
use crate::error::{Error, ErrorKind, Result};
use crate::scan;

/// An ELF file: where its bytes come from, and the facts of its headers.
#[derive(Debug)]
pub(crate) struct Elf {
    bytes: Bytes,
    pub(crate) len: u64,
    pub(crate) endian: Endian,
    is_64: bool,
    pub(crate) relocatable: bool,
    sections: Vec<Section>,
    /// The size of a section header, and which section has the names.
    header_size: u64,
    names_index: usize,
    /// The file ranges of loaded segments.
    segments: Vec<Range<u64>>,
    /// The symbols in `.BTF_ids`.
    pub(crate) id_symbols: Vec<IdSymbol>,
    /// Where an appended module signature starts.
    pub(crate) signature: Option<u64>,
}

#[derive(Debug)]
enum Bytes {
    Disk(fs::File),
    Memory(Vec<u8>),
}

/// A section header.
#[derive(Debug, Clone)]
pub(crate) struct Section {
    pub(crate) name: String,
    /// Where this header stands in the file.
    header_at: u64,
    kind: SectionType,
    flags: SectionFlags,
    addr: u64,
    pub(crate) offset: u64,
    pub(crate) size: u64,
    info: u32,
    align: u64,
}

/// A symbol in `.BTF_ids`.
#[derive(Debug, Clone)]
pub(crate) struct IdSymbol {
    pub(crate) name: String,
    /// From the start of the section.
    pub(crate) offset: u64,
    pub(crate) size: u64,
}

/// What is to change in a file: first it is cut off, then bytes are written.
#[derive(Debug, Default, Clone)]
pub(crate) struct Patches {
    pub(crate) cut: Option<u64>,
    pub(crate) writes: Vec<(u64, Vec<u8>)>,
}

fn too_large() -> io::Error {
    io::Error::other("too large for this machine")
}

fn bad(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Elf, what)
}

impl Elf {
    pub(crate) fn on_disk(file: fs::File) -> Result<Elf> {
        let cannot = |err: io::Error| Error::io("cannot read", &err);
        let len = (&file).seek(SeekFrom::End(0)).map_err(cannot)?;
        let mut elf = Self::parse(&ReadCache::new(Window::new(&file, len)))?;
        elf.len = len;
        elf.bytes = Bytes::Disk(file);
        elf.signature = elf.find_signature()?;
        Ok(elf)
    }

    pub(crate) fn in_memory(bytes: Vec<u8>) -> Result<Elf> {
        // The cache bounds names, which a slice would let run on to the end of the file.
        let mut elf = Self::parse(&ReadCache::new(io::Cursor::new(bytes.as_slice())))?;
        elf.len = bytes.len() as u64;
        elf.bytes = Bytes::Memory(bytes);
        elf.signature = elf.find_signature()?;
        Ok(elf)
    }

    fn parse<'a, R: ReadRef<'a>>(data: R) -> Result<Elf> {
        let class = data.read_bytes_at(4, 1).map_err(|()| bad("the ELF header is cut off"))?;
        let facts = match class {
            [1] => facts::<FileHeader32<Endianness>, R>(data),
            [2] => facts::<FileHeader64<Endianness>, R>(data),
            _ => return Err(bad("the ELF class is neither 32 nor 64 bits")),
        };
        facts.map_err(|err| bad(format!("ELF: {err}")))
    }

    /// The section of this name, the first if there are several.
    pub(crate) fn find(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }

    pub(crate) fn btf_section(&self) -> Result<&Section> {
        self.find(".BTF").ok_or_else(|| {
            bad("there is no .BTF section").with_help("pahole -J adds one where there is DWARF")
        })
    }

    /// The other sections that hold BTF split on `.BTF`, such as `.BTF.inline`.
    pub(crate) fn dependents(&self) -> Result<Vec<&Section>> {
        let found: Vec<&Section> = self
            .sections
            .iter()
            .filter(|section| {
                section.name.starts_with(".BTF.")
                    && !matches!(section.name.as_str(), ".BTF.ext" | ".BTF.base")
            })
            .collect();
        let total = found.iter().fold(0_u64, |total, section| total.saturating_add(section.size));
        if total > self.len {
            return Err(bad("the sections named .BTF.* are larger than the file"));
        }
        Ok(found)
    }

    pub(crate) fn section_data(&self, section: &Section) -> Result<Vec<u8>> {
        self.check_section(section)?;
        self.read(section.offset, section.size)
            .map_err(|err| Error::io("cannot read", &err).in_section(&section.name))
    }

    /// [`Elf::section_data`] of BTF that is to be parsed.
    pub(crate) fn section_blob(&self, section: &Section) -> Result<Blob> {
        self.check_section(section)?;
        let blob = match &self.bytes {
            Bytes::Disk(file) => {
                usize::try_from(section.size).map_err(|_| too_large()).and_then(|len| {
                    Blob::filled(len, |bytes| file.read_exact_at(bytes, section.offset))
                })
            }
            Bytes::Memory(_) => {
                self.read(section.offset, section.size).map(|bytes| Blob::copy_of(&bytes))
            }
        };
        blob.map_err(|err| Error::io("cannot read", &err).in_section(&section.name))
    }

    /// Whether a section has its bytes in the file, as they are.
    fn check_section(&self, section: &Section) -> Result<()> {
        let fail =
            |what: &str| Error::new(ErrorKind::Elf, what.to_owned()).in_section(&section.name);
        if section.kind == SHT_NOBITS {
            return Err(fail(
                "the section has no bytes in the file (SHT_NOBITS): it was stripped into another file",
            ));
        }
        if section.flags.contains(SHF_COMPRESSED) {
            return Err(fail("the section is compressed (SHF_COMPRESSED)"));
        }
        if section.offset.checked_add(section.size).is_none_or(|end| end > self.len) {
            return Err(fail("the section ends past the file"));
        }
        Ok(())
    }

    /// Bytes of the file; the range was compared with its length.
    fn read(&self, offset: u64, size: u64) -> io::Result<Vec<u8>> {
        let size = usize::try_from(size).map_err(|_| too_large())?;
        match &self.bytes {
            Bytes::Disk(file) => {
                let mut bytes = vec![0; size];
                file.read_exact_at(&mut bytes, offset)?;
                Ok(bytes)
            }
            Bytes::Memory(all) => {
                let start = usize::try_from(offset).map_err(|_| too_large())?;
                let range = start..start.saturating_add(size);
                Ok(all.get(range).ok_or(io::ErrorKind::UnexpectedEof)?.to_vec())
            }
        }
    }

    /// Copies the whole file.
    pub(crate) fn copy_to(&self, out: &mut fs::File) -> io::Result<()> {
        match &self.bytes {
            Bytes::Disk(file) => {
                let mut file = file.try_clone()?;
                file.seek(SeekFrom::Start(0))?;
                // On Linux the kernel copies, and file systems that can share the blocks.
                io::copy(&mut file, out)?;
            }
            Bytes::Memory(all) => io::Write::write_all(out, all)?,
        }
        Ok(())
    }

    /// The whole file with patches applied, in memory: for standard output.
    pub(crate) fn patched(&self, patches: &Patches) -> io::Result<Vec<u8>> {
        let mut bytes = self.read(0, self.len)?;
        if let Some(cut) = patches.cut.and_then(|cut| usize::try_from(cut).ok()) {
            bytes.truncate(cut);
        }
        for (at, data) in &patches.writes {
            let at = usize::try_from(*at).unwrap_or(usize::MAX);
            let end = at.saturating_add(data.len());
            if bytes.len() < end {
                bytes.resize(end, 0);
            }
            if let Some(place) = bytes.get_mut(at..end) {
                place.copy_from_slice(data);
            }
        }
        Ok(bytes)
    }

    /// An appended signature: the module's bytes, those of the signature, a description of 12
    /// bytes that ends in the signature's length, and a marker.
    fn find_signature(&self) -> Result<Option<u64>> {
        const MARKER: &[u8] = b"~Module signature appended~\n";
        const DESCRIPTION: u64 = 12;
        let marker_at = self.len.saturating_sub(MARKER.len() as u64);
        let start = marker_at.saturating_sub(DESCRIPTION);
        let end = self.read(start, self.len.saturating_sub(start));
        let end = end.map_err(|err| Error::io("cannot read", &err))?;
        let Some(description) = end.strip_suffix(MARKER) else {
            return Ok(None);
        };
        let broken =
            || bad("the appended module signature is broken: its lengths do not fit the file");
        let at = marker_at.checked_sub(DESCRIPTION).ok_or_else(broken)?;
        let [_, _, _, signer, key_id, _, _, _, length @ ..] = description else {
            return Err(broken());
        };
        let length = length.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
        let all =
            u64::from(length).saturating_add((*signer).into()).saturating_add((*key_id).into());
        // Whatever the length says, a signature stands behind everything else.
        let end = self.content_end();
        at.checked_sub(all).filter(|start| *start >= end).ok_or_else(broken).map(Some)
    }

    /// Where the last section, segment or table of the file ends.
    fn content_end(&self) -> u64 {
        let sections = self.sections.iter().filter(|section| section.kind != SHT_NOBITS);
        let ends = sections.map(|section| section.offset.saturating_add(section.size));
        let segments = self.segments.iter().map(|segment| segment.end);
        ends.chain(segments).chain([self.table().end]).max().unwrap_or(0)
    }

    /// The section headers.
    fn table(&self) -> Range<u64> {
        let start = self.sections.first().map_or(0, |section| section.header_at);
        let size = self.header_size.saturating_mul(self.sections.len() as u64);
        start..start.saturating_add(size)
    }

    /// Whether something else than `section` has bytes in this range of the file.
    fn is_shared(&self, section: &Section, range: &Range<u64>) -> bool {
        let table = self.table();
        let file_header = if self.is_64 { 64 } else { 52 };
        range.start < file_header
            || (table.start < range.end && range.start < table.end)
            || self.overlaps(range, Some(section))
    }

    /// Whether a section, but for this one, has bytes in this range of the file.
    fn overlaps(&self, range: &Range<u64>, but: Option<&Section>) -> bool {
        self.sections.iter().any(|other| {
            let end = other.offset.saturating_add(other.size);
            other.kind != SHT_NOBITS
                && other.offset < range.end
                && range.start < end
                && but.is_none_or(|but| but.header_at != other.header_at)
        })
    }

    /// Whether all bytes of this range of the file are zero: what an earlier, longer content left.
    fn is_zero(&self, range: Range<u64>) -> Result<bool> {
        let bytes = self.read(range.start, range.end.saturating_sub(range.start));
        let bytes = bytes.map_err(|err| Error::io("cannot read", &err))?;
        Ok(bytes.iter().all(|byte| *byte == 0))
    }

    /// Cuts an appended signature off.
    pub(crate) fn without_signature(&self) -> Patches {
        Patches { cut: self.signature, writes: Vec::new() }
    }

    /// Puts new content into a section: in its place if it fits there, else at the end of the
    /// file. Nothing else moves.
    pub(crate) fn replace(
        &self,
        section: &Section,
        data: &[u8],
        patches: &mut Patches,
    ) -> Result<()> {
        let size = data.len() as u64;
        let end = section.offset.saturating_add(section.size);
        let file_end = self.end(patches);
        if size > section.size && self.is_loaded(section) {
            let what = format!(
                "the section is loaded (allocated, inside a segment), so that it cannot grow from {} to {size} bytes",
                section.size
            );
            return Err(bad(what)
                .in_section(&section.name)
                .with_help("'encode --detached RAW' writes the new BTF beside the file; to have it inside, encode what pahole made before the last link (gen_btf in the kernel's scripts/link-vmlinux.sh)"));
        }
        // In its place, if nothing else has these bytes.
        let range = section.offset..section.offset.saturating_add(size.max(section.size));
        let fits = size <= section.size
            || end == file_end
            || (range.end <= file_end && patches.cut.is_none() && self.is_zero(end..range.end)?);
        if fits && !self.is_shared(section, &range) {
            let mut data = data.to_vec();
            // What is left of the old content must not be taken for something.
            if let Ok(old) = usize::try_from(section.size) {
                data.resize(data.len().max(old), 0);
            }
            patches.writes.push((section.offset, data));
            if size != section.size {
                self.set_header(section, section.offset, size, patches);
            }
            return Ok(());
        }
        let align = section.align.clamp(4, 4096);
        let at =
            file_end.checked_next_multiple_of(align).ok_or_else(|| bad("the file is too large"))?;
        let fits = self.is_64 || u32::try_from(at.saturating_add(size)).is_ok();
        if !fits {
            return Err(bad("a 32-bit ELF file cannot grow past 4 GiB"));
        }
        patches.writes.push((at, data.to_vec()));
        self.set_header(section, at, size, patches);
        Ok(())
    }

    /// Puts back into a section at the end of the file what it had before it was put there by
    /// [`Elf::replace`]: where these bytes still stand, among what no header speaks of, there the section
    /// is again, and the file ends where it ended. Otherwise the file ends behind the new content. False if
    /// the section is not at the end.
    pub(crate) fn give_back(
        &self,
        section: &Section,
        data: &[u8],
        patches: &mut Patches,
    ) -> Result<bool> {
        let size = data.len() as u64;
        let end = section.offset.saturating_add(section.size);
        let range = section.offset..end;
        let movable = end == self.end(patches) && size < section.size && !self.is_loaded(section);
        if !movable || self.is_shared(section, &range) {
            return Ok(false);
        }
        let covered = self.covered(section);
        let content_end = covered.last().map_or(0, |last| last.end);
        let padding = section.offset.checked_sub(content_end);
        let appended = padding.is_some_and(|padding| padding < section.align.clamp(4, 4096))
            && self.is_zero(content_end..section.offset)?;
        let gaps = covered.windows(2).filter_map(|pair| match pair {
            [a, b] => Some(a.end..b.start),
            _ => None,
        });
        for gap in gaps.filter(|gap| appended && gap.end.saturating_sub(gap.start) >= size) {
            let bytes = self.read(gap.start, gap.end.saturating_sub(gap.start));
            let bytes = bytes.map_err(|err| Error::io("cannot read", &err))?;
            let found = memmem::find(&bytes, data).map(|at| gap.start.saturating_add(at as u64));
            if let Some(at) = found.filter(|at| at.is_multiple_of(section.align.max(1))) {
                patches.cut = Some(content_end);
                self.set_header(section, at, size, patches);
                return Ok(true);
            }
        }
        patches.cut = Some(section.offset.saturating_add(size));
        patches.writes.push((section.offset, data.to_vec()));
        self.set_header(section, section.offset, size, patches);
        Ok(true)
    }

    /// What headers speak of, but for one section: ranges of the file in ascending order and apart from
    /// each other.
    fn covered(&self, but: &Section) -> Vec<Range<u64>> {
        let others = self.sections.iter().filter(|other| {
            other.kind != SHT_NOBITS && other.header_at != but.header_at && other.size > 0
        });
        let mut all: Vec<Range<u64>> =
            others.map(|other| other.offset..other.offset.saturating_add(other.size)).collect();
        all.extend(self.segments.iter().cloned());
        // The file header is at the start, program headers follow it.
        all.push(0..if self.is_64 { 64 } else { 52 });
        all.push(self.table());
        all.sort_by_key(|range| range.start);
        let mut covered: Vec<Range<u64>> = Vec::new();
        for range in all {
            match covered.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => covered.push(range),
            }
        }
        covered
    }

    /// Adds a section of plain bytes. Section headers can't grow where they are: they and their
    /// names get new places at the end, and the file header points there.
    pub(crate) fn add_section(&self, name: &str, data: &[u8], patches: &mut Patches) -> Result<()> {
        let too_large = || bad("the file is too large for another section");
        let names =
            self.sections.get(self.names_index).ok_or_else(|| bad("there are no section names"))?;
        let count =
            u16::try_from(self.sections.len().saturating_add(1)).ok().filter(|n| *n < 0xff00);
        let count = count.ok_or_else(|| bad("there are too many sections for another one"))?;
        let mut strings = self.section_data(names)?;
        // A section of this name that was taken out has left its name.
        let entry = format!("\0{name}\0");
        let found = memmem::find(&strings, entry.as_bytes());
        let name_at = found.map_or(strings.len(), |at| at.saturating_add(1));
        let name_at = u32::try_from(name_at).map_err(|_| too_large())?;
        if found.is_none() {
            strings.extend(entry.bytes().skip(1));
        }
        // The headers as they will be, `replace` having changed some of them.
        let Range { start: table_at, end: table_end } = self.table();
        let size = table_end.saturating_sub(table_at);
        let mut headers =
            self.read(table_at, size).map_err(|err| Error::io("cannot read", &err))?;
        for (at, bytes) in &patches.writes {
            let within = at.checked_sub(table_at).and_then(|at| usize::try_from(at).ok());
            let place = within.and_then(|at| headers.get_mut(at..at.saturating_add(bytes.len())));
            if let Some(place) = place {
                place.copy_from_slice(bytes);
            }
        }
        // Behind the headers may be room for one more, from a section that was taken out.
        let slot = table_end..table_end.saturating_add(self.header_size);
        let within = found.is_some() && slot.end <= self.len && patches.cut.is_none();
        let room = within && !self.overlaps(&slot, None) && self.is_zero(slot)?;
        let mut end = |bytes: Vec<u8>| -> Result<u64> {
            let at = self.end(patches).checked_next_multiple_of(8).ok_or_else(too_large)?;
            patches.writes.push((at, bytes));
            Ok(at)
        };
        let data_at = end(data.to_vec())?;
        if found.is_none() {
            let names_len = strings.len() as u64;
            let names_at = end(strings)?;
            let names_header = self.header_size.saturating_mul(self.names_index as u64);
            for (at, value) in self.place_fields().into_iter().zip([names_at, names_len]) {
                let at = names_header.saturating_add(at);
                let at = usize::try_from(at).map_err(|_| too_large())?;
                let value = self.address(value);
                if let Some(place) = headers.get_mut(at..at.saturating_add(value.len())) {
                    place.copy_from_slice(&value);
                }
            }
        }
        let word = |value: u32| self.endian.bytes(value).to_vec();
        let fields: [Vec<u8>; 10] = [
            word(name_at),
            word(1), // SHT_PROGBITS
            self.address(0),
            self.address(0),
            self.address(data_at),
            self.address(data.len() as u64),
            word(0),
            word(0),
            self.address(4),
            self.address(0),
        ];
        if room {
            patches.writes.push((table_end, fields.concat()));
        } else {
            headers.extend(fields.concat());
            let headers_at = end(headers)?;
            let shoff = if self.is_64 { 0x28 } else { 0x20 };
            patches.writes.push((shoff, self.address(headers_at)));
        }
        patches.writes.push(self.section_count(count));
        Ok(())
    }

    /// Where the file header says how many sections there are, and this many.
    fn section_count(&self, count: u16) -> (u64, Vec<u8>) {
        let at = if self.is_64 { 0x3c } else { 0x30 };
        let bytes =
            if self.endian == Endian::Little { count.to_le_bytes() } else { count.to_be_bytes() };
        (at, bytes.to_vec())
    }

    /// Takes a section out: if it is the last one, the file has one less; else its header becomes
    /// unused, since no other section's number may change.
    pub(crate) fn remove_section(&self, section: &Section, patches: &mut Patches) {
        let last = self.sections.len().saturating_sub(1);
        let is_last =
            self.sections.last().is_some_and(|other| other.header_at == section.header_at);
        let unused = vec![0; usize::try_from(self.header_size).unwrap_or(0)];
        patches.writes.push((section.header_at, unused));
        if let (true, Ok(count)) = (is_last, u16::try_from(last)) {
            patches.writes.push(self.section_count(count));
        }
    }

    /// Where the file ends once the patches are applied.
    fn end(&self, patches: &Patches) -> u64 {
        patches.writes.iter().fold(patches.cut.unwrap_or(self.len), |end, (at, bytes)| {
            end.max(at.saturating_add(bytes.len() as u64))
        })
    }

    /// Where a section header has its `sh_offset` and `sh_size`.
    fn place_fields(&self) -> [u64; 2] {
        if self.is_64 { [0x18, 0x20] } else { [0x10, 0x14] }
    }

    /// Points a section header at other bytes: `sh_offset` and `sh_size`.
    fn set_header(&self, section: &Section, offset: u64, size: u64, patches: &mut Patches) {
        for (at, value) in self.place_fields().into_iter().zip([offset, size]) {
            patches.writes.push((section.header_at.saturating_add(at), self.address(value)));
        }
    }

    /// A word of the file's class and byte order.
    fn address(&self, value: u64) -> Vec<u8> {
        match (self.is_64, self.endian) {
            (true, Endian::Little) => value.to_le_bytes().to_vec(),
            (true, Endian::Big) => value.to_be_bytes().to_vec(),
            // `replace` refuses what does not fit a 32-bit file.
            (false, endian) => endian.bytes(u32::try_from(value).unwrap_or(u32::MAX)).to_vec(),
        }
    }

    fn is_loaded(&self, section: &Section) -> bool {
        let end = section.offset.saturating_add(section.size);
        let in_segment =
            self.segments.iter().any(|segment| section.offset < segment.end && segment.start < end);
        in_segment || (!self.relocatable && section.flags.contains(SHF_ALLOC))
    }

    /// Where each relocation of a section says what it is for: the place in the file, and the
    /// offset there.
    pub(crate) fn relocations_of(&self, section: &Section) -> Result<Vec<(u64, u64)>> {
        let index = self.sections.iter().position(|other| other.header_at == section.header_at);
        let mut found = Vec::new();
        let mut total = 0_u64;
        for relocations in &self.sections {
            let entry: usize = match (relocations.kind, self.is_64) {
                (SHT_REL, false) => 8,
                (SHT_RELA, false) => 12,
                (SHT_REL, true) => 16,
                (SHT_RELA, true) => 24,
                _ => continue,
            };
            if Some(relocations.info as usize) != index {
                continue;
            }
            // Sections that overlap could make much of little.
            total = total.saturating_add(relocations.size);
            if total > self.len {
                return Err(bad("the relocations of .BTF are larger than the file"));
            }
            let data = self.section_data(relocations)?;
            for (i, bytes) in data.chunks_exact(entry).enumerate() {
                let at = relocations.offset.saturating_add((i as u64).saturating_mul(entry as u64));
                let offset = if self.is_64 {
                    bytes.first_chunk().map(|b| match self.endian {
                        Endian::Little => u64::from_le_bytes(*b),
                        Endian::Big => u64::from_be_bytes(*b),
                    })
                } else {
                    bytes.first_chunk().map(|b| u64::from(self.endian.u32(*b)))
                };
                found.extend(offset.map(|offset| (at, offset)));
            }
        }
        Ok(found)
    }

    /// Gives a relocation another place.
    pub(crate) fn move_relocation(&self, at: u64, offset: u64, patches: &mut Patches) {
        patches.writes.push((at, self.address(offset)));
    }
}

/// A section's name if it is one that anything here asks for, else nothing: many sections could
/// share one very long name.
fn name_of_interest(name: &[u8]) -> String {
    let asked = name.starts_with(b".BTF") || name == b".gnu.linkonce.this_module";
    let name = if asked && name.len() < 64 { name } else { b"" };
    String::from_utf8_lossy(name).into_owned()
}

/// A string table, if it is no longer than it would usually be: else names are read one by one.
fn strings<'a, H, R>(
    table: &SectionTable<'a, H, R>,
    index: SectionIndex,
    usual: u64,
    (endian, data): (Endianness, R),
) -> &'a [u8]
where
    H: FileHeader<Endian = Endianness>,
    R: ReadRef<'a>,
{
    let range = table.section(index).ok().and_then(|section| section.file_range(endian));
    let range = range.filter(|(_, size)| *size <= usual);
    range.and_then(|(at, size)| data.read_bytes_at(at, size).ok()).unwrap_or_default()
}

/// The name at an offset of a string table, if it is there and no longer than names usually are.
fn short_name(strings: &[u8], offset: u32) -> Option<&[u8]> {
    let tail = strings.get(offset as usize..)?;
    scan::string(tail.get(..256).unwrap_or(tail))
}

/// Reads what we need to know of an ELF file of either class.
fn facts<'a, H, R>(data: R) -> object::Result<Elf>
where
    H: FileHeader<Endian = Endianness>,
    R: ReadRef<'a>,
{
    let header = H::parse(data)?;
    let endian = header.endian()?;
    let table = header.sections(endian, data)?;
    let start: u64 = header.e_shoff(endian).into();
    let entry = u64::from(header.e_shentsize(endian));
    let names = header.section_strings_index(endian, data);
    let names = names.map(|index| strings(&table, index, 1 << 16, (endian, data)));
    let names = names.unwrap_or_default();
    let mut sections = Vec::new();
    for (index, section) in table.enumerate() {
        let name = match short_name(names, section.sh_name(endian)) {
            Some(name) => name,
            None => table.section_name(endian, section)?,
        };
        sections.push(Section {
            name: name_of_interest(name),
            header_at: start.saturating_add(entry.saturating_mul(index.0 as u64)),
            kind: section.sh_type(endian),
            flags: section.sh_flags(endian),
            addr: section.sh_addr(endian).into(),
            offset: section.sh_offset(endian).into(),
            size: section.sh_size(endian).into(),
            info: section.sh_info(endian),
            align: section.sh_addralign(endian).into(),
        });
    }
    let relocatable = header.e_type(endian) == ET_REL;
    let mut id_symbols = Vec::new();
    if let Some(ids) = sections.iter().position(|section| section.name == ".BTF_ids") {
        // Symbol values are addresses, but in relocatable files.
        let origin =
            if relocatable { 0 } else { sections.get(ids).map_or(0, |section| section.addr) };
        let symbols = table.symbols(endian, data, object::elf::SHT_SYMTAB)?;
        // Names in kernels and modules have half of this on average.
        let usual = (symbols.len() as u64).saturating_mul(64);
        let names = strings(&table, symbols.string_section(), usual, (endian, data));
        for (index, symbol) in symbols.enumerate() {
            let name = match short_name(names, symbol.st_name(endian)) {
                Some(name) => name,
                None => symbols.symbol_name(endian, symbol)?,
            };
            // No name in a kernel is longer than 512 bytes; other symbols say nothing of ids.
            if !name.starts_with(b"__BTF_ID__") || name.len() > 1024 {
                continue;
            }
            if symbols.symbol_section(endian, symbol, index)?.is_none_or(|section| section.0 != ids)
            {
                continue;
            }
            let value: u64 = symbol.st_value(endian).into();
            id_symbols.push(IdSymbol {
                name: String::from_utf8_lossy(name).into_owned(),
                offset: value.wrapping_sub(origin),
                size: symbol.st_size(endian).into(),
            });
        }
    }
    let segments = header
        .program_headers(endian, data)?
        .iter()
        .filter(|segment| segment.p_type(endian) == PT_LOAD)
        .map(|segment| {
            let (start, size) = segment.file_range(endian);
            start..start.saturating_add(size)
        })
        .collect();
    Ok(Elf {
        bytes: Bytes::Memory(Vec::new()),
        len: 0,
        endian: if header.is_little_endian() { Endian::Little } else { Endian::Big },
        is_64: header.is_class_64(),
        relocatable,
        sections,
        header_size: entry,
        names_index: header.shstrndx(endian, data)? as usize,
        segments,
        id_symbols,
        signature: None,
    })
}
