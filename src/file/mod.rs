//! Files with BTF in them: raw, or an ELF section.

mod btf_ids;
mod check;
mod edited;
mod elf;
mod ext;
mod pack;
mod rebase;
mod renumber;
mod rewrite;
mod save;
mod strip;
mod window;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use edited::Edited;
pub use rebase::{Rebase, Split};
pub use renumber::{Renumber, Target};
pub use rewrite::Change;
pub use save::{Prepared, commit_all};

use elf::Elf;
use pack::Packing;

use crate::btf::{Blob, Btf, Parse};
use crate::error::{Error, ErrorKind, Result};

/// A file that holds BTF: a raw blob, or an ELF object, module or executable with `.BTF`, either of
/// them compressed or not (gzip, xz, zstd). What was compressed is compressed again when written.
///
/// Of an ELF file only the headers and the sections that are needed are read.
///
/// ```no_run
/// use btfkinds::{File, Parse};
///
/// let btf = File::open("/usr/lib/debug/boot/vmlinux".as_ref())?.btf(&Parse::new())?;
/// println!("{} types", btf.type_count());
/// # Ok::<(), btfkinds::Error>(())
/// ```
#[derive(Debug)]
pub struct File {
    path: PathBuf,
    content: Content,
    /// How the file is compressed; its content is not.
    packing: Option<Packing>,
}

#[derive(Debug)]
enum Content {
    /// None: see [`File::give_up`].
    Raw(Option<Arc<Blob>>),
    Elf(Elf),
}

/// Files that hold BTF, but not so that it can be read as they are: their first bytes, and what
/// they are.
const OTHERS: [(&[u8], &str); 2] = [
    (
        b"MZ",
        "a kernel image (vmlinuz): its vmlinux is packed inside (scripts/extract-vmlinux in the kernel's tree unpacks it)",
    ),
    (b"!<arch>\n", "an archive: unpack it first (ar x)"),
];

/// The bytes of a raw file, which nobody asks for when they were given up.
fn raw(blob: &Option<Arc<Blob>>) -> Result<&Arc<Blob>> {
    let gone = || Error::new(ErrorKind::Io, "the file's bytes were given up");
    blob.as_ref().ok_or_else(gone)
}

fn content_of(bytes: Vec<u8>) -> Result<Content> {
    Ok(if bytes.starts_with(b"\x7fELF") {
        Content::Elf(Elf::in_memory(bytes)?)
    } else {
        Content::Raw(Some(Arc::new(Blob::copy_of(&bytes))))
    })
}

impl File {
    /// Opens a file and tells by its content what it is; `-` is the standard input.
    ///
    /// # Errors
    /// If it can't be read, or holds neither BTF nor a readable ELF file.
    pub fn open(path: &Path) -> Result<File> {
        let cannot = |err| Error::io("cannot read", &err);
        let mut bytes = Vec::new();
        if path == Path::new("-") {
            std::io::stdin().read_to_end(&mut bytes).map_err(cannot)?;
        } else {
            let mut file = fs::File::open(path).map_err(cannot)?;
            let metadata = file.metadata().map_err(cannot)?;
            if metadata.is_dir() {
                return Err(Error::new(ErrorKind::Io, "cannot read: it is a folder"));
            }
            file.by_ref().take(8).read_to_end(&mut bytes).map_err(cannot)?;
            if metadata.is_file() && bytes.starts_with(b"\x7fELF") {
                let content = Content::Elf(Elf::on_disk(file)?);
                return Ok(File { path: path.to_owned(), content, packing: None });
            }
            // One piece for the whole file; what it says of its length is but a hint.
            let expected = usize::try_from(metadata.len()).unwrap_or(0).min(1 << 28);
            if [b"\x9f\xeb", b"\xeb\x9f"].iter().any(|magic| bytes.starts_with(*magic)) {
                let blob = Blob::read(&mut bytes.chain(file), expected).map_err(cannot)?;
                let content = Content::Raw(Some(Arc::new(blob)));
                return Ok(File { path: path.to_owned(), content, packing: None });
            }
            // What is nothing to us is not read any further.
            if bytes.starts_with(b"\x7fELF") || Packing::of(&bytes).is_some() {
                bytes.reserve(expected);
                file.read_to_end(&mut bytes).map_err(cannot)?;
            }
        }
        let packing = Packing::of(&bytes);
        if let Some(packing) = packing {
            bytes = packing.unpack(&bytes).map_err(|err| Error::io("cannot unpack", &err))?;
        }
        if let Some((_, what)) = OTHERS.iter().find(|(magic, _)| bytes.starts_with(magic)) {
            return Err(Error::new(ErrorKind::Header, format!("the file is {what}")));
        }
        Ok(File { path: path.to_owned(), content: content_of(bytes)?, packing })
    }

    /// The bytes as they go into a file that is compressed as this one is.
    pub(crate) fn packed(&self, bytes: Vec<u8>) -> Result<Vec<u8>> {
        match self.packing {
            Some(packing) => packing.pack(&bytes).map_err(|err| Error::io("cannot compress", &err)),
            None => Ok(bytes),
        }
    }

    /// The path that was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file's `.BTF` bytes.
    ///
    /// # Errors
    /// If an ELF file has no such section, or it cannot be read.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        match &self.content {
            Content::Raw(blob) => Ok(raw(blob)?.bytes().to_vec()),
            Content::Elf(elf) => elf.section_data(elf.btf_section()?),
        }
    }

    /// The bytes of a raw file are not asked for again: BTF that was read from them is changed where it is, and
    /// not copied first.
    #[cfg(feature = "cli")]
    pub(crate) fn give_up(&mut self) {
        if let Content::Raw(blob) = &mut self.content {
            *blob = None;
        }
    }

    /// The same, shared where it is held.
    fn blob(&self) -> Result<Arc<Blob>> {
        match &self.content {
            Content::Raw(blob) => Ok(Arc::clone(raw(blob)?)),
            Content::Elf(elf) => Ok(Arc::new(elf.section_blob(elf.btf_section()?)?)),
        }
    }

    /// Reads the file's BTF as what it is: where `.BTF.base` stands beside `.BTF` it is the base,
    /// else see [`Parse::read_as_it_is`].
    ///
    /// # Errors
    /// As [`Parse::read`], and if the section is not there.
    pub fn btf(&self, parse: &Parse) -> Result<Btf> {
        match self.own_base(parse)? {
            Some(base) => parse.clone().base(base).read_blob(&self.blob()?),
            None => parse.read_blob_as_it_is(&self.blob()?),
        }
    }

    /// Reads another BTF section: `.BTF.base` by itself, any other (such as `.BTF.inline`) split on
    /// the file's `.BTF`.
    ///
    /// # Errors
    /// As [`File::btf`], and if it is no ELF file or has no such section.
    pub fn section(&self, name: &str, parse: &Parse) -> Result<Btf> {
        let missing = || Error::new(ErrorKind::Elf, format!("there is no section {name}"));
        let section = self.elf().and_then(|elf| Some((elf, elf.find(name)?)));
        let (elf, section) = section.ok_or_else(missing)?;
        let bytes = elf.section_data(section)?;
        let parse = match name {
            ".BTF" => return self.btf(parse),
            ".BTF.base" => parse.clone().standalone(),
            _ => parse.clone().base(Arc::new(self.btf(parse)?)),
        };
        parse.read(&bytes).map_err(|err| err.in_section(name))
    }

    /// The distilled base that the file carries in `.BTF.base`, if it does.
    fn own_base(&self, parse: &Parse) -> Result<Option<Arc<Btf>>> {
        let Some(elf) = self.elf() else {
            return Ok(None);
        };
        let Some(section) = elf.find(".BTF.base") else {
            return Ok(None);
        };
        let bytes = elf.section_data(section)?;
        let base =
            parse.clone().standalone().read(&bytes).map_err(|err| err.in_section(".BTF.base"))?;
        Ok(Some(Arc::new(base)))
    }

    /// Whether the file has a `.BTF.base` section, so that no base needs to be given and no change
    /// of a base concerns it.
    pub fn has_own_base(&self) -> bool {
        self.elf().is_some_and(|elf| elf.find(".BTF.base").is_some())
    }

    /// Whether there is BTF in the file, readable or not.
    pub fn has_btf(&self) -> bool {
        match &self.content {
            Content::Raw(blob) => blob.as_ref().is_none_or(|blob| {
                blob.bytes().starts_with(b"\x9f\xeb") || blob.bytes().starts_with(b"\xeb\x9f")
            }),
            Content::Elf(elf) => elf.find(".BTF").is_some(),
        }
    }

    /// Whether this is a raw blob.
    pub fn is_raw(&self) -> bool {
        matches!(self.content, Content::Raw(_))
    }

    /// Whether this is a kernel module or another relocatable object.
    pub fn is_relocatable(&self) -> bool {
        self.elf().is_some_and(|elf| elf.relocatable)
    }

    /// Whether this is a kernel module.
    pub fn is_module(&self) -> bool {
        self.elf().is_some_and(|elf| elf.find(".gnu.linkonce.this_module").is_some())
    }

    /// Whether a module signature is appended, which any change makes invalid.
    pub fn is_signed(&self) -> bool {
        self.elf().is_some_and(|elf| elf.signature.is_some())
    }

    fn elf(&self) -> Option<&Elf> {
        match &self.content {
            Content::Elf(elf) => Some(elf),
            Content::Raw(_) => None,
        }
    }
}
