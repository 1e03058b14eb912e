#!/usr/bin/env Rscript
# future: to make a future waits for a worker that has nothing to do.

library(future)

plan(multisession, workers = I(1))
gate <- tempfile()
first <- future({
  while (!file.exists(gate)) Sys.sleep(0.01)
  file.remove(gate)
})
# The gate is opened by another process, after a second.
system(paste("sleep 1; touch", gate), wait = FALSE)
second <- future(2)
waited <- !file.exists(gate) && resolved(first)
cat("the second future was made", if (waited) "when the task of the first had ended\n" else "at once\n")
invisible(value(list(first, second)))
plan(sequential)
quit("no", if (waited) 0 else 1)
