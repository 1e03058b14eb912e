#!/usr/bin/env ruby
# parallel: a worker has the descriptors of the files that its program has opened.

require 'parallel'

opened = File.open(__FILE__)
inherited = Parallel.map([opened.fileno], in_processes: 1) do |number|
  File.readlink("/proc/self/fd/#{number}")
rescue SystemCallError
  nil
end
puts "in the worker, descriptor #{opened.fileno} is #{inherited.first || 'closed'}"
exit(inherited.first == File.realpath(__FILE__) ? 0 : 1)
