//! The committed header is what cbindgen makes of the sources: it is documentation as well, and those
//! who build the library need no cbindgen.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::Path;

#[test]
fn header_is_current() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(dir.join("cbindgen.toml")).expect("a configuration");
    let bindings =
        cbindgen::Builder::new().with_config(config).with_crate(dir).generate().expect("a header");
    let mut made = Vec::new();
    bindings.write(&mut made);
    let made = String::from_utf8(made).unwrap();
    let path = dir.join("include/btfkinds.h");
    if std::env::var_os("BTFKINDS_BLESS").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    let differs = committed.lines().zip(made.lines()).position(|(old, new)| old != new);
    assert!(
        committed == made,
        "include/btfkinds.h is not what cbindgen makes (from line {:?} on): BTFKINDS_BLESS=1 cargo test -p btfkinds-capi --test header",
        differs.map(|line| line + 1)
    );
}

#[test]
fn header_has_the_version() {
    let version = format!(
        "{}.{}.{}",
        number("BTFKINDS_VERSION_MAJOR"),
        number("BTFKINDS_VERSION_MINOR"),
        number("BTFKINDS_VERSION_PATCH")
    );
    assert_eq!(version, env!("CARGO_PKG_VERSION"));
}

/// The value of a macro in the header.
fn number(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("include/btfkinds.h");
    let header = fs::read_to_string(path).unwrap();
    let define = format!("#define {name} ");
    let line = header.lines().find_map(|line| line.strip_prefix(&define));
    line.expect("the macro").trim().to_owned()
}
