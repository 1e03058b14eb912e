#!/usr/bin/env ruby
# parallel: there is no pool that could be shut down; each map starts workers of its own.

require 'parallel'

first, second = Array.new(2) { Parallel.map([1], in_processes: 1) { Process.pid }.first }
ends = Parallel.methods(false) & %i[shutdown close finish stop join]
puts "one map ran in worker #{first}, the next one in #{second}; methods that end a pool: #{ends}"
exit(first != second && ends.empty? ? 0 : 1)
