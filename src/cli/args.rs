//! The arguments: one definition for parser and help.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::styling::Styles;
use clap::{Args as _, FromArgMatches, Parser, Subcommand, ValueEnum};

use crate::Version;
use crate::check::Role;

/// Describe BTF kinds in BTF itself, and read, print and rewrite kinds that no table knows.
///
/// FILE is raw BTF or an ELF file with a .BTF section (vmlinux, a module, an object), told by its
/// content; "-" is standard input or output.
#[derive(Debug, Parser)]
#[command(name = "btfkinds", version, styles = Styles::plain(), max_term_width = 100)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) saying: Saying,
    #[command(subcommand)]
    pub(super) command: Command,
}

impl Args {
    /// The arguments of this process; it ends where they are wrong, or ask for help.
    pub(super) fn of_process() -> Args {
        Self::of_one(std::env::args_os().collect()).unwrap_or_else(Args::parse)
    }

    /// The same, with no other command but the one that is asked for: putting all together takes longer than many a
    /// command does. What it cannot do, messages among it, is left to all.
    fn of_one(line: Vec<OsString>) -> Option<Args> {
        let asked = line.get(1)?;
        let (name, add) = COMMANDS.iter().find(|(name, _)| asked == name)?;
        let all = Saying::augment_args(clap::Command::new("btfkinds"));
        let all = all.subcommand(add(clap::Command::new(*name)));
        Args::from_arg_matches(&all.try_get_matches_from(line).ok()?).ok()
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct Saying {
    /// Say nothing but errors
    #[arg(short, long, global = true)]
    pub(super) quiet: bool,
    /// Say more about what is done and why
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub(super) verbose: bool,
}

type Add = fn(clap::Command) -> clap::Command;

/// The commands that have arguments.
const COMMANDS: [(&str, Add); 11] = [
    ("encode", Encode::augment_args),
    ("dump", Dump::augment_args),
    ("kinds", Kinds::augment_args),
    ("graph", Graph::augment_args),
    ("renumber", Renumber::augment_args),
    ("rebase", Rebase::augment_args),
    ("flatten", Flatten::augment_args),
    ("strip", Strip::augment_args),
    ("check", Check::augment_args),
    ("diff", Diff::augment_args),
    ("generate", Generate::augment_args),
];

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Encode(Encode),
    Dump(Dump),
    Kinds(Kinds),
    Graph(Graph),
    Renumber(Renumber),
    Rebase(Rebase),
    Flatten(Flatten),
    Strip(Strip),
    Check(Check),
    Diff(Diff),
    Generate(Generate),
    /// Show what this is about, on the running kernel's BTF, in a temporary folder
    Demo,
}

/// Write descriptions of BTF kinds into a file's BTF.
///
/// The descriptions are ordinary typedefs and structs. A base (vmlinux) or standalone BTF gets all
/// released kinds and every other kind that it uses; split BTF (-B) only the latter, where its
/// base does not describe them. Encoding twice changes nothing.
///
/// Without -o or --detached, FILE is replaced, whole or not at all.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n\
\x20 btfkinds encode -o kernel.btf\n\
\x20 btfkinds encode --newer-than 5.2 -o small.btf vmlinux.btf\n\
\x20 btfkinds encode --select none --for 5.15 --degrade -o old.btf vmlinux.btf\n\
\x20 btfkinds encode x.ko")]
pub(super) struct Encode {
    /// What to describe, one or more files or folders; without it the running kernel's BTF (then -o is needed)
    pub(super) files: Vec<PathBuf>,
    /// Write the result here instead of into FILE
    #[arg(short, long, value_name = "OUT")]
    pub(super) output: Option<PathBuf>,
    /// Write raw BTF here and leave FILE as it is: for a vmlinux whose .BTF is loaded and can't grow
    #[arg(long, value_name = "RAW", conflicts_with = "output")]
    pub(super) detached: Option<PathBuf>,
    /// Which released kinds to describe
    #[arg(long, value_enum, default_value_t = SelectArg::All)]
    pub(super) select: SelectArg,
    /// Of these, only the kinds that a kernel of this version does not know
    #[arg(long, value_name = "VERSION")]
    pub(super) newer_than: Option<Version>,
    /// Where the descriptions go: behind all types (no id changes), or before the first kind that
    /// is not released (what follows is renumbered)
    #[arg(long, value_enum, default_value_t = PlaceArg::Back)]
    pub(super) place: PlaceArg,
    /// Write the header's layout section (Linux 7.1) too: sizes only, and older kernels refuse it
    #[arg(long)]
    pub(super) layout: bool,
    /// Refuse the result if a kernel of this version cannot take it, and name the types
    #[arg(long = "for", value_name = "VERSION")]
    pub(super) for_version: Option<Version>,
    /// Replace what it cannot take by what it can, as libbpf does for old kernels; no type id changes
    #[arg(long, requires = "for_version")]
    pub(super) degrade: bool,
    /// Record that FILE is standalone BTF, as is done for modules without asking, and read it as such
    #[arg(long, conflicts_with = "base")]
    pub(super) standalone: bool,
    /// Rewrite these modules, which are split on FILE, to match its new BTF
    #[arg(long, value_name = "MODULE", num_args = 1..)]
    pub(super) split: Vec<PathBuf>,
    /// Take appended module signatures off: any change makes them invalid
    #[arg(long)]
    pub(super) strip_signature: bool,
    #[command(flatten)]
    pub(super) reading: Reading,
}

/// Renumber standalone module BTF so that a kernel takes it as split BTF.
///
/// A module built apart from its kernel can have standalone BTF (pahole -J without --btf_base).
/// Kernels read all module BTF as split and refuse it: "failed to validate module [x] BTF: -22".
/// Renumbered, the same types load. --portable serves every kernel from 6.11 at once; -B numbers
/// for one kernel. Again for the same base nothing changes, for another base the module moves
/// there. What renumbering does not do: the module's copies of core types stay copies.
///
/// Without -o each FILE is replaced, whole or not at all.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n\
\x20 btfkinds renumber --portable x.ko\n\
\x20 btfkinds renumber -B vmlinux x.ko\n\
\x20 btfkinds renumber --undo x.ko")]
pub(super) struct Renumber {
    /// Modules, raw BTF, and folders of them
    #[arg(required = true)]
    pub(super) files: Vec<PathBuf>,
    /// The kernel's BTF to number for: raw or vmlinux; without it the running kernel's
    #[arg(short = 'B', long = "base", value_name = "BASE", conflicts_with_all = ["portable", "undo"])]
    pub(super) base: Vec<PathBuf>,
    /// Number for a tiny base that is added as .BTF.base: kernels from 6.11 relocate it to their own
    #[arg(long, conflicts_with = "undo")]
    pub(super) portable: bool,
    /// The base that split FILEs were built for, which has grown into BASE since (encode)
    #[arg(long, value_name = "OLD", conflicts_with_all = ["portable", "undo"])]
    pub(super) from: Vec<PathBuf>,
    /// Give the standalone form back
    #[arg(long)]
    pub(super) undo: bool,
    /// Take FILEs for standalone BTF, whatever it looks like
    #[arg(long, conflicts_with = "split")]
    pub(super) standalone: bool,
    /// Take FILEs for split BTF, whatever it looks like
    #[arg(long)]
    pub(super) split: bool,
    /// Fill .BTF_ids by kind and name where it is not filled, or for other BTF
    #[arg(long)]
    pub(super) resolve_ids: bool,
    /// Write the result here (one FILE only)
    #[arg(short, long, value_name = "OUT")]
    pub(super) output: Option<PathBuf>,
    /// Take appended module signatures off: any change makes them invalid
    #[arg(long)]
    pub(super) strip_signature: bool,
    /// The words of a kind that is not released (kinds/proposed/ has examples)
    #[arg(long, value_name = "F")]
    pub(super) kind_file: Vec<PathBuf>,
}

/// Give a module's BTF the kernel's own types.
///
/// Standalone BTF (pahole -J without --btf_base) has its own copy of every kernel type. Rebased, each
/// of its types that is a type of BASE becomes that one; only what is the module's own is left, as if
/// its BTF had been made split on BASE. So a kfunc that takes a "struct task_struct *" takes the
/// kernel's. With --portable the module carries what kernels from 6.11 need to find the types in
/// their own BTF. .BTF_ids is filled by kind and name.
///
/// BTF that is split already, by this or by a build, is moved from one base to another with --from.
///
/// Types that BASE has under the same name with another shape mean that the module was built against
/// other headers: they are shown, as C from BASE's (-) to the module's (+).
///
/// Without -o each FILE is replaced, whole or not at all.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n\
\x20 btfkinds rebase -n -B vmlinux x.ko\n\
\x20 btfkinds rebase --portable -B vmlinux -o portable.ko x.ko\n\
\x20 btfkinds rebase -B vmlinux x.ko")]
pub(super) struct Rebase {
    /// Modules, raw BTF, and folders of them
    #[arg(required = true)]
    pub(super) files: Vec<PathBuf>,
    /// The kernel's BTF: raw or vmlinux
    #[arg(short = 'B', long = "base", value_name = "BASE", required = true)]
    pub(super) base: Vec<PathBuf>,
    /// Put what is needed of BASE into .BTF.base, for every kernel from 6.11 that has these types
    #[arg(long)]
    pub(super) portable: bool,
    /// The base that split FILEs are on now
    #[arg(long, value_name = "OLD")]
    pub(super) from: Vec<PathBuf>,
    /// If functions of FILE reach types that BASE has in another shape, leave it as it is; exit 1
    #[arg(long)]
    pub(super) strict: bool,
    /// Only say what would be done
    #[arg(short = 'n', long, conflicts_with = "output")]
    pub(super) dry_run: bool,
    /// Take FILEs for standalone BTF, whatever it looks like
    #[arg(long, conflicts_with = "split")]
    pub(super) standalone: bool,
    /// Take FILEs for split BTF, whatever it looks like
    #[arg(long)]
    pub(super) split: bool,
    /// Where .BTF_ids was filled for other BTF, keep the flags of a set in the order of its functions
    #[arg(long)]
    pub(super) resolve_ids: bool,
    /// Write the result here (one FILE only)
    #[arg(short, long, value_name = "OUT")]
    pub(super) output: Option<PathBuf>,
    /// Take appended module signatures off: any change makes them invalid
    #[arg(long)]
    pub(super) strip_signature: bool,
    /// The words of a kind that is not released (kinds/proposed/ has examples)
    #[arg(long, value_name = "F")]
    pub(super) kind_file: Vec<PathBuf>,
}

/// Make split BTF standalone, with every type of its base that it needs.
///
/// The way back from "rebase", and the way to other kernels for a module that was built with split
/// BTF: standalone, it can be rebased or renumbered for any of them.
///
/// Without -o FILE is replaced, whole or not at all.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n\
\x20 btfkinds flatten -B vmlinux -o standalone.ko split.ko")]
pub(super) struct Flatten {
    /// A module, or raw BTF
    pub(super) file: PathBuf,
    /// The base that it is split on
    #[arg(short = 'B', long = "base", value_name = "BASE")]
    pub(super) base: Vec<PathBuf>,
    /// Take FILE for split BTF, whatever it looks like
    #[arg(long)]
    pub(super) split: bool,
    /// Where .BTF_ids was filled for other BTF, keep the flags of a set in the order of its functions
    #[arg(long)]
    pub(super) resolve_ids: bool,
    /// Write the result here
    #[arg(short, long, value_name = "OUT")]
    pub(super) output: Option<PathBuf>,
    /// Take an appended module signature off: any change makes it invalid
    #[arg(long)]
    pub(super) strip_signature: bool,
    /// The words of a kind that is not released (kinds/proposed/ has examples)
    #[arg(long, value_name = "F")]
    pub(super) kind_file: Vec<PathBuf>,
}

/// Take descriptions of kinds off again: the inverse of "encode".
///
/// What "encode" would add goes whole, and the origin record that it wrote with it; that it was all is proved
/// by encoding the result again, byte for byte. Of other descriptions (placed by another encoder, or with
/// other types behind them) goes what only descriptions need and no ordinary program has; it is said
/// when that was the way.
///
/// If records of a kind that is not released could not be read any more, this is refused: with --kind-file
/// the reader of the result has other means, with --force it doesn't matter.
///
/// Without -o each FILE is replaced, whole or not at all.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n\
\x20 btfkinds encode -o described.btf vmlinux.btf && btfkinds strip described.btf\n\
\x20 btfkinds strip -n x.ko\n\
\x20 btfkinds strip -o plain.ko x.ko")]
pub(super) struct Strip {
    /// Raw BTF, ELF files with BTF, and folders of them
    #[arg(required = true)]
    pub(super) files: Vec<PathBuf>,
    /// Write the result here (one FILE only)
    #[arg(short, long, value_name = "OUT")]
    pub(super) output: Option<PathBuf>,
    /// Only say what would be done
    #[arg(short = 'n', long, conflicts_with = "output")]
    pub(super) dry_run: bool,
    /// Take the header's layout section off too, as written by "encode --layout"
    #[arg(long)]
    pub(super) layout: bool,
    /// Take descriptions off even if nothing says any more what records of their kinds are
    #[arg(long)]
    pub(super) force: bool,
    /// Rewrite these modules, which are split on FILE, to match its new BTF
    #[arg(long, value_name = "MODULE", num_args = 1..)]
    pub(super) split: Vec<PathBuf>,
    /// Take appended module signatures off: any change makes them invalid
    #[arg(long)]
    pub(super) strip_signature: bool,
    #[command(flatten)]
    pub(super) reading: Reading,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum SelectArg {
    /// All of them
    All,
    /// Those that the file uses, and those that the descriptions are made of
    Used,
    /// None: only kinds that are not released
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum PlaceArg {
    /// Behind all types
    Back,
    /// Before the first type of a kind that is not released
    Front,
}

/// Print the types of a file.
///
/// Released kinds are printed as by "bpftool btf dump file" of Debian 12 (7.1), others in the same
/// style with the field names of their descriptions. With names, only types of these names.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n\
\x20 btfkinds dump vmlinux task_struct\n\
\x20 btfkinds dump -B vmlinux split.ko\n\
\x20 btfkinds dump -f c vmlinux > vmlinux.h")]
pub(super) struct Dump {
    /// What to print; of a folder all files in it that have BTF
    pub(super) file: PathBuf,
    /// More files and folders, and names: only types of these are printed. What exists is a file
    #[arg(value_name = "FILE|NAME")]
    pub(super) more: Vec<PathBuf>,
    /// Only types of this name, even if there is a file that is called so
    #[arg(long = "name", value_name = "NAME")]
    pub(super) names: Vec<String>,
    /// Another BTF section of an ELF file: .BTF.base, or one that is split on .BTF (.BTF.inline)
    #[arg(long, value_name = "NAME")]
    pub(super) section: Option<String>,
    /// Take FILE for standalone BTF, whatever it looks like
    #[arg(long, conflicts_with = "split")]
    pub(super) standalone: bool,
    /// Take FILE for split BTF, whatever it looks like
    #[arg(long)]
    pub(super) split: bool,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t = FormatArg::Raw)]
    pub(super) format: FormatArg,
    #[command(flatten)]
    pub(super) reading: Reading,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FormatArg {
    /// A line for each type and each of its elements
    Raw,
    /// The JSON document of "bpftool -j btf dump file", with the fields of described kinds
    Json,
    /// A C header with all that the types need, as bpftool's vmlinux.h
    C,
}

/// Show the kinds in force in a file, or our own table.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n\
\x20 btfkinds kinds\n\
\x20 btfkinds kinds vmlinux")]
pub(super) struct Kinds {
    /// Files, and folders of them; without any our own table of released kinds
    pub(super) files: Vec<PathBuf>,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t = KindsFormat::Table)]
    pub(super) format: KindsFormat,
    #[command(flatten)]
    pub(super) reading: Reading,
}

/// Draw the types around a type: what it is made of and points to, or who uses it.
///
/// The picture is written in the language of Graphviz (DOT), or drawn by it as SVG or PNG. A type is a box with
/// a line for each member or parameter: offset, declaration, size. A thick line from there leads to what is
/// contained, a thin one to what is pointed to. Kinds that the file describes are in the legend, and have
/// lines as all others do.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n\
\x20 btfkinds graph vmlinux 'struct list_head' > list.dot\n\
\x20 btfkinds graph --reverse -o users.dot vmlinux 'struct kobject'\n\
\x20 btfkinds graph --depth 2 -o file.svg vmlinux 'struct file'")]
pub(super) struct Graph {
    /// What the types are in
    pub(super) file: PathBuf,
    /// Where to start: NAME, 'struct NAME' (or union, enum, typedef), 'NAME()' or '[ID]'
    #[arg(required = true, value_name = "NAME")]
    pub(super) names: Vec<String>,
    /// How many steps away types may be
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) depth: u32,
    /// Who uses these types, in place of what they use
    #[arg(long)]
    pub(super) reverse: bool,
    /// No more types than this, nearer ones first
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(super) limit: usize,
    /// A box for every record: pointers, qualifiers and typedefs, too
    #[arg(long)]
    pub(super) all: bool,
    /// Write the picture here; its name may tell the format (.dot, .svg, .png)
    #[arg(short, long, value_name = "OUT")]
    pub(super) output: Option<PathBuf>,
    /// What to write; svg and png need Graphviz
    #[arg(short, long, value_enum)]
    pub(super) format: Option<GraphFormat>,
    #[command(flatten)]
    pub(super) reading: Reading,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum GraphFormat {
    /// The language of Graphviz
    Dot,
    /// A picture for browsers, with the declarations shown at the lines
    Svg,
    /// A picture
    Png,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum KindsFormat {
    /// A line for each kind
    Table,
    /// A JSON document for each file, a line each
    Json,
}

/// What reading a file may need.
#[derive(Debug, clap::Args)]
pub(super) struct Reading {
    /// The base of split BTF (for a module: its vmlinux); a base that is split itself follows its
    /// own. Without it, split BTF is read on the running kernel's if it fits
    #[arg(short = 'B', long = "base", value_name = "BASE")]
    pub(super) base: Vec<PathBuf>,
    /// The words of a kind that is not released (kinds/proposed/ has examples)
    #[arg(long, value_name = "F")]
    pub(super) kind_file: Vec<PathBuf>,
}

/// Write shell completions or manual pages into a folder.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n\
\x20 btfkinds generate man man1\n\
\x20 btfkinds generate bash completions")]
pub(super) struct Generate {
    /// What to write
    pub(super) what: GenerateWhat,
    /// Where; the folder is made if it is not there
    #[arg(default_value = ".")]
    pub(super) folder: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum GenerateWhat {
    /// Completions for bash
    Bash,
    /// Completions for zsh
    Zsh,
    /// Completions for fish
    Fish,
    /// A manual page for each command
    Man,
}

/// Say what the kernel's verifier would say of BTF, without a kernel, and what it would not find.
///
/// All that is wrong is named, with its place, the rule, and the line that the kernel would log; the first error is
/// what the kernel would refuse it for. Warnings are about what it takes and others choke on. The exit status is 1 if
/// there are errors.
///
/// A raw blob is checked as one that a user loads (BPF_BTF_LOAD), or as a module's if it is split; a module and a vmlinux
/// as the kernel takes theirs: it looks at each record, but does not follow references, so here these are followed
/// anyway; any other object as a compiler's output that is still to be loaded.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n\
\x20 btfkinds check vmlinux\n\
\x20 btfkinds check --for 6.1 vmlinux.btf\n\
\x20 btfkinds check -f json vmlinux.btf\n\
\x20 btfkinds check -B vmlinux split.ko")]
pub(super) struct Check {
    /// Raw BTF, ELF files with BTF, and folders of them
    #[arg(required = true)]
    pub(super) files: Vec<PathBuf>,
    /// The base of split BTF (for a module: its vmlinux). Without it, split BTF is checked on the running kernel's if it
    /// fits
    #[arg(short = 'B', long = "base", value_name = "BASE")]
    pub(super) base: Vec<PathBuf>,
    /// Who is to take it, where that is not to be told from the file: user, module, vmlinux or object
    #[arg(long = "as", value_name = "ROLE", value_parser = role)]
    pub(super) role: Option<Role>,
    /// The rules of a kernel of this version, in place of the newest that is known
    #[arg(long = "for", value_name = "VERSION")]
    pub(super) for_version: Option<Version>,
    /// Ask the running kernel too (root), and say where it differs
    #[arg(long)]
    pub(super) kernel: bool,
    /// Warnings count as errors
    #[arg(long)]
    pub(super) strict: bool,
    /// Leave out what is called so (the name in parentheses), as long as the kernel takes it
    #[arg(long, value_name = "NAME")]
    pub(super) allow: Vec<String>,
    /// How to print findings
    #[arg(short, long, value_enum, default_value_t = CheckFormat::Text)]
    pub(super) format: CheckFormat,
}

fn role(name: &str) -> Result<Role, String> {
    Role::named(name).ok_or_else(|| format!("'{name}' is not a role"))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum CheckFormat {
    /// A line for each finding, and the kernel's
    Text,
    /// A JSON document for each section that was checked, a line each
    Json,
}

/// Say what differs between two files' BTF: types by name and shape, whatever their ids are.
///
/// Changed types are shown as C; with -v also those that only one file has. A type is "changed" if it differs
/// itself: members, offsets, values, parameters. It is "affected" if it is the same but leads to one that is
/// not: the kernel compares types with all that they lead to.
///
/// The exit status is 0 if nothing differs, 1 if something does, 2 for trouble.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n\
\x20 btfkinds diff vmlinux vmlinux.btf\n\
\x20 btfkinds diff --stat vmlinux vmlinux.btf task_struct\n\
\x20 btfkinds diff vmlinux vmlinux.btf --module split.ko")]
pub(super) struct Diff {
    /// What it was
    pub(super) old: PathBuf,
    /// What it is
    pub(super) new: PathBuf,
    /// Only types of these names
    pub(super) names: Vec<String>,
    /// And all that types of these names lead to
    #[arg(long, requires = "names")]
    pub(super) deep: bool,
    /// A line for each type, without C
    #[arg(long)]
    pub(super) stat: bool,
    /// Name the affected types too, each with the way to what changed
    #[arg(long)]
    pub(super) all: bool,
    /// Leave out what only one file has (as is done between a standalone module and a vmlinux)
    #[arg(long)]
    pub(super) common: bool,
    /// Why a module of OLD does not fit NEW: what it was made for, and what changed of all that it uses
    #[arg(long, value_name = "MODULE", conflicts_with_all = ["names", "common"])]
    pub(super) module: Option<PathBuf>,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t = DiffFormat::Text)]
    pub(super) format: DiffFormat,
    /// The base of both, where they are split BTF; without it the running kernel's if it fits
    #[arg(short = 'B', long = "base", value_name = "BASE")]
    pub(super) base: Vec<PathBuf>,
    /// The base of OLD
    #[arg(long, value_name = "BASE", conflicts_with = "base")]
    pub(super) old_base: Vec<PathBuf>,
    /// The base of NEW
    #[arg(long, value_name = "BASE", conflicts_with = "base")]
    pub(super) new_base: Vec<PathBuf>,
    /// The words of a kind that is not released (kinds/proposed/ has examples)
    #[arg(long, value_name = "F")]
    pub(super) kind_file: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum DiffFormat {
    /// A paragraph for each type
    Text,
    /// One JSON document
    Json,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// One command by itself takes what it takes among all.
    #[test]
    fn one_command_is_enough() {
        let command = Args::command();
        let all: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
        let (demo, known) = all.split_last().unwrap();
        assert_eq!(*demo, "demo");
        assert!(known.iter().eq(COMMANDS.iter().map(|(name, _)| name)), "{known:?}");
        let mut taken = 0;
        for name in all {
            for rest in [
                "x",
                "-q x",
                "x -v",
                "x y",
                "x -B base -o out",
                "-f json x",
                "--manual=folder",
                "bash",
                "",
                "-q x -v",
                "--no-such-thing x",
            ] {
                let line = format!("btfkinds {name} {rest}");
                let line: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
                let expected = Args::try_parse_from(&line).ok().filter(|_| name != "demo");
                let args = Args::of_one(line);
                assert_eq!(format!("{args:?}"), format!("{expected:?}"), "{name} {rest}");
                taken += usize::from(args.is_some());
            }
        }
        assert!(taken > 40, "{taken}");
    }
}
