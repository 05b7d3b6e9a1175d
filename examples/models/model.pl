# The shock index: one JSON line in, one JSON line out, until the input ends. An example, not for clinical use.
use strict;
use warnings;
use JSON::PP;

my $json = JSON::PP->new->canonical;
$| = 1;

sub answer {
    my ($hr, $sbp) = map { $_ && $_->{v} } @{$_[0]}{qw(hr sbp)};
    return (error => {code => 'UNSUITABLE', message => 'an input is missing'}) unless $hr && $sbp;
    my $index = $hr / $sbp;
    return (output => {index => 0 + sprintf('%.6f', $index), raised => $index > 0.9 ? JSON::PP::true : JSON::PP::false});
}

while (my $line = <STDIN>) {
    my $request = $json->decode($line);
    print $json->encode({id => $request->{id}, progress => 0.5}), "\n"; # how far it is; for work that takes seconds
    print $json->encode({id => $request->{id}, answer($request->{inputs})}), "\n";
}
