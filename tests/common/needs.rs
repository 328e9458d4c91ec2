//! Tests that need something of the machine: reported as ignored, with the reason, where it is not
//! there, unless BTFKINDS_REQUIRE is set (as `tests/run` does); then they fail.

use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::Trial;

#[derive(Clone, Copy)]
pub enum Need {
    /// The running kernel's BTF.
    KernelBtf,
    /// To be root.
    Root,
    /// To be allowed to load BTF into the kernel.
    Bpf,
    /// A program.
    Tool(&'static str),
    /// An unpacked Debian kernel, as `tests/debian-kernel` makes it.
    Debian,
}

/// The unpacked Debian kernel.
pub fn debian() -> PathBuf {
    PathBuf::from(
        std::env::var_os("BTFKINDS_DEBIAN_KERNEL").expect("BTFKINDS_DEBIAN_KERNEL names it"),
    )
}

impl Need {
    /// What is missing.
    fn missing(self) -> Option<String> {
        let (there, what) = match self {
            Need::KernelBtf => (btfkinds::kernel::has_btf(), "a kernel with BTF".to_owned()),
            Need::Root => {
                // Our own process, as the kernel sees it.
                let owner = std::fs::metadata("/proc/self")
                    .map(|own| std::os::unix::fs::MetadataExt::uid(&own));
                (owner.is_ok_and(|uid| uid == 0), "root".to_owned())
            }
            Need::Bpf => {
                let blob = super::Graph::default().bytes();
                let asked = btfkinds::kernel::verify(&blob);
                (
                    !matches!(asked, btfkinds::kernel::Verdict::NotAllowed(_)),
                    "leave to load BTF (root)".to_owned(),
                )
            }
            Need::Tool(tool) => {
                let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
                let runs = Command::new(tool).arg("--version").env("PATH", path).output().is_ok();
                (runs, tool.to_owned())
            }
            Need::Debian => {
                let dir = std::env::var_os("BTFKINDS_DEBIAN_KERNEL");
                let there = dir.is_some_and(|dir| Path::new(&dir).join("vmlinux").exists());
                (there, "BTFKINDS_DEBIAN_KERNEL (see tests/debian-kernel)".to_owned())
            }
        };
        (!there).then_some(what)
    }
}

/// A test that runs where `needs` are met.
pub fn trial(name: &str, needs: &[Need], test: fn()) -> Trial {
    trial_in(name, needs, test)
}

/// The same for a test that carries something with it.
pub fn trial_in(name: &str, needs: &[Need], test: impl FnOnce() + Send + 'static) -> Trial {
    let missing: Vec<String> = needs.iter().filter_map(|need| need.missing()).collect();
    let reason = missing.join(", ");
    if missing.is_empty() {
        return Trial::test(name, move || {
            test();
            Ok(())
        });
    }
    if std::env::var_os("BTFKINDS_REQUIRE").is_some() {
        return Trial::test(name, move || Err(format!("needs {reason}").into()));
    }
    Trial::test(format!("{name} (needs {reason})"), || Ok(())).with_ignored_flag(true)
}

/// A trial over several kernels, which plain `cargo test` shall not download; `tests/run` does.
pub fn with_kernels(name: &str, needs: &[Need], test: fn()) -> Trial {
    if std::env::var_os("BTFKINDS_QEMU").is_some() {
        return trial(name, needs, test);
    }
    let name = format!("{name} (needs BTFKINDS_QEMU=1, as tests/run sets it)");
    let required = std::env::var_os("BTFKINDS_REQUIRE").is_some();
    Trial::test(name, || Err("needs BTFKINDS_QEMU=1".into())).with_ignored_flag(!required)
}
