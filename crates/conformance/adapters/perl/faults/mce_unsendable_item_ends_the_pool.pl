#!/usr/bin/env perl
# MCE: an item that cannot be encoded ends its map, and the pool then accepts neither lists nor its
# shutdown, and leaves its workers behind.

use strict;
use warnings;
use MCE;

my @got;
my $pool = MCE->new(
    max_workers => 1,
    chunk_size  => 1,
    user_func   => sub { MCE->gather(@{ $_[1] }) },
    gather      => \@got,
);
eval { $pool->process([1, { code => sub { } }, 3]); 1 } or print "the map failed: $@";
@got = ();
my $accepted = eval { $pool->process([4, 5]); 1 };
print $accepted ? "the map after it has returned\n" : "the map after it failed: $@";
my $ended = eval { $pool->shutdown; 1 };
print $ended ? "the pool is shut down\n" : "shutdown failed: $@";
exit($accepted || $ended ? 1 : 0);
