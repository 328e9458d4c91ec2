//! Parts of the running kernel's BTF, and whole kernels.

use std::collections::HashMap;
use std::time::Instant;

use btfkinds::check::{Options, Outcome, Role, check};
use btfkinds::kernel::VMLINUX;
use btfkinds::{Btf, File, Parse, TypeId};

use super::common::kernels::script;
use super::common::{Folder, Random, btfkinds, needs, ok, run};
use super::raw::{Raw, id_words};

/// The running kernel's types.
pub struct Real(Btf);

impl Real {
    pub fn running() -> Option<Real> {
        Some(Real(Btf::parse(&std::fs::read(VMLINUX).ok()?).unwrap()))
    }

    /// A type with some of what it leads to. What is left out is void to pointers and an int
    /// elsewhere.
    pub fn part(&self, random: &mut Random) -> Raw {
        let mut raw = Raw::default();
        raw.int(4);
        let first = 1 + random.below(self.0.type_count() as usize - 1) as u32;
        let most = 2 + random.below(60);
        let mut ids = HashMap::from([(first, 2)]);
        let mut order = vec![first];
        let mut at = 0;
        while let Some(id) = order.get(at) {
            at += 1;
            let words = self.0.get(TypeId(*id)).unwrap().words();
            for word in id_words(words) {
                let to = words[word];
                if to != 0 && order.len() < most && !ids.contains_key(&to) {
                    order.push(to);
                    ids.insert(to, order.len() as u32 + 1);
                }
            }
        }
        for id in order {
            let record = self.0.get(TypeId(id)).unwrap();
            let mut words = record.words().to_vec();
            for at in id_words(&words) {
                let left_out = u32::from(record.kind().0 != 2);
                words[at] =
                    if words[at] == 0 { 0 } else { *ids.get(&words[at]).unwrap_or(&left_out) };
            }
            words[0] = raw.bytes_name(record.name());
            let strings: &[usize] = match record.kind().0 {
                4..=6 | 13 | 19 => &[0],
                _ => &[],
            };
            let len = record.spec().elements.len();
            for element in 0..record.elements().len() {
                for string in strings {
                    let at = 3 + element * len + string;
                    words[at] = raw.bytes_name(record.string(btfkinds::StrOff(words[at])));
                }
            }
            raw.types.push(words);
        }
        raw
    }
}

/// Clean as a user's and as a kernel's, but for what is allowed.
fn is_clean(bytes: &[u8], allow: &[&str]) {
    for role in [Role::User, Role::Vmlinux] {
        let start = Instant::now();
        let report = check(bytes, &Options { role, allow, ..Options::default() });
        eprintln!("{} bytes as {role}: {:?}", bytes.len(), start.elapsed());
        assert_eq!(report.findings(), []);
        assert_eq!(report.verdict(), Outcome::Accepted);
    }
}

/// Kernels from 6.18 on have strings of types that were taken out again.
pub fn running_kernel_is_clean() {
    is_clean(&std::fs::read(VMLINUX).unwrap(), &["string-unused"]);
}

pub fn debian_kernel_is_clean() {
    let file = File::open(&needs::debian().join("vmlinux")).unwrap();
    is_clean(&file.btf(&Parse::new()).unwrap().to_bytes(), &[]);
}

/// The modules of both kernels, on their vmlinux: nothing to say of any.
pub fn all_modules_are_clean() {
    for series in ["6.1", "6.12"] {
        let kernel = script("debian-kernel", &[series]);
        let base = format!("{kernel}/vmlinux");
        ok(["check", "--strict", "-q", &base]);
        let modules: Vec<String> = run("find", &[&kernel, "-name", "*.ko*"])
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| String::from_utf8(line.to_vec()).unwrap())
            .collect();
        assert!(modules.len() > 1000, "{}", modules.len());
        let args = ["check", "--strict", "-B", &base].map(str::to_owned);
        let out = btfkinds(args.into_iter().chain(modules.iter().cloned()));
        let said = String::from_utf8(out.stderr).unwrap();
        assert_eq!(String::from_utf8(out.stdout).unwrap(), "");
        assert_eq!(out.status.code(), Some(0));
        let clean = ": as module for Linux 7.2: accepted, 0 errors, 0 warnings";
        assert_eq!(said.lines().filter(|line| line.ends_with(clean)).count(), modules.len());
        // On the other build's base they are found out.
        let other = script("debian-kernel", &[&format!("{series}-older")]) + "/vmlinux";
        let args = ["check", "--strict", "-q", "-B", &other].map(str::to_owned);
        let out = btfkinds(args.into_iter().chain(modules.iter().take(50).cloned()));
        assert_eq!(out.status.code(), Some(1));
    }
}

/// What compilers leave to a loader is no finding, and what pahole makes of an object has none.
pub fn objects() {
    let folder = Folder::new();
    let source = folder.file("x.bpf.c", include_bytes!("object.bpf.c"));
    let object = folder.name("x.bpf.o");
    run("clang", &["-target", "bpf", "-g", "-O2", "-c", &source, "-o", &object]);
    assert_eq!(ok(["check", "--strict", &object]), "");
    let out = btfkinds(["check", "-q", "--as", "user", &object]);
    let said = String::from_utf8(out.stdout).unwrap();
    for rule in ["func-linkage", "var-linkage", "section-empty"] {
        assert!(said.contains(rule), "{rule}: {said}");
    }
    let source = folder.file("y.c", "struct s { int a; } v; int f(struct s *p) { return p->a; }");
    let object = folder.name("y.o");
    run("gcc", &["-g", "-c", &source, "-o", &object]);
    run("pahole", &["-J", &object]);
    assert_eq!(ok(["check", "--strict", &object]), "");
    assert_eq!(ok(["check", "--strict", "--as", "user", &object]), "");
}
