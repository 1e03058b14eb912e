#!/usr/bin/env Rscript
# parLapply: workers are started in the background of a shell, which ends, so they are not the program's children.

library(parallel)

cluster <- makeCluster(2)
parents <- unlist(clusterEvalQ(cluster, {
  sub("PPid:\t", "", grep("^PPid", readLines("/proc/self/status"), value = TRUE))
}))
cat("this is", Sys.getpid(), "and the parents of its workers are", parents, "\n")
stopCluster(cluster)
quit("no", if (Sys.getpid() %in% parents) 1 else 0)
