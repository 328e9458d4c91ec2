//! Writing files so that they are replaced whole or not at all.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use tempfile::{Builder, TempPath};

use super::elf::{Elf, Patches};
use crate::btf::Btf;
use crate::error::{Error, Result};

/// A file that is written under another name beside its place, waiting to take it. It is on disk if it is to
/// take the place of an older one.
///
/// Dropped without [`Prepared::commit`], it leaves nothing behind.
#[derive(Debug)]
pub struct Prepared {
    temp: TempPath,
    dest: PathBuf,
    /// What is there is no regular file (a device, a pipe): it is written to, not replaced.
    special: bool,
    /// An older file is there.
    replaces: bool,
}

impl Prepared {
    /// Prepares `dest` to hold raw BTF. It gets mode and owner of what is there, else of `like`.
    ///
    /// # Errors
    /// If a file cannot be written beside it, or if it is a folder.
    pub fn raw(dest: &Path, like: Option<&Path>, btf: &Btf) -> Result<Prepared> {
        Self::write(dest, like, |file| btf.write_to(file))
    }

    /// Prepares `dest` to hold what is in `from` now.
    ///
    /// # Errors
    /// If `from` can't be read, or as [`Prepared::raw`].
    pub fn copy(from: &Path, dest: &Path) -> Result<Prepared> {
        Self::write(dest, Some(from), |file| io::copy(&mut fs::File::open(from)?, file).map(drop))
    }

    pub(crate) fn bytes(dest: &Path, like: Option<&Path>, bytes: &[u8]) -> Result<Prepared> {
        Self::write(dest, like, |file| file.write_all(bytes))
    }

    pub(super) fn elf(dest: &Path, like: &Path, elf: &Elf, patches: &Patches) -> Result<Prepared> {
        Self::write(dest, Some(like), |file| {
            elf.copy_to(file)?;
            if let Some(cut) = patches.cut {
                file.set_len(cut)?;
            }
            patches.writes.iter().try_for_each(|(at, data)| file.write_all_at(data, *at))
        })
    }

    fn write(
        dest: &Path,
        like: Option<&Path>,
        content: impl FnOnce(&mut fs::File) -> io::Result<()>,
    ) -> Result<Prepared> {
        let cannot =
            |err: io::Error| Error::io(&format!("cannot write {}", dest.display()), &plain(err));
        let dest_path = behind_links(dest);
        let there = fs::metadata(&dest_path).ok();
        if there.as_ref().is_some_and(fs::Metadata::is_dir) {
            return Err(cannot(io::Error::from(io::ErrorKind::IsADirectory)));
        }
        let special = there.as_ref().is_some_and(|there| !there.is_file());
        let folder = match dest_path.parent() {
            _ if special => std::env::temp_dir(),
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let in_folder = fs::metadata(&folder).map_err(cannot)?;
        let replaces = there.is_some();
        let model = there.or_else(|| {
            let like = fs::metadata(like?).ok()?;
            // A file in /sys says nothing about what a copy of it should be.
            (like.is_file() && like.dev() == in_folder.dev()).then_some(like)
        });
        let mut temp = Builder::new();
        temp.prefix(".btfkinds-");
        if model.is_none() {
            // A new file: what the umask leaves of this. Others are nobody else's as long as they are written.
            temp.permissions(fs::Permissions::from_mode(0o666));
        }
        let mut temp = temp.tempfile_in(&folder).map_err(cannot)?;
        content(temp.as_file_mut()).map_err(cannot)?;
        if let Some(model) = model.filter(|_| !special) {
            // Only root can give files away; for others it is theirs already.
            let _ = chown(temp.path(), Some(model.uid()), Some(model.gid()));
            temp.as_file().set_permissions(model.permissions()).map_err(cannot)?;
        }
        // What takes the place of an older file must be on disk before it does.
        if replaces && !special {
            temp.as_file().sync_all().map_err(cannot)?;
        }
        Ok(Prepared { temp: temp.into_temp_path(), dest: dest_path, special, replaces })
    }

    /// Puts the file in its place.
    ///
    /// # Errors
    /// If it cannot be renamed; then the old file is still there.
    pub fn commit(self) -> Result<()> {
        let Prepared { temp, dest, special, replaces } = self;
        let cannot =
            |err: io::Error| Error::io(&format!("cannot replace {}", dest.display()), &plain(err));
        if special {
            let mut from = fs::File::open(&temp).map_err(cannot)?;
            let mut to = fs::OpenOptions::new().write(true).open(&dest).map_err(cannot)?;
            return io::copy(&mut from, &mut to).map(drop).map_err(cannot);
        }
        temp.persist(&dest).map_err(|err| cannot(err.error))?;
        // The rename itself is to survive a crash too, where the file does; a folder that cannot be synced is no
        // error.
        if let Some(folder) = dest.parent().filter(|_| replaces)
            && !folder.as_os_str().is_empty()
        {
            let _ = fs::File::open(folder).and_then(|folder| folder.sync_all());
        }
        Ok(())
    }
}

/// Puts all files in their places, in this order.
///
/// # Errors
/// At the first that cannot be put there; the error says how many were before it.
pub fn commit_all(files: Vec<Prepared>) -> Result<()> {
    for (done, file) in files.into_iter().enumerate() {
        file.commit().map_err(|err| match done {
            0 => err,
            _ => err.with_help(format!(
                "{done} files before it were replaced already, those behind it were not"
            )),
        })?;
    }
    Ok(())
}

/// What a symbolic link points at, whether it is there or not: that is replaced, not the link.
fn behind_links(path: &Path) -> PathBuf {
    if let Ok(path) = fs::canonicalize(path) {
        return path;
    }
    match (fs::read_link(path), path.parent()) {
        (Ok(target), Some(parent)) => parent.join(target),
        _ => path.to_owned(),
    }
}

/// An error without the name of our temporary file.
fn plain(err: io::Error) -> io::Error {
    if err.raw_os_error().is_some() { err } else { err.kind().into() }
}
