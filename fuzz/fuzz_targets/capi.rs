//! The C API, driven from C: `capi/drive.c`.
#![no_main]

use btfkinds_fuzz::{cross_over, mutate_program};
use libfuzzer_sys::{fuzz_crossover, fuzz_mutator, fuzz_target};

// What the C program calls.
use btfkinds_fuzz_capi as _;

unsafe extern "C" {
    fn btfkinds_fuzz_drive(data: *const u8, len: usize) -> i32;
}

fuzz_target!(|data: &[u8]| {
    // SAFETY: so many bytes are there.
    unsafe { btfkinds_fuzz_drive(data.as_ptr(), data.len()) };
});
fuzz_mutator!(|data: &mut [u8], size: usize, max: usize, seed: u32| {
    mutate_program(data, size, max, seed)
});
fuzz_crossover!(|one: &[u8], other: &[u8], out: &mut [u8], seed: u32| {
    cross_over(one, other, out, seed)
});
