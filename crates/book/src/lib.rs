//! Builds the procpool book, and checks that no part of it is outdated.
//!
//! ```text
//! examples/, crates/book/examples/, book/listings/     programs, compiled and executed
//!        │ anchors                  │ transcript: bless, or a test, runs the command
//!        ▼                          ▼
//! book/src/*.md  ◀── include ── book/transcripts/*.console
//!        │       ◀── include ── book/src/figures/*.svg ◀── timeline ── book/traces/*.jsonl
//!        │       ◀── include ── book/bench/*.md, *.svg ◀── measured ── book/bench/*.json
//!        │       ◀── include ── book/conformance/pools.md ◀── judged ── book/conformance/results.json
//!        │       ◀── include ── book/simulator/*.mjs ◀── tests ── book/simulator/runs/*.json
//!        │ integrity: every include resolves, everything is used, no code is typed in
//!        ▼
//! mdBook ──▶ book/book/ ── rendered: links, fragments, no request to the network
//! ```
//!
//! - [`layout`]: the folders;
//! - [`page`], [`include`](mod@include) and [`html`]: the contents of files;
//! - [`integrity`]: the rules about sources; [`rendered`]: the rules about mdBook's output;
//! - [`transcript`]: a command and its output; [`timeline`]: a trace and its drawings; [`measured`]:
//!   measurements and their parts of pages; [`judged`]: the same for the judgements of the conformance
//!   suite;
//! - [`simulator`]: the recorded runs that the simulator is compared with;
//! - [`render`][]: mdBook; [`mod@print`]: the parts that are left out of its page for a printer.
//!
//! mdBook itself exits with success on an include that does not resolve, and makes an empty block of an
//! anchor that does not exist. So nothing here relies on its exit code.

pub mod figure;
pub mod html;
pub mod include;
pub mod integrity;
pub mod judged;
pub mod layout;
pub mod measured;
pub mod page;
pub mod print;
pub mod problem;
pub mod render;
pub mod rendered;
pub mod simulator;
pub mod timeline;
pub mod transcript;
