#!/usr/bin/env ruby
# frozen_string_literal: true

# An adapter to copy, with runtime.rb beside it: the core tier, here of a small pool of its own, which has a
# process for each task and so fails the cases about workers that stay.
#
# Change the places marked YOURS. runtime.rb does the rest of what the contract asks for, and stays as it is.

require_relative 'runtime'

# YOURS: the pool itself; `require` yours.
class Processes
  class Dead < StandardError; end

  # A result that has not come yet.
  class Future
    def initialize
      @settled = Queue.new
    end

    def settle(outcome)
      @outcome = outcome
      @settled.close
    end

    # Without the capability `result_timeout` there is no time limit.
    def value(_seconds)
      @settled.pop
      is_well, value = @outcome
      is_well ? value : raise(value)
    end
  end

  # A process must not inherit the pipe of another one: nobody would see its end.
  FORKING = Mutex.new

  def initialize(count, &initialize)
    @initialize = initialize
    @tasks = Queue.new
    @threads = Array.new(count) do
      Thread.new do
        while (task, future = @tasks.pop)
          future.settle(have_run(task))
        end
      end
    end
  end

  def submit(&task)
    Future.new.tap { |future| @tasks.push([task, future]) }
  end

  def shutdown
    @tasks.close
    @threads.each(&:join)
  end

  private

  def have_run(task)
    worker, answers = FORKING.synchronize do
      reader, writer = IO.pipe(binmode: true)
      worker = fork { writer.write(Marshal.dump(answer(task))) }
      writer.close
      [worker, reader]
    end
    bytes = answers.read.tap { answers.close }
    Process.wait(worker)
    bytes.empty? ? [false, Dead.new("worker #{worker} has died")] : Marshal.load(bytes)
  end

  def answer(task)
    @initialize&.call
    [true, task.call]
  rescue StandardError => e
    [false, e]
  end
end

# YOURS: the contract's methods in terms of your pool.
class Pool
  # Each worker calls `Runtime.initialize_worker(call)` first.
  def initialize(options)
    call = options['initializer']
    @pool = Processes.new(options['max_workers'], &(call && -> { Runtime.initialize_worker(call) }))
  end

  # Has a worker call `Runtime.run_call(call)`, and returns the future at once.
  def submit(call)
    @pool.submit { Runtime.run_call(call) }
  end

  # Returns what the pool's map gives its users.
  def map(calls, _options)
    calls.map { |call| submit(call) }.lazy.map { |future| future.value(nil) }
  end

  # Returns when all tasks and workers have ended.
  def shutdown(_wait, _cancel)
    @pool.shutdown
  end
end

# YOURS: what the pool can do, its choice where pools differ, and the classes of its errors. The contract
# lists the words. The errors of bodies and of Marshal are known.
Runtime.serve(
  describe: {
    implementation: 'template', version: RUBY_VERSION, start_method: 'fork',
    capabilities: %w[submit map initargs],
    policies: { start: 'on_demand', program_end: 'abandon', map_error: 'stop' }
  },
  pool: Pool,
  class_of: ->(error, _) { { Processes::Dead => 'broken', ClosedQueueError => 'rejected' }[error.class] }
)
