//! All modules of a kernel, in one process.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use btfkinds::{Btf, File, Parse, Text};

use crate::libbpf;
use crate::timing::{Program, compare};

pub fn run(vmlinux: &Path, folder: &Path, rounds: usize) -> Result<(), Box<dyn Error>> {
    let mut modules = Vec::new();
    collect(folder, &mut modules)?;
    modules.sort_unstable();
    println!("{} modules in {}; medians of {rounds}", modules.len(), folder.display());
    let blob = File::open(vmlinux)?.bytes()?;
    let ours = |print: bool| {
        let base = Arc::new(Btf::parse(&blob).expect("the base"));
        let parse = Parse::new().base(base);
        let mut types = 0;
        for module in &modules {
            let file = File::open(module).expect("a module");
            let btf = file.btf(&parse).expect("BTF on this base");
            types += btf.types().count();
            if print {
                Text::new(io::sink()).types(btf.types()).expect("nothing to fail");
            }
        }
        types as u64
    };
    let peer = || {
        let base = libbpf::Btf::new(&blob);
        let types = modules.iter().map(|module| {
            let split = libbpf::Btf::parse_elf_split(&module.to_string_lossy(), &base);
            u64::from(split.expect("a module").type_count() - base.type_count())
        });
        types.sum()
    };
    let programs = vec![
        Program::new("btfkinds, parse", || ours(false), |types: &u64| Some(*types)),
        Program::new("btfkinds, parse and print raw", || ours(true), |types| Some(*types)),
        Program::new("libbpf, parse", peer, |types| Some(*types)),
    ];
    compare("all modules", rounds, programs);
    Ok(())
}

/// The modules in a folder and those below it.
fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "ko") {
            found.push(path);
        }
    }
    Ok(())
}
