//! Compiles the C program, with the sanitizer that Rust code is compiled with.

fn main() {
    let mut build = cc::Build::new();
    build.file("drive.c").include("../../capi/include").warnings_into_errors(true);
    if std::env::var("CARGO_CFG_SANITIZE").is_ok_and(|list| list.contains("address")) {
        build.flag("-fsanitize=address");
    }
    build.compile("btfkinds_fuzz_drive");
    println!("cargo:rerun-if-changed=drive.c");
    println!("cargo:rerun-if-changed=../../capi/include/btfkinds.h");
}
