#!/usr/bin/env Rscript
# future: when a worker dies, its task fails and no other worker takes its place, but its siblings work on.

library(future)

plan(multisession, workers = I(2))
dead <- future(tools::pskill(Sys.getpid(), 9))
sibling <- future({
  Sys.sleep(1)
  "done"
})
cat("the task of the dead worker:", tryCatch(value(dead), error = function(error) class(error)[1]), "\n")
cat("the task of its sibling:", value(sibling), "\n")
# Both workers are needed for that; one is not there.
next_ones <- tryCatch(value(list(future(1), future(2))), error = function(error) class(error)[1])
cat("the next tasks:", unlist(next_ones), "\n")
quit("no", if (value(sibling) == "done") 0 else 1)
