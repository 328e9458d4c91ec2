//! Running programs in turns, and medians.
//!
//! What is measured is the time that the thread was on a processor, in the program and in the kernel for it:
//! others on the machine disturb that less than the time of the clock on the wall.

use std::hint::black_box;
use std::time::Duration;

use cpu_time::ThreadTime;

/// A program of a group: what it is called, and one run of it. What a run gives is compared with the
/// first program's, unless it is None.
pub struct Program<'a> {
    name: &'a str,
    run: Box<dyn FnMut() -> Run + 'a>,
}

/// How long a run took, and a number that says what came out.
pub struct Run(pub Duration, pub Option<u64>);

impl<'a> Program<'a> {
    /// A program of which all counts, but for dropping what it made.
    pub fn new<T>(
        name: &'a str,
        mut run: impl FnMut() -> T + 'a,
        check: impl Fn(&T) -> Option<u64> + 'a,
    ) -> Self {
        Self::timed(name, move || {
            let start = ThreadTime::now();
            let made = black_box(run());
            let time = start.elapsed();
            Run(time, check(&made))
        })
    }

    /// A program that takes its time itself.
    pub fn timed(name: &'a str, run: impl FnMut() -> Run + 'a) -> Self {
        Program { name, run: Box::new(run) }
    }
}

/// Runs each program once in every round, and prints medians; ratios are to the first program.
///
/// # Panics
/// If a program's result is another than the first one's.
pub fn compare(title: &str, rounds: usize, mut programs: Vec<Program<'_>>) {
    let mut times = vec![Vec::new(); programs.len()];
    let mut expected = None;
    // The first round warms up.
    for round in 0..=rounds {
        for (program, times) in programs.iter_mut().zip(&mut times) {
            let Run(time, result) = (program.run)();
            if let Some(result) = result {
                let expected = *expected.get_or_insert(result);
                assert_eq!(result, expected, "{title}: the result of {}", program.name);
            }
            if round > 0 {
                times.push(time);
            }
        }
    }
    println!("\n{title}");
    let medians: Vec<f64> = times.iter_mut().map(|times| median(times)).collect();
    let first = medians.first().copied().unwrap_or(0.0);
    for (program, median) in programs.iter().zip(medians) {
        println!("  {:<44}{:>11.4} ms{:>10.2}", program.name, median * 1000.0, median / first);
    }
}

fn median(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 2).map_or(0.0, Duration::as_secs_f64)
}
