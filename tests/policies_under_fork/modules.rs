// The modules of `policies`: what every start method is tested with.

#[path = "../policies/breaker.rs"]
mod breaker;
#[path = "../policies/events.rs"]
mod events;
#[path = "../policies/finalizer.rs"]
mod finalizer;
#[path = "../policies/hooks.rs"]
mod hooks;
#[path = "../policies/idle.rs"]
mod idle;
#[path = "../policies/kill.rs"]
mod kill;
#[path = "../policies/limits.rs"]
mod limits;
#[path = "../policies/moments.rs"]
mod moments;
#[path = "../policies/nesting.rs"]
mod nesting;
#[path = "../policies/numbers.rs"]
mod numbers;
#[path = "../policies/places.rs"]
mod places;
#[path = "../policies/recycling.rs"]
mod recycling;
#[path = "../policies/replace.rs"]
mod replace;
#[path = "../policies/replacements.rs"]
mod replacements;
#[path = "../policies/shutdown.rs"]
mod shutdown;
#[path = "../policies/stages.rs"]
mod stages;
#[path = "../policies/support.rs"]
mod support;
#[path = "../policies/terminate.rs"]
mod terminate;
#[path = "../policies/warm_up.rs"]
mod warm_up;
