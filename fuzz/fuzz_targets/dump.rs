//! Printing: text of a line or more for each type, JSON that is JSON, C with as many braces opened as closed.
#![no_main]

use btfkinds::{Btf, C, Json, Text, TypeId};
use btfkinds_fuzz::{Input, target};
use serde_json::Value;

target!(|input| {
    if let Ok(btf) = input.parse().read(input.blob) {
        text(&btf);
        json(&btf);
        c(&btf, &input);
    }
});

fn text(btf: &Btf) {
    let mut out = Vec::new();
    Text::new(&mut out).types(btf.types()).expect("writing to memory");
    let mut one_by_one = Vec::new();
    for ty in btf.types() {
        let mut out = Vec::new();
        Text::new(&mut out).types([ty]).expect("writing to memory");
        assert!(out.starts_with(format!("[{}] {} ", ty.id(), ty.kind_name()).as_bytes()));
        assert!(out.ends_with(b"\n"));
        one_by_one.extend(out);
    }
    assert!(one_by_one == out);
}

fn json(btf: &Btf) {
    let mut out = Vec::new();
    Json::new(&mut out).types(btf.types()).expect("writing to memory");
    let document: Value = serde_json::from_slice(&out).expect("JSON");
    let types = document["types"].as_array().expect("an array");
    assert_eq!(types.len(), btf.types().count());
    for (object, ty) in types.iter().zip(btf.types()) {
        assert_eq!(object["id"].as_u64(), Some(ty.id().0.into()));
        assert_eq!(object["kind"].as_str(), Some(ty.kind_name()));
        let name = String::from_utf8_lossy(ty.name()).into_owned();
        let name = if ty.name_off().0 == 0 { "(anon)".to_owned() } else { name };
        assert_eq!(object["name"].as_str(), Some(name.as_str()));
    }
}

fn c(btf: &Btf, input: &Input<'_>) {
    let print = |c: &C<'_>| {
        let mut out = Vec::new();
        c.write_to(&mut out).expect("writing to memory");
        out
    };
    let all = print(&C::new(btf));
    assert_eq!(all, print(&C::new(btf)));
    // Names may be in any character set, but only in comments and tags.
    let code = code(&String::from_utf8_lossy(&all));
    let valid = |c: char| c.is_ascii_alphanumeric() || "_ \t\n;:,*(){}[]#\"=-.<>".contains(c);
    assert!(code.chars().all(valid), "{code}");
    for (open, close) in ["{}", "()", "[]"].map(|pair| pair.split_at(1)) {
        assert_eq!(code.matches(open).count(), code.matches(close).count(), "{code}");
    }
    let some = (0..8).filter(|bit| input.flag(8 + bit)).map(|bit| TypeId(btf.first_id().0 + bit));
    let c = C::new(btf).select(some).named("a").named("int");
    assert_eq!(print(&c), print(&c));
}

/// C without comments and without what is in string literals.
fn code(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match (c, rest.peek()) {
            ('/', Some('*')) => {
                // The star of its beginning is not that of its end.
                let mut before = rest.next().map(|_| ' ');
                while (before, rest.peek()) != (Some('*'), Some(&'/')) {
                    before = Some(rest.next().expect("the end of a comment"));
                }
                rest.next();
            }
            ('"', _) => {
                code += "\"\"";
                while let Some(c) = rest.next().filter(|c| *c != '"') {
                    if c == '\\' {
                        rest.next();
                    }
                }
            }
            _ => code.push(c),
        }
    }
    code
}
