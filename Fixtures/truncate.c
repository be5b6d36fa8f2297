// truncate and ftruncate.
// calls: ftruncate truncate
#include "observe.h"

int main(void) {
  put_file("file", "0123456789");
  SHOW(truncate("file", 5));
  show_file("file");
  SHOW(truncate("file", 8));
  show_file("file");
  SHOW(truncate("data/hello.txt", 5));
  show_file("data/hello.txt");
  SHOW(truncate("data/numbers.txt", 20000));
  show_stat("data/numbers.txt");
  SHOW(truncate("data/link", 0));
  show_stat("data/hello.txt");
  SHOW(truncate("data/hard1", 3));
  show_file("data/hard2");
  SHOW(truncate("data/empty", 1L << 33));
  show_stat("data/empty");
  SHOW(truncate("data/sparse", 1 << 20));
  show_stat("data/sparse");

  say("-- refusals");
  SHOW(truncate("file", -1));
  SHOW(truncate("data/dir", 0));
  SHOW(truncate("data/missing", 0));
  SHOW(truncate("data/dangling", 0));
  SHOW(truncate("data/loop1", 0));
  SHOW(truncate("data/fifo", 0));
  SHOW(truncate("file/", 0));
  SHOW(truncate("file/x", 0));
  SHOW(truncate("", 0));
  SHOW(truncate(bad_pointer(), 0));
  SHOW(truncate("data/readonly", 0));
  SHOW(truncate("data/noaccess", 0));
  SHOW(truncate("data/closed/inside", 0));
  SHOW(truncate("data/foreign/public", 0));
  SHOW(truncate("data/foreign/shared", 0));
  SHOW(truncate("/dev/null", 0));

  say("-- ftruncate");
  int writer = SHOW(open("data/dir/c", O_RDWR));
  int reader = SHOW(open("data/dir/c", O_RDONLY));
  SHOW(ftruncate(writer, 1));
  show_fstat("reader", reader);
  SHOW(ftruncate(reader, 0));
  SHOW(ftruncate(writer, -1));
  SHOW(ftruncate(99, 0));
  int path = SHOW(open("data/dir/c", O_PATH));
  SHOW(ftruncate(path, 0));
  int directory = SHOW(open("data", O_RDONLY));
  SHOW(ftruncate(directory, 0));
  int pipes[2];
  QUIET(pipe(pipes));
  SHOW(ftruncate(pipes[1], 0));
  SHOW(unlink("data/dir/c"));
  SHOW(ftruncate(writer, 100));
  show_fstat("unlinked", reader);

  say("-- RLIMIT_FSIZE");
  IN_CHILD {
    struct rlimit limit = {1000, 1000};
    QUIET(setrlimit(RLIMIT_FSIZE, &limit));
    signal(SIGXFSZ, SIG_IGN);
    SHOW(truncate("file", 1001));
    SHOW(truncate("file", 1000));
    SHOW(ftruncate(writer, 2000));
    int fd = QUIET(open("file", O_WRONLY | O_APPEND));
    SHOW(write(fd, "x", 1));
    signal(SIGXFSZ, SIG_DFL);
    SHOW(truncate("data/dir/b", 5000));
  }
  show_stat("file");
}
