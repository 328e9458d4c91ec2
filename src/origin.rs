//! Standalone or split: what a blob is, whatever base is at hand.

use crate::btf::{Btf, Parse};
use crate::error::{ErrorKind, Result};

impl Parse {
    /// Reads a blob as what it is: standalone BTF stays so even if a base was given.
    ///
    /// A string section that is empty or does not start with NUL is split (kernel and libbpf take
    /// no such standalone BTF). One that starts with NUL is standalone if every type id and string
    /// offset lies within the blob itself.
    ///
    /// # Errors
    /// As [`Parse::read`].
    pub fn read_as_it_is(&self, blob: &[u8]) -> Result<Btf> {
        if self.has_base() {
            match self.clone().standalone().read(blob) {
                // Without types there is nothing that could tell.
                Ok(btf) if btf.type_len() > 0 => return Ok(btf),
                Ok(_) => {}
                Err(err)
                    if matches!(
                        err.kind(),
                        ErrorKind::Base | ErrorKind::Reference | ErrorKind::UnknownKind(_)
                    ) => {}
                Err(err) => return Err(err),
            }
        }
        self.read(blob)
    }
}
