// chmod, fchmod, fchmodat.
// calls: chmod fchmod fchmodat
#include "observe.h"

int main(void) {
  put_file("file", "text");
  static const mode_t modes[] = {0, 0777, 0444, 04755, 02755, 01777, 06711, 07777, 0644};
  for (int i = 0; i < 9; i++) {
    int result = chmod("file", modes[i]);
    say("chmod %04o: %s", modes[i], result < 0 ? error_name(errno) : "done");
    show_stat("file");
  }
  SHOW(chmod("file", S_IFDIR | 0600));
  show_stat("file");

  say("-- lower files");
  SHOW(chmod("data/hello.txt", 0600));
  show_stat("data/hello.txt");
  show_file("data/hello.txt");
  SHOW(chmod("data/link", 0640));
  show_stat("data/hello.txt");
  show_stat("data/link");
  SHOW(chmod("data/dir", 0700));
  show_stat("data/dir");
  show_directory("data/dir");
  SHOW(chmod("data/closed", 0755));
  show_file("data/closed/inside");
  SHOW(chmod("data/fifo", 0600));
  show_stat("data/fifo");
  SHOW(chmod("data/hard1", 0751));
  show_stat("data/hard2");
  SHOW(chmod("data/noaccess", 0400));
  show_file("data/noaccess");
  SHOW(chmod("data/dir/c", 0000));
  SHOW(open("data/dir/c", O_RDONLY | O_CLOEXEC));
  SHOW(chmod("data/script.sh", 0644));
  SHOW(access("data/script.sh", X_OK));
  SHOW(chmod("data/locked", 0755));
  put_file("data/locked/now", "writable");
  show_directory("data/locked");
  closefrom(3);

  say("-- descriptors");
  int fd = SHOW(open("data/numbers.txt", O_RDONLY));
  SHOW(fchmod(fd, 0604));
  show_stat("data/numbers.txt");
  show_fstat("descriptor", fd);
  int directory = SHOW(open("data/emptydir", O_RDONLY | O_DIRECTORY));
  SHOW(fchmod(directory, 0711));
  show_stat("data/emptydir");
  int path = SHOW(open("data/empty", O_PATH));
  SHOW(fchmod(path, 0600));
  char name[64];
  snprintf(name, sizeof name, "/proc/self/fd/%d", path);
  SHOW(chmod(name, 0606));
  show_stat("data/empty");
  int pipes[2];
  SHOW(pipe(pipes));
  SHOW(fchmod(pipes[0], 0600));
  show_fstat("pipe", pipes[0]);
  SHOW(fchmod(99, 0600));
  put_file("unlinked", "");
  int gone = SHOW(open("unlinked", O_RDONLY));
  SHOW(unlink("unlinked"));
  SHOW(fchmod(gone, 0100));
  show_fstat("unlinked", gone);

  say("-- fchmodat");
  int data = SHOW(open("data", O_RDONLY));
  SHOW(fchmodat(data, "dir/a", 0601, 0));
  show_stat("data/dir/a");
  SHOW(fchmodat(99, "dir/a", 0601, 0));
  SHOW(fchmodat(fd, "dir/a", 0601, 0));
  SHOW(syscall(SYS_fchmodat, data, "dangling", 0601));

  say("-- refusals");
  SHOW(chmod("data/missing", 0600));
  SHOW(chmod("data/dangling", 0600));
  SHOW(chmod("data/loop1", 0600));
  SHOW(chmod("data/dir/a/x", 0600));
  SHOW(chmod("data/dir/a/", 0600));
  SHOW(chmod("", 0600));
  SHOW(chmod(bad_pointer(), 0600));
  SHOW(chmod("data/foreign/public", 0600));
  SHOW(chmod("data/foreign/shared", 0600));
  SHOW(chmod("data/foreign/dir/missing", 0600));

  say("-- a write clears set-id bits of an ordinary user's file");
  SHOW(chmod("file", 06755));
  int writer = SHOW(open("file", O_WRONLY));
  SHOW(write(writer, "x", 1));
  struct stat st;
  QUIET(stat("file", &st));
  say("as an ordinary user %04o", geteuid() ? st.st_mode & 07777 : 0);
}
