//! Debian's kernels with all their modules.

use std::path::PathBuf;
use std::sync::Arc;
use std::{fs, thread};

use btfkinds::{Btf, File, Parse};

use super::{root, run};

/// A kernel, as `tests/debian-kernel` names it.
pub struct Series {
    pub vmlinux: PathBuf,
    pub base: Arc<Btf>,
    /// The `.BTF` of each module.
    pub modules: Vec<(PathBuf, Vec<u8>)>,
}

/// Runs one of our scripts and gives its last line.
pub fn script(name: &str, args: &[&str]) -> String {
    let out = run(root().join("tests").join(name).to_str().unwrap(), args);
    String::from_utf8_lossy(&out).lines().last().unwrap_or_default().to_owned()
}

impl Series {
    pub fn new(series: &str) -> Series {
        let kernel = PathBuf::from(script("debian-kernel", &[series]));
        let base = File::open(&kernel.join("vmlinux")).unwrap().btf(&Parse::new()).unwrap();
        let mut found = Vec::new();
        let mut folders = vec![kernel.join("modules")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.to_string_lossy();
                if path.is_dir() {
                    folders.push(path);
                } else if name.ends_with(".ko") || name.ends_with(".ko.xz") {
                    found.push(path);
                }
            }
        }
        found.sort();
        let read = |path: &PathBuf| (path.clone(), File::open(path).unwrap().bytes().unwrap());
        Series {
            vmlinux: kernel.join("vmlinux"),
            base: Arc::new(base),
            modules: at_once(&found, read),
        }
    }
}

/// `f` of each, on all processors.
pub fn at_once<T: Sync, R: Send>(list: &[T], f: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let parts = thread::available_parallelism().map_or(1, usize::from);
    let part = list.len().div_ceil(parts).max(1);
    thread::scope(|scope| {
        let f = &f;
        let work = |part| scope.spawn(move || -> Vec<R> { <[T]>::iter(part).map(f).collect() });
        let running: Vec<_> = list.chunks(part).map(work).collect();
        running.into_iter().flat_map(|part| part.join().unwrap()).collect()
    })
}
