//! What is compared, group by group; the first of each group is btfkinds.

use std::error::Error;
use std::ffi::CString;
use std::hint::black_box;
use std::io;
use std::path::Path;
use std::sync::Arc;

use btfkinds::{Btf, C, Describe, Json, Text};
use cpu_time::ThreadTime;

use crate::libbpf;
use crate::timing::{Program, Run, compare};

type Done = Result<(), Box<dyn Error>>;

/// Bytes to a parsed blob.
pub fn parse(blob: &[u8], file: &Path, rounds: usize) -> Done {
    let count = |btf: &Btf| Some(u64::from(btf.type_count()));
    let programs = vec![
        Program::new("btfkinds, all checks", || ours(blob), count),
        Program::new("floor: a copy of the bytes", || blob.to_vec(), |_| None),
        Program::new("libbpf", || libbpf::Btf::new(blob), |btf| Some(btf.type_count().into())),
        Program::new("aya-obj", || aya(blob), |_| None),
        Program::new(
            "btfdump",
            || btf::types::Btf::load_raw(blob).ok(),
            |btf| Some(btf.as_ref()?.type_cnt().into()),
        ),
        Program::new("btf-rs, mapped and lazy", || mapped(file), |_| None),
        Program::new("the same, types and names visited", || lengths_of_names(file), |_| None),
        Program::new("btf-rs, cached", || btf_rs::Btf::from_bytes(blob).ok(), |_| None),
    ];
    compare("parse", rounds, programs);
    Ok(())
}

/// Parse, and look at every type: its kind and number of elements, or its name.
pub fn visit(blob: &[u8], file: &Path, rounds: usize) -> Done {
    let last = ours(blob).type_count();
    let infos = || {
        let btf = ours(blob);
        btf.types().map(|ty| u64::from(ty.words().get(1).copied().unwrap_or(0))).sum::<u64>()
    };
    let lazy = || {
        let btf = mapped(file);
        (1..last).filter(|id| btf.resolve_type_by_id(*id).is_ok()).count()
    };
    let sum = |sum: &u64| Some(*sum);
    let programs = vec![
        Program::new("btfkinds", infos, sum),
        Program::new("libbpf", || libbpf::Btf::new(blob).visit(), sum),
        Program::new("btf-rs, mapped and lazy", lazy, |_| None),
    ];
    compare("parse and visit all types", rounds, programs);
    let names = || ours(blob).types().map(|ty| ty.name().len() as u64).sum::<u64>();
    let programs = vec![
        Program::new("btfkinds", names, sum),
        Program::new("libbpf", || libbpf::Btf::new(blob).visit_names(), sum),
        Program::new("btf-rs, mapped and lazy", || lengths_of_names(file), sum),
    ];
    compare("parse and visit the names of all types", rounds, programs);
    Ok(())
}

/// The whole blob moved to where it would be split on itself.
pub fn renumber(blob: &[u8], rounds: usize) -> Done {
    let btf = ours(blob);
    let base = Arc::new(ours(blob));
    let words: Vec<&[u32]> = btf.types().map(|ty| ty.words()).collect();
    let words = words.concat();
    let peer_base = libbpf::Btf::new(blob);
    let peer = libbpf::Btf::new(blob);
    let programs = vec![
        Program::new(
            "btfkinds",
            || btfkinds::renumber(&btf, &base),
            |moved| {
                // The origin record is one more.
                Some(u64::from(moved.as_ref().map_or(0, Btf::type_count)).saturating_sub(1))
            },
        ),
        Program::new("floor: a copy of the type words", || words.clone(), |_| None),
        Program::new(
            "libbpf, btf__add_btf to split BTF",
            || {
                let mut split = libbpf::Btf::split(&peer_base);
                split.add_btf(&peer);
                split
            },
            |split| Some(split.type_count().into()),
        ),
    ];
    compare("renumber, in memory", rounds, programs);
    Ok(())
}

/// Descriptions of all released kinds added, and the bytes written to memory.
pub fn describe(blob: &[u8], rounds: usize) -> Done {
    let ours = || {
        let mut btf = ours(blob);
        let start = ThreadTime::now();
        let described = btfkinds::describe(&mut btf, &Describe::default());
        let time = start.elapsed();
        assert!(described.is_ok());
        Run(time, None)
    };
    let peer = || {
        let mut btf = libbpf::Btf::new(blob);
        let start = ThreadTime::now();
        btf.describe();
        Run(start.elapsed(), None)
    };
    let programs = vec![Program::timed("btfkinds", ours), Program::timed("libbpf", peer)];
    compare("describe 19 kinds in a parsed blob", rounds, programs);
    let ours = || {
        let mut btf = self::ours(blob);
        let _ = btfkinds::describe(&mut btf, &Describe::default());
        btf.to_bytes()
    };
    let peer = || {
        let mut btf = libbpf::Btf::new(blob);
        btf.describe();
        btf.raw_len()
    };
    let programs =
        vec![Program::new("btfkinds", ours, |_| None), Program::new("libbpf", peer, |_| None)];
    compare("parse, describe, write to memory", rounds, programs);
    Ok(())
}

/// A type by its name, when the blob was searched before.
pub fn find(blob: &[u8], rounds: usize) -> Done {
    let btf = ours(blob);
    let peer = libbpf::Btf::new(blob);
    let aya = aya(blob);
    let mapped = btf_rs::Btf::from_bytes(blob)?;
    // What a tracing tool asks for: late in the blob, where all types are passed before it.
    let named =
        btf.types().filter(|ty| ty.kind() == btfkinds::Kind::STRUCT && !ty.name().is_empty());
    let name = named.last().ok_or("no struct in the blob")?.name().to_string();
    let c_name = CString::new(name.as_str())?;
    // The first name is searched for; when there is a second, an index is made.
    let nth = |before: usize| {
        let btf = ours(blob);
        let known = (0..before).map(|_| btf.named(&name).count()).sum::<usize>();
        black_box(known);
        let start = ThreadTime::now();
        let found = btf.named(&name).next();
        Run(start.elapsed(), found.map(|ty| u64::from(ty.id().0)))
    };
    let id = |id: &i32| u64::try_from(*id).ok();
    let programs = vec![
        Program::new(
            "btfkinds, later",
            || btf.named(&name).next(),
            |ty| ty.map(|ty| u64::from(ty.id().0)),
        ),
        Program::timed("btfkinds, the first time", || nth(0)),
        Program::timed("btfkinds, the second time", || nth(1)),
        Program::new("libbpf", || peer.find(&c_name), id),
        Program::new(
            "aya-obj",
            || aya.id_by_type_name_kind(&name, aya_obj::btf::BtfKind::Struct),
            |_| None,
        ),
        Program::new("btf-rs, cached", || mapped.resolve_ids_by_name(&name), |_| None),
    ];
    compare("find a struct by name", rounds, programs);
    Ok(())
}

/// Text to nowhere: what the printers cost by themselves.
pub fn dump(blob: &[u8], rounds: usize) -> Done {
    let btf = ours(blob);
    let programs = vec![
        Program::new("raw", || Text::new(io::sink()).types(btf.types()), |_| None),
        Program::new("json", || Json::new(io::sink()).types(btf.types()), |_| None),
        Program::new("c", || C::new(&btf).write_to(&mut io::sink()), |_| None),
    ];
    compare("print a parsed blob", rounds, programs);
    Ok(())
}

fn ours(blob: &[u8]) -> Btf {
    Btf::parse(blob).expect("btfkinds cannot read it")
}

fn aya(blob: &[u8]) -> aya_obj::btf::Btf {
    aya_obj::btf::Btf::parse(blob, Default::default()).expect("aya-obj cannot read it")
}

fn mapped(file: &Path) -> btf_rs::Btf {
    let backend = btf_rs::Backend::Mmap;
    btf_rs::Btf::from_file_with_backend(file, backend).expect("btf-rs cannot read it")
}

/// What btf-rs finds when it visits all types: the lengths of their names, added up.
fn lengths_of_names(file: &Path) -> u64 {
    let btf = mapped(file);
    let length = |ty: &btf_rs::Type| {
        let name = ty.as_btf_type().and_then(|ty| btf.resolve_name(ty).ok());
        name.map_or(0, |name| name.len() as u64)
    };
    (1..).map_while(|id| btf.resolve_type_by_id(id).ok()).map(|ty| length(&ty)).sum()
}

/// One operation, once: for counting its instructions.
pub fn once(operation: &str, blob: &[u8]) -> Done {
    match operation {
        // What the others have in common, to be taken off.
        "nothing" => {}
        "parse" => drop(ours(blob)),
        "visit" => {
            black_box(ours(blob).types().map(|ty| u64::from(ty.vlen())).sum::<u64>());
        }
        "renumber" => drop(btfkinds::renumber(&ours(blob), &Arc::new(Btf::new()))),
        "describe" => drop(btfkinds::describe(&mut ours(blob), &Describe::default())),
        "find" => drop(ours(blob).named("task_struct").count()),
        "raw" => Text::new(io::sink()).types(ours(blob).types())?,
        "json" => Json::new(io::sink()).types(ours(blob).types())?,
        "c" => C::new(&ours(blob)).write_to(&mut io::sink())?,
        "libbpf-parse" => drop(libbpf::Btf::new(blob)),
        _ => return Err(format!("no operation is called '{operation}'").into()),
    }
    Ok(())
}
