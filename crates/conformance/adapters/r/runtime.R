# What R adapters share: the command line, the steps of a client, its lines, the bodies of calls.
#
#     stdin ──scenario──▶ serve ──step──▶ the adapter's pool ──call──▶ run_call, in a worker
#                           └──line──▶ descriptor 3                      └──event──▶ the trace
#
# In this order: the folder of a run (clock, trace, gates) · JSON · bodies · what a scenario needs ·
# errors in the words of the contract · steps · `serve`, which does what the command line asks for.
#
# Owns what the contract (book/src/contract.md) asks of an adapter. Knows no pool. R cannot duplicate
# descriptors, so an adapter begins with a line that sh reads as its only command, and R as a comment
# behind an assignment:
#
#     standard_output=3#; ADAPTER="$0" exec Rscript "$0" "$@" 3>&1 1>&2
#
# It is started by `sh ADAPTER`, and calls `serve` with
#
#     describe    what the contract's `describe` has, without `contract` and `language`
#     new         a function of options, which returns a pool
#     shutdown    a function of a pool
#     map         a function of a pool, calls and options, which returns the results or stops
#     submit      a function of a pool and a call, which returns a future
#     value       a function of a future, which waits for it; so is state, if the pool has it
#     class_of    a function of an error and a step's word: the class of the error
#
# Workers that are no forks of the program need all objects of the global environment. A pool that is
# dropped is one that R collects. A client is the main program: R has no threads. R encodes and decodes
# every value, so that nothing is a poison.

options(warn = 1)
# In the locale C, R writes letters as codes into messages.
invisible(Sys.setlocale("LC_CTYPE", "C.UTF-8"))

CONTRACT <- 1
UNSUPPORTED <- 77

# ---- the folder of a run ----

# How often a gate is looked at. Lower takes a processor from the pool, higher makes cases longer.
POLL_SECONDS <- 0.002

in_folder <- function(name) file.path(Sys.getenv("CONFORMANCE_DIR", "."), name)

# Calls a subroutine of Fortran's library, which R's own packages use.
fortran <- function(name, ...) {
  if (!is.loaded(name)) {
    mapped <- grep("/libgfortran[.]so", readLines("/proc/self/maps"), value = TRUE)
    if (length(mapped) == 0) refuse(1, "R has no libgfortran here, and so no CLOCK_MONOTONIC")
    dyn.load(sub("^[^/]*", "", mapped[1]))
  }
  .C(name, ...)
}

# Nanoseconds of CLOCK_MONOTONIC. R has only the wall clock; Fortran's clock of 64 bits is this one.
now <- function() {
  count <- fortran("_gfortran_system_clock_8", raw(8), raw(8), raw(8))[[1]]
  halves <- readBin(count, "integer", 2, endian = "little")
  halves[2] * 2^32 + halves[1] %% 2^32
}

# Returns the process that started this one.
parent <- function() {
  as.numeric(strsplit(sub(".*[)] ", "", readLines("/proc/self/stat")), " ")[[1]][2])
}

# Writes a line at the end of a file, with one write.
append_line <- function(path, fields) {
  # With `raw`, it may be a pipe.
  to <- file(path, "ab", raw = TRUE)
  on.exit(close(to))
  writeLines(encode(fields), to, useBytes = TRUE)
}

event <- function(kind, tag) {
  at <- now()
  line <- list(pid = Sys.getpid(), ppid = parent(), at = at, event = kind, tag = tag)
  append_line(in_folder("trace"), line)
}

wait_for <- function(gate) {
  while (!file.exists(in_folder(paste0("gate-", gate)))) Sys.sleep(POLL_SECONDS)
}

# ---- JSON ----

# Texts of R have no U+0000. This one, of private use, stands for it.
ZERO <- "\U10DEAD"

decode <- function(text) {
  Encoding(text) <- "UTF-8"
  text <- gsub("(?<!\\\\)((?:\\\\\\\\)*)\\\\u0000", paste0("\\1", ZERO), text, perl = TRUE)
  jsonlite::parse_json(text)
}

encode_text <- function(text) {
  # It takes a text without an encoding for one of Latin-1.
  encoded <- as.character(jsonlite::toJSON(jsonlite::unbox(enc2utf8(text))))
  gsub(ZERO, "\\u0000", encoded, fixed = TRUE)
}

# Whole numbers have no exponent, and others all digits that they need.
encode_number <- function(number) {
  if (number == 0 && 1 / number < 0) return("-0.0")
  sprintf(if (abs(number) < 2^53 && number == trunc(number)) "%.0f" else "%.17g", number)
}

# jsonlite's own encoder writes 15 digits, and other keys than empty ones.
encode <- function(value) {
  if (is.null(value)) return("null")
  if (is.character(value)) return(encode_text(value))
  if (is.logical(value)) return(if (value) "true" else "false")
  if (is.numeric(value)) return(encode_number(value))
  inner <- vapply(value, encode, "", USE.NAMES = FALSE)
  if (is.null(names(value))) return(paste0("[", paste(inner, collapse = ","), "]"))
  keys <- vapply(names(value), encode_text, "", USE.NAMES = FALSE)
  paste0("{", paste0(keys, rep(":", length(keys)), inner, collapse = ","), "}")
}

# ---- bodies, as they run in workers ----

# What `mark` keeps in this process.
marked <- NULL

die <- function(call) {
  # No `.Last`, no `on.exit`.
  if (!is.null(call[["code"]])) quit("no", call[["code"]], runLast = FALSE)
  tools::pskill(Sys.getpid(), call[["signal"]])
  # A signal that is not ignored has ended the process before this.
  stop("signal ", call[["signal"]], " did not end the process")
}

read_stdin <- function() {
  from <- file("stdin", "rb")
  on.exit(close(from))
  total <- 0
  while ((count <- length(readBin(from, "raw", 65536))) > 0) total <- total + count
  total
}

pass <- function(call) {
  wait_for(call[["gate"]])
  call[["value"]]
}

# Has a pool of one worker run the rest.
nest <- function(call) {
  if (call[["count"]] == 0) return(0)
  call[["count"]] <- call[["count"]] - 1
  call[["tag"]] <- paste0(call[["tag"]], ".", call[["count"]])
  pool <- new(list(max_workers = 1))
  depth <- if (exists("submit")) value(submit(pool, call)) else map(pool, list(call), list())[[1]]
  shutdown(pool)
  depth + 1
}

BODIES <- list(
  echo = function(call) call[["value"]],
  square = function(call) as.numeric(call[["value"]])^2,
  whoami = function(call) list(pid = Sys.getpid(), state = marked),
  gate = function(call) pass(call),
  sleep = function(call) {
    Sys.sleep(call[["ms"]] / 1000)
    call[["value"]]
  },
  # `stop` of a text would cut it after 8 KiB.
  fail = function(call) stop(simpleError(call[["text"]])),
  mark = function(call) {
    marked <<- call[["value"]]
    NULL
  },
  die = function(call) die(call),
  blob = function(call) strrep("x", call[["count"]]),
  print = function(call) cat(rep(call[["text"]], call[["count"]]), sep = ""),
  read_stdin = function(call) read_stdin(),
  child = function(call) system2("sh", c("-c", shQuote(paste("exit", c(call[["code"]], 0)[1])))),
  nest = function(call) nest(call),
  ignore_term = function(call) {
    # R has no function for that. SIG_IGN is 1.
    fortran("_gfortran_signal_sub_int", tools::SIGTERM, 1L, 0L)
    pass(call)
  },
  getenv = function(call) {
    value <- Sys.getenv(call[["text"]], NA)
    if (is.na(value)) NULL else value
  }
)

# The function that is mapped. With the prefix `init_`, the same as an initializer.
run_call <- function(call, prefix = "") {
  event(paste0(prefix, "begin"), call[["tag"]])
  value <- tryCatch(BODIES[[call[["run"]]]](call), error = function(error) {
    event(paste0(prefix, "failed"), call[["tag"]])
    stop(error)
  })
  event(paste0(prefix, "end"), call[["tag"]])
  value
}

# ---- what a scenario needs ----

BODY_NEEDS <- list(
  die = "worker_death", blob = "blob", print = "stdio", read_stdin = "stdio", child = "child_process",
  nest = "nested", ignore_term = "ignore_term", getenv = "getenv"
)

call_needs <- function(call) {
  poison <- call[["poison"]]
  c(BODY_NEEDS[[call[["run"]]]], if (!is.null(poison)) paste0("poison_", poison))
}

pool_needs <- function(options) {
  initializer <- options[["initializer"]]
  c(
    if (is.null(options[["max_workers"]])) "default_max_workers",
    if (!is.null(initializer)) {
      c(if (is.null(initializer[["value"]])) "initializer" else "initargs", call_needs(initializer))
    },
    setdiff(names(options), c("max_workers", "initializer"))
  )
}

map_needs <- function(step) {
  options <- names(step[["options"]])
  c("map", sub("^timeout$", "map_timeout", options), unlist(lapply(step[["calls"]], call_needs)))
}

# The steps that there are, with what each needs.
STEP_NEEDS <- list(
  new = function(step) pool_needs(step[["options"]]),
  submit = function(step) c("submit", call_needs(step[["call"]])),
  result = function(step) c("submit", if (!is.null(step[["timeout"]])) "result_timeout"),
  state = function(step) "state",
  map = map_needs,
  shutdown = function(step) {
    c(if (!step[["wait"]]) "shutdown_nowait", if (step[["cancel"]]) "shutdown_cancel")
  },
  drop = function(step) "drop",
  open_file = function(step) "open_file",
  gate = function(step) NULL
)

# Says why a scenario cannot be carried out, before anything of it has been. Several pools are a
# promise of the pool; the runtime can express them in any case.
why_not <- function(scenario, capabilities) {
  if ("initargs" %in% capabilities) capabilities <- c(capabilities, "initializer")
  if (length(scenario[["clients"]]) > 1) return("several clients need threads")
  for (step in scenario[["clients"]][[1]][["steps"]]) {
    needs <- STEP_NEEDS[[step[["do"]]]]
    if (is.null(needs)) return(paste("the step", step[["do"]], "is not one of this adapter's"))
    missing <- setdiff(needs(step), capabilities)
    if (length(missing) > 0) {
      return(paste("the step", step[["do"]], "needs", paste(missing, collapse = ", ")))
    }
  }
  NULL
}

# ---- errors ----

# `class_of` is the adapter's; no pool has made an error of the class `missing_name`.
failure <- function(error, step, class_of) {
  class <- if (inherits(error, "missing_name")) "invalid" else class_of(error, step)
  list(error = list(class = class, type = class(error)[1], message = conditionMessage(error)))
}

# ---- steps ----

# The outcomes of a map. An error that is not one of the call itself is that of an item.
map_all <- function(adapter, pool, step) {
  tryCatch(
    lapply(adapter[["map"]](pool, step[["calls"]], step[["options"]]), function(value) list(ok = value)),
    error = function(error) {
      failed <- failure(error, "map", adapter[["class_of"]])
      if (failed[["error"]][["class"]] %in% c("invalid", "rejected")) stop(error)
      list(failed)
    }
  )
}

named <- function(things, name) {
  if (!is.null(things[[name]])) return(things[[name]])
  text <- paste0("nothing is called ", name, ": the step that makes it failed")
  stop(structure(class = c("missing_name", "error", "condition"), list(message = text, call = NULL)))
}

# Returns the value of a step; `pools` and `futures` are environments.
carry_out <- function(adapter, pools, futures, step) {
  pool <- function() named(pools, step[["pool"]])
  future <- function() named(futures, step[["future"]])
  # A name that is taken over is free even if its step fails: `thing` is evaluated where it is used.
  make <- function(things, name, thing) {
    things[[name]] <- NULL
    things[[name]] <- thing
    NULL
  }
  # `do.call` has the pool looked for even if the adapter does not use it.
  submit <- function() do.call(adapter[["submit"]], list(pool(), step[["call"]]))
  shutdown <- function() {
    do.call(adapter[["shutdown"]], list(pool()))
    NULL
  }
  # R ends connections when it collects them.
  drop <- function() {
    pool()
    pools[[step[["pool"]]]] <- NULL
    gc()
    NULL
  }
  open_file <- function() {
    # Nobody closes it before the program ends.
    opened <<- file(in_folder("opened"), "w")
    NULL
  }
  switch(step[["do"]],
    new = make(pools, step[["pool"]], adapter[["new"]](step[["options"]])),
    submit = make(futures, step[["future"]], submit()),
    result = adapter[["value"]](future()),
    state = adapter[["state"]](future()),
    map = map_all(adapter, pool(), step),
    shutdown = shutdown(),
    drop = drop(),
    open_file = open_file(),
    gate = wait_for(step[["gate"]])
  )
}

# ---- the command line ----

# Ends the program with a message for people.
refuse <- function(code, message) {
  cat(Sys.getenv("ADAPTER"), ": ", message, "\n", file = stderr(), sep = "")
  quit("no", code, runLast = FALSE)
}

# Ends an adapter whose pool is not there.
require_package <- function(package, origin) {
  if (!requireNamespace(package, quietly = TRUE)) refuse(1, paste0(package, " is not installed; it is ", origin))
}

read_scenario <- function() {
  from <- file("stdin")
  on.exit(close(from))
  wrong <- function(error) {
    refuse(1, paste("there is no scenario on standard input:", substr(conditionMessage(error), 1, 200)))
  }
  scenario <- tryCatch(decode(paste(readLines(from, warn = FALSE), collapse = "\n")), error = wrong)
  version <- scenario[["contract"]]
  if (identical(as.numeric(version), CONTRACT)) return(scenario)
  refuse(1, paste0("the scenario is for version ", version, " of the contract, not ", CONTRACT))
}

run_client <- function(adapter, client) {
  pools <- new.env()
  futures <- new.env()
  for (index in seq_along(client[["steps"]])) {
    step <- client[["steps"]][[index]]
    write <- function(...) {
      line <- list(client = client[["name"]], step = index - 1, at = now(), ...)
      append_line(paste0("/proc/self/fd/", standard_output), line)
    }
    write(is = "begin")
    outcome <- tryCatch(
      list(ok = carry_out(adapter, pools, futures, step)),
      error = function(error) failure(error, step[["do"]], adapter[["class_of"]])
    )
    write(is = "end", outcome = outcome)
  }
}

# Does what the command line asks for.
serve <- function(describe, ...) {
  adapter <- list(...)
  verb <- c(commandArgs(TRUE), "")[1]
  if (verb == "describe") {
    language <- list(contract = CONTRACT, language = paste0("R ", getRversion()))
    return(append_line(paste0("/proc/self/fd/", standard_output), c(language, describe)))
  }
  if (verb != "run") refuse(2, "the first argument is `describe` or `run`")
  scenario <- read_scenario()
  reason <- why_not(scenario, unlist(describe[["capabilities"]]))
  if (!is.null(reason)) refuse(UNSUPPORTED, reason)
  run_client(adapter, scenario[["clients"]][[1]])
}

require_package("jsonlite", "r-cran-jsonlite in Debian, jsonlite in CRAN")
