#!/usr/bin/env perl
# MCE: an error of one item ends the worker, and the results of the items in the same chunk are lost.

use strict;
use warnings;
use MCE;

my %got;
my $pool = MCE->new(
    max_workers  => 1,
    chunk_size   => 4,
    user_func    => sub { MCE->gather(map { die "item 3 is bad\n" if $_ == 3; ($_ => 1) } @{ $_[1] }) },
    gather       => \%got,
    on_post_exit => sub { print "a worker has ended: $_[1]{msg}" },
);
$pool->process([0 .. 7]);
$pool->shutdown;
my $lost = grep { !$got{$_} } 0 .. 2;
print "$lost of the 3 good items in the chunk of the bad one have no result\n";
exit($lost ? 0 : 1);
