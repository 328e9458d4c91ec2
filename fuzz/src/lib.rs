//! What the fuzz targets share.
//!
//! * [`Input`]: what the bytes of one input are: BTF, its base, options and text.
//! * [`Raw`]: BTF taken apart word by word, whether it is valid or not; it knows nothing of the library's reader.
//! * `mutate`, `edit`, `link`: changing inputs so that they stay near to being valid.
//! * `elf`: the same for ELF files with BTF in them.

mod edit;
mod elf;
mod input;
mod link;
mod mutate;
mod random;
mod raw;

pub use elf::mutate_file;
pub use input::{FileInput, Input, as_told, is_line};
pub use mutate::{cross_over, mutate, mutate_program};
pub use raw::Raw;

/// A target on inputs that are an [`Input`].
#[macro_export]
macro_rules! target {
    (|$input:ident| $body:block) => {
        use libfuzzer_sys::{fuzz_crossover, fuzz_mutator, fuzz_target};

        fuzz_target!(|data: &[u8]| {
            if let Some($input) = $crate::Input::read(data) {
                $body
            }
        });
        fuzz_mutator!(|data: &mut [u8], size: usize, max: usize, seed: u32| {
            $crate::mutate(data, size, max, seed)
        });
        fuzz_crossover!(|one: &[u8], other: &[u8], out: &mut [u8], seed: u32| {
            $crate::cross_over(one, other, out, seed)
        });
    };
}
