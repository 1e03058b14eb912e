#!/usr/bin/env Rscript
# future: a worker has the descriptors of the files that its program has opened.

library(future)

path <- tempfile()
opened <- file(path, "w")
plan(multisession, workers = I(1))
inherited <- value(future(Sys.readlink(list.files("/proc/self/fd", full.names = TRUE))))
cat("the program has opened", path, "and its worker has", inherited, "\n")
plan(sequential)
quit("no", if (path %in% inherited) 0 else 1)
