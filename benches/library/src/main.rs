//! btfkinds beside other libraries that read BTF, on the same bytes, in one process.
//!
//! Every round runs each program of a group once, so that what disturbs the machine disturbs all of
//! them; what is printed are medians, and ratios of medians. `--quick` runs each once, for the truth
//! of the results and not for the time.

mod groups;
mod growth;
mod libbpf;
mod modules;
mod timing;

use std::error::Error;
use std::path::PathBuf;

const USAGE: &str = "usage: btfkinds-bench [--quick | --rounds N] [--modules FOLDER] [--once OPERATION] [FILE]
       btfkinds-bench --growth
FILE is raw BTF, or with --modules a vmlinux; /sys/kernel/btf/vmlinux if not given. FOLDER has modules (.ko) that are
split on it. OPERATION is run by itself, for counting its instructions";

fn main() -> Result<(), Box<dyn Error>> {
    keep_memory();
    let mut rounds = 101;
    let mut file = PathBuf::from("/sys/kernel/btf/vmlinux");
    let (mut folder, mut once) = (None, None);
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--quick" => rounds = 1,
            "--rounds" => rounds = args.next().ok_or(USAGE)?.parse()?,
            "--once" => once = Some(args.next().ok_or(USAGE)?),
            "--growth" => return growth::run(),
            "--modules" => folder = Some(PathBuf::from(args.next().ok_or(USAGE)?)),
            _ if arg.starts_with('-') => return Err(USAGE.into()),
            _ => file = arg.into(),
        }
    }
    if let Some(folder) = folder {
        return modules::run(&file, &folder, rounds.min(11));
    }
    let blob = std::fs::read(&file)?;
    if let Some(operation) = once {
        return groups::once(&operation, &blob);
    }
    println!("{}: {} bytes; medians of {rounds} interleaved rounds", file.display(), blob.len());
    groups::parse(&blob, &file, rounds)?;
    groups::visit(&blob, &file, rounds)?;
    groups::renumber(&blob, rounds)?;
    groups::describe(&blob, rounds)?;
    groups::find(&blob, rounds)?;
    groups::dump(&blob, rounds)
}

/// Has the allocator keep what was freed: else whoever comes behind a program that took much would pay
/// for fresh pages.
fn keep_memory() {
    // SAFETY: these set limits, before anything large is allocated.
    let done = unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 1 << 30)
            + libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX)
    };
    assert_eq!(done, 2, "mallopt");
}
