#!/usr/bin/env Rscript
# parLapply: a chunk size of zero or less is taken for one.

library(parallel)

cluster <- makeCluster(1)
got <- lapply(c(0, -1), function(size) unlist(parLapplyLB(cluster, 1:3, sqrt, chunk.size = size)))
cat("with chunks of 0 and of -1 items, the maps returned", lengths(got), "results\n")
stopCluster(cluster)
quit("no", if (all(lengths(got) == 3)) 0 else 1)
