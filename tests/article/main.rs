//! The article's program, and the other examples, as a user runs them.
//!
//! - [`transcript`]: the parts of the article's transcript that may vary, and those that may not;
//! - [`program`]: the article's program, its snapshot, and both forced orders of its messages;
//! - [`examples`]: the other examples print what their headers promise.

mod examples;
mod program;
mod transcript;
