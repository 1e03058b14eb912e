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
    valuing!("loses-pages", "Returns 0 in place of whole numbers of pages of 4 KiB.", |value| {
        if value.as_i64().is_some_and(|number| number % 4096 == 0) {
            *value = 0.into();
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
    texts!("cuts-results-at-16-mib", "Cuts a text that is a result after 16 MiB.", |text| {
        text[..text.len().min(16 << 20)].to_owned()
    }),
    valuing!(
        "packs-numbers-as-floats",
        "Rounds the doubles of a list of eight or more to 32 bits.",
        |value| {
            let all = value.as_array().filter(|all| all.len() >= 8);
            let doubles = all.and_then(|all| all.iter().map(double).collect::<Option<Vec<_>>>());
            if let Some(doubles) = doubles {
                *value = doubles.into_iter().map(|it| f64::from(it as f32)).collect();
            }
        }
    ),
    Saboteur {
        name: "flattens-what-is-deep",
        does: "Returns null for lists and objects that are in 64 others.",
        make: |ours| Twisted::new(ours, Flattening),
    },
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
        make: |ours| Twisted::new(ours, ChangesInitargs(|text| text.trim().to_owned())),
    },
    Saboteur {
        name: "cuts-initargs-at-64-kib",
        does: "Cuts texts in initargs after 64 KiB.",
        make: |ours| Twisted::new(ours, ChangesInitargs(|text| cut(text).to_owned())),
    },
    Saboteur {
        name: "map-cuts-texts-at-64-kib",
        does: "Cuts the texts of a map's results after 64 KiB.",
        make: |ours| {
            Twisted::new(
                ours,
                Mapped(|items, _| {
                    Box::new(items.map(|item| match item {
                        Outcome::Ok(Value::String(text)) => Outcome::Ok(cut(&text).into()),
                        other => other,
                    }))
                }),
            )
        },
    },
    Saboteur {
        name: "map-leaves-out-null",
        does: "Leaves out the items of a map whose result is null.",
        make: |ours| {
            Twisted::new(
                ours,
                Mapped(|items, _| Box::new(items.filter(|item| *item != Outcome::Ok(Value::Null)))),
            )
        },
    },
    Saboteur {
        name: "map-memoizes-equal-numbers",
        does: "Returns the earlier one of two results of a map that are equal in Python, as 1 and true.",
        make: |ours| {
            Twisted::new(
                ours,
                Mapped(|items, _| {
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
        "cuts-messages-at-64-kib",
        "Cuts the messages of errors after 64 KiB of ASCII letters.",
        |text| { text.chars().take(1 << 16).collect() }
    ),
    messages!(
        "formats-messages",
        "Takes the messages of errors for formats, and has no value for a percent sign.",
        |text| { text.replace('%', "") }
    ),
    messages!(
        "trims-messages",
        "Removes white space from both ends of the messages of errors.",
        |text| { text.trim().to_owned() }
    ),
    messages!(
        "keeps-the-first-line-of-messages",
        "Keeps only the first line of the messages of errors.",
        |text| { text.lines().next().unwrap_or_default().to_owned() }
    ),
    messages!(
        "cuts-messages-at-fifty-lines",
        "Cuts the messages of errors after 50 lines.",
        |text| { text.split_inclusive('\n').take(50).collect() }
    ),
    messages!(
        "writes-messages-in-latin-1",
        "Writes a question mark for each letter of a message that Latin-1 lacks.",
        |text| text.chars().map(|it| if it > '\u{ff}' { '?' } else { it }).collect()
    ),
    Saboteur {
        name: "map-hides-messages",
        does: "Keeps 100 letters of the messages of items of a map.",
        make: |ours| Twisted::new(ours, Mapped(|items, _| Box::new(items.map(with_short_message)))),
    },
    Saboteur {
        name: "chunks-hide-messages",
        does: "Keeps 100 letters of the messages of items of a map whose chunks have several items.",
        make: |ours| {
            Twisted::new(
                ours,
                Mapped(|items, options| match options.chunksize {
                    None | Some(1) => items,
                    Some(_) => Box::new(items.map(with_short_message)),
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
fn everywhere(value: &mut Value, change: &dyn Fn(&mut Value)) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(|it| everywhere(it, change)),
        Value::Object(members) => members.values_mut().for_each(|it| everywhere(it, change)),
        _ => {}
    }
    change(value);
}

/// Returns a double, and nothing for another number.
fn double(value: &Value) -> Option<f64> {
    value.as_f64().filter(|_| value.is_f64())
}

/// Returns 64 KiB of a text at most, and whole letters.
fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(1 << 16)]
}

fn with_short_message(item: Outcome) -> Outcome {
    match item {
        Outcome::Error(mut failure) => {
            failure.message = failure.message.chars().take(100).collect();
            Outcome::Error(failure)
        }
        value => value,
    }
}

/// Makes null of lists and objects below `left` others.
fn flatten(value: &mut Value, left: usize) {
    match value {
        Value::Array(_) | Value::Object(_) if left == 0 => *value = Value::Null,
        Value::Array(values) => values.iter_mut().for_each(|it| flatten(it, left - 1)),
        Value::Object(members) => members.values_mut().for_each(|it| flatten(it, left - 1)),
        _ => {}
    }
}

#[derive(Debug)]
struct Flattening;

impl Twist for Flattening {
    fn result(&self, future: &dyn Future, timeout: Option<Duration>) -> Result<Value, Stop> {
        let mut value = future.result(timeout)?;
        flatten(&mut value, 64);
        Ok(value)
    }
}

/// Changes results.
#[derive(Debug)]
struct Valuing(fn(&mut Value));

impl Twist for Valuing {
    fn result(&self, future: &dyn Future, timeout: Option<Duration>) -> Result<Value, Stop> {
        let mut value = future.result(timeout)?;
        everywhere(&mut value, &self.0);
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
struct Mapped(fn(Map, &MapOptions) -> Map);

impl Twist for Mapped {
    fn map(&self, pool: &dyn Pool, calls: Vec<Call>, options: &MapOptions) -> Result<Map, Stop> {
        Ok((self.0)(pool.map(calls, options)?, options))
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

/// Changes the texts of initargs.
#[derive(Debug)]
struct ChangesInitargs(fn(&str) -> String);

impl Twist for ChangesInitargs {
    fn new_pool(&self, ours: &Procpool, options: &PoolOptions) -> Result<Box<dyn Pool>, Stop> {
        let mut options = options.clone();
        if let Some(call) = &mut options.initializer {
            everywhere(&mut call.value, &|value| {
                if let Value::String(text) = value {
                    *text = (self.0)(text);
                }
            });
        }
        ours.new_pool(&options)
    }
}
