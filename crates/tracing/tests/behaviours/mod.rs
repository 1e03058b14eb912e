//! Records and spans under any start method: the test programs `spawn`, `forkserver` and `fork` consist of these
//! tests, each with the pools of one method.

mod calls;
mod ends;
mod levels;
mod records;
mod spans;
