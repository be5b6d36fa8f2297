// chown, lchown, fchown, fchownat. Giving files away needs a privilege, which root has for virtual files too.
// calls: chown fchown fchownat lchown
#include "observe.h"

int main(void) {
  uid_t uid = geteuid();
  gid_t gid = getegid();
  put_file("file", "text");
  show_stat("file");
  SHOW(chown("file", -1, -1));
  SHOW(chown("file", uid, gid));
  SHOW(chown("file", 1234, -1));
  show_stat("file");
  SHOW(chown("file", -1, 2345));
  show_stat("file");
  SHOW(chown("file", uid, gid));
  show_stat("file");

  say("-- set-id bits");
  SHOW(chmod("file", 06755));
  SHOW(chown("file", uid, gid));
  show_stat("file");
  SHOW(chmod("file", 06745));
  SHOW(chown("file", uid, gid));
  show_stat("file");
  SHOW(mkdir("dir", 0755));
  SHOW(chmod("dir", 06755));
  SHOW(chown("dir", uid, gid));
  show_stat("dir");

  say("-- lower files");
  SHOW(chown("data/hello.txt", 1234, 2345));
  show_stat("data/hello.txt");
  show_file("data/hello.txt");
  SHOW(chown("data/hello.txt", uid, gid));
  SHOW(chown("data/dir", 1234, 2345));
  show_stat("data/dir");
  SHOW(lchown("data/link", 77, 78));
  show_stat("data/link");
  show_stat("data/hello.txt");
  SHOW(lchown("data/dangling", 77, 78));
  show_stat("data/dangling");
  SHOW(chown("data/dangling", 77, 78));
  SHOW(chown("data/fifo", 77, 78));
  show_stat("data/fifo");
  SHOW(chown("data/hard1", 77, 78));
  show_stat("data/hard2");
  SHOW(chown("data/foreign/public", uid, gid));
  show_stat("data/foreign/public");

  say("-- descriptors");
  int fd = SHOW(open("data/numbers.txt", O_RDONLY));
  SHOW(fchown(fd, 10, 11));
  show_fstat("descriptor", fd);
  show_stat("data/numbers.txt");
  int path = SHOW(open("data/link", O_PATH | O_NOFOLLOW));
  SHOW(fchown(path, 1, 1));
  SHOW(fchownat(path, "", 12, 13, AT_EMPTY_PATH));
  show_stat("data/link");
  SHOW(fchown(99, 1, 1));
  int data = SHOW(open("data", O_RDONLY));
  SHOW(fchownat(data, "dir/a", 14, 15, 0));
  show_stat("data/dir/a");
  SHOW(fchownat(data, "dirlink", 14, 15, AT_SYMLINK_NOFOLLOW));
  show_stat("data/dirlink");
  SHOW(fchownat(data, "", 14, 15, 0));
  SHOW(fchownat(data, "dir/a", 14, 15, 0x8000));
  SHOW(fchownat(99, "dir/a", 14, 15, 0));
  SHOW(fchownat(fd, "dir/a", 14, 15, 0));

  say("-- the time of the change");
  const char *moved[] = {"data/hello.txt", "data/dir", "made"};
  put_file("made", "x");
  for (int i = 0; i < 3; i++) {
    struct stat before, after;
    QUIET(stat(moved[i], &before));
    usleep(20000);
    SHOW(chown(moved[i], -1, -1));
    QUIET(stat(moved[i], &after));
    say("%s: changed %d modified %d", moved[i], after.st_ctim.tv_sec != before.st_ctim.tv_sec || after.st_ctim.tv_nsec != before.st_ctim.tv_nsec,
        after.st_mtim.tv_sec != before.st_mtim.tv_sec || after.st_mtim.tv_nsec != before.st_mtim.tv_nsec);
    usleep(20000);
    QUIET(chmod(moved[i], before.st_mode & 07777));
    QUIET(stat(moved[i], &before));
    say("later %d", before.st_ctim.tv_sec > after.st_ctim.tv_sec || before.st_ctim.tv_nsec > after.st_ctim.tv_nsec);
  }

  say("-- refusals");
  SHOW(chown("data/missing", 1, 1));
  SHOW(chown("data/loop1", 1, 1));
  SHOW(chown("data/dir/a/x", 1, 1));
  SHOW(chown("", 1, 1));
  SHOW(chown(bad_pointer(), 1, 1));
  SHOW(chown("data/closed/inside", 1, 1));

  say("-- what an owner can do to a file whose owner changed");
  put_file("mine", "text");
  SHOW(chmod("mine", 0600));
  SHOW(chown("mine", 4321, 4321));
  show_file("mine");
  SHOW(chmod("mine", 0640));
  show_stat("mine");
  SHOW(rename("mine", "yours"));
  show_stat("yours");
  SHOW(unlink("yours"));
}
