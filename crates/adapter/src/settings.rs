//! The options of a pool or a map, in Rust's types.
//!
//! A number that they cannot hold is invalid, which is reported like the library's own refusal.

use std::collections::BTreeMap;
use std::time::Duration;

use procpool_contract::{Call, ErrorClass, MapOptions, PoolOptions};

use crate::library::Stop;

/// The options of a pool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// The maximum of workers.
    pub max_workers: Option<usize>,
    /// The maximum of tasks of a worker.
    pub max_tasks_per_child: Option<u64>,
    /// The time after which an idle worker exits.
    pub idle_timeout: Option<Duration>,
    /// The time limit of a task.
    pub task_timeout: Option<Duration>,
    /// Environment variables of the workers, besides those of the client.
    pub env: BTreeMap<String, String>,
    /// The argument of the initializer, if there is one.
    pub initializer: Option<String>,
}

/// The options of a map.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MapSettings {
    /// The number of items in a chunk.
    pub chunksize: Option<usize>,
    /// The time limit of the map.
    pub timeout: Option<Duration>,
    /// The number of items that may be submitted and not taken.
    pub buffersize: Option<usize>,
    /// Present if results may come in any order.
    pub unordered: Option<()>,
}

impl TryFrom<&PoolOptions> for Settings {
    type Error = Stop;

    fn try_from(options: &PoolOptions) -> Result<Self, Stop> {
        Ok(Self {
            max_workers: number(options.max_workers)?,
            max_tasks_per_child: number(options.max_tasks_per_child)?,
            idle_timeout: options.idle_timeout.map(Duration::from_millis),
            task_timeout: options.task_timeout.map(Duration::from_millis),
            env: options.env.clone(),
            initializer: options.initializer.as_ref().map(Call::to_json),
        })
    }
}

impl TryFrom<&MapOptions> for MapSettings {
    type Error = Stop;

    fn try_from(options: &MapOptions) -> Result<Self, Stop> {
        Ok(Self {
            chunksize: number(options.chunksize)?,
            timeout: options.timeout.map(Duration::from_millis),
            buffersize: number(options.buffersize)?,
            unordered: options.unordered.then_some(()),
        })
    }
}

fn number<N>(asked: Option<i64>) -> Result<Option<N>, Stop>
where
    N: TryFrom<i64, Error: std::fmt::Display>,
{
    let number = asked.map(N::try_from).transpose();
    number.map_err(|error| Stop::failed(ErrorClass::Invalid, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_beyond_its_type_is_refused_as_invalid() {
        let options = PoolOptions { max_workers: Some(-1), ..PoolOptions::default() };
        let refused = Settings::try_from(&options);
        assert!(
            matches!(&refused, Err(Stop::Failed(failure)) if failure.class == ErrorClass::Invalid),
            "{refused:?}"
        );
    }

    #[test]
    fn an_unset_setting_is_not_passed_on() {
        assert_eq!(Settings::try_from(&PoolOptions::default()).ok(), Some(Settings::default()));
        assert_eq!(
            MapSettings::try_from(&MapOptions::default()).ok(),
            Some(MapSettings::default())
        );
    }
}
