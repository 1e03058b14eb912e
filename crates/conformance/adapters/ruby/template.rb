#!/usr/bin/env ruby
# frozen_string_literal: true

# An adapter to copy, with runtime.rb beside it: the core tier, here of a small pool of its own that has a
# thread and a process for each task.
#
# Change the places marked YOURS. runtime.rb does the rest of what the contract asks for, and stays as it is.

require_relative 'runtime'

# YOURS: the pool itself; `require` yours.
class Processes
  class Dead < StandardError; end
  class ShutDown < StandardError; end

  # A process must not inherit the pipes of another one: nobody would see their end.
  FORKING = Mutex.new

  def initialize(count, &initialize)
    @places = SizedQueue.new(count)
    @initialize = initialize
    @tasks = []
  end

  # Returns the thread that waits for the task; its value is the result.
  def start(&task)
    raise ShutDown, 'the pool is shut down' if @tasks.frozen?

    @tasks << Thread.new do
      Thread.current.report_on_exception = false
      @places.push(:taken)
      have_run(task)
    ensure
      @places.pop
    end
    @tasks.last
  end

  def shutdown
    @tasks.freeze.each do |task|
      task.join
    rescue StandardError
      next # Who waits for the task gets its error.
    end
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
    raise Dead, "worker #{worker} has died" if bytes.empty?

    is_well, value = Marshal.load(bytes)
    is_well ? value : raise(value)
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
  Future = Struct.new(:task) do
    # Waits for at most some seconds, or for ever. A pool without `result_timeout` gets nil.
    def value(seconds)
      task.join(seconds) && task.value
    end
  end

  # Each worker calls `Runtime.initialize_worker(call)` first.
  def initialize(options)
    call = options['initializer']
    @pool = Processes.new(options['max_workers'], &(call && -> { Runtime.initialize_worker(call) }))
  end

  # Has a worker call `Runtime.run_call(call)`, and returns the future at once.
  def submit(call)
    Future.new(@pool.start { Runtime.run_call(call) })
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
  class_of: lambda { |error, _step|
    { Processes::Dead => 'broken', Processes::ShutDown => 'rejected' }[error.class]
  }
)
