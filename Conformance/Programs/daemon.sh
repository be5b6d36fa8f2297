#!/bin/sh
# A daemon: two forks and a session of its own. It outlives the command, and the run waits for it: it prints after the
# command has ended. It is a child of the guest's init by then, and init must reap it.
set -eu
export PATH=/usr/local/bin:/usr/bin:/bin LC_ALL=C
cat > daemon.pl <<'EOF'
use POSIX;
$| = 1;
my $parent = $$;
if (fork() == 0) {
  POSIX::setsid() > 0 or die;
  if (fork() == 0) {
    chdir "/" or die;
    my $waited = 0;
    while (getppid() == $parent || kill(0, $parent)) { select undef, undef, undef, 0.05; die if ++$waited > 200 }
    select undef, undef, undef, 0.3;
    print "the daemon's session is ", (POSIX::getpgrp() != $$ ? "its parent's" : "its own"), "\n";
    open my $file, ">", "$ENV{HERE}/daemon.out" or die; print $file "written by the daemon\n"; close $file;
    print -s "$ENV{HERE}/daemon.out", " bytes\n";
    exit 0;
  }
  POSIX::_exit(0);
}
wait;
print "the intermediate process ended with $?\n";
EOF
HERE=$PWD perl daemon.pl
# One that sh leaves behind, in the background of a subshell.
(sleep 1 && echo "left behind in the background" ) &
echo "the command ends"
