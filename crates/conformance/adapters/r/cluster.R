#!/bin/sh
# A cluster of the package `parallel`, which is part of R: workers are other R processes, which a socket
# connects with the program. It has maps only; here it is `parLapplyLB`, which gives a worker the next chunk
# when it is done with one. The initializer is an ordinary call of all workers.

standard_output=3#; ADAPTER="$0" exec Rscript "$0" "$@" 3>&1 1>&2

source(file.path(dirname(Sys.getenv("ADAPTER")), "runtime.R"))

new <- function(options) {
  # The output of workers would be lost without `outfile`. R takes one of a thousand ports at random,
  # and programs beside each other may take the same one.
  port <- 10000 + Sys.getpid() %% 20000
  cluster <- parallel::makeCluster(options[["max_workers"]], outfile = "", port = port)
  parallel::clusterExport(cluster, ls(globalenv()))
  initializer <- options[["initializer"]]
  if (!is.null(initializer)) parallel::clusterCall(cluster, run_call, initializer, "init_")
  cluster
}

map <- function(cluster, calls, options) {
  size <- c(options[["chunksize"]], 1)[1]
  parallel::parLapplyLB(cluster, calls, run_call, chunk.size = size)
}

shutdown <- function(cluster) parallel::stopCluster(cluster)

serve(
  describe = list(
    implementation = "parLapply",
    version = as.character(getRversion()),
    start_method = "PSOCK",
    capabilities = list(
      "map", "chunksize", "initargs", "checks_max_workers", "several_pools",
      "drop", "open_file", "error_message", "initializer_cause", "worker_death", "blob", "stdio",
      "child_process", "nested", "ignore_term", "getenv"
    ),
    policies = list(
      start = "at_construction", program_end = "drain", map_error = "stop", worker_death = "break",
      drop = "kill"
    )
  ),
  new = new, map = map, shutdown = shutdown,
  class_of = function(error, step) {
    message <- conditionMessage(error)
    # Of one that ran in a worker; in `new`, of the initializer.
    if (grepl("^(one node|[0-9]+ nodes) produced", message)) if (step == "new") "broken" else "task"
    # The second time R writes to a worker that has ended, its error is that of the signal.
    else if (grepl("(reading from|writing to) connection|ignoring SIGPIPE", message)) "broken"
    else if (grepl("must be >= 1", message)) "invalid"
    # Of a connection that was closed with its cluster.
    else if (step == "map" && grepl("invalid connection", message)) "rejected"
    else "other"
  }
)
