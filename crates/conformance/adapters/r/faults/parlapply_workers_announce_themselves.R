#!/usr/bin/env Rscript
# parLapply: a worker whose output is not thrown away prints that it starts.

library(parallel)

to <- tempfile()
stopCluster(makeCluster(1, outfile = to))
printed <- readLines(to)
cat("the worker printed:", printed, "\n")
quit("no", if (any(grepl("starting worker", printed))) 0 else 1)
