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
#[path = "check/golden.rs"]
mod golden;
#[path = "check/hostile.rs"]
mod hostile;
#[path = "check/oracle.rs"]
mod oracle;
#[path = "check/own.rs"]
mod own;
#[path = "check/raw.rs"]
mod raw;
#[path = "check/real.rs"]
mod real;
#[path = "check/versions.rs"]
mod versions;

use std::process::ExitCode;

use common::needs::Need::{Bpf, Debian, KernelBtf, Tool};
use common::needs::{trial, with_kernels};
use libtest_mimic::Arguments;

fn main() -> ExitCode {
    let tests = vec![
        trial("every_message_by_hand", &[Bpf, KernelBtf], cases::by_hand),
        trial("too_many_types", &[Bpf], cases::too_many_types),
        trial("all_findings", &[], cases::all_findings),
        trial("running_kernel_is_clean", &[KernelBtf], real::running_kernel_is_clean),
        trial("debian_kernel_is_clean", &[Debian], real::debian_kernel_is_clean),
        with_kernels("all_modules_are_clean", &[], real::all_modules_are_clean),
        trial("objects_of_compilers", &[Tool("clang"), Tool("pahole")], real::objects),
        trial("broken_blobs", &[], golden::broken),
        trial("each_own_rule", &[], own::each_rule),
        trial("references_in_a_module", &[], own::references_in_a_module),
        trial("other_byte_order", &[], own::other_byte_order),
        trial("roles_of_files", &[Tool("clang")], own::roles_of_files),
        trial("allowed_and_strict", &[], own::allowed_and_strict),
        trial("boundaries", &[], versions::boundaries),
        trial("agrees_with_degrade", &[], versions::agrees_with_degrade),
        trial("large_and_hostile", &[], hostile::large),
        trial("truncated_and_broken", &[], hostile::truncated),
        trial("random_blobs", &[Bpf], fuzz::random_blobs),
    ];
    libtest_mimic::run(&Arguments::from_args(), tests).exit_code()
}
