#!/usr/bin/env ruby
# parallel: a result that cannot be encoded ends its worker, and the map fails with `DeadWorker`, which
# does not say why.

require 'parallel'

begin
  Parallel.map([1], in_processes: 1) { proc {} }
  puts 'the map has returned'
  exit 1
rescue Parallel::DeadWorker => e
  puts "the map failed: #{e.class}: #{e.message}, caused by #{e.cause.class}"
rescue TypeError => e
  puts "the map failed with the error of the encoder: #{e.message}"
  exit 1
end
