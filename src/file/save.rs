//! Writing files so that they are replaced whole or not at all.

use std::fs;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempPath};

use super::elf::{Elf, Patches};
use crate::btf::Btf;
use crate::error::{Error, Result};

/// A file that is written and synced under another name beside its place, waiting to take it.
///
/// Dropped without [`Prepared::commit`], it leaves nothing behind.
#[derive(Debug)]
pub struct Prepared {
    temp: TempPath,
    dest: PathBuf,
}

impl Prepared {
    /// Prepares `dest` to hold raw BTF. It gets mode and owner of what is there, else of `like`.
    ///
    /// # Errors
    /// If a file cannot be written beside it.
    pub fn raw(dest: &Path, like: Option<&Path>, btf: &Btf) -> Result<Prepared> {
        Self::write(dest, like, |file| btf.write_to(file))
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
        let cannot = |err: io::Error| Error::io(&format!("cannot write {}", dest.display()), &err);
        // Through a symbolic link: what it points at is replaced, not the link.
        let dest_path = fs::canonicalize(dest).unwrap_or_else(|_| dest.to_owned());
        let folder = match dest_path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let mut temp = NamedTempFile::with_prefix_in(".btfkinds-", folder).map_err(cannot)?;
        content(temp.as_file_mut()).map_err(cannot)?;
        let model = fs::metadata(&dest_path).ok().or_else(|| {
            let like = fs::metadata(like?).ok()?;
            // A file in /sys says nothing about what a copy of it should be.
            (like.is_file() && like.dev() == fs::metadata(folder).ok()?.dev()).then_some(like)
        });
        match model {
            Some(model) => {
                // Only root can give files away; for others it is theirs already.
                let _ = chown(temp.path(), Some(model.uid()), Some(model.gid()));
                temp.as_file().set_permissions(model.permissions()).map_err(cannot)?;
            }
            None => {
                // A new file: what the umask leaves of 0666.
                let mask = umask();
                temp.as_file()
                    .set_permissions(fs::Permissions::from_mode(0o666 & !mask))
                    .map_err(cannot)?;
            }
        }
        // What takes the place of an older file must be on disk before it does.
        if dest_path.exists() {
            temp.as_file().sync_all().map_err(cannot)?;
        }
        Ok(Prepared { temp: temp.into_temp_path(), dest: dest_path })
    }

    /// Puts the file in its place.
    ///
    /// # Errors
    /// If it cannot be renamed; then the old file is still there.
    pub fn commit(self) -> Result<()> {
        let Prepared { temp, dest } = self;
        let cannot =
            |err: io::Error| Error::io(&format!("cannot replace {}", dest.display()), &err);
        temp.persist(&dest).map_err(|err| cannot(err.error))?;
        // The rename itself is to survive a crash too; a folder that cannot be synced is no error.
        if let Some(folder) = dest.parent().filter(|folder| !folder.as_os_str().is_empty()) {
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
    files.into_iter().try_for_each(Prepared::commit)
}

/// The process's umask, without setting it.
fn umask() -> u32 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    line.and_then(|mask| u32::from_str_radix(mask.trim(), 8).ok()).unwrap_or(0o022)
}
