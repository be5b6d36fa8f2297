// splice, tee, copy_file_range and sendfile between files of the run, lower ones and pipes.
// calls: copy_file_range sendfile splice
#include "observe.h"
#include <sys/sendfile.h>

int main(void) {
  int pipes[2];
  char text[64];
  QUIET(pipe(pipes));
  int lower = SHOW(open("data/numbers.txt", O_RDONLY));
  int own = SHOW(open("own", O_RDWR | O_CREAT, 0644));
  off_t offset = 10;

  say("-- splice: a lower file to a pipe to our file");
  SHOW(splice(lower, &offset, pipes[1], NULL, 20, 0));
  say("offset %ld", (long)offset);
  SHOW(splice(lower, NULL, pipes[1], NULL, 10, 0));
  SHOW(lseek(lower, 0, SEEK_CUR));
  SHOW(splice(pipes[0], NULL, own, NULL, 15, SPLICE_F_MOVE));
  offset = 100;
  SHOW(splice(pipes[0], NULL, own, &offset, 100, 0));
  show_fstat("own", own);
  show_file("own");
  SHOW(splice(pipes[0], NULL, own, NULL, 1, SPLICE_F_NONBLOCK));
  SHOW(splice(lower, NULL, own, NULL, 10, 0));
  SHOW(splice(lower, NULL, lower, NULL, 10, 0));
  SHOW(splice(pipes[0], &offset, own, NULL, 10, 0));
  SHOW(splice(own, NULL, pipes[1], NULL, 0, 0));
  int appending = SHOW(open("own", O_WRONLY | O_APPEND));
  SHOW(write(pipes[1], "for the end", 11));
  SHOW(splice(pipes[0], NULL, appending, NULL, 11, 0));
  SHOW(read(pipes[0], text, 11));

  say("-- into a copy of a lower file");
  int writer = SHOW(open("data/hello.txt", O_RDWR));
  SHOW(write(pipes[1], "HELLO", 5));
  SHOW(splice(pipes[0], NULL, writer, NULL, 5, 0));
  show_file("data/hello.txt");

  say("-- copy_file_range");
  off_t in = 0, out = 5;
  SHOW(copy_file_range(lower, &in, writer, &out, 30, 0));
  say("offsets %ld %ld", (long)in, (long)out);
  show_file("data/hello.txt");
  SHOW(copy_file_range(lower, NULL, own, NULL, 1000000, 0));
  show_fstat("own", own);
  in = 0, out = 2;
  SHOW(copy_file_range(own, &in, own, &out, 10, 0));
  out = 100;
  SHOW(copy_file_range(own, &in, own, &out, 10, 0));
  SHOW(copy_file_range(own, NULL, lower, NULL, 10, 0));
  SHOW(copy_file_range(own, NULL, appending, NULL, 10, 0));
  SHOW(copy_file_range(own, NULL, writer, NULL, 10, 1));
  SHOW(copy_file_range(pipes[0], NULL, writer, NULL, 10, 0));
  int directory = SHOW(open("data", O_RDONLY));
  SHOW(copy_file_range(directory, NULL, writer, NULL, 10, 0));
  SHOW(copy_file_range(own, NULL, directory, NULL, 10, 0));
  in = 1L << 40;
  SHOW(copy_file_range(own, &in, writer, NULL, 10, 0));
  int sparse = SHOW(open("data/sparse", O_RDONLY));
  int copy = SHOW(open("copy", O_RDWR | O_CREAT, 0644));
  SHOW(copy_file_range(sparse, NULL, copy, NULL, 1L << 24, 0));
  show_fstat("copy", copy);
  SHOW(pread(copy, text, 8, 1 << 20));
  say("%s", quote(text, 4));

  say("-- sendfile");
  in = 0;
  SHOW(sendfile(writer, lower, &in, 12));
  SHOW(sendfile(pipes[1], lower, &in, 12));
  say("offset %ld", (long)in);
  SHOW(read(pipes[0], text, sizeof text));
  say("%s", quote(text, 12));
  SHOW(sendfile(appending, lower, &in, 12));
  SHOW(sendfile(lower, own, NULL, 12));
  SHOW(sendfile(own, directory, NULL, 12));
  SHOW(sendfile(own, pipes[0], NULL, 12));
}
