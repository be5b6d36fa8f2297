// sendfile and copy_file_range.
// calls: copy_file_range sendfile
#include "observe.h"
#include <sys/sendfile.h>

int main(void) {
  int lower = SHOW(open("data/numbers.txt", O_RDONLY)), out = SHOW(open("out", O_RDWR | O_CREAT, 0644));
  int pair[2], pipes[2];
  char text[128];
  QUIET(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
  QUIET(pipe(pipes));

  say("-- sendfile");
  SHOW(sendfile(out, lower, NULL, 20));
  SHOW(lseek(lower, 0, SEEK_CUR));
  off_t offset = 100;
  SHOW(sendfile(out, lower, &offset, 10));
  say("offset %ld", (long)offset);
  SHOW(lseek(lower, 0, SEEK_CUR));
  show_file("out");
  SHOW(sendfile(pair[0], lower, &offset, 10));
  SHOW(read(pair[1], text, sizeof text));
  say("%s", quote(text, 10));
  SHOW(sendfile(pipes[1], lower, &offset, 10));
  SHOW(read(pipes[0], text, sizeof text));
  offset = 9995;
  SHOW(sendfile(out, lower, &offset, 100));
  SHOW(sendfile(out, lower, &offset, 100));
  SHOW(sendfile(out, 99, NULL, 1));
  SHOW(sendfile(99, lower, NULL, 1));
  SHOW(sendfile(lower, out, NULL, 1));
  SHOW(sendfile(out, pipes[0], NULL, 0));
  SHOW(sendfile(out, lower, bad_pointer(), 1));
  offset = -1;
  SHOW(sendfile(out, lower, &offset, 1));
  int append = SHOW(open("appended", O_WRONLY | O_CREAT | O_APPEND, 0644));
  SHOW(sendfile(append, lower, NULL, 10));

  say("-- copy_file_range");
  int copy = SHOW(open("copy", O_RDWR | O_CREAT, 0644));
  loff_t in = 0, to = 0;
  SHOW(copy_file_range(lower, &in, copy, &to, 50, 0));
  say("offsets %ld %ld", (long)in, (long)to);
  SHOW(copy_file_range(lower, NULL, copy, NULL, 20, 0));
  show_file("copy");
  in = 9990;
  to = 0;
  SHOW(copy_file_range(lower, &in, copy, &to, 100, 0));
  SHOW(copy_file_range(lower, &in, copy, &to, 100, 0));
  in = 0;
  to = 10;
  SHOW(copy_file_range(copy, &in, copy, &to, 10, 0));
  SHOW(copy_file_range(copy, &in, copy, &to, 30, 0));
  in = 0;
  SHOW(copy_file_range(lower, &in, lower, &to, 10, 0));
  SHOW(copy_file_range(lower, &in, append, &to, 10, 0));
  SHOW(copy_file_range(lower, &in, copy, &to, 10, 1));
  SHOW(copy_file_range(99, &in, copy, &to, 10, 0));
  SHOW(copy_file_range(lower, &in, pipes[1], NULL, 10, 0));
  SHOW(copy_file_range(open("data", O_RDONLY), &in, copy, &to, 10, 0));

  say("-- no bytes, and a limit of the size");
  in = 0;
  to = 5;
  SHOW(copy_file_range(lower, &in, copy, &to, 0, 0));
  in = -1;
  SHOW(copy_file_range(lower, &in, copy, &to, 0, 0));
  IN_CHILD {
    signal(SIGXFSZ, SIG_IGN);
    QUIET(setrlimit(RLIMIT_FSIZE, &(struct rlimit){1000, 1000}));
    in = 0;
    to = 990;
    SHOW(copy_file_range(lower, &in, copy, &to, 100, 0));
    SHOW(copy_file_range(lower, &in, copy, &to, 100, 0));
    to = 1000;
    SHOW(copy_file_range(lower, &in, copy, &to, 0, 0));
    to = -5;
    SHOW(copy_file_range(lower, &in, copy, &to, 10, 0));
    signal(SIGXFSZ, SIG_DFL);
    to = 2000;
    SHOW(copy_file_range(lower, &in, copy, &to, 10, 0));
  }

  say("-- into a lower file");
  int below = SHOW(open("data/hello.txt", O_RDWR));
  in = 0;
  to = 5;
  SHOW(copy_file_range(lower, &in, below, &to, 9, 0));
  show_file("data/hello.txt");
  SHOW(sendfile(below, lower, NULL, 4));
  show_file("data/hello.txt");
  show_stat("data/numbers.txt");
}
