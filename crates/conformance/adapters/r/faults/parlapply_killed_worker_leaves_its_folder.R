#!/usr/bin/env Rscript
# parLapply: a worker that is killed leaves its folder of temporary files behind.

library(parallel)

cluster <- makeCluster(1)
folder <- clusterCall(cluster, tempdir)[[1]]
died <- tryCatch(clusterCall(cluster, function() tools::pskill(Sys.getpid(), 9)), error = conditionMessage)
try(stopCluster(cluster))
left <- dir.exists(folder)
cat("the worker was killed:", died, "\n")
cat(folder, if (left) "is still there\n" else "was removed\n")
unlink(folder, recursive = TRUE)
quit("no", if (left) 0 else 1)
