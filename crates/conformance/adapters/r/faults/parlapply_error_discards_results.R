#!/usr/bin/env Rscript
# parLapply: an error of one item fails the map when all items have run, and the results of the others are lost.

library(parallel)

cluster <- makeCluster(2)
ran <- tempfile()
body <- function(item, ran) {
  cat(".", file = ran, append = TRUE)
  if (item == 3) stop("item 3 is bad")
  item^2
}
got <- tryCatch(parLapplyLB(cluster, 0:5, body, ran, chunk.size = 1), error = function(error) {
  cat("the map failed:", conditionMessage(error), "\n")
  NULL
})
cat(nchar(readLines(ran, warn = FALSE)), "items have run,", length(got), "have a result\n")
stopCluster(cluster)
quit("no", if (is.null(got)) 0 else 1)
