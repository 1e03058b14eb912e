//! What a pool or a map is asked for, in Rust's types.
//!
//! A number that they cannot hold makes no sense, and that is told as the library's own refusal would be.

use std::collections::BTreeMap;
use std::time::Duration;

use procpool_contract::{ErrorClass, MapOptions, PoolOptions};

use crate::library::Stop;

/// How a pool is made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// The most workers.
    pub max_workers: Option<usize>,
    /// The most tasks of a worker.
    pub max_tasks_per_child: Option<u64>,
    /// After how long an idle worker leaves.
    pub idle_timeout: Option<Duration>,
    /// How long a task may take.
    pub task_timeout: Option<Duration>,
    /// Variables of the workers' environment, besides those of the client.
    pub env: BTreeMap<String, String>,
    /// The argument of the initializer, if there is one.
    pub initializer: Option<String>,
}

/// How a map is made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MapSettings {
    /// How many items travel together.
    pub chunksize: Option<usize>,
    /// How long the map may take.
    pub timeout: Option<Duration>,
    /// How many items may be submitted and not taken.
    pub buffersize: Option<usize>,
    /// There if results may come in any order.
    pub unordered: Option<()>,
}

impl TryFrom<&PoolOptions> for Settings {
    type Error = Stop;

    fn try_from(options: &PoolOptions) -> Result<Self, Stop> {
        let text = |call| serde_json::to_string(call).expect("a call is plain data");
        Ok(Self {
            max_workers: number(options.max_workers)?,
            max_tasks_per_child: number(options.max_tasks_per_child)?,
            idle_timeout: options.idle_timeout.map(Duration::from_millis),
            task_timeout: options.task_timeout.map(Duration::from_millis),
            env: options.env.clone(),
            initializer: options.initializer.as_ref().map(text),
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
