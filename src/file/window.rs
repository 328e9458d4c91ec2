//! [`Window`]: what is read of an ELF file's headers and names, some KiB at a time.

use std::fs;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use object::read::ReadCacheOps;

/// How much is read from what was asked for on: as much as the section headers of a module take.
const BEHIND: u64 = 4096;
/// How much is read of what is before it: linkers put names before the headers.
const BEFORE: u64 = 2048;

/// A file of which the part that was asked for last is at hand.
pub(super) struct Window<'a> {
    file: &'a fs::File,
    len: u64,
    /// Where the next read starts.
    at: u64,
    block: Vec<u8>,
    block_at: u64,
}

impl<'a> Window<'a> {
    pub(super) fn new(file: &'a fs::File, len: u64) -> Self {
        Window { file, len, at: 0, block: Vec::new(), block_at: 0 }
    }

    /// What is at hand from the place on where the next read starts.
    fn at_hand(&self) -> Option<&[u8]> {
        let within = usize::try_from(self.at.checked_sub(self.block_at)?).ok()?;
        self.block.get(within..).filter(|bytes| !bytes.is_empty())
    }

    /// Reads the block around the place where the next read starts, if it is not at hand.
    fn load(&mut self) -> Option<()> {
        if self.at_hand().is_some() {
            return Some(());
        }
        let Range { start, end } = self.block();
        self.block.resize(usize::try_from(end.checked_sub(start)?).ok()?, 0);
        self.block_at = start;
        let read = self.file.read_exact_at(&mut self.block, start);
        read.inspect_err(|_| self.block.clear()).ok()
    }

    fn block(&self) -> Range<u64> {
        self.at.saturating_sub(BEFORE)..self.at.saturating_add(BEHIND).min(self.len)
    }
}

impl ReadCacheOps for Window<'_> {
    fn len(&mut self) -> Result<u64, ()> {
        Ok(self.len)
    }

    fn seek(&mut self, at: u64) -> Result<u64, ()> {
        self.at = at;
        Ok(at)
    }

    fn read(&mut self, bytes: &mut [u8]) -> Result<usize, ()> {
        if self.at >= self.len {
            return Ok(0);
        }
        self.load().ok_or(())?;
        let found = self.at_hand().unwrap_or_default();
        let len = found.len().min(bytes.len());
        bytes.iter_mut().zip(found).for_each(|(to, from)| *to = *from);
        self.at = self.at.saturating_add(len as u64);
        Ok(len)
    }

    fn read_exact(&mut self, bytes: &mut [u8]) -> Result<(), ()> {
        // What is larger goes where it is wanted at once.
        if bytes.len() as u64 > BEHIND {
            self.file.read_exact_at(bytes, self.at).map_err(drop)?;
            self.at = self.at.saturating_add(bytes.len() as u64);
            return Ok(());
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            let read = self.read(rest)?;
            rest = rest.get_mut(read..).filter(|_| read > 0).ok_or(())?;
        }
        Ok(())
    }
}
