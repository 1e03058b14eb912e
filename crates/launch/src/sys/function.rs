//! The function `preload`, which arrives in a forkserver as a number.

use procpool_os::code::{Function, FunctionRef, resolve};

/// Returns the function that the command line of this forkserver names. `None` when it names none.
///
/// The caller has checked that the process which wrote the command line runs this executable.
pub(crate) fn preload(reference: FunctionRef) -> Option<fn()> {
    // SAFETY: a forkserver's command line is written by `Forkserver::spawn` alone, from what `locate`
    // made; and the process that wrote it runs this executable, as the caller has checked.
    unsafe { resolve(reference) }.and_then(Function::typed)
}
