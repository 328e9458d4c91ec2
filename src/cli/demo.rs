//! `btfkinds demo`: the whole story on the BTF of the running kernel.

use std::fs;
use std::io::{self, Write};
use std::time::Instant;

use anyhow::Context;

use super::{FINE, count, grouped};
use crate::kernel::{self, Verdict};
use crate::{Btf, Describe, ErrorKind, Kind, KindSpec, NewType, Record, Text, describe};

/// A kind that does not exist anywhere. Its number is the last that older kernels take for a kind
/// at all (5 bits), so that they say so.
const GADGET: &str =
    "kind 31 GADGET\nthird id\nfixed flags\nelements name_off:str part:id\neach part\n";

pub(super) fn run() -> anyhow::Result<u8> {
    let folder = tempfile::tempdir().context("a temporary folder")?;
    let out = &mut io::stdout().lock();
    let mut btf = sample(out)?;

    step(out, "1. Describe every kind in it, as ordinary types")?;
    let before = btf.clone();
    let started = Instant::now();
    let done = describe(&mut btf, &Describe::default())?;
    let took = started.elapsed();
    let path = folder.path().join("described.btf");
    let described = btf.to_bytes();
    fs::write(&path, &described)?;
    writeln!(
        out,
        "{} described: {} and {} bytes more, in {:.1} ms. For example ARRAY:\n",
        count(done.kinds.len(), "kind"),
        count(done.types as usize, "type"),
        grouped(done.bytes),
        took.as_secs_f64() * 1000.0
    )?;
    print(out, &btf, |ty| ty.name().ends_with(b"_ARRAY") && ty.name().starts_with(b"__BTF_KIND"))?;
    let same = before.types().zip(btf.types()).all(|(old, new)| old.words() == new.words());
    writeln!(
        out,
        "\nThe {} that were there {}.",
        count(before.types().count(), "type"),
        if same { "are unchanged" } else { "HAVE CHANGED" }
    )?;

    step(out, "2. Ask the kernel: descriptions are nothing new to it")?;
    ask(out, &described)?;

    step(out, "3. Add a kind that nobody has heard of")?;
    let mut newer = before;
    let last = newer.type_count();
    newer.add_kind(KindSpec::parse(GADGET)?)?;
    let blade = newer.intern("blade")?.0;
    let handle = newer.intern("handle")?.0;
    let gadget = newer.add(new_type(Kind(31), "knife", 2, 1, &[0x5, blade, 1, handle, 2]))?;
    newer.add(new_type(Kind::PTR, "", 0, gadget.0, &[]))?;
    newer.add(new_type(Kind::TYPEDEF, "knife_t", 0, gadget.0, &[]))?;
    let unread = newer.to_bytes();
    match Btf::parse(&unread) {
        Err(err) => writeln!(
            out,
            "A reader that meets such a type gives up on the whole blob. Ours too:\n\n  {err}\n"
        )?,
        Ok(_) => writeln!(out, "(it was read, which should not happen)")?,
    }
    ask(out, &unread)?;

    step(out, "4. Describe that kind as well, and read past it")?;
    let done = describe(&mut newer, &Describe::default())?;
    let path_newer = folder.path().join("newer.btf");
    fs::write(&path_newer, newer.to_bytes())?;
    // From the bytes alone: this reader knows GADGET from its description and from nothing else.
    let read = Btf::parse(&fs::read(&path_newer)?)?;
    writeln!(
        out,
        "Described with {}, the same bytes are read to the end:\n",
        count(done.types as usize, "type")
    )?;
    print(out, &read, |ty| (last..last.saturating_add(3)).contains(&ty.id().0))?;
    print(out, &read, |ty| {
        ty.name() == "__BTF_KIND_META_GADGET" || ty.name().starts_with(b"__BTF_SIZES_")
    })?;
    writeln!(
        out,
        "\n{} in all, {} behind the gadget.",
        count(read.types().count(), "type"),
        read.type_count().saturating_sub(last).saturating_sub(1)
    )?;

    step(out, "Next")?;
    writeln!(
        out,
        "  btfkinds encode -o vmlinux.btf          describe the kinds of the running kernel's BTF
  btfkinds kinds vmlinux.btf              which kinds are in force in a file, and why
  btfkinds dump vmlinux.btf task_struct   types by name
  btfkinds encode module.ko -B vmlinux    kinds of a module that its base does not describe
  btfkinds help encode                    all of it"
    )?;
    Ok(FINE)
}

fn new_type<'a>(
    kind: Kind,
    name: &'a str,
    vlen: u32,
    size_or_type: u32,
    words: &'a [u32],
) -> NewType<'a> {
    NewType { kind, name, kind_flag: false, vlen, size_or_type, words }
}

fn step(out: &mut impl Write, title: &str) -> io::Result<()> {
    writeln!(out, "\n== {title}\n")
}

/// The running kernel's BTF, or a few types of our own where it has none.
fn sample(out: &mut impl Write) -> anyhow::Result<Btf> {
    if kernel::has_btf() {
        let bytes = fs::read(kernel::VMLINUX).context(kernel::VMLINUX)?;
        match Btf::parse(&bytes) {
            Ok(btf) => {
                writeln!(
                    out,
                    "The running kernel's BTF ({}): {}, {} bytes.",
                    kernel::VMLINUX,
                    count(btf.types().count(), "type"),
                    grouped(bytes.len())
                )?;
                return Ok(btf);
            }
            Err(err) if matches!(err.kind(), ErrorKind::UnknownKind(_)) => {
                writeln!(
                    out,
                    "The running kernel's BTF has a kind that is not described ({err})."
                )?;
            }
            Err(err) => return Err(err).context(kernel::VMLINUX),
        }
    }
    writeln!(
        out,
        "The running kernel offers no BTF that can be used: this is a small built-in sample instead."
    )?;
    let mut btf = Btf::new();
    let x = btf.intern("x")?.0;
    let y = btf.intern("y")?.0;
    let int = btf.add(new_type(Kind::INT, "int", 0, 4, &[1 << 24 | 32]))?.0;
    btf.add(new_type(Kind::STRUCT, "point", 2, 8, &[x, int, 0, y, int, 32]))?;
    Ok(btf)
}

/// Prints some types, indented.
fn print(out: &mut impl Write, btf: &Btf, wanted: impl Fn(&Record<'_>) -> bool) -> io::Result<()> {
    let mut text = Vec::new();
    Text::new(&mut text).types(btf.types().filter(wanted))?;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        out.write_all(b"  ")?;
        out.write_all(line)?;
    }
    Ok(())
}

/// What the running kernel says of a blob.
fn ask(out: &mut impl Write, blob: &[u8]) -> io::Result<()> {
    match kernel::verify(blob) {
        Verdict::Accepted => writeln!(out, "The running kernel takes it (BPF_BTF_LOAD)."),
        Verdict::Refused { error, log } => {
            let last = log
                .lines()
                .rev()
                .find(|line| !line.trim().is_empty())
                .unwrap_or("it does not say why");
            writeln!(out, "The running kernel refuses it ({error}): {last}")
        }
        Verdict::NotAllowed(error) => {
            writeln!(out, "The running kernel can't be asked as this user ({error}); root can.")
        }
    }
}
