//! Logs how a value of a new shape is written, and checks that its type reads the same.
//!
//! Owns the check before the first value of a shape is sent: for each written part it asks the type what it
//! would read there. Differences that only a full run of its `Deserialize` reveals are left to the
//! fingerprint that travels with the value.

use std::any::type_name;
use std::collections::HashSet;
use std::fmt::{self, Display};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::de::DeserializeOwned;

use super::cut::{Cut, Fingerprint};
use super::is_standard;
use super::part::Step;
use super::probe::{Answer, Asked, Probe, is_derived};
use super::writer::Trace;

/// The depth to which the parts of a value are checked. More costs stack and time for recursive types; less
/// leaves more to the fingerprint.
const DEPTH: usize = 64;

/// How a part was written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Written {
    Cut(Cut),
    Text,
    Unit,
    Tuple(usize),
    Struct(&'static str, Vec<&'static str>),
    Variant(u32, &'static str),
}

#[derive(Debug)]
struct Node {
    path: Vec<Step>,
    /// The start of each step's parent.
    starts: Vec<usize>,
    type_name: &'static str,
    written: Written,
}

/// A trace of all distinct parts of a value.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) print: Fingerprint,
    position: usize,
    path: Vec<Step>,
    /// The start of the current part, preceded by the starts of the parts around it.
    starts: Vec<usize>,
    types: Vec<&'static str>,
    /// The names of the entered fields of incomplete structs.
    keys: Vec<&'static str>,
    /// Hashes of the nodes' paths and contents.
    seen: HashSet<u64>,
    nodes: Vec<Node>,
}

impl Log {
    pub(super) fn of<T>() -> Self {
        Self {
            print: Fingerprint::START,
            position: 0,
            path: Vec::new(),
            starts: vec![0],
            types: vec![type_name::<T>()],
            keys: Vec::new(),
            seen: HashSet::new(),
            nodes: Vec::new(),
        }
    }

    fn note(&mut self, written: Written) {
        let mut hasher = DefaultHasher::new();
        (&self.path, &written).hash(&mut hasher);
        if self.path.len() <= DEPTH && self.seen.insert(hasher.finish()) {
            self.nodes.push(Node {
                path: self.path.clone(),
                starts: self.starts.clone(),
                type_name: self.types.last().copied().unwrap_or_default(),
                written,
            });
        }
    }

    /// Describes the writer's current part.
    pub(super) fn location(&self) -> String {
        location(&self.path)
    }

    /// Returns an error if `T` would read a part of `bytes` in another way than it was written.
    pub(super) fn check<T: DeserializeOwned>(&self, bytes: &[u8]) -> Result<(), String> {
        // A value without bytes cannot be misread.
        if self.nodes.iter().all(|node| node.written == Written::Unit) {
            return Ok(());
        }
        let mut checks = Checks { bytes, log: self, by_hand: Vec::new() };
        self.nodes.iter().try_for_each(|node| checks.check::<T>(node))
    }
}

impl Trace for Log {
    fn print(&mut self) -> &mut Fingerprint {
        &mut self.print
    }

    fn cut(&mut self, cut: Cut) {
        self.print.cut(cut);
        self.note(Written::Cut(cut));
    }

    fn begin(&mut self) {
        self.note(Written::Cut(Cut::Sequence));
    }

    fn text(&mut self) {
        self.print.cut(Cut::Sequence);
        self.note(Written::Text);
    }

    fn wrote(&mut self, bytes: usize) {
        self.position += bytes;
    }

    fn enter<T: ?Sized>(&mut self, step: Step) {
        if let Step::Field(_, key) = step {
            self.keys.push(key);
        }
        let of_variant = self.types.last().copied().unwrap_or_default();
        self.types.push(if matches!(step, Step::Variant(..)) {
            of_variant
        } else {
            type_name::<T>()
        });
        self.path.push(step);
        self.starts.push(self.position);
    }

    fn leave(&mut self) {
        self.path.pop();
        self.starts.pop();
        self.types.pop();
    }

    fn unit(&mut self) {
        self.note(Written::Unit);
    }

    fn tuple(&mut self, length: usize) {
        self.note(Written::Tuple(length));
    }

    fn fields(&mut self, owner: &'static str, count: usize) {
        let keys = self.keys.split_off(self.keys.len() - count);
        self.note(Written::Struct(owner, keys));
    }

    fn variant(&mut self, number: u32, name: &'static str) {
        self.note(Written::Variant(number, name));
    }
}

const UNNAMED: &str = "is read by looking at the data, as untagged, internally and adjacently tagged \
                       enums are, #[serde(flatten)] and types like serde_json::Value: wrap the value in \
                       procpool::SelfDescribing";

/// The state of a check.
struct Checks<'a> {
    bytes: &'a [u8],
    log: &'a Log,
    /// The paths of parts that neither serde nor its derive reads: hand-written code must not see data here.
    by_hand: Vec<&'a [Step]>,
}

impl<'a> Checks<'a> {
    fn ask<T: DeserializeOwned>(&self, node: &Node, further: &[Step]) -> Answer {
        let mut answer = Answer::default();
        let path: Vec<_> = node.path.iter().chain(further).copied().collect();
        let probe =
            Probe { path: &path, starts: &node.starts, bytes: self.bytes, answer: &mut answer };
        // A probe always ends with an error. If code panics on that, the answer is already known.
        let _ = catch_unwind(AssertUnwindSafe(|| T::deserialize(probe).map(drop)));
        answer
    }

    fn check<T: DeserializeOwned>(&mut self, node: &'a Node) -> Result<(), String> {
        if self.is_behind_code(&node.path) {
            return Ok(());
        }
        let at = |problem: String| Err(format!("{} {problem}", location(&node.path)));
        if let Written::Variant(number, name) = node.written {
            let answer = self.ask::<T>(node, &[Step::Variant(number, name)]);
            let other = answer.number.is_some_and(|read| read != number as usize);
            return if answer.unread || other {
                at(format!(
                    "is variant `{name}`, which is not read as what it is written as, by \
                     #[serde(skip)] on a variant or by a name of its own for one direction: drop that \
                     attribute"
                ))
            } else {
                Ok(())
            };
        }
        let answer = self.ask::<T>(node, &[]);
        let Some(asked) = answer.asked else { return Ok(()) };
        if answer.by_hand || !is_own(node.type_name, answer.visitor) {
            self.by_hand.push(&node.path);
        }
        match (&node.written, asked) {
            (_, Asked::Unnamed) => at(UNNAMED.to_owned()),
            // Adjacently tagged enums are read in one way by number and in another by name.
            (Written::Struct(..), _)
                if self.ask::<T>(node, &[Step::Nth(0)]).asked == Some(Asked::Unnamed) =>
            {
                at(UNNAMED.to_owned())
            }
            (Written::Struct(owner, keys), Asked::Struct(names)) if answer.is_derived() => {
                self.check_fields::<T>(node, owner, keys, names)
            }
            // Hand-written code may declare a longer tuple than it reads.
            (Written::Tuple(written), Asked::Tuple(read))
                if *written != read && answer.is_derived() =>
            {
                at(format!(
                    "is written as {written} fields and read as {read}, by #[serde(skip_serializing)] or \
                 #[serde(skip_deserializing)]: drop that attribute, or use #[serde(skip)]"
                ))
            }
            (Written::Cut(written), Asked::Cut(read)) if *written == read => Ok(()),
            (Written::Text, Asked::Text) | (Written::Unit, Asked::Unit) => Ok(()),
            // Text or bytes may be read as a sequence of bytes, and vice versa.
            (Written::Text, Asked::Cut(Cut::Sequence)) => {
                match self.ask::<T>(node, &[Step::Element]).asked {
                    None | Some(Asked::Cut(Cut::Byte)) => Ok(()),
                    Some(asked) => {
                        at(otherwise("text or bytes", &format!("a sequence of {asked}")))
                    }
                }
            }
            (Written::Cut(Cut::Sequence), Asked::Text) if self.has_bytes(&node.path) => Ok(()),
            (Written::Tuple(_) | Written::Struct(..), Asked::Tuple(_) | Asked::Struct(_)) => Ok(()),
            (written, asked) => at(otherwise(&written.to_string(), &asked.to_string())),
        }
    }

    /// Compares the written fields with the read ones, by the numbers that their names stand for.
    fn check_fields<T: DeserializeOwned>(
        &self,
        node: &Node,
        owner: &'static str,
        keys: &[&'static str],
        names: &[&'static str],
    ) -> Result<(), String> {
        let number = |name| self.ask::<T>(node, &[Step::Field(owner, name)]);
        let unwritten = |wanted: usize| {
            let not_written = names.iter().filter(|name| !keys.contains(name));
            not_written.copied().find(|name| number(name).number == Some(wanted))
        };
        for (position, key) in keys.iter().enumerate() {
            let answer = number(key);
            if answer.unread || answer.number.is_some_and(|number| number != position) {
                return Err(match unwritten(position) {
                    Some(name) if !answer.unread => skipped(name, owner, "read", "written"),
                    _ => skipped(key, owner, "written", "read"),
                });
            }
        }
        match unwritten(keys.len()) {
            Some(name) => Err(skipped(name, owner, "read", "written")),
            None => Ok(()),
        }
    }

    /// Returns whether hand-written code would have to read earlier parts of a tuple on the way to `path`.
    fn is_behind_code(&self, path: &[Step]) -> bool {
        let nth = |at: usize| match path[at] {
            Step::Nth(number) => Some(number),
            _ => None,
        };
        self.by_hand.iter().any(|by_hand| {
            let same = path.iter().zip(*by_hand).take_while(|(a, b)| a == b).count();
            let before = by_hand.get(same).and_then(|step| match step {
                Step::Nth(number) => Some(*number),
                _ => None,
            });
            same < path.len() && before.zip(nth(same)).is_some_and(|(before, here)| before < here)
        })
    }

    fn has_bytes(&self, path: &[Step]) -> bool {
        let elements = self
            .log
            .nodes
            .iter()
            .filter(|node| node.path.len() == path.len() + 1 && node.path.starts_with(path));
        elements.into_iter().all(|node| node.written == Written::Cut(Cut::Byte))
    }
}

/// Returns whether serde or its derive wrote the visitor for this type.
fn is_own(type_name: &str, visitor: &str) -> bool {
    let base = type_name.split('<').next().unwrap_or(type_name);
    if is_standard(base) {
        return visitor.starts_with("serde_core::") || visitor.starts_with("serde::");
    }
    let implemented = [format!("for {base}>"), format!("for {base}<")];
    is_derived(visitor) && implemented.iter().any(|implemented| visitor.contains(implemented))
}

fn skipped(name: &str, owner: &str, done: &str, not_done: &str) -> String {
    format!(
        "field `{name}` of `{owner}` is {done} but not {not_done}, by an attribute such as \
         #[serde(skip_serializing)] or #[serde(skip_deserializing)], or has a name of its own for one \
         direction: drop that attribute, or use #[serde(skip)]"
    )
}

impl Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Written::Cut(cut) => cut.fmt(f),
            Written::Text => f.write_str("text or bytes"),
            Written::Unit => f.write_str("nothing"),
            Written::Tuple(_) | Written::Struct(..) => f.write_str("several parts"),
            Written::Variant(_, name) => f.write_str(name),
        }
    }
}

impl Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Asked::Cut(cut) => cut.fmt(f),
            Asked::Text => f.write_str("text or bytes"),
            Asked::Unit => f.write_str("nothing"),
            Asked::Tuple(_) | Asked::Struct(_) => f.write_str("several parts"),
            Asked::Unnamed => f.write_str("whatever is there"),
        }
    }
}

fn otherwise(written: &str, read: &str) -> String {
    format!(
        "is written as {written} and read as {read}, by an attribute such as \
         #[serde(serialize_with)], or by code: let one mirror the other"
    )
}

/// Describes the end of a path.
fn location(path: &[Step]) -> String {
    let field = path.iter().rev().find_map(|step| match step {
        Step::Field(owner, field) => Some(format!("field `{field}` of `{owner}`")),
        Step::Variant(_, name) => Some(format!("variant `{name}`")),
        _ => None,
    });
    field.unwrap_or_else(|| "it".to_owned())
}
