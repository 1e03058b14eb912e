//! Tests without the macro: the error names it.

use procpool::{Error, ProcessPoolExecutor};

#[test]
fn build_names_the_macro() {
    let error = ProcessPoolExecutor::builder().build().unwrap_err();
    assert_eq!(error, Error::NotInitialized);
    assert!(error.to_string().contains("procpool::init_tests!()"), "{error}");
}
