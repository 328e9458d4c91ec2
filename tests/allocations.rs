//! How often memory is asked for: reading BTF asks a fixed number of times, however many types there are,
//! and printing never asks for one type more.

#![allow(missing_docs, clippy::unwrap_used, clippy::arithmetic_side_effects)]
// The allocator's interface is unsafe by itself.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io;
use std::sync::Arc;

use btfkinds::{Btf, C, Encoding, Json, Linkage, Member, Parse, Text, TypeId};

/// The system's allocator, counting.
struct Counting;

thread_local! {
    /// How often this thread asked.
    static ASKED: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    // While a thread ends it may be gone.
    let _ = ASKED.try_with(|asked| asked.set(asked.get() + 1));
}

// SAFETY: all calls go on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often memory is asked for in `run`.
fn asked<T>(run: impl FnOnce() -> T) -> u64 {
    let before = ASKED.get();
    let made = run();
    let asked = ASKED.get() - before;
    drop(made);
    asked
}

/// A blob of about `n` types of most kinds, each group with names of its own.
fn blob(n: usize) -> Vec<u8> {
    let mut btf = Btf::new();
    let int = btf.add_int("int", 4, Encoding::Signed).unwrap();
    for i in 0..n / 10 {
        let ptr = btf.add_ptr(int).unwrap();
        let array = btf.add_array(int, int, 3).unwrap();
        let member = |name, ty, bits_offset| Member { name, ty, bits_offset, bitfield_size: 0 };
        let members = [member("first", ptr, 0), member("second", array, 64)];
        let tag = btf.add_struct(&format!("struct_{i}"), 24, &members).unwrap();
        let values = [format!("VALUE_{i}"), format!("OTHER_{i}")];
        let [first, second] = values.each_ref().map(String::as_str);
        let values = [(first, 1), (second, 2_000_000_000)];
        btf.add_enum(&format!("enum_{i}"), 4, false, &values).unwrap();
        let constant = btf.add_const(tag).unwrap();
        let typedef = btf.add_typedef(&format!("typedef_{i}_t"), constant).unwrap();
        let proto = btf.add_func_proto(int, &[("argument", typedef)], true).unwrap();
        btf.add_func(&format!("function_{i}"), proto, Linkage::Static).unwrap();
        btf.add_fwd(&format!("declared_{i}"), i % 2 == 0).unwrap();
        btf.add_decl_tag("tag", tag, None).unwrap();
    }
    btf.to_bytes()
}

#[test]
fn reading_asks_as_often_for_many_types_as_for_few() {
    // Tables that are made once are not counted.
    Btf::parse(&blob(10)).unwrap();
    let counts = [100, 1_000, 50_000].map(|n| {
        let blob = blob(n);
        asked(|| Btf::parse(&blob).unwrap())
    });
    assert_eq!(counts, [counts[0]; 3]);
    assert!(counts[0] < 20, "{counts:?}");
}

#[test]
fn reading_split_types_asks_as_often_for_many_as_for_few() {
    let base = Arc::new(Btf::parse(&blob(1_000)).unwrap());
    let split = |n: usize| {
        let mut btf = Btf::new_split(Arc::clone(&base));
        (0..n).for_each(|_| assert_ne!(btf.add_ptr(TypeId(1)).unwrap(), TypeId(1)));
        btf.to_bytes()
    };
    let parse = Parse::new().base(Arc::clone(&base));
    let counts = [1, 100, 10_000].map(|n| {
        let blob = split(n);
        asked(|| parse.read(&blob).unwrap())
    });
    assert_eq!(counts, [counts[0]; 3]);
}

#[test]
fn printing_asks_as_often_for_many_types_as_for_few() {
    for format in ["raw", "json"] {
        let print = |btf: &Btf| match format {
            "raw" => Text::new(io::sink()).types(btf.types()).unwrap(),
            _ => Json::new(io::sink()).types(btf.types()).unwrap(),
        };
        print(&Btf::parse(&blob(10)).unwrap());
        let counts = [100, 50_000].map(|n| {
            let btf = Btf::parse(&blob(n)).unwrap();
            asked(|| print(&btf))
        });
        assert_eq!(counts, [counts[0]; 2], "{format}");
        assert!(counts[0] < 5, "{format}: {counts:?}");
    }
}

#[test]
fn a_c_header_asks_for_tables_that_double_and_not_for_types() {
    let print = |btf: &Btf| C::new(btf).write_to(&mut io::sink()).unwrap();
    let counts = [5_000, 50_000].map(|n| {
        let btf = Btf::parse(&blob(n)).unwrap();
        // What is said of a type by tags is kept by type.
        asked(|| print(&btf)).saturating_sub(n as u64 / 10)
    });
    let [few, many] = counts;
    assert!(many < few + 100, "{counts:?}");
}
