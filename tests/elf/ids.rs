//! `.BTF_ids` as the macros of the kernel's btf_ids.h and resolve_btfids make it.

#![allow(unreachable_pub)]

use std::collections::BTreeMap;

/// A part of the section, by the macro that makes it.
#[derive(Clone, Copy)]
pub enum Part {
    List(&'static str),
    Id(&'static str, &'static str),
    Unused,
    Set(&'static str, &'static [(&'static str, &'static str)]),
    /// With flags of the set, and of its members in their order here.
    Set8(&'static str, u32, &'static [(&'static str, &'static str)]),
}

/// The flags of a member of a set8: like small type ids.
const FLAGS: u32 = 3;

/// The words of the section as resolve_btfids leaves them; what is not found is 0.
pub fn id_words(parts: &[Part], ids: &BTreeMap<String, u32>) -> Vec<u32> {
    let find = |kind: &str, name: &str| {
        ids.get(&format!("{} '{name}'", kind.to_uppercase())).copied().unwrap_or(0)
    };
    let mut words = Vec::new();
    for part in parts {
        match *part {
            Part::List(_) => {}
            Part::Unused => words.push(0),
            Part::Id(kind, name) => words.push(find(kind, name)),
            Part::Set(_, members) => {
                let mut ids: Vec<u32> = members.iter().map(|(k, n)| find(k, n)).collect();
                ids.sort_unstable();
                words.push(members.len() as u32);
                words.extend(ids);
            }
            Part::Set8(_, flags, members) => {
                let members = (FLAGS..).zip(members);
                let mut ids: Vec<[u32; 2]> = members.map(|(f, (k, n))| [find(k, n), f]).collect();
                ids.sort_unstable();
                words.extend([ids.len() as u32, flags]);
                words.extend(ids.into_iter().flatten());
            }
        }
    }
    words
}

/// The section with these words and its symbols.
pub fn ids_asm(parts: &[Part], words: &[u32]) -> String {
    let mut text = ".section .BTF_ids,\"a\",%progbits\n.balign 4\n".to_owned();
    let mut words = words.iter();
    let mut next = move |n: usize| -> String {
        words.by_ref().take(n).map(|word| format!(".4byte {word}\n")).collect()
    };
    let mut serial = 100;
    let mut id = |kind: &str, name: &str| {
        serial += 1;
        let symbol = format!("__BTF_ID__{kind}__{name}__{serial}");
        format!(".local {symbol}\n.type {symbol},%object\n.size {symbol},4\n{symbol}:\n")
    };
    for part in parts {
        let (kind, name, step, members) = match *part {
            Part::List(name) => {
                text += &format!(".local {name}\n{name}:\n");
                continue;
            }
            Part::Unused => {
                text += &next(1);
                continue;
            }
            Part::Id(kind, name) => {
                text += &(id(kind, name) + &next(1));
                continue;
            }
            Part::Set(name, members) => ("set", name, 1, members),
            Part::Set8(name, _, members) => ("set8", name, 2, members),
        };
        let symbol = format!("__BTF_ID__{kind}__{name}");
        text += &format!(".local {symbol}\n{symbol}:\n{}", next(step));
        for (kind, name) in members {
            text += &(id(kind, name) + &next(step));
        }
        text += &format!(".size {symbol}, .-{symbol}\n");
    }
    text
}

pub fn bytes(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}
