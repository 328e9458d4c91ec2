//! golden/broken: a small blob for each thing that can be wrong, called by the rule that it breaks, and what the
//! command says of it.
//!
//! `every_message_by_hand` has the running kernel's word for the same blobs. BTFKINDS_BLESS=1 writes them anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use btfkinds::check::{Options, check};

use super::cases;
use super::common::{btfkinds, root};

/// Larger ones are no sight.
const LARGEST: usize = 1200;

/// The blobs by file name: all of one rule have a number from the second on.
fn named() -> BTreeMap<String, (&'static str, Vec<u8>)> {
    let mut named = BTreeMap::new();
    let mut numbers: BTreeMap<&str, u32> = BTreeMap::new();
    for (rule, bytes) in cases::blobs() {
        // That one rule is about the kernel's own types.
        if bytes.len() > LARGEST || rule == "accepted" || rule == "kptr-release" {
            continue;
        }
        let number = numbers.entry(rule).or_default();
        *number += 1;
        let name =
            if *number == 1 { format!("{rule}.btf") } else { format!("{rule}-{number}.btf") };
        named.insert(name, (rule, bytes));
    }
    named
}

pub fn broken() {
    let folder = root().join("golden/broken");
    let named = named();
    let bless = std::env::var_os("BTFKINDS_BLESS").is_some();
    if bless {
        for (name, (_, bytes)) in &named {
            fs::write(folder.join(name), bytes).unwrap();
        }
    }
    let mut expected: BTreeSet<String> = named.keys().cloned().collect();
    expected.extend(["PROVENANCE".to_owned(), "findings.txt".to_owned()]);
    let there = fs::read_dir(&folder).unwrap();
    let there: BTreeSet<String> =
        there.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(there, expected);
    let version = "6.18".parse().unwrap();
    let mut rules = BTreeSet::new();
    for (name, (rule, bytes)) in &named {
        let file = fs::read(folder.join(name)).unwrap();
        assert!(file == *bytes, "{name} is not what it is made from");
        let report = check(&file, &Options { version, ..Options::default() });
        assert_eq!(report.first_error().map(|finding| finding.rule), Some(*rule), "{name}");
        rules.insert(rule);
    }
    assert!(rules.len() >= 60, "{} rules", rules.len());
    // What is said of all of them, in one look.
    let out = btfkinds(
        ["check", "--for", "6.18", "--allow", "string-unused"]
            .into_iter()
            .map(str::to_owned)
            .chain(named.keys().map(|name| folder.join(name).to_str().unwrap().to_owned())),
    );
    assert_eq!(out.status.code(), Some(1), "{}", String::from_utf8_lossy(&out.stderr));
    let said = String::from_utf8_lossy(&out.stdout).replace(folder.to_str().unwrap(), "broken");
    let path = folder.join("findings.txt");
    if bless {
        fs::write(&path, &said).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap();
    if expected != said {
        panic!("{}", similar::TextDiff::from_lines(&expected, &said).unified_diff());
    }
}
