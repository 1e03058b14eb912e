#!/usr/bin/env ruby
# frozen_string_literal: true

# The gem `parallel`, with processes for workers. It has maps only. There is no object for a pool: each
# map starts its own workers, by fork, and ends them. Items reach them by the fork, and are not encoded.

require_relative 'runtime'

begin
  require 'parallel'
rescue LoadError
  Runtime.refuse(1, 'parallel is not installed; it is ruby-parallel in Debian, parallel in RubyGems')
end

# The options of a map, which are all that there is between maps.
class Pool
  def initialize(options)
    @options = {}
    @options[:in_processes] = options['max_workers'] if options['max_workers']
  end

  def map(calls, _options)
    Parallel.map(calls, @options) { |call| Runtime.run_call(call) }
  end

  # Nothing outlives a map, so there is nothing to end.
  def shutdown(_wait, _cancel); end
end

Runtime.serve(
  describe: {
    implementation: 'parallel',
    version: Parallel::VERSION,
    start_method: 'fork',
    capabilities: %w[
      map default_max_workers threads several_pools open_file error_message remote_trace worker_death
      poison_encode_result poison_decode_result blob stdio child_process nested ignore_term getenv
    ],
    policies: {
      start: 'on_demand', program_end: 'drain', map_error: 'stop', worker_death: 'replace',
      bad_result: 'task_error', sigint: 'delivered'
    }
  },
  pool: Pool,
  class_of: ->(error, _step) { 'broken' if error.is_a?(Parallel::DeadWorker) }
)
