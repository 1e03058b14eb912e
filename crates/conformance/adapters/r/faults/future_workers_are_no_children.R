#!/usr/bin/env Rscript
# future: workers are started in the background of a shell, which ends, so they are not the program's children.

library(future)

plan(multisession, workers = I(1))
parent <- value(future(sub("PPid:\t", "", grep("^PPid", readLines("/proc/self/status"), value = TRUE))))
cat("this is", Sys.getpid(), "and the parent of its worker is", parent, "\n")
plan(sequential)
quit("no", if (parent == Sys.getpid()) 1 else 0)
