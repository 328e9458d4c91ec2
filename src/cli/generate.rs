//! `btfkinds generate`: shell completions and manual pages, from the definition of the arguments.

use std::path::Path;

use anyhow::Context;
use clap::CommandFactory;
use clap_complete::Shell;

use super::args::{Args, Generate, GenerateWhat};
use super::{FINE, Say};

pub(super) fn run(args: &Generate, say: Say) -> anyhow::Result<u8> {
    let in_folder = || args.folder.display().to_string();
    std::fs::create_dir_all(&args.folder).with_context(in_folder)?;
    let shell = match args.what {
        GenerateWhat::Bash => Some(Shell::Bash),
        GenerateWhat::Zsh => Some(Shell::Zsh),
        GenerateWhat::Fish => Some(Shell::Fish),
        GenerateWhat::Man => None,
    };
    let command = || Args::command().disable_help_subcommand(true);
    match shell {
        Some(shell) => {
            let written =
                clap_complete::generate_to(shell, &mut command(), "btfkinds", &args.folder);
            say_written(say, &written.with_context(in_folder)?);
        }
        None => {
            clap_mangen::generate_to(command(), &args.folder).with_context(in_folder)?;
            say_written(say, &args.folder);
        }
    }
    Ok(FINE)
}

fn say_written(say: Say, path: &Path) {
    say.line(format_args!("{}: written", path.display()));
}
