#!/bin/sh
# The package future, with the plan `multisession`: workers are other R processes, which a socket connects
# with the program. It has futures only. A program has one plan, and so one pool. To make a future waits
# for a worker that has nothing to do.

standard_output=3#; ADAPTER="$0" exec Rscript "$0" "$@" 3>&1 1>&2

source(file.path(dirname(Sys.getenv("ADAPTER")), "runtime.R"))
require_package("future", "r-cran-future in Debian, future in CRAN")

# One worker that is a plain number would be the program itself.
new <- function(options) {
  workers <- options[["max_workers"]]
  if (is.null(workers)) future::plan(future::multisession)
  else future::plan(future::multisession, workers = I(workers))
  TRUE
}

# The package finds what an expression needs, but not what functions in a list do.
submit <- function(pool, call) future::future(run_call(call), globals = c("call", ls(globalenv())))

value <- function(future) future::value(future)

state <- function(future) if (future::resolved(future)) "done" else "running"

shutdown <- function(pool) future::plan(future::sequential)

serve(
  describe = list(
    implementation = "future",
    version = as.character(packageVersion("future")),
    start_method = "multisession",
    capabilities = list(
      "submit", "state", "default_max_workers", "checks_max_workers", "open_file", "error_message",
      "worker_death", "blob", "stdio", "child_process", "nested", "ignore_term", "getenv"
    ),
    policies = list(start = "at_construction", program_end = "abandon", worker_death = "break")
  ),
  new = new, submit = submit, value = value, state = state, shutdown = shutdown,
  class_of = function(error, step) {
    if (inherits(error, "FutureError")) "broken"
    else if (step == "result") "task"
    else if (step == "new") "invalid"
    else "other"
  }
)
