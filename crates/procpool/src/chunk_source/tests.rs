//! Chunk sizes, and the three ends of a source, without a pool.

use procpool_link::Payload;
use procpool_os::code::FunctionRef;

use super::state::BUFFER;
use super::*;
use crate::chunk;
use crate::future::Body;

fn source(chunking: Chunking, items: usize) -> Arc<ChunkSource> {
    let nowhere = FunctionRef { offset: 0, tag: 0 };
    let entry = Entry { trampoline: nowhere, function: nowhere };
    let (source, mut feeder) = ChunkSource::new(entry, chunking, Order::OfItems);
    for item in 0..items {
        feeder.push(&(item as u8));
    }
    source
}

/// Reads the next chunk of a source that has one or has ended.
fn next(source: &ChunkSource) -> Option<FinishedChunk> {
    match source.next_chunk(Some(Instant::now())) {
        Next::Chunk(chunk) => Some(chunk),
        Next::Late => panic!("nothing is there, and more is to come"),
        Next::End => None,
    }
}

fn count(task: &TakenChunk) -> usize {
    let mut rest = &task.bytes[..];
    std::iter::from_fn(|| chunk::take(&mut rest)).count()
}

fn take(source: &Arc<ChunkSource>) -> TakenChunk {
    let Taken::Chunk(task) = source.take_chunk(1) else { panic!("there is a chunk") };
    task
}

/// Takes every chunk; each takes `nanos` per item.
fn sizes(source: &Arc<ChunkSource>, workers: usize, nanos: u64) -> Vec<usize> {
    let mut sizes = Vec::new();
    loop {
        match source.take_chunk(workers) {
            Taken::Chunk(task) => {
                let items = count(&task);
                sizes.push(items);
                finish(&task, Ok(took(nanos * items as u64)));
            }
            Taken::Nothing => panic!("a closed source gives chunks or is exhausted"),
            Taken::Exhausted => return sizes,
        }
    }
}

/// Settles the call of a chunk, as the pool does.
fn finish(task: &TakenChunk, outcome: Outcome) {
    if let Ok(result) = &outcome {
        task.call.measure(result);
    }
    if task.future.finish(outcome) {
        task.future.tell();
    }
}

fn took(nanos: u64) -> Body {
    Body::from(Payload::Small(&nanos.to_le_bytes()))
}

#[test]
fn fixed_chunks_have_their_size_and_the_last_the_rest() {
    assert_eq!(sizes(&source(Chunking::Fixed(3), 10), 2, 1), [3, 3, 3, 1]);
    assert_eq!(sizes(&source(Chunking::Fixed(20), 10), 2, 1), [10]);
    assert!(sizes(&source(Chunking::Fixed(3), 0), 2, 1).is_empty());
}

#[test]
fn slow_items_travel_alone_and_fast_ones_together() {
    assert_eq!(sizes(&source(Chunking::Adaptive, 10), 2, 10_000_000), [1; 10]);
    let fast = sizes(&source(Chunking::Adaptive, 10_000), 2, 100);
    assert_eq!(fast[..4], [1, 8, 64, 512]);
    assert_eq!(fast.iter().sum::<usize>(), 10_000);
    assert!(fast.len() < 100, "{} chunks", fast.len());
}

#[test]
fn one_slow_chunk_is_noticed_at_once() {
    let source = source(Chunking::Adaptive, 1_000_000);
    for nanos in [100, 100, 100, 2_000_000_000] {
        finish(&take(&source), Ok(took(nanos)));
    }
    assert_eq!(count(&take(&source)), 1);
}

#[test]
fn an_open_source_waits_for_whole_chunks_and_asks_for_more() {
    let entry = source(Chunking::Adaptive, 0).entry;
    let (source, mut feeder) = ChunkSource::new(entry, Chunking::Fixed(2), Order::OfItems);
    source.set_wants_items(false);
    assert_eq!(feeder.push(&0_u8), Pushed::Quietly);
    assert_eq!(source.demand(8), 0);
    assert!(matches!(source.take_chunk(1), Taken::Nothing));
    assert!(!source.set_wants_items(true), "there is nothing to be had");
    assert_eq!(feeder.push(&1_u8), Pushed::Wanted);
    assert_eq!(source.demand(8), 1);
    assert_eq!(count(&take(&source)), 2);
    feeder.push(&2_u8);
    drop(feeder);
    assert_eq!(count(&take(&source)), 1);
    assert!(source.is_exhausted());
}

#[test]
fn an_item_can_be_taken_before_the_next_one_is_pushed() {
    let entry = source(Chunking::Adaptive, 0).entry;
    let (source, mut feeder) = ChunkSource::new(entry, Chunking::Adaptive, Order::OfItems);
    for item in 0..3 {
        source.set_wants_items(false);
        assert_eq!(feeder.push(&item), Pushed::Quietly);
        assert!(source.set_wants_items(true), "the item is there");
        assert_eq!(count(&take(&source)), 1);
    }
}

#[test]
fn items_longer_than_a_buffer_travel_too() {
    let entry = source(Chunking::Adaptive, 0).entry;
    let (source, mut feeder) = ChunkSource::new(entry, Chunking::Adaptive, Order::OfItems);
    let long = vec![7_u8; BUFFER as usize + 1];
    feeder.push(&1_u8);
    feeder.push(&long);
    feeder.push(&2_u8);
    drop(feeder);
    let tasks = [take(&source), take(&source), take(&source)];
    assert_eq!(tasks.each_ref().map(|task| task.bytes.len()), [2, 3 + long.len(), 2]);
}

#[test]
fn items_around_the_longest_short_one_survive_the_round_trip() {
    for chunking in [Chunking::Adaptive, Chunking::Fixed(200)] {
        let entry = source(Chunking::Adaptive, 0).entry;
        let (source, mut feeder) = ChunkSource::new(entry, chunking, Order::OfItems);
        for length in 0..200 {
            feeder.push(&vec![length as u8; length]);
        }
        drop(feeder);
        let mut length = 0;
        while length < 200 {
            let items = take(&source).bytes;
            let mut rest = &items[..];
            while let Some(item) = chunk::take(&mut rest) {
                assert_eq!((item.failed, item.bytes), (false, &vec![length as u8; length][..]));
                length += 1;
            }
        }
    }
}

// Behaviours: MAP-25.
#[test]
fn an_item_after_the_stop_is_refused_and_fails() {
    let entry = source(Chunking::Adaptive, 0).entry;
    for order in [Order::OfItems, Order::OfFinishing] {
        for chunking in [Chunking::Adaptive, Chunking::Fixed(2), Chunking::Fixed(100)] {
            let (source, mut feeder) = ChunkSource::new(entry, chunking, order);
            feeder.push(&0_u8);
            drop(source.stop(&Error::Shutdown));
            assert_eq!(feeder.push(&1_u8), Pushed::Refused, "{chunking:?}");
            drop(feeder);
            let failed: usize = std::iter::from_fn(|| next(&source))
                .map(|chunk| chunk.items * usize::from(chunk.outcome.is_err()))
                .sum();
            assert_eq!(failed, 2, "{chunking:?}");
        }
    }
}

// Behaviours: MAP-25.
#[test]
fn a_closed_source_yields_earlier_items_and_fails_the_next() {
    let entry = source(Chunking::Adaptive, 0).entry;
    // Short items, items that each need a buffer, and a chunk that is not complete.
    for (chunking, length, taken) in [
        (Chunking::Adaptive, 1, 3),
        (Chunking::Adaptive, BUFFER as usize, 3),
        (Chunking::Fixed(2), 1, 2),
    ] {
        let (source, mut feeder) = ChunkSource::new(entry, chunking, Order::OfItems);
        let item = vec![7_u8; length];
        for _ in 0..3 {
            assert_ne!(feeder.push(&item), Pushed::Refused);
        }
        drop(source.close(&Error::Shutdown));
        assert_eq!(feeder.push(&item), Pushed::Refused, "{chunking:?}");
        drop(feeder);
        assert_eq!(sizes(&source, 1, 1).iter().sum::<usize>(), taken, "{chunking:?}");
        let outcomes: Vec<_> = std::iter::from_fn(|| next(&source))
            .flat_map(|chunk| std::iter::repeat_n(chunk.outcome.err(), chunk.items))
            .collect();
        let refused = std::iter::repeat_n(Some(Box::new(Error::Shutdown)), 4 - taken);
        assert!(outcomes.into_iter().eq(std::iter::repeat_n(None, taken).chain(refused)));
    }
}

#[test]
fn an_item_pushed_before_the_closing_is_not_refused() {
    let entry = source(Chunking::Adaptive, 0).entry;
    for chunking in [Chunking::Adaptive, Chunking::Fixed(1)] {
        let (source, mut feeder) = ChunkSource::new(entry, chunking, Order::OfItems);
        assert_eq!(feeder.push(&0_u8), Pushed::Wanted);
        drop(source.close(&Error::Shutdown));
        // As if the pool had closed it after the item was written and before its feeder checked.
        assert_eq!(feeder.pay_attention(), Pushed::Quietly, "{chunking:?}");
        assert_eq!(sizes(&source, 1, 1), [1]);
    }
}

#[test]
fn stopping_fails_items_in_no_chunk_and_leaves_chunks_to_the_pool() {
    let source = source(Chunking::Fixed(2), 5);
    let (done, running) = (take(&source), take(&source));
    finish(&done, Ok(took(1)));
    drop(source.stop(&Error::Shutdown));
    assert_eq!(source.unsettled().len(), 1);
    finish(&running, Err(Box::new(Error::Cancelled)));
    let outcomes: Vec<_> = std::iter::from_fn(|| next(&source))
        .map(|chunk| (chunk.items, chunk.outcome.err().map(|error| *error)))
        .collect();
    assert_eq!(outcomes, [(2, None), (2, Some(Error::Cancelled)), (1, Some(Error::Shutdown))]);
    assert!(matches!(source.take_chunk(1), Taken::Exhausted));
}

/// A closed source of four chunks of one item, all taken.
fn four_taken(order: Order) -> (Arc<ChunkSource>, [TakenChunk; 4]) {
    let entry = source(Chunking::Adaptive, 0).entry;
    let (source, mut feeder) = ChunkSource::new(entry, Chunking::Fixed(1), order);
    for item in 0_u8..4 {
        feeder.push(&item);
    }
    drop(feeder);
    let tasks = [take(&source), take(&source), take(&source), take(&source)];
    (source, tasks)
}

// Behaviours: MAP-01, MAP-20.
#[test]
fn chunks_are_yielded_once_each_in_the_requested_order() {
    for (order, expected) in [(Order::OfItems, [0, 1, 2, 3]), (Order::OfFinishing, [2, 0, 3, 1])] {
        let (source, tasks) = four_taken(order);
        for index in [2, 0, 3, 1] {
            finish(&tasks[index], Ok(took(index as u64)));
            assert!(tasks[index].future.is_settled());
            finish(&tasks[index], Err(Box::new(Error::Cancelled)));
        }
        let given: Vec<u64> = std::iter::from_fn(|| next(&source))
            .map(|chunk| u64::from_le_bytes(*chunk.outcome.unwrap().first_chunk().unwrap()))
            .collect();
        assert_eq!(given, expected);
    }
}

// Behaviours: MAP-16.
#[test]
fn yielded_results_free_their_memory_while_the_first_chunk_runs() {
    let entry = source(Chunking::Adaptive, 0).entry;
    let (source, feeder) = ChunkSource::pulled(entry, Chunking::Adaptive, Order::OfFinishing);
    feeder.push(&0_u32);
    let slow = take(&source);
    for item in 1..1000_u32 {
        feeder.push(&item);
        finish(&take(&source), Ok(took(1)));
        assert!(next(&source).is_some());
    }
    let state = source.lock();
    assert_eq!((state.chunks.len(), state.ready.len(), state.blocks.len()), (1, 0, 0));
    drop(state);
    assert!(!slow.future.is_settled());
}

// Behaviours: MAP-25.
#[test]
fn a_closed_source_yields_pulled_items_and_refuses_the_rest() {
    let entry = source(Chunking::Adaptive, 0).entry;
    for chunking in [Chunking::Adaptive, Chunking::Fixed(2)] {
        let (source, feeder) = ChunkSource::pulled(entry, chunking, Order::OfItems);
        for item in 0..3_u8 {
            feeder.push(&item);
        }
        drop(source.close(&Error::Shutdown));
        assert_eq!(feeder.push(&3_u8), Pushed::Refused);
        assert_eq!(sizes(&source, 1, 1).iter().sum::<usize>(), 3, "{chunking:?}");
        assert!(source.is_exhausted());
    }
}

#[test]
fn a_pulled_item_is_requested_when_it_completes_a_chunk() {
    let entry = source(Chunking::Adaptive, 0).entry;
    let (source, feeder) = ChunkSource::pulled(entry, Chunking::Fixed(2), Order::OfItems);
    source.set_wants_items(true);
    assert_eq!(feeder.push(&0_u8), Pushed::Quietly, "nobody could take it");
    assert_eq!(feeder.push(&1_u8), Pushed::Wanted);
    let (source, feeder) = ChunkSource::pulled(entry, Chunking::Adaptive, Order::OfItems);
    source.set_wants_items(false);
    assert_eq!(feeder.push(&0_u8), Pushed::Quietly, "nobody waits for it");
    assert!(source.set_wants_items(true), "it is there");
    assert_eq!(feeder.push(&1_u8), Pushed::Wanted);
}

#[test]
fn no_chunk_of_pulled_items_is_longer_than_a_buffer() {
    let entry = source(Chunking::Adaptive, 0).entry;
    let (source, feeder) = ChunkSource::pulled(entry, Chunking::Adaptive, Order::OfItems);
    for _ in 0..50 {
        feeder.push(&vec![7_u8; BUFFER as usize / 3 - 10]);
    }
    drop(feeder);
    let sizes = sizes(&source, 1, 100);
    assert_eq!((sizes.iter().sum::<usize>(), sizes.iter().max()), (50, Some(&3)));
}

// Behaviours: MAP-09.
#[test]
fn after_the_timeout_only_a_finished_chunk_is_yielded() {
    let source = source(Chunking::Fixed(1), 1);
    let late = Some(Instant::now());
    assert!(matches!(source.next_chunk(late), Next::Late));
    finish(&take(&source), Ok(took(1)));
    assert!(matches!(source.next_chunk(late), Next::Chunk(_)));
    assert!(matches!(source.next_chunk(late), Next::End));
}

/// Results of one byte each, as a worker writes them.
fn written(results: std::ops::Range<u8>) -> Vec<u8> {
    let mut output = Vec::new();
    for result in results {
        chunk::push(&mut output, |output| {
            output.push(result);
            false
        });
    }
    output
}

/// The end of a chunk that took some time.
fn ended(results: std::ops::Range<u8>) -> Body {
    Body::from(Payload::Large([written(results), 7_u64.to_le_bytes().to_vec()].concat()))
}

/// The results that the reader has so far: for each piece its end, and the bytes without the time
/// at the end.
fn pieces(source: &ChunkSource) -> Vec<(u64, Vec<u8>)> {
    let mut pieces = Vec::new();
    while let Next::Chunk(FinishedChunk { end, items, outcome, shown }) =
        source.next_chunk(Some(Instant::now()))
    {
        let body = outcome.unwrap();
        let mut rest = &body[shown..];
        let results = (0..items).map(|_| chunk::take(&mut rest).unwrap().bytes[0]).collect();
        pieces.push((end, results));
    }
    pieces
}

// Behaviours: MAP-01, MAP-20.
#[test]
fn the_first_results_of_a_chunk_are_yielded_while_it_runs() {
    for order in [Order::OfItems, Order::OfFinishing] {
        let entry = source(Chunking::Adaptive, 0).entry;
        let (source, mut feeder) = ChunkSource::new(entry, Chunking::Fixed(4), order);
        for item in 0_u8..4 {
            feeder.push(&item);
        }
        drop(feeder);
        let task = take(&source);
        drop(task.call.give(&written(0..2)));
        assert_eq!(pieces(&source), [(2, vec![0, 1])]);
        assert_eq!(task.call.shown(), written(0..2).len());
        drop(task.call.give(&written(2..2)));
        assert_eq!(pieces(&source), [], "there is nothing new");
        finish(&task, Ok(ended(0..4)));
        assert_eq!(pieces(&source), [(4, vec![2, 3])], "nothing is given twice");
        assert!(next(&source).is_none());
    }
}

#[test]
fn the_last_result_of_a_chunk_is_yielded_at_its_end() {
    let source = source(Chunking::Fixed(2), 2);
    let task = take(&source);
    drop(task.call.give(&written(0..2)));
    assert_eq!((pieces(&source), task.call.has_parts()), (vec![(1, vec![0])], false));
    // A worker that claims to have done more than it was sent is not believed.
    drop(task.call.give(&written(1..100)));
    assert_eq!(pieces(&source), []);
    finish(&task, Ok(ended(0..2)));
    assert_eq!(pieces(&source), [(2, vec![1])]);
}

#[test]
fn results_of_a_running_chunk_wait_for_the_chunk_before_it() {
    let source = source(Chunking::Fixed(3), 6);
    let (first, second) = (take(&source), take(&source));
    drop(second.call.give(&written(3..4)));
    drop(first.call.give(&written(0..1)));
    assert_eq!(pieces(&source), [(1, vec![0])]);
    drop(second.call.give(&written(4..5)));
    finish(&first, Ok(ended(0..3)));
    assert_eq!(pieces(&source), [(3, vec![1, 2]), (4, vec![3]), (5, vec![4])]);
    finish(&second, Ok(ended(3..6)));
    assert_eq!(pieces(&source), [(6, vec![5])]);
    assert!(next(&source).is_none());
}

#[test]
fn an_item_whose_result_was_yielded_neither_runs_again_nor_fails() {
    for again in [false, true] {
        let source = source(Chunking::Fixed(4), 4);
        let task = take(&source);
        drop(task.call.give(&written(0..2)));
        if again {
            let rest = task.call.retry(&task.bytes);
            assert_eq!((&rest[..], task.call.shown()), (&written(2..4)[..], 0));
            finish(&task, Ok(ended(2..4)));
            assert_eq!(pieces(&source), [(2, vec![0, 1]), (4, vec![2, 3])]);
        } else {
            finish(&task, Err(Box::new(Error::Shutdown)));
            let outcomes: Vec<_> = std::iter::from_fn(|| next(&source))
                .map(|chunk| (chunk.end, chunk.items, chunk.outcome.is_ok()))
                .collect();
            assert_eq!(outcomes, [(2, 2, true), (4, 2, false)]);
        }
    }
}

#[test]
fn the_length_of_items_is_that_of_the_whole_chunk() {
    let source = source(Chunking::Fixed(4), 4);
    let task = take(&source);
    drop(task.call.give(&written(0..3)));
    finish(
        &task,
        Ok(Body::from(Payload::Large([written(0..4), 400_u64.to_le_bytes().to_vec()].concat()))),
    );
    assert_eq!(source.lock().estimate, 100);
}
