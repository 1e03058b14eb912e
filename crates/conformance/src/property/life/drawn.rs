//! Lives that a pool can live, and the values in them.

use procpool_contract::{Capability as Has, Description, MapOptions, Place, Until, policy};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{BoxedStrategy, Just, Strategy, any, prop_oneof};
use proptest::sample::{Index, select};
use proptest::strategy::Union;
use serde_json::{Map, Value};

use super::{End, LONG, Life, Pool, SHORT, Use};
use crate::case::Kind;
use crate::property::Draw;

/// Draws lives that a pool can live. Those that are looked at have no task that fails: what failures leave
/// behind has cases of its own.
pub(in crate::property) fn strategy(
    kind: Kind,
    description: &Description,
) -> BoxedStrategy<Box<dyn Draw>> {
    let is_looked_at = kind == Kind::Leftovers;
    let pools = vec(pool(kind, description, is_looked_at), 1..4);
    pools.prop_map(move |pools| Box::new(Life { pools, is_looked_at }) as Box<dyn Draw>).boxed()
}

fn pool(kind: Kind, description: &Description, is_looked_at: bool) -> BoxedStrategy<Pool> {
    let has = |capability| description.capabilities.contains(&capability);
    let initializer = match has(Has::Initargs) {
        true => option::of(value()).boxed(),
        false => Just(None).boxed(),
    };
    let uses = vec(used(description, is_looked_at), 0..24);
    let waits = End::Shutdown { wait: true, cancel: false };
    let mut ends = vec![waits, waits];
    // Where there is one pool at a time, it has to be over before the next one is made.
    if has(Has::ShutdownNowait) && has(Has::SeveralPools) {
        ends.push(End::Shutdown { wait: false, cancel: false });
    }
    if has(Has::ShutdownCancel) {
        ends.push(End::Shutdown { wait: true, cancel: true });
    }
    if has(Has::Drop) {
        ends.push(End::Drop);
    }
    if has(Has::KillWorkers) {
        ends.push(End::Kill);
    }
    if has(Has::WorkerDeath) && !is_looked_at {
        ends.push(End::Death);
    }
    let kills = description.policies.drop == Some(policy::Drop::Kill);
    let (checks, maps) = (has(Has::ChecksMaxWorkers), has(Has::Map));
    let workers = prop_oneof![5 => 1..4_u8, 1 => 4..9_u8];
    let tasks_per_worker = match kind {
        Kind::Retirements => (3..20_u8).prop_map(Some).boxed(),
        _ => Just(None).boxed(),
    };
    let made = (workers, initializer, tasks_per_worker);
    (made, uses, select(ends), any::<[bool; 4]>())
        .prop_map(move |(made, uses, end, [late, first, after, mapped])| Pool {
            workers: made.0,
            initializer: made.1,
            tasks_per_worker: made.2,
            uses,
            end,
            is_read_late: late && !(kills && end == End::Drop),
            comes_after_a_refused_one: first && checks,
            asks: if after { 1 + usize::from(mapped && maps) } else { 0 },
        })
        .boxed()
}

fn used(description: &Description, is_looked_at: bool) -> BoxedStrategy<Use> {
    let has = |capability| description.capabilities.contains(&capability);
    let asks = Union::new_weighted(asks(description, is_looked_at)).boxed();
    let mut uses = vec![
        (30, asks.clone()),
        (4, any::<Index>().prop_map(|index| Use::Result(index, false)).boxed()),
        (5, vec(asks, 0..12).prop_map(Use::Busy).boxed()),
    ];
    let (waits, iterates) = (has(Has::Wait), has(Has::AsCompleted));
    if waits || iterates {
        uses.push((1, Just(Use::GiveUpAll(waits, iterates)).boxed()));
    }
    if has(Has::SeveralPools) && has(Has::Initargs) {
        uses.push((1, (value(), 1..9_u8).prop_map(|(it, count)| Use::Beside(it, count)).boxed()));
    }
    let mut with = |capability, weight, used: BoxedStrategy<Use>| {
        if has(capability) {
            uses.push((weight, used));
        }
    };
    with(Has::ResultTimeout, 2, any::<Index>().prop_map(|it| Use::Result(it, true)).boxed());
    let until = select(vec![Until::AllCompleted, Until::FirstCompleted, Until::FirstException]);
    with(Has::Wait, 2, until.prop_map(Use::Wait).boxed());
    with(Has::AsCompleted, 1, Just(Use::AsCompleted).boxed());
    with(Has::LazyMap, 2, (1..20_u8).prop_map(Use::ClosedMap).boxed());
    with(
        Has::LazyMap,
        1,
        (vec(value(), 1..12), 0..8_u8).prop_map(|(v, n)| Use::Maps(v, n)).boxed(),
    );
    if has(Has::Map) {
        let given = |capability, sizes: BoxedStrategy<i64>| match has(capability) {
            true => option::of(sizes).boxed(),
            false => Just(None).boxed(),
        };
        let chunks = prop_oneof![3 => 1..8_i64, 1 => 8..300_i64].boxed();
        let buffers = (1..8_i64).boxed();
        let timeout = match has(Has::MapTimeout) {
            true => option::of(Just(LONG)).boxed(),
            false => Just(None).boxed(),
        };
        let options = (given(Has::Chunksize, chunks), given(Has::Buffersize, buffers), timeout)
            .prop_map(|(chunksize, buffersize, timeout)| MapOptions {
                chunksize,
                buffersize,
                timeout,
                ..MapOptions::default()
            });
        let short = (vec(value(), 0..30), options.clone()).prop_map(|(it, of)| Use::Map(it, of));
        let long = (100..400_u16, options.clone()).prop_map(|(count, of)| Use::LongMap(count, of));
        uses.extend([(6, short.boxed()), (1, long.boxed())]);
        if has(Has::MapTimeout) {
            let late = (1..8_u8, options).prop_map(|(count, of)| Use::LateMap(count, of));
            uses.push((1, late.boxed()));
        }
    }
    Union::new_weighted(uses).boxed()
}

/// Draws what needs no worker to be free.
fn asks(description: &Description, is_looked_at: bool) -> Vec<(u32, BoxedStrategy<Use>)> {
    let has = |capability| description.capabilities.contains(&capability);
    let fails = if is_looked_at { Just(false).boxed() } else { any::<bool>().boxed() };
    let mut asks = vec![
        (8, value().prop_map(Use::Echo).boxed()),
        (3, any::<i16>().prop_map(|number| Use::Square(number.into())).boxed()),
        (1, (0..4_u8).prop_map(Use::Nap).boxed()),
        (2, Just(Use::Whoami).boxed()),
        (2, (1..100_u8, fails).prop_map(|(count, fails)| Use::Burst(count, fails)).boxed()),
    ];
    if !is_looked_at {
        asks.push((3, message().prop_map(Use::Fail).boxed()));
        if has(Has::PoisonEncodeArgument) {
            asks.push((1, Just(Use::Bad(Place::EncodeArgument)).boxed()));
        }
        if has(Has::PoisonEncodeResult) {
            asks.push((1, Just(Use::Bad(Place::EncodeResult)).boxed()));
        }
    }
    let mut with = |capability, weight, used: BoxedStrategy<Use>| {
        if has(capability) {
            asks.push((weight, used));
        }
    };
    with(Has::State, 2, any::<Index>().prop_map(Use::State).boxed());
    let short = u8::try_from(SHORT).unwrap_or(u8::MAX);
    with(Has::ResultTimeout, 1, (1..=short).prop_map(Use::GiveUp).boxed());
    // What failures leave behind has cases of its own.
    let fail = if is_looked_at { Just(false).boxed() } else { any::<bool>().boxed() };
    let callbacks = (any::<Index>(), prop_oneof![4 => 1..3_u8, 1 => 3..40_u8], fail);
    let callbacks = callbacks.prop_map(|(it, count, fails)| Use::Callbacks(it, count, fails));
    with(Has::Callbacks, 3, callbacks.boxed());
    with(Has::Cancel, 2, any::<Index>().prop_map(Use::Cancel).boxed());
    with(Has::Cancel, 2, (1..40_u8).prop_map(Use::Cancels).boxed());
    asks
}

/// Any value that each language has and can write: whole numbers up to 2⁵³ − 1, and doubles of few digits.
fn value() -> BoxedStrategy<Value> {
    let most = (1_i64 << 53) - 1;
    let plain = prop_oneof![
        2 => Just(Value::Null),
        2 => any::<bool>().prop_map(Value::from),
        4 => any::<i16>().prop_map(Value::from),
        // Equal to a boolean, for some languages.
        2 => (0..2_i16).prop_map(Value::from),
        3 => (-most..=most).prop_map(Value::from),
        2 => any::<i16>().prop_map(|number| Value::from(f64::from(number) / 8.0 + 0.1)),
        8 => text().prop_map(Value::from),
    ];
    let nested = plain.prop_recursive(12, 40, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((text(), inner), 0..4).prop_map(|members| Map::from_iter(members).into()),
        ]
    });
    // Texts around and beyond the sizes of pipes and of pages.
    let around = select(vec![255_usize, 4_095, 65_535, 131_071, (1 << 20) - 1]);
    let long = (any::<char>(), around, 0..3_usize)
        .prop_map(|(letter, size, more)| letter.to_string().repeat(size + more).into());
    let deep = (text(), 30..80_usize).prop_map(|(text, depth)| {
        (0..depth).fold(Value::from(text), |inner, _| Value::Array(vec![inner]))
    });
    prop_oneof![24 => nested, 1 => long, 1 => deep].boxed()
}

fn text() -> BoxedStrategy<String> {
    let hard = [
        "",
        " ",
        "\0",
        "\r\n",
        "\u{feff}",
        "e\u{301}",
        "\u{e9}",
        "\u{1f469}\u{200d}\u{1f680}",
        "null",
        // Words that messages between processes may have for themselves.
        "error",
        "result",
        "type",
        "id",
        "__proto__",
    ];
    let hard = vec(select(hard.to_vec()), 0..4).prop_map(|texts| texts.concat());
    prop_oneof![3 => "[ -~]{0,12}", 2 => any::<String>(), 2 => hard].boxed()
}

/// A message: what a language's error may hold, so no control characters, and no space at its ends.
fn message() -> BoxedStrategy<String> {
    let line = "[!-~][ -~]{0,30}[!-~]|\\PC{1,20}";
    let lines = prop_oneof![6 => vec(line, 0..4), 1 => vec(line, 20..90)];
    (lines, 1..200_usize)
        .prop_map(|(lines, times)| {
            let text = lines.join("\n");
            let text = if times > 190 { text.repeat(times) } else { text };
            text.trim().to_owned()
        })
        .boxed()
}
