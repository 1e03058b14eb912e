//! The unsafe code of this crate: a function without a pointer to it.

use std::ptr::NonNull;

/// Returns the value of the type of a function, or of a closure that captures nothing.
///
/// Does not compile for other types: those have a size.
pub(crate) fn function<F: Copy + 'static>() -> F {
    const {
        assert!(
            size_of::<F>() == 0,
            "a recorded task is a function or a closure that captures nothing, not a pointer to one"
        );
    }
    // SAFETY: `F` has no bytes (asserted above), so a dangling pointer, which is aligned, may be read. `F`
    // has a value: this crate calls this only for types of functions that a caller has passed by value
    // (`Recorded::submit` and the others), and `F: Copy` allows another one.
    unsafe { NonNull::<F>::dangling().read() }
}
