//! Functions that a worker receives as numbers.

use procpool_os::code::{FnPointer, Function, FunctionRef, resolve};

/// Returns the function that the pool has sent, or `None` if there is none with this number.
pub(crate) fn sent(reference: FunctionRef) -> Option<Function> {
    // SAFETY: only a worker calls this, with a number from its link. A worker serves the process
    // that started it: one of the same user, with no fewer privileges, that runs this executable
    // (`procpool_launch` trusts no other, and the pool sends nothing before Hello has shown the
    // same of the worker). That process takes its numbers from `task`, which makes them by
    // `locate`.
    unsafe { resolve(reference) }
}

/// Returns the function that the pool has sent as an `F`.
pub(crate) fn sent_as<F: FnPointer>(reference: FunctionRef) -> Option<F> {
    sent(reference).and_then(Function::typed)
}
