// Sticky and set-group-id directories.
// calls: chmod chown mkdir openat rename truncate unlink
#include "observe.h"

int main(void) {
  say("-- nobody's sticky directory: what is not ours stays");
  show_stat("data/foreign/sticky");
  SHOW(unlink("data/foreign/sticky/file"));
  SHOW(rename("data/foreign/sticky/file", "data/foreign/sticky/renamed"));
  SHOW(rename("data/foreign/sticky/file", "taken"));
  put_file("data/foreign/sticky/own", "own");
  show_stat("data/foreign/sticky/own");
  SHOW(rename("data/foreign/sticky/own", "data/foreign/sticky/file"));
  SHOW(syscall(SYS_renameat2, AT_FDCWD, "data/foreign/sticky/own", AT_FDCWD, "data/foreign/sticky/file", RENAME_EXCHANGE));
  SHOW(link("data/foreign/sticky/own", "data/foreign/sticky/second"));
  SHOW(unlink("data/foreign/sticky/own"));
  SHOW(mkdir("data/foreign/sticky/directory", 0755));
  SHOW(rmdir("data/foreign/sticky/directory"));
  show_directory("data/foreign/sticky");

  say("-- our own sticky directory");
  SHOW(mkdir("sticky", 01777));
  SHOW(chmod("sticky", 01777));
  show_stat("sticky");
  put_file("sticky/file", "text");
  SHOW(rename("sticky/file", "sticky/other"));
  SHOW(unlink("sticky/other"));
  SHOW(mkdir("sticky/below", 0777));
  show_stat("sticky/below");

  say("-- set-group-id: the group goes down");
  show_stat("data/setgid");
  put_file("data/setgid/file", "text");
  show_stat("data/setgid/file");
  SHOW(mkdir("data/setgid/directory", 0755));
  show_stat("data/setgid/directory");
  SHOW(mkdir("data/setgid/directory/below", 0700));
  show_stat("data/setgid/directory/below");
  SHOW(symlink("target", "data/setgid/directory/link"));
  show_stat("data/setgid/directory/link");
  SHOW(mknod("data/setgid/fifo", S_IFIFO | 0644, 0));
  show_stat("data/setgid/fifo");
  int fd = SHOW(open("data/setgid", O_TMPFILE | O_RDWR, 0640));
  show_fstat("unnamed", fd);
  SHOW(open("data/setgid/tool", O_WRONLY | O_CREAT, 02755) < 0 ? -1 : 0);
  show_stat("data/setgid/tool");

  say("-- what moves there keeps its own");
  put_file("moved", "text");
  SHOW(rename("moved", "data/setgid/moved"));
  show_stat("data/setgid/moved");
  SHOW(rename("data/setgid/directory", "away"));
  show_stat("away");
  put_file("away/file", "text");
  show_stat("away/file");
  SHOW(link("data/hello.txt", "data/setgid/linked"));
  show_stat("data/setgid/linked");

  say("-- the bits on files");
  put_file("tool", "text");
  static const int modes[] = {04755, 02755, 06755, 02644, 04644, 01644};
  for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
    QUIET(chmod("tool", modes[i]));
    show_stat("tool");
    SHOW(chown("tool", -1, getgid()));
    show_stat("tool");
    QUIET(chmod("tool", modes[i]));
    SHOW(truncate("tool", 2));
    show_stat("tool");
  }
}
