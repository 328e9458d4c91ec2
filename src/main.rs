//! The `btfkinds` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    btfkinds::cli::main()
}
