#!/usr/bin/env ruby
# parallel: an error of one item ends the map, and the results of all other items are lost.

require 'parallel'

ran = IO.pipe
got = begin
  Parallel.map(0...6, in_processes: 2) do |item|
    raise "item #{item} is bad" if item == 3

    ran[1].syswrite('.')
    item * item
  end
rescue RuntimeError => e
  puts "the map failed: #{e.message}"
end
ran[1].close
puts "#{ran[0].read.size} items have run, #{got ? got.size : 'none'} has a result"
exit(got.nil? ? 0 : 1)
