//! The unsafe fence: the environment.

/// Removes a variable, so that no program inherits it that this one starts.
///
/// Call it while this process has one thread.
pub(crate) fn forget_variable(name: &str) {
    // SAFETY: a relay has one thread, which is here, so nobody else reads the environment.
    unsafe { std::env::remove_var(name) };
}
