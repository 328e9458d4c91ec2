//! The verifier in user space, beside the kernel's.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap
)]

#[path = "check/cases.rs"]
mod cases;
mod common;
#[path = "check/fuzz.rs"]
mod fuzz;
#[path = "check/generate.rs"]
mod generate;
#[path = "check/hostile.rs"]
mod hostile;
#[path = "check/oracle.rs"]
mod oracle;
#[path = "check/raw.rs"]
mod raw;
#[path = "check/real.rs"]
mod real;

use std::process::ExitCode;

use common::needs::Need::{Bpf, Debian, KernelBtf};
use common::needs::trial;
use libtest_mimic::Arguments;

fn main() -> ExitCode {
    let tests = vec![
        trial("every_message_by_hand", &[Bpf, KernelBtf], cases::by_hand),
        trial("too_many_types", &[Bpf], cases::too_many_types),
        trial("all_findings", &[], cases::all_findings),
        trial("running_kernel_is_clean", &[KernelBtf], real::running_kernel_is_clean),
        trial("debian_kernel_is_clean", &[Debian], real::debian_kernel_is_clean),
        trial("large_and_hostile", &[], hostile::large),
        trial("truncated_and_broken", &[], hostile::truncated),
        trial("random_blobs", &[Bpf], fuzz::random_blobs),
    ];
    libtest_mimic::run(&Arguments::from_args(), tests).exit_code()
}
