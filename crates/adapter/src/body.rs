//! The code that runs in workers: the bodies of the contract.

use std::io::{self, Read, Write};
use std::process::{Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use nix::sys::signal::{SigHandler, Signal, raise, signal};
use procpool_contract::{Body, Call, EventKind};
use serde_json::{Value, json};

use crate::trace;
use crate::wire::Wire;

/// The value that `mark` kept in this process.
static STATE: Mutex<Value> = Mutex::new(Value::Null);

/// Makes a pool of the library and runs a call in it.
pub type NestFn = Box<dyn Fn(&Call) -> Result<Value, String> + Send + Sync>;

/// The function for `nest`, set in every process before it becomes a worker.
static NEST: OnceLock<NestFn> = OnceLock::new();

/// Sets how nested pools are made.
pub fn set_nest(nest: NestFn) {
    // The first one stays: a process has one library.
    let _ = NEST.set(nest);
}

/// Runs the call of a task, in a worker.
///
/// # Panics
///
/// The body fails: a task in Rust fails by a panic.
pub fn run(argument: Wire) -> Wire {
    let call = argument.call();
    Wire::of_result(&call, &task(&call))
}

/// The same for a library whose tasks return a `Result`: then they fail by an error.
///
/// # Errors
///
/// The body fails; the error is its message.
pub fn try_run(argument: Wire) -> Result<Wire, String> {
    let call = argument.call();
    try_task(&call).map(|value| Wire::of_result(&call, &value))
}

/// Runs the initializer, in a worker; the pool was given it as a text.
///
/// # Errors
///
/// It fails; the error is its message.
pub fn initialize(call: String) -> Result<(), String> {
    initializer(&Call::from_json(call.as_bytes())?)
}

/// Runs a task.
///
/// # Panics
///
/// The body fails.
pub fn task(call: &Call) -> Value {
    try_task(call).unwrap_or_else(|text| panic!("{text}"))
}

fn try_task(call: &Call) -> Result<Value, String> {
    trace::write(EventKind::Begin, &call.tag);
    let done = carry_out(call);
    let kind = if done.is_ok() { EventKind::End } else { EventKind::Failed };
    trace::write(kind, &call.tag);
    done
}

/// Runs an initializer.
///
/// # Errors
///
/// It fails; the error is its message.
pub fn initializer(call: &Call) -> Result<(), String> {
    trace::write(EventKind::InitBegin, &call.tag);
    let done = carry_out(call);
    let kind = if done.is_ok() { EventKind::InitEnd } else { EventKind::InitFailed };
    trace::write(kind, &call.tag);
    done.map(|_| ())
}

fn carry_out(call: &Call) -> Result<Value, String> {
    let Call { value, .. } = call;
    let text = call.text.as_deref().unwrap_or_default();
    match call.run {
        Body::Echo => Ok(value.clone()),
        Body::Square => {
            let number = value.as_i64().ok_or("square is of a whole number")?;
            number.checked_mul(number).map(Value::from).ok_or_else(|| "it is too large".to_owned())
        }
        Body::Whoami => {
            let state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(json!({"pid": std::process::id(), "state": *state}))
        }
        Body::Gate => {
            trace::pass(call.gate.as_deref().ok_or("gate has no gate")?);
            Ok(value.clone())
        }
        Body::Sleep => {
            std::thread::sleep(Duration::from_millis(call.ms.unwrap_or(0)));
            Ok(value.clone())
        }
        Body::Fail => Err(text.to_owned()),
        Body::Mark => {
            *STATE.lock().unwrap_or_else(PoisonError::into_inner) = value.clone();
            Ok(Value::Null)
        }
        Body::Die => die(call),
        Body::Blob => Ok("x".repeat(call.count.unwrap_or(0) as usize).into()),
        Body::Print => {
            let mut stdout = io::stdout().lock();
            for _ in 0..call.count.unwrap_or(1) {
                stdout.write_all(text.as_bytes()).map_err(|error| error.to_string())?;
            }
            stdout.flush().map_err(|error| error.to_string())?;
            Ok(Value::Null)
        }
        Body::ReadStdin => {
            let mut bytes = Vec::new();
            io::stdin().read_to_end(&mut bytes).map_err(|error| error.to_string())?;
            Ok(bytes.len().into())
        }
        Body::Child => {
            let script = format!("exit {}", call.code.unwrap_or(0));
            let mut program = Command::new("sh");
            let status = program.args(["-c", &script]).stdin(Stdio::null()).status();
            status.map(|status| status.code().into()).map_err(|error| error.to_string())
        }
        Body::Nest => match call.inner() {
            None => Ok(0.into()),
            Some(inner) => {
                let nest = NEST.get().ok_or("this adapter does not nest")?;
                let depth = nest(&inner)?.as_u64().ok_or("the inner one returned no number")?;
                Ok((depth + 1).into())
            }
        },
        Body::IgnoreTerm => {
            // SAFETY: ignoring a signal installs no handler.
            unsafe { signal(Signal::SIGTERM, SigHandler::SigIgn) }
                .map_err(|error| error.to_string())?;
            trace::pass(call.gate.as_deref().ok_or("ignore_term has no gate")?);
            Ok(value.clone())
        }
        Body::Getenv => Ok(std::env::var(text).map_or(Value::Null, Value::from)),
    }
}

/// Forgets what `mark` kept in this process. Only saboteurs do.
pub(crate) fn forget() {
    *STATE.lock().unwrap_or_else(PoisonError::into_inner) = Value::Null;
}

fn die(call: &Call) -> Result<Value, String> {
    if let Some(number) = call.signal {
        let signal = Signal::try_from(number).map_err(|error| error.to_string())?;
        // Rust handles some signals, for stack overflows; those that cannot be handled need no default.
        // SAFETY: the default action installs no handler.
        let _ = unsafe { nix::sys::signal::signal(signal, SigHandler::SigDfl) };
        raise(signal).map_err(|error| error.to_string())?;
        return Err(format!("signal {number} did not end the process"));
    }
    exit_at_once(call.code.unwrap_or(1))
}

/// Ends the process without cleaning up.
pub(crate) fn exit_at_once(code: i32) -> ! {
    // SAFETY: _exit ends the process and touches no memory.
    unsafe { nix::libc::_exit(code) }
}
