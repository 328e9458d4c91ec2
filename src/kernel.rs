//! Asking the running kernel: `bpf(BPF_BTF_LOAD)`.
//!
//! This is the one place with `unsafe` code: the system call.

#![allow(unsafe_code)]

use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::path::Path;

/// Where the running kernel offers its own BTF.
pub const VMLINUX: &str = "/sys/kernel/btf/vmlinux";

/// Whether the running kernel has BTF of its own.
pub fn has_btf() -> bool {
    Path::new(VMLINUX).exists()
}

/// What the kernel's verifier says of a blob.
#[derive(Debug)]
#[non_exhaustive]
pub enum Verdict {
    /// It takes it.
    Accepted,
    /// It refuses it, with this error and the verifier's log.
    Refused {
        /// The error of the system call, such as `EINVAL` or `E2BIG`.
        error: io::Error,
        /// What the verifier wrote, empty if it said nothing.
        log: String,
    },
    /// We may not ask: it takes `CAP_BPF`, or the kernel has no such call.
    NotAllowed(io::Error),
}

/// `enum bpf_cmd` in the uapi header `linux/bpf.h`.
const BPF_BTF_LOAD: libc::c_int = 18;

/// `union bpf_attr`, as far as `BPF_BTF_LOAD` reads it.
#[repr(C)]
struct LoadAttr {
    btf: u64,
    log: u64,
    btf_size: u32,
    log_size: u32,
    log_level: u32,
}

fn load(blob: &[u8], log: Option<&mut [u8]>) -> io::Result<OwnedFd> {
    let (log_at, log_size) = log.map_or((0, 0), |log| (log.as_mut_ptr() as u64, log.len()));
    let attr = LoadAttr {
        btf: blob.as_ptr() as u64,
        log: log_at,
        // The kernel refuses more than 16 MiB; u32::MAX is as good a number for all of that.
        btf_size: u32::try_from(blob.len()).unwrap_or(u32::MAX),
        log_size: u32::try_from(log_size).unwrap_or(0),
        log_level: u32::from(log_size != 0),
    };
    // SAFETY: `attr` is a valid bpf_attr of the size given; the pointers in it are of slices that
    // outlive the call, with their lengths; the kernel writes to the log alone, within its length.
    let fd = unsafe {
        libc::syscall(libc::SYS_bpf, BPF_BTF_LOAD, &raw const attr, size_of::<LoadAttr>())
    };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    let fd = i32::try_from(fd).map_err(io::Error::other)?;
    // SAFETY: the call has just returned this descriptor, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Loads a standalone blob into the running kernel and lets it go again.
///
/// The verdict comes from a call without a log: one that overflows would be an error by itself.
///
/// ```no_run
/// let verdict = btfkinds::kernel::verify(&std::fs::read("out.btf")?);
/// println!("{verdict:?}");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn verify(blob: &[u8]) -> Verdict {
    let error = match load(blob, None) {
        Ok(_) => return Verdict::Accepted,
        Err(error) => error,
    };
    if matches!(error.raw_os_error(), Some(libc::EPERM | libc::ENOSYS)) {
        return Verdict::NotAllowed(error);
    }
    let mut log = vec![0; 1 << 16];
    let _ = load(blob, Some(&mut log));
    let log = log.split(|byte| *byte == 0).next().unwrap_or_default();
    Verdict::Refused { error, log: String::from_utf8_lossy(log).into_owned() }
}
