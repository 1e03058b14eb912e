#!/usr/bin/env Rscript
# parLapply: a cluster that was stopped cannot be stopped again.

library(parallel)

cluster <- makeCluster(1)
stopCluster(cluster)
second <- tryCatch(stopCluster(cluster), error = conditionMessage)
cat("the second time:", second, "\n")
quit("no", if (identical(second, "invalid connection")) 0 else 1)
