# What Perl adapters share: the command line, the steps of a client, its lines, the bodies of calls.
#
#     stdin ──scenario──▶ serve ──step──▶ the adapter's pool ──call──▶ run, in a worker
#                           └──line──▶ a duplicate of stdout             └──event──▶ the trace
#
# An adapter is a hash for `serve`:
#
#     describe    what the contract's `describe` has, without `contract` and `language`
#     pool        a class: new(%options), map($calls, $options) which returns a list of outcomes,
#                 shutdown; each may die
#     class       a function: the class of an error that one of the pool's methods died with, if it
#                 is not that something cannot be encoded
#
# Knows no library. A client is the main program: Perl programs have processes in place of threads, so
# there is never more than one.

package Runtime;

use strict;
use warnings;

use Errno qw(EINTR);
use Fcntl qw(O_APPEND O_CREAT O_WRONLY);
use JSON::PP ();
use POSIX ();
use Time::HiRes qw(CLOCK_MONOTONIC clock_gettime sleep);

use constant CONTRACT    => 1;
use constant UNSUPPORTED => 77;

# How often a gate is looked at. Lower takes a processor from the pool, higher makes cases longer.
use constant POLL_SECONDS => 0.002;

my $FOLDER = $ENV{CONFORMANCE_DIR} // '.';
my $JSON   = JSON::PP->new->utf8->allow_nonref;

# What `mark` keeps in this process.
my $state;

# The adapter's class; the same in all processes, as workers are forked.
my $pool_class;

# ---- the trace and the gates ----

# Nanoseconds of CLOCK_MONOTONIC. Perl's number of seconds has them exactly until the machine is up for
# some weeks, and to a few nanoseconds after that.
sub now { return int(clock_gettime(CLOCK_MONOTONIC) * 1e9) }

# Writes all of a text, past every buffer: a buffer would be written again by each forked worker.
sub write_all {
    my ($handle, $bytes) = @_;
    while (length $bytes) {
        my $count = syswrite $handle, $bytes;
        if (defined $count) { substr($bytes, 0, $count) = '' }
        elsif ($! != EINTR) { refuse(1, "a line could not be written: $!") }
    }
    return;
}

# Appends an event to the trace, with one write to a file that is opened for appending.
sub event {
    my ($kind, $tag) = @_;
    sysopen my $trace, "$FOLDER/trace", O_WRONLY | O_APPEND | O_CREAT, oct 600
        or refuse(1, "$FOLDER/trace: $!");
    my %event = (pid => $$ + 0, ppid => getppid() + 0, at => now(), event => $kind, tag => "$tag");
    write_all($trace, $JSON->encode(\%event) . "\n");
    close $trace or refuse(1, "$FOLDER/trace: $!");
    return;
}

sub wait_for {
    my ($gate) = @_;
    sleep POLL_SECONDS until -e "$FOLDER/gate-$gate";
    return;
}

# ---- the bodies ----

# Something that cannot be encoded: code.
sub unencodable { return { code => sub { } } }

sub finish {
    my ($call) = @_;
    # No END blocks, no destructors.
    POSIX::_exit($call->{code}) if defined $call->{code};
    kill $call->{signal}, $$;
    # A signal that is not ignored has ended the process before this.
    die "signal $call->{signal} did not end the process";
}

sub print_text {
    my ($call) = @_;
    local $| = 1;
    print {*STDOUT} $call->{text} for 1 .. $call->{count};
    return;
}

sub read_stdin {
    my $bytes = do { local $/; <STDIN> };
    return length($bytes // '');
}

sub nest {
    my ($call) = @_;
    return 0 if $call->{count} == 0;
    my $pool = $pool_class->new(max_workers => 1);
    my $count = $call->{count} - 1;
    my ($outcome) = $pool->map([{ %$call, count => $count, tag => "$call->{tag}.$count" }], {});
    $pool->shutdown;
    return 1 + ($outcome->{ok} // die "the nested pool failed: $outcome->{error}{message}\n");
}

sub pass {
    my ($call) = @_;
    wait_for($call->{gate});
    return $call->{value};
}

my %BODIES = (
    echo        => sub { $_[0]{value} },
    square      => sub { $_[0]{value} * $_[0]{value} },
    whoami      => sub { { pid => $$ + 0, state => $state } },
    gate        => \&pass,
    sleep       => sub { sleep $_[0]{ms} / 1000; $_[0]{value} },
    fail        => sub { die $_[0]{text} },
    mark        => sub { $state = $_[0]{value}; undef },
    die         => \&finish,
    blob        => sub { 'x' x $_[0]{count} },
    print       => \&print_text,
    read_stdin  => \&read_stdin,
    child       => sub { system( 'sh', '-c', 'exit ' . ( $_[0]{code} // 0 ) ) >> 8 },
    nest        => \&nest,
    ignore_term => sub { $SIG{TERM} = 'IGNORE'; pass($_[0]) },
    getenv      => sub { $ENV{ $_[0]{text} } },
);

# The function that is submitted. With the prefix `init_`, the same as an initializer.
sub run {
    my ($call, $prefix) = (@_, '');
    event("${prefix}begin", $call->{tag});
    my $value;
    my $returned = eval {
        my $body = $BODIES{ $call->{run} } or die "there is no body $call->{run}";
        $value = $body->($call);
        1;
    };
    if (!$returned) {
        my $error = $@;
        event("${prefix}failed", $call->{tag});
        die $error;
    }
    event("${prefix}end", $call->{tag});
    return unencodable() if ($call->{poison} // '') eq 'encode_result';
    return $value;
}

# ---- what an adapter has, and what a scenario needs ----

my %BODY_NEEDS = (
    die         => 'worker_death',
    blob        => 'blob',
    print       => 'stdio',
    read_stdin  => 'stdio',
    child       => 'child_process',
    nest        => 'nested',
    ignore_term => 'ignore_term',
    getenv      => 'getenv',
);

sub call_needs {
    my ($call) = @_;
    my @needs = $BODY_NEEDS{ $call->{run} } // ();
    push @needs, "poison_$call->{poison}" if defined $call->{poison};
    return @needs;
}

sub pool_needs {
    my (%options) = @_;
    my @needs = defined delete $options{max_workers} ? () : 'default_max_workers';
    if (my $initializer = delete $options{initializer}) {
        push @needs, defined $initializer->{value} ? 'initargs' : 'initializer';
        push @needs, call_needs($initializer);
    }
    return @needs, keys %options;
}

sub map_needs {
    my ($step) = @_;
    my %options = %{ $step->{options} // {} };
    $options{map_timeout} = delete $options{timeout} if exists $options{timeout};
    return 'map', keys %options, map { call_needs($_) } @{ $step->{calls} };
}

sub shutdown_needs {
    my ($step) = @_;
    return ($step->{wait} ? () : 'shutdown_nowait', $step->{cancel} ? 'shutdown_cancel' : ());
}

# The steps that there are, with what each needs.
my %STEP_NEEDS = (
    new      => sub { pool_needs(%{ $_[0]{options} // {} }) },
    map      => \&map_needs,
    shutdown => \&shutdown_needs,
    gate     => sub { () },
);

# Says why a scenario cannot be carried out, before anything of it has been.
sub why_not {
    my ($scenario, $capabilities) = @_;
    my %has = map { $_ => 1 } @$capabilities;
    $has{initializer} = 1 if $has{initargs};
    return 'several clients need threads' if @{ $scenario->{clients} } > 1;
    my %pools;
    my $index = 0;
    for my $step (@{ $scenario->{clients}[0]{steps} }) {
        my $place = 'step ' . $index++ . ", $step->{do},";
        my $needs = $STEP_NEEDS{ $step->{do} } or return "$place is not one of this adapter's";
        for my $need ($needs->($step)) {
            return "$place needs $need" if !$has{$need};
        }
        $pools{ $step->{pool} } = 1 if $step->{do} eq 'new';
    }
    return 'several pools need several_pools' if keys %pools > 1 && !$has{several_pools};
    return;
}

# ---- a name that stands for nothing, as when the step that should have made it has failed ----

sub Missing::new {
    my ($class, $name) = @_;
    my $text = "there is no pool $name: the step that makes it failed";
    return bless \$text, $class;
}

# ---- the client ----

# Ends the program with a message for people.
sub refuse {
    my ($code, $message) = @_;
    print {*STDERR} "$0: $message\n";
    exit $code;
}

# What Perl's encoders, Sereal and Storable, say of a value that they cannot encode.
my $NOT_ENCODED = qr/not representable by the Sereal|Can't store \w+ items/;

# An outcome, of an error in words.
sub failed {
    my ($class, $message) = @_;
    chomp $message;
    $class = 'serialisation' if $message =~ $NOT_ENCODED;
    my %failure = (class => $class, message => $message);
    # Where an error was raised is a part of its message in Perl.
    $failure{trace} = $1 if $class eq 'task' && $message =~ /( at \S+ line \d+)/;
    return { error => \%failure };
}

# The outcome that an error is which a step met. No library has made `Missing`, so no adapter is asked
# what that is.
sub outcome_of {
    my ($adapter, $error) = @_;
    return failed('invalid', $$error) if ref $error eq 'Missing';
    return failed($adapter->{class}->($error), $error);
}

# The argument as the client submits it.
sub as_submitted {
    my ($call) = @_;
    return $call if ($call->{poison} // '') ne 'encode_argument';
    return { %$call, extra => unencodable() };
}

sub carry_out {
    my ($adapter, $pools, $step) = @_;
    my $do = $step->{do};
    return wait_for($step->{gate}) if $do eq 'gate';
    if ($do eq 'new') {
        $pools->{ $step->{pool} } = $adapter->{pool}->new(%{ $step->{options} // {} });
        return;
    }
    my $pool = $pools->{ $step->{pool} } or die Missing->new($step->{pool});
    if ($do eq 'map') {
        my @calls = map { as_submitted($_) } @{ $step->{calls} };
        return [$pool->map(\@calls, $step->{options} // {})];
    }
    $pool->shutdown;
    return;
}

sub describe {
    my ($adapter) = @_;
    my $language = sprintf 'Perl %vd', $^V;
    return { contract => CONTRACT, language => $language, %{ $adapter->{describe} } };
}

sub read_scenario {
    my $text     = do { local $/; <STDIN> };
    my $scenario = eval { $JSON->decode($text // '') }
        or refuse(1, "there is no scenario on standard input: $@");
    my $version = $scenario->{contract} // 'none';
    refuse(1, "the scenario is for version $version of the contract, not " . CONTRACT)
        if $version ne CONTRACT;
    return $scenario;
}

# Does what the command line asks for.
sub serve {
    my (%adapter) = @_;
    my $verb = $ARGV[0] // '';
    if ($verb eq 'describe') {
        print $JSON->encode(describe(\%adapter)), "\n";
        return;
    }
    refuse(2, 'the first argument is `describe` or `run`') if $verb ne 'run';
    my $scenario = read_scenario();
    my $reason   = why_not($scenario, $adapter{describe}{capabilities});
    refuse(UNSUPPORTED, $reason) if defined $reason;

    # What workers print goes to standard error.
    open my $lines, '>&', \*STDOUT or refuse(1, "standard output cannot be duplicated: $!");
    open STDOUT, '>&', \*STDERR or refuse(1, "standard error cannot be duplicated: $!");
    $pool_class = $adapter{pool};
    my ($client) = @{ $scenario->{clients} };
    my %pools;
    for my $index (0 .. $#{ $client->{steps} }) {
        my %line = (client => $client->{name}, step => $index);
        write_all($lines, $JSON->encode({ %line, at => now(), is => 'begin' }) . "\n");
        my $value;
        my $returned = eval { $value = carry_out(\%adapter, \%pools, $client->{steps}[$index]); 1 };
        my $outcome  = $returned ? { ok => $value } : outcome_of(\%adapter, $@);
        my %end      = (%line, at => now(), is => 'end', outcome => $outcome);
        write_all($lines, $JSON->encode(\%end) . "\n");
    }
    return;
}

1;
