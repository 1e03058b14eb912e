#!/usr/bin/env Rscript
# future: to start a worker takes most of a second, and a task some hundredths, alone on a fast machine.

library(future)

pool <- system.time(plan(multisession, workers = I(1)))[["elapsed"]]
tasks <- system.time(for (number in 1:20) value(future(number)))[["elapsed"]] / 20
cat(sprintf("a pool of one worker took %.0f ms, and a task %.0f ms\n", 1000 * pool, 1000 * tasks))
plan(sequential)
quit("no", if (pool > 0.2 && tasks > 0.01) 0 else 1)
