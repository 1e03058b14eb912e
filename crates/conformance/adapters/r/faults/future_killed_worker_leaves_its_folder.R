#!/usr/bin/env Rscript
# future: a worker that is killed leaves its folder of temporary files behind.

library(future)

plan(multisession, workers = I(1))
folder <- value(future(tempdir()))
died <- tryCatch(value(future(tools::pskill(Sys.getpid(), 9))), error = function(error) class(error)[1])
left <- dir.exists(folder)
cat("the worker was killed:", died, "\n")
cat(folder, if (left) "is still there\n" else "was removed\n")
unlink(folder, recursive = TRUE)
quit("no", if (left) 0 else 1)
