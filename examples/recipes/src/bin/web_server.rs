//! A web server whose CPU-bound requests run in a pool.
//!
//! `web_server [PORT]` answers at 127.0.0.1:
//!
//! - `/primes?below=N&ms=LIMIT`: how many primes are below N, counted by a worker. After LIMIT
//!   milliseconds, or once the client has closed its connection, the task is cancelled or killed.
//!   Beyond 32 requests at once the answer is 503.
//! - `/crash`: the worker aborts, and this request alone fails.
//! - `/blocking?below=N`: the same count on a thread of tokio, to compare.
//! - `/stats`: the pool's numbers.
//!
//! SIGTERM stops listening, finishes the requests that it has, and exits.

use std::error::Error;
use std::process::abort;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use procpool::{DeathPolicy, Future, ProcessPoolExecutor};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

struct App {
    executor: ProcessPoolExecutor,
    places: Semaphore,
}

#[derive(Deserialize)]
struct Work {
    below: u32,
    ms: Option<u64>,
}

/// The future of a request. If the request is dropped before its answer, so is the work: a task that
/// waits is cancelled, and one that runs is killed with its worker.
struct Bound(Future<u32>);

impl Drop for Bound {
    fn drop(&mut self) {
        self.0.kill();
    }
}

fn primes(below: u32) -> u32 {
    let is_prime = |n: &u32| (2..).take_while(|d| d * d <= *n).all(|d| !n.is_multiple_of(d));
    (2..below).filter(is_prime).count() as u32
}

type Answer = (StatusCode, String);

async fn in_pool(State(app): State<Arc<App>>, Query(work): Query<Work>) -> Answer {
    answer(&app, primes, work).await
}

async fn crash(State(app): State<Arc<App>>) -> Answer {
    answer(&app, |_| abort(), Work { below: 0, ms: None }).await
}

async fn answer(app: &App, task: fn(u32) -> u32, work: Work) -> Answer {
    let Ok(_place) = app.places.try_acquire() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many requests at once\n".to_owned());
    };
    let bound = Bound(app.executor.submit(task, work.below));
    let limit = Duration::from_millis(work.ms.unwrap_or(60_000));
    match timeout(limit, bound.0.clone().into_future()).await {
        Ok(Ok(count)) => (StatusCode::OK, format!("{count}\n")),
        Ok(Err(error)) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
        Err(_) => (StatusCode::GATEWAY_TIMEOUT, format!("not over within {limit:?}\n")),
    }
}

async fn on_a_thread(Query(work): Query<Work>) -> Answer {
    match spawn_blocking(move || primes(work.below)).await {
        Ok(count) => (StatusCode::OK, format!("{count}\n")),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}

#[tokio::main]
async fn serve(app: Arc<App>, port: u16) -> Result<(), std::io::Error> {
    let router = axum::Router::new()
        .route("/primes", get(in_pool))
        .route("/crash", get(crash))
        .route("/blocking", get(on_a_thread))
        .route(
            "/stats",
            get(async |State(app): State<Arc<App>>| format!("{:?}", app.executor.stats())),
        )
        .with_state(app);
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let mut terminate = signal(SignalKind::terminate())?;
    println!("listening at {}", listener.local_addr()?);
    let drain = async move {
        terminate.recv().await;
        println!("draining");
    };
    axum::serve(listener, router).with_graceful_shutdown(drain).await
}

fn main() -> Result<(), Box<dyn Error>> {
    procpool::init();
    let port = std::env::args().nth(1).map_or(Ok(0), |text| text.parse())?;
    let policy = DeathPolicy::Replace { retries: 0 };
    // SIGTERM may be sent to the workers, too: they leave it to this process.
    let executor =
        ProcessPoolExecutor::builder().death_policy(policy).ignore_group_signals().build()?;
    let app = Arc::new(App { executor, places: Semaphore::new(32) });
    serve(Arc::clone(&app), port)?;
    app.executor.shutdown();
    println!("{:?}", app.executor.stats());
    Ok(())
}
