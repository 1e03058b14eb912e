#!/usr/bin/env Rscript
# future: a worker is started by R's script, which adds folders to the variable LD_LIBRARY_PATH once more.

library(future)

plan(multisession, workers = I(1))
paths <- c(Sys.getenv("LD_LIBRARY_PATH"), value(future(Sys.getenv("LD_LIBRARY_PATH"))))
plan(sequential)
cat("LD_LIBRARY_PATH is", paths[[1]], "in the program, and", paths[[2]], "in its worker\n")
quit("no", if (nchar(paths[[2]]) > nchar(paths[[1]])) 0 else 1)
