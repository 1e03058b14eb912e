//! Compiles the C library of the recipe `c_library`, which alone links it.

fn main() {
    println!("cargo::rerun-if-changed=c/fragile.c");
    cc::Build::new().file("c/fragile.c").cargo_metadata(false).compile("fragile");
    let folder = std::env::var("OUT_DIR").expect("cargo sets it");
    println!("cargo::rustc-link-search=native={folder}");
}
