#!/usr/bin/env Rscript
# parLapply: a worker has the descriptors of the files that its program has opened.

library(parallel)

path <- tempfile()
opened <- file(path, "w")
cluster <- makeCluster(1)
inherited <- clusterCall(cluster, function() Sys.readlink(list.files("/proc/self/fd", full.names = TRUE)))[[1]]
cat("the program has opened", path, "and its worker has", inherited, "\n")
stopCluster(cluster)
quit("no", if (path %in% inherited) 0 else 1)
