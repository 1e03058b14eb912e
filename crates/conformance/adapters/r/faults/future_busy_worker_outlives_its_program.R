#!/usr/bin/env Rscript
# future: a worker that runs a task lives on when its program has ended.

folder <- tempfile()
dir.create(folder)
# The task says which process it is in, and the program ends then.
program <- 'library(future)
plan(multisession, workers = I(1))
f <- future({
  writeLines(as.character(Sys.getpid()), "new")
  file.rename("new", "worker")
  Sys.sleep(100)
})
while (!file.exists("worker")) Sys.sleep(0.01)'
writeLines(program, file.path(folder, "program.R"))
system(paste("cd", folder, "&& Rscript program.R >output 2>&1"))
worker <- readLines(file.path(folder, "worker"))
# One that noticed the end of its program would have ended by then.
Sys.sleep(5)
lives <- dir.exists(file.path("/proc", worker))
cat("the program has ended, and its worker", worker, if (lives) "lives on\n" else "has, too\n")
tools::pskill(as.integer(worker), 9)
quit("no", if (lives) 0 else 1)
