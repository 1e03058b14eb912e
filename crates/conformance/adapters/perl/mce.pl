#!/usr/bin/env perl
# MCE, the Many-Core Engine: a pool of forked workers that maps over lists. It has no futures. Its
# functions get the pool, a chunk of the list, and the chunk's number from 1 on.

use strict;
use warnings;
use FindBin    ();
use List::Util ();
use POSIX      ();
use lib $FindBin::RealBin;
use Runtime;

BEGIN {
    eval { require MCE; MCE->import; 1 }
        or Runtime::refuse(1, 'MCE is not installed; it is libmce-perl in Debian, MCE in CPAN');
}

package Pool;

sub new {
    my ($class, %options) = @_;
    my $self = bless { got => {}, failed => {} }, $class;
    my ($most, $initializer) = @options{qw(max_workers initializer)};
    $self->{mce} = MCE->new(
        defined $most        ? (max_workers => $most)                                    : (),
        defined $initializer ? (user_begin => sub { Runtime::run($initializer, 'init_') }) : (),
        user_func => sub { MCE->gather($_[2], map { Runtime::run($_) } @{ $_[1] }) },
        gather    => sub { my $chunk = shift; $self->{got}{$chunk} = [@_] },
        # An error of a task ends its worker, and the documentation's way to go on is another one. A
        # worker without a chunk has not come past its initialization, and would fail again.
        on_post_exit => sub {
            my ($mce, $exit) = @_;
            $self->{failed}{ $exit->{id} } = $exit->{msg};
            $mce->restart_worker if $exit->{id};
        },
    );
    return $self;
}

# The outcomes in the order of the inputs. A chunk that failed has one error, which is that of all its
# items. A reader of ordered results loses all that follow a missing chunk.
sub map {
    my ($self, $calls, $options) = @_;
    my $size = $options->{chunksize} // 1;
    my ($got, $failed) = @$self{qw(got failed)};
    %$got = %$failed = ();
    $self->{mce}->process({ chunk_size => $size }, $calls);
    my @outcomes;
    for my $chunk (1 .. POSIX::ceil(@$calls / $size)) {
        my $items = List::Util::min($size, @$calls - @outcomes);
        if ($got->{$chunk}) { push @outcomes, map { { ok => $_ } } @{ $got->{$chunk} } }
        elsif (defined(my $message = $failed->{$chunk})) {
            push @outcomes, (Runtime::failed('task', $message)) x $items;
        }
        elsif (defined $failed->{0}) { return @outcomes, Runtime::failed('broken', $failed->{0}) }
        else                         { return @outcomes, Runtime::failed('other', 'it never came') }
    }
    return @outcomes;
}

sub shutdown { return shift->{mce}->shutdown }

package main;

Runtime::serve(
    describe => {
        implementation => 'MCE',
        version        => MCE->VERSION,
        start_method   => 'fork',
        capabilities   => [
            qw(initargs default_max_workers map chunksize several_pools error_message),
            qw(initializer_cause remote_trace poison_encode_argument poison_encode_result),
            qw(blob stdio child_process nested ignore_term getenv),
        ],
        policies => { start => 'at_first_submit', program_end => 'drain', map_error => 'continue' },
    },
    pool  => 'Pool',
    class => sub { $_[0] =~ /is not valid|must be/ ? 'invalid' : 'other' },
);
