# frozen_string_literal: true

# What Ruby adapters share: the command line, the steps of clients, their lines, the bodies of calls.
#
#     stdin ──scenario──▶ serve ──▶ client ──step──▶ the adapter's pool ──call──▶ run_call, in a worker
#                                     └──line──▶ a duplicate of stdout             └──event──▶ the trace
#
# In this order: the folder of a run (clock, trace, gates) · bodies · what a scenario needs · errors in
# the words of the contract · steps · `serve`, which does what the command line asks for.
#
# Owns what the contract (book/src/contract.md) asks of an adapter. Knows no pool. An adapter calls
# `serve` with
#
#     describe    what the contract's `describe` has, without `contract` and `language`
#     pool        a class: new(options), shutdown(wait, cancel), and as its capabilities say
#                   map(calls, options)   returns results, or raises
#                   submit(call)          returns a future with value(seconds or nil), and perhaps
#                                         cancel, state, on_done { … }
#                   drop, kill_workers
#     class_of    a function of an error and a step's word: the class of one of the pool's errors, or nil
#
# Options and calls are hashes with the contract's words as strings. The first client is the main thread.

require 'json'

# See the head of the file.
module Runtime
  CONTRACT = 1
  UNSUPPORTED = 77

  # ---- the folder of a run ----

  # How often a gate is looked at. Lower takes a processor from the pool, higher makes cases longer.
  POLL_SECONDS = 0.002

  FOLDER = ENV.fetch('CONFORMANCE_DIR', '.')

  module_function

  def now
    Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond)
  end

  # Appends an event to the trace, with one write to a file that is opened for appending.
  def event(kind, tag)
    line = { pid: Process.pid, ppid: Process.ppid, at: now, event: kind, tag: tag }
    File.open("#{FOLDER}/trace", File::WRONLY | File::APPEND | File::CREAT, 0o600) do |trace|
      trace.syswrite("#{JSON.generate(line)}\n")
    end
  end

  def wait_for(gate)
    sleep POLL_SECONDS until File.exist?("#{FOLDER}/gate-#{gate}")
  end

  # ---- bodies, as they run in workers ----

  # Can be encoded, and not decoded. Marshal has no error of its own for that.
  class Undecodable
    def marshal_dump
      nil
    end

    def marshal_load(_)
      raise TypeError, 'this value cannot be decoded'
    end
  end

  # Marshal's own error is that of a value that cannot be encoded: of code.
  def poison(place)
    place.start_with?('encode') ? proc {} : Undecodable.new
  end

  # The argument as the client submits it.
  def as_submitted(call)
    place = call['poison']
    %w[encode_argument decode_argument].include?(place) ? call.merge('extra' => poison(place)) : call
  end

  def die(call)
    # No `at_exit`, no `ensure`.
    exit!(call['code']) if call['code']
    Process.kill(call['signal'], Process.pid)
    # A signal that is not ignored has ended the process before this.
    raise "signal #{call['signal']} did not end the process"
  end

  def print_text(call)
    call['count'].times { $stdout.write(call['text']) }
    $stdout.flush
    nil
  end

  def pass(call)
    wait_for(call['gate'])
    call['value']
  end

  # Has a pool of one worker run the rest.
  def nest(call)
    return 0 if call['count'].zero?

    count = call['count'] - 1
    inner = call.merge('count' => count, 'tag' => "#{call['tag']}.#{count}")
    pool = @adapter[:pool].new('max_workers' => 1)
    depth = pool.respond_to?(:map) ? pool.map([inner], {}).first : pool.submit(inner).value(nil)
    pool.shutdown(true, false)
    depth + 1
  end

  BODIES = {
    'echo' => ->(call) { call['value'] },
    'square' => ->(call) { call['value'] * call['value'] },
    'whoami' => ->(_) { { 'pid' => Process.pid, 'state' => @state } },
    'gate' => method(:pass),
    'sleep' => ->(call) { sleep(call['ms'] / 1000.0).then { call['value'] } },
    'fail' => ->(call) { raise call['text'] },
    'mark' => ->(call) { (@state = call['value']).then { nil } },
    'die' => method(:die),
    'blob' => ->(call) { 'x' * call['count'] },
    'print' => method(:print_text),
    'read_stdin' => ->(_) { $stdin.read.bytesize },
    'child' => ->(call) { system('sh', '-c', "exit #{call['code'] || 0}").then { $?.exitstatus } },
    'nest' => method(:nest),
    'ignore_term' => ->(call) { trap('TERM', 'IGNORE').then { pass(call) } },
    'getenv' => ->(call) { ENV.fetch(call['text'], nil) }
  }.freeze

  # The function that is submitted and mapped. With the prefix `init_`, the same as an initializer.
  def run_call(call, prefix = '')
    event("#{prefix}begin", call['tag'])
    begin
      value = BODIES.fetch(call['run']).call(call)
    rescue StandardError
      event("#{prefix}failed", call['tag'])
      raise
    end
    event("#{prefix}end", call['tag'])
    %w[encode_result decode_result].include?(call['poison']) ? poison(call['poison']) : value
  end

  def initialize_worker(call)
    run_call(call, 'init_')
  end

  # ---- what a scenario needs ----

  BODY_NEEDS = {
    'die' => 'worker_death', 'blob' => 'blob', 'print' => 'stdio', 'read_stdin' => 'stdio',
    'child' => 'child_process', 'nest' => 'nested', 'ignore_term' => 'ignore_term', 'getenv' => 'getenv'
  }.freeze

  def call_needs(call)
    [BODY_NEEDS[call['run']], call['poison'] && "poison_#{call['poison']}"].compact
  end

  def pool_needs(options)
    needs = options['max_workers'] ? [] : ['default_max_workers']
    if (initializer = options['initializer'])
      needs << (initializer['value'].nil? ? 'initializer' : 'initargs')
      needs.concat(call_needs(initializer))
    end
    needs + (options.keys - %w[max_workers initializer])
  end

  def map_needs(step)
    options = step.fetch('options', {}).keys.map { |word| word == 'timeout' ? 'map_timeout' : word }
    ['map', *options, *step['calls'].flat_map { |call| call_needs(call) }]
  end

  # The steps that there are, with what each needs.
  STEP_NEEDS = {
    'new' => ->(step) { pool_needs(step.fetch('options', {})) },
    'submit' => ->(step) { ['submit', *call_needs(step['call'])] },
    'result' => ->(step) { ['submit', *(step['timeout'] && 'result_timeout')] },
    'map' => method(:map_needs),
    'shutdown' => lambda { |step|
      [('shutdown_nowait' unless step['wait']), ('shutdown_cancel' if step['cancel'])].compact
    },
    'cancel' => ->(_) { ['cancel'] },
    'state' => ->(_) { ['state'] },
    'callback' => ->(step) { step['reads'] ? %w[callbacks state] : ['callbacks'] },
    'drop' => ->(_) { ['drop'] },
    'kill_workers' => ->(_) { ['kill_workers'] },
    'open_file' => ->(_) { ['open_file'] },
    'gate' => ->(_) { [] }
  }.freeze

  # Says why a scenario cannot be carried out, before anything of it has been. Threads and several pools
  # are promises of the pool; the runtime can express them in any case.
  def why_not(scenario, capabilities)
    capabilities += ['initializer'] if capabilities.include?('initargs')
    scenario['clients'].flat_map { |client| client['steps'] }.each do |step|
      needs = STEP_NEEDS[step['do']] or return "the step #{step['do']} is not one of this adapter's"
      missing = needs.call(step) - capabilities
      return "the step #{step['do']} needs #{missing.join(', ')}" unless missing.empty?
    end
    nil
  end

  # ---- errors ----

  # A name that stands for nothing, as when the step that should have made it has failed.
  class Missing < StandardError; end

  # What Marshal says of values, and what `Undecodable` does.
  NOT_ENCODED = /no _dump_data is defined|can't (be )?dump|cannot be decoded/.freeze

  # An error's text, with those of its causes.
  def message_of(error)
    text = error.message.to_s.dup.force_encoding('UTF-8').scrub
    error.cause ? "#{text}: #{message_of(error.cause)}" : text
  end

  # Tells the error of a body, and that of an initializer, from the pool's own: by where it was raised.
  def class_of_body(error)
    trace = Array(error.backtrace).join("\n")
    return unless /runtime\.rb:\d+:in [`'](Runtime\.)?run_call'/.match?(trace)

    /runtime\.rb:\d+:in [`'](Runtime\.)?initialize_worker'/.match?(trace) ? 'broken' : 'task'
  end

  # No pool has made `Missing`, so no adapter is asked what it is.
  def class_of(error, step)
    return 'invalid' if error.is_a?(Missing)

    asked = class_of_body(error) || @adapter[:class_of].call(error, step)
    return asked if asked

    error.is_a?(TypeError) && NOT_ENCODED.match?(error.message) ? 'serialisation' : 'other'
  end

  def failure(error, step)
    failed = { class: class_of(error, step), type: error.class.name, message: message_of(error) }
    traced = failed[:class] == 'task' && @adapter[:describe][:capabilities].include?('remote_trace')
    failed[:trace] = error.backtrace.join("\n") if traced && error.backtrace
    { error: failed }
  end

  # ---- steps ----

  @pools = {}
  @futures = {}

  def named(things, name)
    things.fetch(name) { raise Missing, "nothing is called #{name}: the step that makes it failed" }
  end

  # The outcomes of a map. An error that is not one of the call itself is that of an item.
  def map_all(step)
    outcomes = []
    begin
      calls = step['calls'].map { |call| as_submitted(call) }
      results = named(@pools, step['pool']).map(calls, step.fetch('options', {}))
      results.each { |value| outcomes << { ok: value } }
    rescue StandardError => e
      outcomes << failure(e, 'map')
      raise if outcomes.size == 1 && %w[invalid rejected].include?(outcomes[0][:error][:class])
    end
    outcomes
  end

  # A name that is taken over is free even if its step fails.
  def make(things, name)
    things.delete(name)
    things[name] = yield
    nil
  end

  def add_callback(step)
    future = named(@futures, step['future'])
    future.on_done do
      event('callback', step['reads'] ? "#{step['label']} #{future.state}" : step['label'])
      raise "the callback #{step['label']} fails" if step['fails']
    end
    nil
  end

  STEPS = {
    'new' => ->(step) { make(@pools, step['pool']) { @adapter[:pool].new(step.fetch('options', {})) } },
    'submit' => lambda { |step|
      make(@futures, step['future']) { named(@pools, step['pool']).submit(as_submitted(step['call'])) }
    },
    'result' => lambda { |step|
      named(@futures, step['future']).value(step['timeout'] && (step['timeout'] / 1000.0))
    },
    'map' => method(:map_all),
    'shutdown' => ->(step) { named(@pools, step['pool']).shutdown(step['wait'], step['cancel']).then { nil } },
    'cancel' => ->(step) { named(@futures, step['future']).cancel },
    'state' => ->(step) { named(@futures, step['future']).state },
    'callback' => method(:add_callback),
    'drop' => lambda { |step|
      named(@pools, step['pool']).drop
      @pools.delete(step['pool']).then { nil }
    },
    'kill_workers' => ->(step) { named(@pools, step['pool']).kill_workers.then { nil } },
    # Nobody closes it before the program ends.
    'open_file' => ->(_) { (@opened = File.open("#{FOLDER}/opened", 'w')).then { nil } },
    'gate' => ->(step) { wait_for(step['gate']) }
  }.freeze

  # ---- the command line ----

  # Ends the program with a message for people.
  def refuse(code, message)
    warn "#{$PROGRAM_NAME}: #{message}"
    exit code
  end

  # A line is one write, past every buffer: each forked worker would have a buffer's bytes, too.
  def write_line(line)
    text = "#{JSON.generate(line, max_nesting: 0)}\n"
    @writing.synchronize do
      text = text.byteslice(@lines.syswrite(text)..) until text.empty?
    end
  end

  def client(about)
    about['steps'].each_with_index do |step, index|
      line = { client: about['name'], step: index }
      write_line({ **line, at: now, is: 'begin' })
      outcome =
        begin
          { ok: STEPS[step['do']].call(step) }
        rescue StandardError => e
          failure(e, step['do'])
        end
      write_line({ **line, at: now, is: 'end', outcome: outcome })
    end
  end

  def read_scenario
    scenario =
      begin
        JSON.parse($stdin.read.force_encoding('UTF-8'), max_nesting: false)
      rescue JSON::ParserError => e
        refuse(1, "there is no scenario on standard input: #{e.message[0, 200]}")
      end
    version = scenario['contract']
    return scenario if version == CONTRACT

    refuse(1, "the scenario is for version #{version.inspect} of the contract, not #{CONTRACT}")
  end

  # Workers and libraries print to standard error, so that nothing of theirs can be taken for a line.
  def take_stdout
    @writing = Mutex.new
    @lines = $stdout.dup
    $stdout.reopen($stderr)
  end

  # Does what the command line asks for.
  def serve(adapter)
    @adapter = adapter
    about = adapter[:describe]
    return puts(JSON.generate({ contract: CONTRACT, language: "Ruby #{RUBY_VERSION}", **about })) if
      ARGV[0] == 'describe'

    refuse(2, 'the first argument is `describe` or `run`') if ARGV[0] != 'run'
    scenario = read_scenario
    reason = why_not(scenario, about[:capabilities])
    refuse(UNSUPPORTED, reason) if reason
    take_stdout
    first, *others = scenario['clients']
    threads = others.map { |other| Thread.new { client(other) } }
    client(first)
    threads.each(&:join)
  end
end
