//! All causes of types that are written in one way and read in another. Each value arrives equal, or is
//! refused before it is sent, with the name of its type and field, and with the remedy.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::ffi::{CString, OsString};
use std::fmt::Debug;
use std::marker::PhantomData;
use std::net::{IpAddr, SocketAddr};
use std::num::{NonZeroU8, Wrapping};
use std::ops::{Bound, RangeInclusive};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use serde::de::{self, Deserializer};
use serde::ser::{SerializeMap, SerializeSeq, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{SelfDescribing, decode, decode_taking, encode, into_bytes};

/// A type whose values can be sent.
trait Payload: Serialize + de::DeserializeOwned + 'static {}

impl<T: Serialize + de::DeserializeOwned + 'static> Payload for T {}

/// Returns the bytes that would be sent, or the error.
fn send<T: Payload>(value: &T) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    match encode(value, &mut bytes) {
        Ok(()) => Ok(bytes),
        Err(error) => {
            assert_eq!(bytes.len(), 0);
            assert_eq!(error.type_name, std::any::type_name::<T>());
            Err(error.message)
        }
    }
}

/// Sends a value several times: either it is refused every time, or it arrives equal every time.
fn sent<T: Payload + PartialEq + Debug>(value: &T) -> Result<(), String> {
    let first = send(value);
    for _ in 0..3 {
        let again = send(value);
        assert_eq!(again, first);
        if let Ok(bytes) = again {
            assert_eq!(decode::<T>(&bytes).as_ref(), Ok(value));
        }
    }
    first.map(drop)
}

#[track_caller]
fn arrives<T: Payload + PartialEq + Debug>(value: T) {
    assert_eq!(sent(&value), Ok(()), "{value:?}");
    let wrapped = SelfDescribing(value);
    assert_eq!(sent(&wrapped), Ok(()), "{wrapped:?}");
}

/// Asserts that it is refused with these words, alone and inside other values, but not when it is wrapped
/// there.
#[track_caller]
fn is_refused<T: Payload + PartialEq + Debug + Clone>(value: T, words: &[&str]) {
    refuses(&value, words);
    arrives_wrapped(value);
}

#[track_caller]
fn arrives_wrapped<T: Payload + PartialEq + Debug + Clone>(value: T) {
    arrives_bare(vec![(1_u8, SelfDescribing(value))]);
}

#[track_caller]
fn refuses<T: Payload + PartialEq + Debug + Clone>(value: &T, words: &[&str]) {
    let enclosed = [
        Around::Tuple((7, value.clone(), "behind".to_owned())),
        Around::List(vec![value.clone(), value.clone()]),
        Around::Boxed(Some(Box::new(value.clone()))),
        Around::Map(HashMap::from([(1, value.clone())])),
        Around::Outcome(Ok(value.clone())),
        Around::Outer(Outer { id: UserId(1), hand: Hand(2), inner: value.clone(), last: 3 }),
        Around::Case(Case::Held { value: value.clone(), last: 3 }),
        Around::Case(Case::Pair(1, value.clone())),
        Around::Case(Case::One(value.clone())),
    ];
    let said = std::iter::once(sent(value)).chain(enclosed.iter().map(sent));
    for said in said {
        let message = said.expect_err(&format!("it arrives: {value:?}"));
        for word in words {
            assert!(message.contains(word), "{word} is missing: {message}");
        }
    }
}

/// Encloses a refused value: with other fields before and after it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Outer<T> {
    id: UserId,
    hand: Hand,
    inner: T,
    last: u32,
}

/// Everything that can enclose a value, in one type: each type takes the compiler a while.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Around<T> {
    Tuple((u32, T, String)),
    List(Vec<T>),
    Boxed(Option<Box<T>>),
    Map(HashMap<u8, T>),
    Outcome(Result<T, u8>),
    Outer(Outer<T>),
    Case(Case<T>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Case<T> {
    None,
    One(T),
    Pair(u8, T),
    Held { value: T, last: u32 },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
struct UserId(u64);

/// A type with hand-written serde code.
#[derive(Debug, Clone, PartialEq)]
struct Hand(u16);

impl Serialize for Hand {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_string())
    }
}

impl<'de> Deserialize<'de> for Hand {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Self).map_err(de::Error::custom)
    }
}

/// Defines a derived type.
macro_rules! derived {
    ($(#[$($attribute:tt)*])* $kind:ident $name:ident $($body:tt)*) => {
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        $(#[$($attribute)*])*
        $kind $name $($body)*
    };
}

#[test]
fn a_field_skipped_because_of_its_value_is_refused() {
    derived! { struct Order {
        id: u32,
        #[serde(skip_serializing_if = "Option::is_none", default)] coupon: Option<u32>,
        discount: u32,
        items: Vec<u8>,
    } }
    let order = |coupon| Order { id: 1, coupon, discount: 0, items: vec![1, 9] };
    arrives(order(Some(3)));
    is_refused(
        order(None),
        &["field `coupon` of `Order`", "skip_serializing_if", "SelfDescribing"],
    );
    derived! { enum Message { Sent {
        #[serde(skip_serializing_if = "String::is_empty", default)] subject: String,
        body: String,
    } } }
    let message = |subject: &str| Message::Sent { subject: subject.into(), body: "body".into() };
    arrives(message("subject"));
    is_refused(message(""), &["field `subject` of `Sent`", "SelfDescribing"]);
}

#[test]
fn a_field_that_is_only_written_or_only_read_is_refused() {
    derived! { struct Unwritten { a: u32, #[serde(skip_serializing)] b: u32, c: u32 } }
    refuses(&Unwritten { a: 1, b: 0, c: 2 }, &["field `b` of `Unwritten` is read but not written"]);
    derived! { struct Default { a: u32, #[serde(skip_serializing, default)] b: u32, c: u32 } }
    is_refused(Default { a: 1, b: 0, c: 2 }, &["field `b` of `Default` is read but not written"]);
    derived! { struct Last { a: u32, #[serde(skip_serializing, default)] b: u32 } }
    is_refused(Last { a: 1, b: 0 }, &["field `b` of `Last` is read but not written"]);
    derived! { struct Only { #[serde(skip_serializing, default)] b: u32 } }
    is_refused(Only { b: 0 }, &["field `b` of `Only` is read but not written"]);
    derived! { struct Unread { a: u32, #[serde(skip_deserializing)] b: u32, c: u32 } }
    is_refused(Unread { a: 1, b: 0, c: 2 }, &["field `b` of `Unread` is written but not read"]);
    derived! { struct UnreadLast { a: u32, #[serde(skip_deserializing)] b: u32 } }
    is_refused(UnreadLast { a: 1, b: 0 }, &["field `b` of `UnreadLast` is written but not read"]);
    // The same number of fields is written and read, but not the same fields.
    derived! { struct User {
        #[serde(skip_deserializing)] id: String,
        name: String,
        #[serde(skip_serializing, default)] password: String,
    } }
    let user = User { id: String::new(), name: "name".into(), password: String::new() };
    is_refused(user, &["field `id` of `User` is written but not read", "drop that attribute"]);
    derived! { struct Tuple(u32, #[serde(skip_serializing)] u32, u32); }
    refuses(&Tuple(1, 0, 2), &["2 fields", "read as 3", "skip_serializing"]);
    derived! { enum Variants {
        Named { a: u32, #[serde(skip_serializing, default)] b: u32 },
        Tuple(u32, #[serde(skip_deserializing)] u32),
    } }
    is_refused(Variants::Named { a: 1, b: 0 }, &["field `b` of `Named` is read but not written"]);
    refuses(&Variants::Tuple(1, 0), &["variant `Tuple`", "2 fields", "read as 1"]);
}

#[test]
fn a_field_that_is_neither_written_nor_read_gets_its_default() {
    derived! { struct Cached { a: u32, #[serde(skip)] cache: Option<u32>, b: u32 } }
    arrives(Cached { a: 1, cache: None, b: 2 });
    let bytes = send(&Cached { a: 1, cache: Some(9), b: 2 }).unwrap();
    assert_eq!(decode::<Cached>(&bytes), Ok(Cached { a: 1, cache: None, b: 2 }));
    derived! { struct Tuple(u32, #[serde(skip)] u32, u32); }
    arrives(Tuple(1, 0, 2));
    derived! { struct All { #[serde(skip)] a: u8 } }
    arrives(All { a: 0 });
}

#[test]
fn a_variant_behind_a_skipped_one_is_refused() {
    derived! { enum Skipping { A, #[serde(skip)] B, C(u32), D(u32) } }
    arrives(Skipping::A);
    is_refused(Skipping::C(7), &["variant `C`", "#[serde(skip)]", "drop that attribute"]);
    refuses(&Skipping::B, &["Skipping::B", "cannot be serialized"]);
    derived! { enum Unread { A, #[serde(skip_deserializing)] B, C } }
    refuses(&Unread::B, &["variant `B`"]);
    is_refused(Unread::C, &["variant `C`"]);
    // Aliases and a skipped variant: the numbers match by accident.
    derived! { enum Aliased { #[serde(alias = "a1")] A, #[serde(skip)] B, C(u32), D(u32) } }
    refuses(&Aliased::B, &[]);
    arrives(Aliased::A);
    is_refused(Aliased::C(7), &["variant `C`"]);
}

#[test]
fn renamed_fields_and_variants_arrive() {
    derived! {
        #[serde(rename = "R", rename_all = "kebab-case")]
        struct Renamed { first_name: String, #[serde(rename = "b", alias = "c", alias = "a")] other: u8 }
    }
    arrives(Renamed { first_name: "n".into(), other: 1 });
    arrives((Renamed { first_name: "n".into(), other: 1 }, 7_u8));
    derived! { enum Variants { #[serde(rename = "b")] A(u8), #[serde(alias = "x", alias = "z")] B, C } }
    arrives(vec![Variants::A(1), Variants::B, Variants::C]);
    derived! {
        #[serde(rename_all(deserialize = "camelCase"))]
        struct OneWay { first_name: String, last_name: String }
    }
    let value = OneWay { first_name: "a".into(), last_name: "b".into() };
    assert_eq!(sent(&value), Ok(()));
    derived! { struct Apart { #[serde(rename(serialize = "written"))] field: u8, other: u8 } }
    refuses(&Apart { field: 1, other: 2 }, &["`written` of `Apart`", "name of its own"]);
    derived! { #[serde(default, deny_unknown_fields)] #[derive(Default)] struct Defaults { a: u8, b: String } }
    arrives(Defaults { a: 1, b: "b".into() });
}

#[test]
fn types_that_deserialize_any_value_are_refused() {
    const WORDS: &[&str] = &["read by looking at the data", "wrap the value", "SelfDescribing"];
    derived! { #[serde(untagged)] enum Untagged { Number(u32), Text(String), Named { a: u8 }, Pair(u8, u8) } }
    is_refused(Untagged::Number(1), WORDS);
    is_refused(Untagged::Text("text".into()), WORDS);
    is_refused(Untagged::Named { a: 1 }, WORDS);
    is_refused(Untagged::Pair(1, 2), WORDS);
    derived! { enum OneUntagged { A(u8), #[serde(untagged)] Other(u32) } }
    refuses(&OneUntagged::Other(1), &[]);
    derived! { #[serde(tag = "kind")] enum Internal { Point { x: i32 }, Inner(Plain), Unit } }
    is_refused(Internal::Point { x: 1 }, WORDS);
    is_refused(Internal::Inner(plain()), WORDS);
    is_refused(Internal::Unit, WORDS);
    derived! { #[serde(tag = "kind", content = "content")] enum Adjacent { Point { x: i32 }, One(u8), Unit } }
    is_refused(Adjacent::Point { x: 1 }, WORDS);
    is_refused(Adjacent::One(1), WORDS);
    is_refused(Adjacent::Unit, WORDS);
    derived! { #[serde(tag = "type")] struct Tagged { x: i32 } }
    refuses(&Tagged { x: 1 }, &["field `type` of `Tagged`"]);
    is_refused(json!({"a": [1, 2.5, null], "b": {"c": "d"}}), WORDS);
    is_refused(json!("text"), WORDS);
    is_refused(json!(7), WORDS);
    is_refused(json!([true]), WORDS);
    arrives(None::<Value>);
    arrives(Vec::<Value>::new());
    arrives(Case::<Value>::None);
    derived! { struct Holds { id: u8, extra: Option<Value>, list: Vec<Untagged> } }
    arrives(Holds { id: 1, extra: None, list: vec![] });
    is_refused(
        Holds { id: 1, extra: Some(json!(1)), list: vec![] },
        &["field `extra` of `Holds`", WORDS[0]],
    );
    is_refused(
        Holds { id: 1, extra: None, list: vec![Untagged::Number(1)] },
        &["field `list` of `Holds`", WORDS[0]],
    );
}

derived! { struct Plain { a: u32, b: String } }

fn plain() -> Plain {
    Plain { a: 1, b: "b".into() }
}

#[test]
fn flattened_fields_are_refused() {
    derived! { struct Flattened { name: String, #[serde(flatten)] plain: Plain } }
    is_refused(
        Flattened { name: "n".into(), plain: plain() },
        &["not known before it is written", "#[serde(flatten)]", "SelfDescribing"],
    );
    derived! { struct Rest { name: String, #[serde(flatten)] rest: BTreeMap<String, u8> } }
    is_refused(Rest { name: "n".into(), rest: BTreeMap::new() }, &["#[serde(flatten)]"]);
    derived! { struct Outside { at: Flattened, last: u8 } }
    let outside = Outside { at: Flattened { name: "n".into(), plain: plain() }, last: 1 };
    is_refused(outside, &["field `at` of `Outside`", "#[serde(flatten)]"]);
}

#[test]
fn a_sequence_of_unknown_length_is_refused() {
    #[derive(Debug, Clone, PartialEq, Deserialize)]
    struct Even(Vec<u8>);
    impl Serialize for Even {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut seq = serializer.serialize_seq(None)?;
            self.0.iter().try_for_each(|number| seq.serialize_element(number))?;
            seq.end()
        }
    }
    refuses(&Even(vec![2, 4]), &["length is not known", "SelfDescribing"]);
    #[derive(Debug, Clone, PartialEq, Deserialize)]
    struct Pairs(BTreeMap<u8, u8>);
    impl Serialize for Pairs {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(None)?;
            self.0.iter().try_for_each(|(key, value)| map.serialize_entry(key, value))?;
            map.end()
        }
    }
    refuses(&Pairs(BTreeMap::from([(1, 2)])), &["length is not known", "SelfDescribing"]);
}

/// Functions for `with`, `serialize_with` and `deserialize_with`.
mod text {
    use super::*;

    pub(super) fn serialize<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(number)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }

    pub(super) fn only_large<S: Serializer>(
        number: &u64,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        if *number < 1000 {
            serializer.serialize_u64(*number)
        } else {
            serialize(number, serializer)
        }
    }
}

#[test]
fn a_field_function_without_its_mirror_is_refused() {
    derived! { struct With { a: u8, #[serde(with = "text")] number: u64, b: u8 } }
    arrives(With { a: 1, number: 200, b: 2 });
    derived! { struct Written { a: u8, #[serde(serialize_with = "text::serialize")] number: u64, b: u8 } }
    let words =
        ["field `number` of `Written`", "text or bytes", "an unsigned number", "serialize_with"];
    refuses(&Written { a: 1, number: 200, b: 2 }, &words);
    derived! { struct Read { a: u8, #[serde(deserialize_with = "text::deserialize")] number: u64, b: u8 } }
    refuses(&Read { a: 1, number: 200, b: 2 }, &["field `number` of `Read`", "text or bytes"]);
    // It depends on the value.
    derived! { struct Depends { a: u8, #[serde(serialize_with = "text::only_large")] number: u64, b: u8 } }
    arrives_bare(Depends { a: 1, number: 7, b: 2 });
    refuses(&Depends { a: 1, number: 7000, b: 2 }, &["field `number` of `Depends`"]);
    arrives_bare(Depends { a: 1, number: 8, b: 2 });
    refuses(&Depends { a: 1, number: 8000, b: 2 }, &["field `number` of `Depends`"]);
    derived! { enum Variants { #[serde(serialize_with = "text::serialize")] Number(u64), #[serde(with = "text")] Text(u64) } }
    refuses(&Variants::Number(7), &["variant `Number`"]);
    arrives(Variants::Text(7));
}

#[track_caller]
fn arrives_bare<T: Payload + PartialEq + Debug>(value: T) {
    assert_eq!(sent(&value), Ok(()), "{value:?}");
}

#[test]
fn conversions_arrive_if_both_directions_agree() {
    derived! { #[serde(from = "u32", into = "u32")] struct Both { a: u64 } }
    impl From<u32> for Both {
        fn from(a: u32) -> Self {
            Self { a: a.into() }
        }
    }
    impl From<Both> for u32 {
        fn from(both: Both) -> Self {
            both.a as u32
        }
    }
    arrives(Both { a: 7 });
    arrives(vec![Case::Pair(1, Both { a: 7 })]);
    derived! { #[serde(into = "String")] struct Into { a: u64 } }
    impl From<Into> for String {
        fn from(into: Into) -> Self {
            into.a.to_string()
        }
    }
    refuses(&Into { a: 7 }, &["text or bytes", "several parts"]);
    derived! { #[serde(try_from = "String")] struct From1 { a: u64 } }
    impl TryFrom<String> for From1 {
        type Error = std::num::ParseIntError;
        fn try_from(text: String) -> Result<Self, Self::Error> {
            text.parse().map(|a| Self { a })
        }
    }
    refuses(&From1 { a: 7 }, &["text or bytes"]);
    arrives(UserId(7));
    derived! { #[serde(transparent)] struct Through { a: Plain } }
    arrives(Through { a: plain() });
    mod foreign {
        #[derive(Debug, Clone, PartialEq)]
        pub(super) struct Pair {
            pub(super) a: u8,
            pub(super) b: String,
        }
    }
    #[derive(Serialize, Deserialize)]
    #[serde(remote = "foreign::Pair")]
    struct Remote {
        a: u8,
        b: String,
    }
    derived! { struct Holds { #[serde(with = "Remote")] pair: foreign::Pair, last: u8 } }
    arrives(Holds { pair: foreign::Pair { a: 1, b: "b".into() }, last: 3 });
    derived! { enum Other { A, B, #[serde(other)] Rest } }
    arrives(vec![Other::A, Other::Rest, Other::B]);
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Cowed {
        a: Cow<'static, str>,
        b: Cow<'static, [u8]>,
    }
    arrives(Cowed { a: "text".into(), b: vec![1, 2].into() });
}

/// Defines a type with hand-written serde code, given by two expressions.
macro_rules! by_hand {
    ($name:ident($inner:ty), $value:ident, $serializer:ident => $write:expr, $deserializer:ident => $read:expr) => {
        #[derive(Debug, Clone, PartialEq)]
        struct $name($inner);
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, $serializer: S) -> Result<S::Ok, S::Error> {
                let $value = &self.0;
                $write
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>($deserializer: D) -> Result<Self, D::Error> {
                $read.map(Self)
            }
        }
    };
}

#[test]
fn hand_written_types_arrive_if_both_sides_agree() {
    arrives(Hand(7));
    by_hand! { Number(u32), value, s => s.serialize_str(&value.to_string()), d => u32::deserialize(d) }
    refuses(&Number(7), &["text or bytes", "an unsigned number", "let one mirror the other"]);
    by_hand! { Wide(u32), value, s => s.serialize_u64((*value).into()), d => u32::deserialize(d) }
    arrives(Wide(7));
    by_hand! { Sign(i32), value, s => s.serialize_u32(*value as u32), d => i32::deserialize(d) }
    refuses(&Sign(7), &["an unsigned number", "a signed number"]);
    by_hand! { Float(f64), value, s => s.serialize_f32(*value as f32), d => f64::deserialize(d) }
    refuses(&Float(0.5), &["an f32", "an f64"]);
    by_hand! { Readable(u32), value,
    s => if s.is_human_readable() { s.serialize_str("no") } else { s.serialize_u32(*value) },
    d => if d.is_human_readable() { Ok(0) } else { u32::deserialize(d) } }
    arrives(Readable(7));
    by_hand! { Half(u32), value,
    s => if s.is_human_readable() { s.serialize_u32(*value) } else { s.collect_str(value) },
    d => u32::deserialize(d) }
    refuses(&Half(7), &["text or bytes", "an unsigned number"]);
    by_hand! { Collected(Vec<u8>), value, s => s.collect_seq(value.iter()), d => Vec::deserialize(d) }
    arrives(Collected(vec![1, 2]));
    by_hand! { Bytes(Vec<u8>), value, s => s.serialize_bytes(value), d => Vec::deserialize(d) }
    arrives_bare(Bytes(vec![1, 2]));
    by_hand! { Words(Vec<u16>), value, s => s.serialize_bytes(&[value[0] as u8; 2]), d => Vec::deserialize(d) }
    refuses(&Words(vec![1]), &["text or bytes", "a sequence of an unsigned number"]);
    by_hand! { Pairs(BTreeMap<u8, u16>), value, s => s.collect_seq(value.iter()), d => BTreeMap::deserialize(d) }
    arrives_bare(Pairs(BTreeMap::from([(1, 2)])));
    by_hand! { Halves((u16, u16)), value, s => value.0.serialize(s), d => Deserialize::deserialize(d) }
    refuses(&Halves((1, 2)), &["several parts"]);
    by_hand! { Derived(Plain), value, s => (value.a, &value.b).serialize(s), d => Plain::deserialize(d) }
    arrives_bare(Derived(plain()));
}

#[test]
fn the_standard_librarys_types_arrive() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Unit;
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[expect(clippy::type_complexity, reason = "it is a list of types")]
    struct All {
        long: (u128, i128, u64, i64),
        edges: Vec<u128>,
        options: (Option<()>, Option<Option<u8>>, Option<Unit>, Option<Option<Unit>>),
        unit: ((), Unit, PhantomData<String>),
        texts: (String, char, Box<str>, Cow<'static, str>, CString, PathBuf, OsString),
        sets: (BTreeSet<u8>, HashSet<String>, VecDeque<Unit>, LinkedList<u8>),
        maps: (BTreeMap<String, Vec<u8>>, HashMap<(u8, char), Option<u8>>),
        arrays: ([u8; 3], [[u16; 2]; 2], [u8; 0], Box<[f32]>),
        times: (Duration, SystemTime),
        net: (IpAddr, SocketAddr),
        numbers: (NonZeroU8, Wrapping<u8>, Reverse<u8>, f32, f64, bool, i8, i16, i32),
        ranges: (RangeInclusive<u8>, Bound<u8>, std::ops::Range<String>),
        cells: (Cell<u8>, RefCell<u8>),
        results: (Result<u8, String>, Result<(), Unit>),
    }
    arrives_bare(All {
        long: (u128::MAX, i128::MIN, u64::MAX, i64::MIN),
        edges: vec![0, 127, 128, u128::MAX],
        options: (Some(()), Some(None), Some(Unit), Some(None)),
        unit: ((), Unit, PhantomData),
        texts: (
            "é".into(),
            '\u{1f600}',
            "b".into(),
            "c".into(),
            CString::new("d").unwrap(),
            "/e".into(),
            OsString::from_vec(vec![0xff]),
        ),
        sets: ([1, 2].into(), ["a".to_owned()].into(), [Unit, Unit].into(), [3].into()),
        maps: ([("k".into(), vec![1])].into(), [((1, 'a'), None), ((2, 'b'), Some(3))].into()),
        arrays: ([1, 2, 3], [[1, 2], [3, 4]], [], [0.5].into()),
        times: (Duration::new(1, 2), SystemTime::UNIX_EPOCH + Duration::new(3, 4)),
        net: ("127.0.0.1".parse().unwrap(), "[::1]:80".parse().unwrap()),
        numbers: (NonZeroU8::MAX, Wrapping(1), Reverse(2), 0.5, -0.5, true, -1, -2, -3),
        ranges: (1..=2, Bound::Excluded(3), "a".into().."b".into()),
        cells: (Cell::new(1), RefCell::new(2)),
        results: (Err("e".into()), Err(Unit)),
    });
    let heap = BinaryHeap::from([Reverse(UserId1(2)), Reverse(UserId1(1))]);
    let bytes = send(&heap).unwrap();
    let back = decode::<BinaryHeap<Reverse<UserId1>>>(&bytes).unwrap();
    assert_eq!(back.into_sorted_vec(), heap.into_sorted_vec());
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct UserId1(u64);

#[test]
fn an_error_of_the_types_own_serialize_keeps_its_text() {
    let path = PathBuf::from(OsString::from_vec(vec![b'/', 0xff]));
    assert!(send(&path).unwrap_err().contains("invalid UTF-8"));
    assert!(send(&Case::One(path)).unwrap_err().contains("invalid UTF-8"));
    let early = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
    assert!(send(&early).unwrap_err().contains("UNIX_EPOCH"));
    let locked = RefCell::new(1);
    let _guard = locked.borrow_mut();
    let borrowed = Cell::new(None);
    borrowed.set(Some(&locked));
    let poisoned = Mutex::new(1);
    assert!(
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _guard = poisoned.lock();
            std::panic::resume_unwind(Box::new(()));
        }))
        .is_err()
    );
    assert!(send(&poisoned).unwrap_err().contains("poison"));
}

#[test]
fn a_recursive_type_arrives() {
    derived! { struct Tree { name: String, children: Vec<Tree>, next: Option<Box<Tree>> } }
    let leaf = |name: &str| Tree { name: name.into(), children: vec![], next: None };
    let mut tree = leaf("root");
    for level in 0..20 {
        let next = Some(Box::new(leaf("next")));
        tree = Tree { name: level.to_string(), children: vec![tree, leaf("leaf")], next };
        assert_eq!(sent(&tree), Ok(()));
    }
}

#[test]
fn a_check_never_runs_user_code_past_its_first_read() {
    /// Fails the test if it is read.
    #[derive(Debug, Clone, PartialEq, Serialize)]
    struct Trap(Case<u8>);
    impl<'de> Deserialize<'de> for Trap {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let _case = Case::<u8>::deserialize(deserializer)?;
            panic!("it was read");
        }
    }
    for case in [Case::None, Case::One(1), Case::Pair(1, 2), Case::Held { value: 1, last: 2 }] {
        let trap = Trap(case);
        for _ in 0..2 {
            send(&trap).unwrap();
            send(&(trap.clone(), 7_u8, trap.clone())).unwrap();
            send(&vec![(1_u8, trap.clone())]).unwrap();
            send(&HashMap::from([(1_u8, trap.clone())])).unwrap();
            send(&Outer { id: UserId(1), hand: Hand(1), inner: trap.clone(), last: 3 }).unwrap();
        }
    }
}

#[test]
fn deep_and_long_values_are_checked_within_bounded_memory() {
    derived! { struct List { head: u8, tail: Option<Box<List>> } }
    let mut list = List { head: 0, tail: None };
    for _ in 0..1_000 {
        list = List { head: 1, tail: Some(Box::new(list)) };
    }
    assert_eq!(sent(&list), Ok(()));
    assert_eq!(sent(&vec![plain(); 100_000]), Ok(()));
}

#[test]
fn code_that_unwraps_errors_does_not_panic_out_of_a_check() {
    by_hand! { Unwraps(u8), value, s => s.serialize_u8(*value), d => Ok::<_, D::Error>(u8::deserialize(d).ok().unwrap()) }
    arrives_bare(vec![Unwraps(7)]);
}

#[test]
fn a_difference_that_the_check_misses_is_an_error_when_read() {
    // The check does not go past hand-written code, and `Odd` reads as many bytes as it wrote.
    by_hand! { Odd((u8, u16)), value, s => (value.0, value.1).serialize(s), d => {
        let (a, b): (u8, i16) = Deserialize::deserialize(d)?;
        Ok::<_, D::Error>((a, b as u16))
    } }
    let bytes = send(&(Hand(1), Odd((2, 3)))).unwrap();
    let message = decode::<(Hand, Odd)>(&bytes).unwrap_err().message;
    assert!(message.contains("mirror"), "{message}");
}

/// Defines types with many attributes, and draws their values.
macro_rules! drawn {
    ($($name:ident { $($(#[$attribute:meta])* $field:ident: $type:ty,)* })*) => {
        $(#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        struct $name { $($(#[$attribute])* $field: $type,)* }
        impl $name {
            fn drawn() -> impl Strategy<Value = Self> {
                ($(any::<$type>(),)*).prop_map(|($($field,)*)| Self { $($field,)* })
            }
        })*
    };
}

drawn! {
    NoAttributes { a: u32, b: Option<String>, c: Vec<u8>, }
    SkipsIf { a: u32, #[serde(skip_serializing_if = "Option::is_none", default)] b: Option<u32>, c: u32, }
    SkipsTwo {
        #[serde(skip_serializing_if = "Vec::is_empty", default)] a: Vec<u8>,
        #[serde(skip_serializing_if = "Option::is_none")] b: Option<u8>,
        c: Option<u8>,
    }
    Renames { #[serde(rename = "z", alias = "y")] a: u8, #[serde(alias = "b0", alias = "c")] b: u8, }
    WithText { #[serde(with = "text")] a: u64, b: u64, }
    WritesText { a: u8, #[serde(serialize_with = "text::only_large")] b: u64, c: u16, }
    Defaults { #[serde(default)] a: i64, #[serde(default)] b: Option<Option<()>>, }
    Nests { a: Option<bool>, b: Vec<(u8, i128)>, c: Result<u8, String>, d: BTreeMap<u8, Option<char>>, }
}

proptest! {
    #[test]
    fn drawn_values_arrive_equal_or_are_refused(
        a in NoAttributes::drawn(), b in SkipsIf::drawn(), c in SkipsTwo::drawn(), d in Renames::drawn(),
        e in WithText::drawn(), f in WritesText::drawn(), g in Defaults::drawn(), h in Nests::drawn(),
        order in any::<[u8; 8]>(),
    ) {
        let _ = (sent(&a), sent(&b), sent(&c), sent(&d), sent(&e), sent(&f), sent(&g), sent(&h));
        let _ = sent(&(a.clone(), b.clone(), c.clone(), d.clone(), f.clone()));
        // The check does not see every difference behind a `with` function.
        if let Ok(bytes) = send(&(e.clone(), f.clone())) {
            let value = decode::<(WithText, WritesText)>(&bytes);
            prop_assert!(value.is_err() || value == Ok((e.clone(), f.clone())));
        }
        let _ = sent(&Outer { id: UserId(1), hand: Hand(2), inner: b.clone(), last: 3 });
        let mut all = vec![
            Drawn::A(a), Drawn::B(b), Drawn::C { c, last: 1 }, Drawn::D(1, d), Drawn::E(e), Drawn::F(f), Drawn::G(Some(g)), Drawn::H(h),
        ];
        for (at, to) in order.into_iter().enumerate() {
            all.swap(at, usize::from(to) % 8);
        }
        all.truncate(usize::from(order[0]) % 8);
        let _ = sent(&all);
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Drawn {
    A(NoAttributes),
    B(SkipsIf),
    C { c: SkipsTwo, last: u8 },
    D(u8, Renames),
    E(WithText),
    F(WritesText),
    G(Option<Defaults>),
    H(Nests),
}

fn round_trip<T: Payload>(value: &T) -> T {
    let mut bytes = Vec::new();
    encode(value, &mut bytes).expect("encodes");
    decode(&bytes).expect("decodes")
}

proptest! {
    #[test]
    fn every_value_survives_the_round_trip(value: (u64, i32, String, Vec<u8>, Option<(bool, char)>, Vec<f64>)) {
        // Compared as text, because NaN is not equal to itself.
        prop_assert_eq!(format!("{:?}", round_trip(&value)), format!("{value:?}"));
    }

    #[test]
    fn bytes_and_text_are_their_own_encoding(bytes: Vec<u8>, text: String) {
        let mut output = vec![7];
        encode(&bytes, &mut output).unwrap();
        prop_assert_eq!(&output[1..], &bytes);
        prop_assert_eq!(&round_trip(&bytes), &bytes);
        prop_assert_eq!(&round_trip(&text), &text);
        prop_assert_eq!(into_bytes(text.clone()), Ok(text.clone().into_bytes()));
        prop_assert_eq!(decode_taking(&mut text.clone().into_bytes()), Ok(text));
        prop_assert_eq!(into_bytes(bytes.clone()), Ok(bytes.clone()));
        prop_assert_eq!(decode_taking(&mut bytes.clone()), Ok(bytes));
        prop_assert_eq!(into_bytes(7_u64), Err(7));
    }

    #[test]
    fn garbage_is_an_error_or_a_value_but_never_a_panic(bytes: Vec<u8>) {
        let _ = decode::<(u64, String, Vec<u16>)>(&bytes);
        let _ = decode::<Vec<u8>>(&bytes);
        let _ = decode::<Option<Vec<String>>>(&bytes);
    }
}

#[test]
fn a_length_beyond_the_data_is_an_error_and_allocates_nothing() {
    let huge = postcard::to_stdvec(&u64::MAX).unwrap();
    assert!(decode::<Vec<u64>>(&huge).is_err());
    assert!(decode::<(Vec<u8>,)>(&huge).is_err());
    assert!(decode::<(String,)>(&huge).is_err());
}

#[test]
fn text_that_is_not_utf_8_is_an_error() {
    let error = decode::<String>(&[0xff]).unwrap_err().to_string();
    assert!(error.contains("`alloc::string::String`") && error.contains("utf-8"), "{error}");
}

#[test]
fn left_over_bytes_are_an_error_that_names_the_type() {
    let error = decode::<u8>(&[1, 2]).unwrap_err().to_string();
    assert!(error.contains("`u8`") && error.contains("1 bytes are left over"), "{error}");
}

#[test]
fn a_refusal_by_the_type_leaves_the_output_unchanged() {
    #[derive(Deserialize)]
    struct Refuses;
    impl Serialize for Refuses {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("a socket cannot travel"))
        }
    }
    let mut output = vec![7];
    let error = encode(&Refuses, &mut output).unwrap_err();
    assert_eq!(error.message, "a socket cannot travel");
    assert!(error.type_name.ends_with("Refuses"));
    assert_eq!(output, [7]);
}
