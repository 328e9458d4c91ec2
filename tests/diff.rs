//! What differs between two blobs: on types made by hand, against a slow reference on random ones, and
//! on Debian's kernels against what bpftool prints of each.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
#![allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

#[path = "diff/by_hand.rs"]
mod by_hand;
mod common;
#[path = "diff/hostile.rs"]
mod hostile;
#[path = "diff/kernels.rs"]
mod kernels;
#[path = "diff/random.rs"]
mod random;
#[path = "diff/reference.rs"]
mod reference;

use std::process::ExitCode;

use btfkinds::Btf;
use common::needs::Need::{KernelBtf, Tool};
use common::needs::{trial, with_kernels};
use common::{Graph, Layout, Random};
use libtest_mimic::Arguments;

fn main() -> ExitCode {
    let bpftool = [Tool("bpftool")];
    let tests = vec![
        trial("golden", &[], by_hand::golden),
        trial("json", &[], by_hand::json),
        trial("exit_status", &[], by_hand::exit_status),
        trial("each_change_alone", &[], by_hand::each_change_alone),
        trial("namesakes", &[], by_hand::namesakes),
        trial("kinds", &[], by_hand::kinds),
        trial("splits", &[], by_hand::splits),
        trial("unique_names", &[], random::unique_names),
        trial("many_of_a_name", &[], random::many_of_a_name),
        trial("long_chains", &[], hostile::long_chains),
        trial("many_namesakes", &[], hostile::many_namesakes),
        trial("much_to_show", &[], hostile::much_to_show),
        trial("long_names", &[], hostile::long_names),
        trial("running_kernel", &[KernelBtf], kernels::running_kernel),
        with_kernels("counts", &bpftool, kernels::counts),
        with_kernels("known_changes", &bpftool, kernels::known_changes),
        with_kernels("modules", &[], kernels::modules),
    ];
    libtest_mimic::run(&Arguments::from_args(), tests).exit_code()
}

fn read(graph: &Graph) -> Btf {
    Btf::parse(&graph.bytes()).unwrap()
}

/// The same types with other ids.
fn shuffled(graph: &Graph, random: &mut Random) -> Btf {
    let mut layout = Layout::plain(graph);
    random.shuffle(&mut layout.order);
    Btf::parse(&graph.write(&layout).0).unwrap()
}
