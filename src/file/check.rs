//! Checking the BTF of a file: what it is for, and what it is split on, is known from the file.

use std::sync::Arc;

use super::{File, ext};
use crate::btf::{Btf, Parse};
use crate::check::{Options, Outcome, Report, Role, check};
use crate::error::{Error, ErrorKind, Result};
use crate::kind::Version;
use crate::origin::Numbering;
use crate::relocate::relocate;

/// The first kernel that knows distilled bases (`.BTF.base`).
const DISTILLED: Version = Version { major: 6, minor: 11 };

impl File {
    /// Who is to take the file's BTF: a module's and an executable's is the kernel's; that of other objects is a
    /// compiler's; a raw blob is taken for one that a user loads.
    pub fn role(&self) -> Role {
        if self.is_raw() {
            Role::User
        } else if self.is_module() {
            Role::Module
        } else if self.is_relocatable() {
            Role::Object
        } else {
            Role::Vmlinux
        }
    }

    /// How the file's BTF is numbered, to a kernel of a version: see [`Numbering::of`]. None if it carries its own base,
    /// and the kernel knows what that is.
    ///
    /// # Errors
    /// If there is no `.BTF` section, or it cannot be read.
    pub fn numbering(&self, version: Version) -> Result<Option<Numbering>> {
        if self.has_own_base() && version >= DISTILLED {
            return Ok(None);
        }
        Numbering::of(&self.bytes()?, &Parse::new()).map(Some)
    }

    /// Checks the file's BTF, as `options.role` says. A distilled base (`.BTF.base`) is checked as well, as the kernel
    /// does, and if `options.base` is given, whether it can be found in that.
    ///
    /// Gives what was found in each section, `.BTF` last. Without a base, BTF is taken for standalone.
    ///
    /// ```no_run
    /// use btfkinds::{File, check::Options};
    ///
    /// let file = File::open("x.ko".as_ref())?;
    /// for (section, report) in file.check(&Options { role: file.role(), ..Options::default() })? {
    ///     println!("{section}: {}", report.verdict());
    /// }
    /// # Ok::<(), btfkinds::Error>(())
    /// ```
    ///
    /// # Errors
    /// If a section is not there or cannot be read.
    pub fn check(&self, options: &Options<'_>) -> Result<Vec<(&'static str, Report)>> {
        let bytes = self.bytes()?;
        let used = self.strings_of_ext()?;
        let options = &Options { used_strings: &used, ..*options };
        let module = options.role == Role::Module && options.version >= DISTILLED;
        let distilled = self.elf().filter(|_| module);
        let distilled = distilled.and_then(|elf| Some((elf, elf.find(".BTF.base")?)));
        let Some((elf, section)) = distilled else {
            return Ok(vec![(".BTF", check(&bytes, options))]);
        };
        let base_bytes = elf.section_data(section)?;
        let as_base = Options { role: Role::Vmlinux, base: None, used_strings: &[], ..*options };
        let mut found = vec![(".BTF.base", check(&base_bytes, &as_base))];
        // What cannot be read was said to be so just now.
        let Ok(base) = Btf::parse(&base_bytes) else {
            return Ok(found);
        };
        let base = Arc::new(base);
        let mut report = check(&bytes, &Options { base: Some(&base), ..*options });
        if report.verdict() == Outcome::Accepted
            && let Some(kernel) = options.base
        {
            let moved = Parse::new().base(base).read(&bytes).and_then(|btf| relocate(&btf, kernel));
            if let Err(err) = moved {
                report.refuse_relocation(&err);
            }
        }
        found.push((".BTF", report));
        Ok(found)
    }

    /// The string offsets in the file's `.BTF.ext`.
    fn strings_of_ext(&self) -> Result<Vec<u32>> {
        let section = self.elf().and_then(|elf| Some((elf, elf.find(".BTF.ext")?)));
        let Some((elf, section)) = section else {
            return Ok(Vec::new());
        };
        let endian = match self.bytes()?.first() {
            Some(0x9f) => crate::Endian::Little,
            Some(0xeb) => crate::Endian::Big,
            _ => return Err(Error::new(ErrorKind::Header, "this is not BTF")),
        };
        let used = ext::used(&elf.section_data(section)?, endian)?;
        Ok(used.strings.into_iter().collect())
    }
}
