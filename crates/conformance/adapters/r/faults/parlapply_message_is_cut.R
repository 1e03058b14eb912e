#!/usr/bin/env Rscript
# parLapply: the message of an error is cut after some 8,190 letters, which is the most that `stop` keeps.

library(parallel)

cluster <- makeCluster(1)
failing <- function(item) {
    # The greatest number that R accepts.
    options(warning.length = 8170L)
    stop(strrep("x", 20000))
}
kept <- nchar(tryCatch(parLapply(cluster, 1, failing), error = conditionMessage))
stopCluster(cluster)
cat("of a message of 20,000 letters, the error has", kept, "\n")
quit("no", if (kept < 20000) 0 else 1)
