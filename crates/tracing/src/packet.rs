//! The packets that a worker sends: an event or a step of a span, each one report.
//!
//! Owns both directions of a field's value. A packet names its place in the code in full, so that each can be
//! understood without an earlier one. Knows no worker and no subscriber.

use std::error::Error;
use std::fmt;
use std::iter::successors;

use serde::{Deserialize, Serialize};
use tracing_core::Metadata;
use tracing_core::field::{Field, Value, ValueSet, Visit, display};

use crate::site::Site;

/// See the module. Spans have the numbers that they have in the worker.
#[derive(Serialize, Deserialize)]
pub(crate) enum Packet {
    Event { site: Site, parent: Option<u64>, values: Values },
    SpanOpened { id: u64, site: Site, parent: Option<u64>, values: Values },
    SpanRecorded { id: u64, values: Values },
    SpanClosed { id: u64 },
}

/// The values of some fields of a site, each with the field's place in it.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Values(pub(crate) Vec<(usize, FieldValue)>);

impl Values {
    /// Returns what `record` passes to a visitor.
    pub(crate) fn of(record: impl FnOnce(&mut dyn Visit)) -> Self {
        let mut values = Self::default();
        record(&mut values);
        values
    }

    /// Passes them on as values of `metadata`, which is that of their site.
    pub(crate) fn pass<T>(self, metadata: &Metadata<'_>, to: impl FnOnce(&ValueSet<'_>) -> T) -> T {
        let mut values: Vec<_> = metadata.fields().iter().map(|_| None).collect();
        for (place, value) in self.0 {
            // A record of `log` has values that are no fields.
            values.get_mut(place).map(|slot| slot.insert(value.into_value()));
        }
        let values: Vec<_> = values.iter().map(Option::as_deref).collect();
        to(&metadata.fields().value_set_all(&values))
    }
}

/// Declares the types that a field may have, each with the method that visits it.
macro_rules! field_values {
    ($($kind:ident($owned:ty): $visit:ident($type:ty);)*) => {
        #[derive(Serialize, Deserialize)]
        pub(crate) enum FieldValue {
            $($kind($owned),)*
            /// The texts of an error and of its sources.
            Error(String),
            /// What `Debug` or `Display` wrote.
            Text(String),
        }

        impl FieldValue {
            fn into_value(self) -> Box<dyn Value> {
                match self {
                    $(FieldValue::$kind(value) => Box::new(value),)*
                    FieldValue::Error(text) => Box::new(Box::<dyn Error>::from(text)),
                    FieldValue::Text(text) => Box::new(display(text)),
                }
            }
        }

        impl Visit for Values {
            $(fn $visit(&mut self, field: &Field, value: $type) {
                self.0.push((field.index(), FieldValue::$kind(value.into())));
            })*

            fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
                let chain = successors(Some(value), |error| Error::source(*error));
                let texts: Vec<_> = chain.map(ToString::to_string).collect();
                self.0.push((field.index(), FieldValue::Error(texts.join(": "))));
            }

            fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
                self.0.push((field.index(), FieldValue::Text(format!("{value:?}"))));
            }
        }
    };
}

field_values! {
    F64(f64): record_f64(f64);
    I64(i64): record_i64(i64);
    U64(u64): record_u64(u64);
    I128(i128): record_i128(i128);
    U128(u128): record_u128(u128);
    Bool(bool): record_bool(bool);
    Str(String): record_str(&str);
    Bytes(Box<[u8]>): record_bytes(&[u8]);
}
