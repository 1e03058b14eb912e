#!/usr/bin/env perl
# MCE: a pool that was shut down accepts another list, and starts new workers for it.

use strict;
use warnings;
use MCE;

my @got;
my $pool = MCE->new(max_workers => 1, user_func => sub { MCE->gather(@{ $_[1] }) }, gather => \@got);
$pool->process([1]);
$pool->shutdown;
@got = ();
$pool->process([2, 3]);
my $count = @got;
print "after shutdown, $count of 2 items have a result\n";
$pool->shutdown;
exit($count == 2 ? 0 : 1);
