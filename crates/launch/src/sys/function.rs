//! The function `preload`, which a forkserver receives as a number.

use procpool_os::code::{Function, FunctionRef, resolve};

/// Returns the function that the command line of this forkserver names, or `None` if it names none.
///
/// The caller has checked that the process that wrote the command line runs this executable.
pub(crate) fn preload(reference: FunctionRef) -> Option<fn()> {
    // SAFETY: only `Forkserver::spawn` writes a forkserver's command line, and the reference in it comes
    // from `locate`; the process that wrote it runs this executable, as the caller has checked.
    unsafe { resolve(reference) }.and_then(Function::typed)
}
