//! Histories of inherited resources.

use procpool_contract::{ErrorClass, EventKind};

use crate::Entry;
use crate::made::Made;

pub(crate) fn entries() -> Vec<Entry> {
    vec![
        (
            || {
                let made = Made::of("fork.no-descriptor-of-the-programs").sees("running", &[200]);
                made.saw(|it| it.opened.push((200, vec![(0, "/dev/null".to_owned())])))
            },
            vec![
                (
                    |made| made.saw(|it| it.opened[0].1.push((7, "/tmp/x/opened".to_owned()))),
                    "the worker has that file open as [7]",
                ),
                (|made| made.saw(|it| it.opened.clear()), "the worker was not seen"),
                (|made| made.fails("open_file", ErrorClass::Other), "\"open_file\" failed"),
            ],
        ),
        (
            || Made::of("fork.worker-of-one-pool-ends-alone").sees("after", &[300]),
            vec![
                (|made| made.saw(|it| it.alive.extend([200])), "worker 200 was there"),
                (|made| made.fails("result b", ErrorClass::Broken), "failed: broken"),
            ],
        ),
        (
            || Made::of("fork.with-threads-in-the-program"),
            vec![(|made| made.hangs("result t3-4"), "did not return")],
        ),
        (
            || Made::of("fork.main-does-not-run-again"),
            vec![
                (|made| made.and(EventKind::Begin, "again", 300), "\"again\""),
                (|made| made.fails("result a", ErrorClass::Broken), "failed: broken"),
            ],
        ),
        (
            || {
                let made = Made::of("fork.descriptors-do-not-add-up").sees("all", &[200, 300, 400]);
                made.saw(|it| {
                    let three: Vec<(i32, String)> = (0..3).map(|fd| (fd, String::new())).collect();
                    it.opened = [200, 300, 400].map(|pid| (pid, three.clone())).to_vec();
                })
            },
            vec![
                (
                    |made| {
                        made.saw(|it| {
                            it.opened[1].1.push((3, String::new()));
                            it.opened[2].1.push((3, String::new()));
                        })
                    },
                    "made one after the other, have [3, 4, 4] descriptors",
                ),
                (|made| made.saw(|it| it.opened.truncate(2)), "the worker was not seen"),
            ],
        ),
    ]
}
