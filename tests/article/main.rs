//! The article's program, and the other examples, as a user runs them.
//!
//! - [`transcript`]: what may vary in the article's transcript, and what may not;
//! - [`program`]: the article's program, its snapshot, and both orders of its messages by force;
//! - [`examples`]: the other examples print what their headers promise.

mod examples;
mod program;
mod transcript;
