#!/usr/bin/env perl
# MCE: a message of an error with wide letters arrives cut and as bytes, since its length is sent in letters.

use strict;
use warnings;
use utf8;
use MCE;

# MCE complains of the bytes that it takes for a number, and prints them.
open(STDERR, '>', '/dev/null') or die "cannot open /dev/null: $!";

my ($message, $said) = ("no such town: 日本\n", '');
my $pool = MCE->new(
    max_workers  => 1,
    user_func    => sub { die $message },
    on_post_exit => sub { $said = $_[1]{msg} },
);
$pool->process({ chunk_size => 1 }, [0]);
$pool->shutdown;
my $is_whole = $said =~ /日本/;
print 'the message of the error ', $is_whole ? 'is' : 'is not', " what the task said\n";
exit($is_whole ? 1 : 0);
