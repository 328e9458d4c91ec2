//! Golden cases: each folder under golden/ is one, with an input and what is to come out.
//!
//! | file | what |
//! |---|---|
//! | `PROVENANCE` | which tool and version made the input, which one confirmed the output |
//! | `input.btf` | the blob; `base.btf` is its base; `*.kind` are kind files for it |
//! | `input.c` | the source that the input was made from, for readers |
//! | `dump.txt` | what `dump` prints; as `dump.bpftool.txt`, bpftool must print the same |
//! | `kinds.txt` | what `kinds` prints |
//! | `options` | the options of `encode` |
//! | `encoded.btf` | what `encode` writes (from then on without kind files) |
//! | `encoded.txt` | what `dump` prints of that; as `encoded.bpftool.txt`, bpftool too |
//! | `error.txt` | what `dump` says when it fails; the folder is called `CASE` |
//!
//! Any other file is an error. BTFKINDS_BLESS=1 writes the outputs anew, but for what bpftool has
//! to confirm: that is written by bpftool.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use common::needs::{Need, trial_in};
use common::{Folder, btfkinds, run};
use libtest_mimic::Arguments;

fn main() -> ExitCode {
    // golden/broken is for tests/check.rs.
    let mut cases: Vec<PathBuf> = fs::read_dir(common::root().join("golden"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|case| !case.ends_with("broken"))
        .collect();
    cases.sort();
    assert!(cases.len() > 5, "golden cases are missing");
    let tests = cases.into_iter().map(|case| {
        let name = case.file_name().unwrap().to_str().unwrap().to_owned();
        let by_bpftool =
            ["dump.bpftool.txt", "encoded.bpftool.txt"].iter().any(|file| case.join(file).exists());
        let needs: &[Need] = if by_bpftool { &[Need::Tool("bpftool")] } else { &[] };
        trial_in(&name, needs, move || Case::new(&case).check())
    });
    libtest_mimic::run(&Arguments::from_args(), tests.collect()).exit_code()
}

struct Case {
    folder: PathBuf,
    files: BTreeSet<String>,
    checked: BTreeSet<String>,
}

impl Case {
    fn new(folder: &Path) -> Case {
        let entries = fs::read_dir(folder).unwrap();
        let files =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        Case { folder: folder.to_owned(), files, checked: BTreeSet::new() }
    }

    fn path(&self, file: &str) -> String {
        self.folder.join(file).to_str().unwrap().to_owned()
    }

    fn has(&mut self, file: &str) -> bool {
        self.checked.insert(file.to_owned());
        self.files.contains(file)
    }

    /// Compares with a file of the case, or writes it.
    fn expect(&mut self, file: &str, is: &[u8]) {
        let path = self.path(file);
        if std::env::var_os("BTFKINDS_BLESS").is_some() {
            fs::write(path, is).unwrap();
            return;
        }
        let expected = fs::read(&path).unwrap();
        if expected == is {
            return;
        }
        match (std::str::from_utf8(&expected), std::str::from_utf8(is)) {
            (Ok(expected), Ok(is)) => {
                let diff = similar::TextDiff::from_lines(expected, is);
                panic!("{path}:\n{}", diff.unified_diff().header("expected", "is"));
            }
            _ => panic!("{path}: {} bytes, expected {}", is.len(), expected.len()),
        }
    }

    fn check(mut self) {
        assert!(self.has("PROVENANCE"), "where is it from?");
        self.has("input.c");
        let input = self.path("input.btf");
        assert!(self.has("input.btf"));
        let mut base = Vec::new();
        if self.has("base.btf") {
            base.extend(["-B".to_owned(), self.path("base.btf")]);
        }
        let kinds: Vec<String> =
            self.files.iter().filter(|file| file.ends_with(".kind")).cloned().collect();
        let mut reading = base.clone();
        for kind in kinds {
            reading.extend(["--kind-file".to_owned(), self.path(&kind)]);
            self.has(&kind);
        }
        if self.has("error.txt") {
            let out = self.run(&["dump", &input], &reading);
            assert_eq!((out.status.code(), out.stdout.as_slice()), (Some(2), b"".as_slice()));
            let said = String::from_utf8(out.stderr).unwrap();
            self.expect(
                "error.txt",
                said.replace(self.folder.to_str().unwrap(), "CASE").as_bytes(),
            );
        } else {
            self.outputs(&input, &base, &reading);
        }
        let stray: Vec<_> = self.files.difference(&self.checked).collect();
        assert!(stray.is_empty(), "what are these for? {stray:?}");
    }

    fn outputs(&mut self, input: &str, base: &[String], reading: &[String]) {
        self.text("dump", input, base, reading);
        if self.has("kinds.txt") {
            let out = self.fine(&["kinds", input], reading);
            self.expect("kinds.txt", &out);
        }
        if !self.has("encoded.btf") {
            return;
        }
        let options = if self.has("options") {
            fs::read_to_string(self.path("options")).unwrap()
        } else {
            String::new()
        };
        let mut args: Vec<String> = options.split_whitespace().map(str::to_owned).collect();
        args.extend_from_slice(reading);
        let folder = Folder::new();
        let out = folder.name("out.btf");
        self.fine(&["encode", "-q", input, "-o", &out], &args);
        let bytes = fs::read(&out).unwrap();
        self.expect("encoded.btf", &bytes);
        self.text("encoded", &out, base, base);
        // Once more: nothing changes.
        self.fine(&["encode", "-q", &out], &args);
        assert_eq!(fs::read(&out).unwrap(), bytes);
    }

    /// `NAME.txt` or `NAME.bpftool.txt`, one of which must be there.
    fn text(&mut self, name: &str, file: &str, base: &[String], reading: &[String]) {
        let out = self.fine(&["dump", file], reading);
        let confirmed = format!("{name}.bpftool.txt");
        if self.has(&confirmed) {
            let mut args: Vec<&str> = base.iter().map(String::as_str).collect();
            args.extend(["btf", "dump", "file", file]);
            self.expect(&confirmed, &run("bpftool", &args));
            assert_eq!(
                fs::read(self.path(&confirmed)).unwrap(),
                out,
                "bpftool prints something else"
            );
        } else {
            let plain = format!("{name}.txt");
            assert!(self.has(&plain), "{plain} is missing");
            self.expect(&plain, &out);
        }
    }

    fn run(&self, args: &[&str], more: &[String]) -> std::process::Output {
        btfkinds(args.iter().copied().chain(more.iter().map(String::as_str)))
    }

    fn fine(&self, args: &[&str], more: &[String]) -> Vec<u8> {
        let out = self.run(args, more);
        assert!(
            out.status.success(),
            "{args:?} {more:?}: {}",
            String::from_utf8_lossy(&out.stderr)
        );
        out.stdout
    }
}
