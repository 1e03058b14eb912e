//! Saboteurs of values and of the texts of errors.

use std::time::Duration;

use procpool_contract::{Call, ErrorClass, MapOptions, Outcome, PoolOptions};
use serde_json::Value;

use super::futures::change_failure;
use super::ours::Procpool;
use super::{Honest, Saboteur, Twist, Twisted};
use crate::body::initialize;
use crate::library::{Future, Library, Map, Pool, Stop};

macro_rules! valuing {
    ($name:literal, $does:literal, $change:expr) => {
        Saboteur { name: $name, does: $does, make: |ours| Twisted::new(ours, Valuing($change)) }
    };
}

/// Changes the texts of results.
macro_rules! texts {
    ($name:literal, $does:literal, $change:expr) => {
        valuing!($name, $does, |value| {
            let change: fn(&str) -> String = $change;
            if let Value::String(text) = value {
                *text = change(text);
            }
        })
    };
}

/// Changes the messages of errors of tasks.
macro_rules! messages {
    ($name:literal, $does:literal, $change:expr) => {
        Saboteur { name: $name, does: $does, make: |ours| Twisted::new(ours, Saying($change)) }
    };
}

pub(super) const ALL: &[Saboteur] = &[
    valuing!("drops-null-members", "Leaves out the members of a result that are null.", |value| {
        if let Value::Object(members) = value {
            members.retain(|_, member| !member.is_null());
        }
    }),
    valuing!("true-becomes-one", "Returns 1 in place of true.", |value| {
        if *value == Value::Bool(true) {
            *value = 1.into();
        }
    }),
    valuing!(
        "wraps-at-31-bits",
        "Returns whole numbers from 2³¹ to 2³² − 1 as negative ones.",
        |value| {
            let number = value.as_i64().and_then(|number| u32::try_from(number).ok());
            if let Some(number) = number {
                *value = number.cast_signed().into();
            }
        }
    ),
    valuing!("keeps-fifteen-digits", "Rounds a double number to 15 digits.", |value| {
        if let Some(number) = value.as_f64().filter(|_| value.is_f64())
            && let Ok(rounded) = format!("{number:.14e}").parse::<f64>()
        {
            *value = rounded.into();
        }
    }),
    valuing!("loses-the-sign-of-zero", "Returns 0.0 in place of −0.0.", |value| {
        if value.as_f64() == Some(0.0) && value.is_f64() {
            *value = 0.0.into();
        }
    }),
    texts!("unifies-ends-of-lines", "Ends every line of a text with a newline only.", |text| {
        text.replace("\r\n", "\n").replace('\r', "\n")
    }),
    texts!("composes-letters", "Composes letters with their accents.", |text| {
        text.replace("e\u{301}", "\u{e9}").replace("A\u{30a}", "\u{c5}")
    }),
    texts!("drops-a-byte-order-mark", "Drops a byte order mark at the begin of a text.", |text| {
        text.trim_start_matches('\u{feff}').to_owned()
    }),
    texts!("ends-a-text-at-zero", "Drops zero bytes at the end of a text.", |text| {
        text.trim_end_matches('\0').to_owned()
    }),
    texts!("loses-the-65537th-byte", "Loses the last byte of a text of 65,537 bytes.", |text| {
        let kept = if text.len() == (1 << 16) + 1 { 1 << 16 } else { text.len() };
        text[..kept].to_owned()
    }),
    texts!("cuts-a-text-at-a-megabyte", "Keeps one megabyte of a text.", |text| {
        text.chars().take(1 << 20).collect()
    }),
    valuing!("ignores-the-case-of-keys", "Takes keys that differ in case for one.", |value| {
        if let Value::Object(members) = value {
            let lower = |(key, member): (String, Value)| (key.to_lowercase(), member);
            *members = std::mem::take(members).into_iter().map(lower).collect();
        }
    }),
    Saboteur {
        name: "trims-initargs",
        does: "Removes white space from both ends of texts in initargs.",
        make: |ours| Twisted::new(ours, TrimsInitargs),
    },
    Saboteur {
        name: "map-leaves-out-null",
        does: "Leaves out the items of a map whose result is null.",
        make: |ours| {
            Twisted::new(
                ours,
                Mapped(|items| Box::new(items.filter(|item| *item != Outcome::Ok(Value::Null)))),
            )
        },
    },
    Saboteur {
        name: "map-memoizes-equal-numbers",
        does: "Returns the earlier one of two results of a map that are equal in Python, as 1 and true.",
        make: |ours| {
            Twisted::new(
                ours,
                Mapped(|items| {
                    let mut seen: Vec<(i64, Value)> = Vec::new();
                    Box::new(items.map(move |item| match item {
                        Outcome::Ok(value) => Outcome::Ok(first_of(&mut seen, value)),
                        error => error,
                    }))
                }),
            )
        },
    },
    messages!("cuts-messages-at-100", "Cuts the messages of errors after 100 letters.", |text| {
        text.chars().take(100).collect()
    }),
    messages!(
        "cuts-messages-at-1000",
        "Cuts the messages of errors after 1,000 letters.",
        |text| { text.chars().take(1000).collect() }
    ),
    messages!(
        "keeps-the-first-line-of-messages",
        "Keeps only the first line of the messages of errors.",
        |text| { text.lines().next().unwrap_or_default().to_owned() }
    ),
    messages!(
        "writes-messages-in-latin-1",
        "Writes a question mark for each letter of a message that Latin-1 lacks.",
        |text| text.chars().map(|it| if it > '\u{ff}' { '?' } else { it }).collect()
    ),
    Saboteur {
        name: "map-hides-messages",
        does: "Keeps 100 letters of the messages of items of a map.",
        make: |ours| {
            Twisted::new(
                ours,
                Mapped(|items| {
                    Box::new(items.map(|item| match item {
                        Outcome::Error(mut failure) => {
                            failure.message = failure.message.chars().take(100).collect();
                            Outcome::Error(failure)
                        }
                        value => value,
                    }))
                }),
            )
        },
    },
    Saboteur {
        name: "cuts-the-initializers-message",
        does: "Keeps 100 letters of the initializer's message.",
        make: |ours| {
            let cutting = |call: String| {
                initialize(call).map_err(|text| text.chars().take(100).collect::<String>())
            };
            Twisted::new(Procpool { initialize: cutting, ..ours }, Honest)
        },
    },
];

/// Applies `change` to a value and to every value in it, the inner ones first.
fn everywhere(value: &mut Value, change: fn(&mut Value)) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(|it| everywhere(it, change)),
        Value::Object(members) => members.values_mut().for_each(|it| everywhere(it, change)),
        _ => {}
    }
    change(value);
}

/// Changes results.
#[derive(Debug)]
struct Valuing(fn(&mut Value));

impl Twist for Valuing {
    fn result(&self, future: &dyn Future, timeout: Option<Duration>) -> Result<Value, Stop> {
        let mut value = future.result(timeout)?;
        everywhere(&mut value, self.0);
        Ok(value)
    }
}

/// Changes messages.
#[derive(Debug)]
struct Saying(fn(&str) -> String);

impl Twist for Saying {
    fn result(&self, future: &dyn Future, timeout: Option<Duration>) -> Result<Value, Stop> {
        future.result(timeout).map_err(|stop| {
            change_failure(stop, |failure| {
                if failure.class == ErrorClass::Task {
                    failure.message = (self.0)(&failure.message);
                }
            })
        })
    }
}

/// Changes the items of maps.
#[derive(Debug)]
struct Mapped(fn(Map) -> Map);

impl Twist for Mapped {
    fn map(&self, pool: &dyn Pool, calls: Vec<Call>, options: &MapOptions) -> Result<Map, Stop> {
        Ok((self.0)(pool.map(calls, options)?))
    }
}

/// Returns the value that was seen before, of those that are equal numbers in Python.
fn first_of(seen: &mut Vec<(i64, Value)>, value: Value) -> Value {
    let number = value.as_bool().map(i64::from).or_else(|| value.as_i64());
    let Some(number) = number else { return value };
    match seen.iter().find(|(other, _)| *other == number) {
        Some((_, first)) => first.clone(),
        None => {
            seen.push((number, value.clone()));
            value
        }
    }
}

#[derive(Debug)]
struct TrimsInitargs;

impl Twist for TrimsInitargs {
    fn new_pool(&self, ours: &Procpool, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop> {
        let mut options = options.clone();
        if let Some(call) = &mut options.initializer {
            everywhere(&mut call.value, |value| {
                if let Value::String(text) = value {
                    *text = text.trim().to_owned();
                }
            });
        }
        ours.new_pool(&options)
    }
}
