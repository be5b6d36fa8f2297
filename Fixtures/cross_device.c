// Two file systems: names do not go from one to the other, contents do.
// calls: link linkat rename renameat renameat2 sendfile symlinkat
#include "observe.h"
#include <sys/sendfile.h>

int main(void) {
  char other[64], path[80];
  snprintf(other, sizeof other, "/dev/shm/uwrx-fixture-%d", (int)getpid());
  QUIET(mkdir(other, 0755));
  int directory = QUIET(open(other, O_RDONLY | O_DIRECTORY));
  put_file("own", "own text");
  QUIET(mkdir("directory", 0755));

  SHOW(renameat(AT_FDCWD, "own", directory, "own"));
  SHOW(renameat(AT_FDCWD, "data/hello.txt", directory, "hello"));
  SHOW(renameat(AT_FDCWD, "directory", directory, "directory"));
  SHOW(linkat(AT_FDCWD, "own", directory, "own", 0));
  SHOW(linkat(AT_FDCWD, "data/hello.txt", directory, "hello", 0));
  SHOW(renameat(AT_FDCWD, "missing", directory, "missing"));
  SHOW(linkat(AT_FDCWD, "missing", directory, "missing", 0));
  SHOW(symlinkat("own", directory, "link"));
  int made = SHOW(openat(directory, "made", O_RDWR | O_CREAT, 0644));
  SHOW(write(made, "made there", 10));
  SHOW(renameat(directory, "made", AT_FDCWD, "made"));
  SHOW(renameat(directory, "made", AT_FDCWD, "own"));
  SHOW(linkat(directory, "made", AT_FDCWD, "made", 0));
  SHOW(syscall(SYS_renameat2, directory, "made", AT_FDCWD, "own", RENAME_EXCHANGE));

  say("-- a file without a name");
  int unnamed = SHOW(open(".", O_TMPFILE | O_RDWR, 0644));
  char descriptor[64];
  snprintf(descriptor, sizeof descriptor, "/proc/self/fd/%d", unnamed);
  SHOW(linkat(AT_FDCWD, descriptor, directory, "unnamed", AT_SYMLINK_FOLLOW));
  SHOW(linkat(AT_FDCWD, descriptor, AT_FDCWD, "unnamed", AT_SYMLINK_FOLLOW));

  say("-- contents");
  int own = SHOW(open("own", O_RDWR));
  off_t zero = 0;
  SHOW(sendfile(own, made, &zero, 100));
  show_file("own");
  int lower = SHOW(open("data/numbers.txt", O_RDONLY));
  SHOW(sendfile(made, lower, NULL, 100000));
  show_fstat("made", made);

  say("-- which is which");
  struct stat here, there;
  QUIET(fstat(own, &here));
  QUIET(fstat(made, &there));
  say("one device %d", here.st_dev == there.st_dev);
  QUIET(stat("data/hello.txt", &there));
  say("one device %d", here.st_dev == there.st_dev);
  SHOW(rename("own", "/proc/own"));
  SHOW(link("own", "/proc/own"));
  SHOW(rename("/proc/version", "own"));

  static const char *const names[] = {"link", "made", "unnamed", "own", "hello"};
  for (int i = 0; i < 5; i++) {
    snprintf(path, sizeof path, "%s/%s", other, names[i]);
    unlink(path);
  }
  SHOW(rmdir(other));
}
