#!/usr/bin/env Rscript
# future: when its workers were shut down, by another plan, a task runs in the program itself.

library(future)

plan(multisession, workers = I(1))
plan(sequential)
process <- value(future(Sys.getpid()))
cat("the task ran in process", process, "and this is", Sys.getpid(), "\n")
quit("no", if (process == Sys.getpid()) 0 else 1)
