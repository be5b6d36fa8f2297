// Changes, through the links of /proc and descriptors from before, versions of files that others have read and that have lost their name:
// what is kept must be what was read.
// keeps: 20 version ONE
#include "attack.h"

enum { REPLACE, REMOVE, REMOVE_ONE_OF_TWO, LOSSES };
enum { WRITE, TRUNCATE_OPEN, TRUNCATE, MAP, TIMES, ATTRIBUTE, OLD_DESCRIPTOR, CHANGES };

static void put(const char *name, const char *text) {
  int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  NEEDS(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
  close(fd);
}

static void change(int how, int reader, int writer) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", reader);
  int fd;
  switch (how) {
  case WRITE:
    if ((fd = open(link, O_RDWR)) >= 0) {
      char bytes[8] = "";
      if (pwrite(fd, "TAMPERED", 8, 0) == 8 && (pread(reader, bytes, 8, 0) != 8 || memcmp(bytes, "TAMPERED", 8)))
        escaped("the descriptor does not see what was written through its link");
    }
    break;
  case TRUNCATE_OPEN: open(link, O_WRONLY | O_TRUNC); break;
  case TRUNCATE: truncate(link, 3); break;
  case MAP:
    if ((fd = open(link, O_RDWR)) >= 0) {
      char *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
      if (map != MAP_FAILED) memcpy(map, "TAMPERED", 8);
    }
    break;
  case TIMES: futimens(reader, (struct timespec[2]){{1, 0}, {1, 0}}); break;
  case ATTRIBUTE: syscall(SYS_fsetxattr, reader, "user.changed", "x", 1, 0); break;
  case OLD_DESCRIPTOR: pwrite(writer, "TAMPERED", 8, 0); break;
  }
  // None of these may give what is kept a name or another mode.
  linkat(AT_FDCWD, link, AT_FDCWD, "linked", AT_SYMLINK_FOLLOW);
  linkat(reader, "", AT_FDCWD, "linked", AT_EMPTY_PATH);
  fchmod(reader, 0);
}

int main(void) {
  for (int loss = 0; loss < LOSSES; loss++)
    for (int how = 0; how < CHANGES; how++) {
      // Who has a file open for writing shares its version with whoever writes to it later.
      if (loss == REMOVE_ONE_OF_TWO && how == OLD_DESCRIPTOR) continue;
      char name[32], other[32], text[64];
      snprintf(name, sizeof name, "old.%d.%d", loss, how);
      snprintf(other, sizeof other, "other.%d.%d", loss, how);
      snprintf(text, sizeof text, "version ONE of %s\n", name);
      put(name, text);
      int writer = how == OLD_DESCRIPTOR ? open(name, O_RDWR) : -1;
      if (loss == REMOVE_ONE_OF_TWO) NEEDS(link(name, other) == 0);
      IN_CHILD {
        int reader = open(name, O_RDONLY);
        char bytes[64];
        NEEDS(reader >= 0 && read(reader, bytes, sizeof bytes) == (ssize_t)strlen(text));
        if (loss == REPLACE) put(other, "version TWO\n");
        NEEDS((loss == REPLACE ? rename(other, name) : unlink(name)) == 0);
        change(how, reader, writer);
      }
      NEEDS(child_status == 0);
      close(writer);
    }
  return verdict();
}
