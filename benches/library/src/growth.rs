//! Whether time grows as the types do, up to the limits of the format.

use std::error::Error;
use std::io;
use std::sync::Arc;

use btfkinds::{Btf, C, Describe, Json, Parse, Text};
use cpu_time::ThreadTime;

/// About the most types that BTF can have, with about the most bytes of names.
const MOST: u32 = 1_000_000;

/// A blob of `types` types, of which every other one has a name.
fn blob(types: u32) -> Vec<u8> {
    let mut strings = b"\0int\0member\0other\0".to_vec();
    let mut words: Vec<u32> = vec![1, 1 << 24, 4, 1 << 24 | 32];
    for id in 2..=types {
        let kind = id % 8;
        let mut name = 0;
        if id % 2 == 0 {
            name = u32::try_from(strings.len()).expect("names past the limit");
            strings.extend(format!("a_name_that_is_as_long_{id}\0").bytes());
        }
        let before = id - 1;
        match kind {
            0 | 4 => words.extend([name, 4 << 24 | 2, 16, 5, before, 0, 12, 1, 64]),
            2 => words.extend([name, 8 << 24, before]),
            6 => words.extend([name, 6 << 24, 4]),
            1 | 5 => words.extend([0, 2 << 24, before]),
            3 => words.extend([0, 13 << 24 | 1, 1, 5, before]),
            _ => words.extend([0, 3 << 24, 0, 1, 1, id]),
        }
    }
    let lens = [words.len() * 4, strings.len()].map(|len| u32::try_from(len).expect("too large"));
    let header = [0x0001_eb9f, 24, 0, lens[0], lens[0], lens[1]];
    let words = header.iter().chain(&words).flat_map(|word| word.to_le_bytes());
    words.chain(strings).collect()
}

fn nanoseconds<T>(types: u32, run: impl Fn() -> T) -> u128 {
    let mut times: Vec<u128> = (0..5)
        .map(|_| {
            let start = ThreadTime::now();
            let made = run();
            let time = start.elapsed().as_nanos();
            drop(made);
            time
        })
        .collect();
    times.sort_unstable();
    times[times.len() / 2] / u128::from(types)
}

/// Prints nanoseconds per type.
pub fn run() -> Result<(), Box<dyn Error>> {
    println!("nanoseconds per type, medians of 5");
    println!(
        "{:>9}{:>9}{:>8}{:>8}{:>8}{:>8}{:>10}{:>10}{:>8}",
        "types", "bytes", "parse", "raw", "json", "c", "describe", "renumber", "index"
    );
    for types in [MOST / 64, MOST / 16, MOST / 4, MOST] {
        let blob = blob(types);
        let btf = Parse::new().read(&blob)?;
        let base = Arc::new(Btf::new());
        assert_eq!(btf.clone().named("int").count(), 1);
        println!(
            "{types:>9}{:>9}{:>8}{:>8}{:>8}{:>8}{:>10}{:>10}{:>8}",
            blob.len(),
            nanoseconds(types, || Btf::parse(&blob).map(|btf| btf.type_count())),
            nanoseconds(types, || Text::new(io::sink()).types(btf.types())),
            nanoseconds(types, || Json::new(io::sink()).types(btf.types())),
            nanoseconds(types, || C::new(&btf).write_to(&mut io::sink())),
            nanoseconds(types, || {
                let mut btf = btf.clone();
                btfkinds::describe(&mut btf, &Describe::default()).map(drop)
            }),
            nanoseconds(types, || btfkinds::renumber(&btf, &base)),
            nanoseconds(types, || {
                let btf = btf.clone();
                // The first name is searched for, the second makes the index.
                btf.named("int").count() + btf.named("int").count()
            }),
        );
    }
    Ok(())
}
