// Opens a file of the host's: the path is rewritten while the open of a FIFO or with O_PATH is let through, the flags of openat2 while they are read.
// natively: escapes
#include "attack.h"
#include <linux/openat2.h>
#include <sys/sendfile.h>

static char path[256];
static struct open_how how;

static void judge(int fd, const char *what) {
  if (fd < 0) return;
  struct stat st;
  fstat(fd, &st);
  if (S_ISREG(st.st_mode) && reads_secret(fd)) escaped("%s read the host's file", what);
  // Reads the file behind a descriptor that is not for reading.
  char name[64];
  snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
  int again = S_ISREG(st.st_mode) ? open(name, O_RDONLY | O_NONBLOCK) : -1;
  if (again >= 0 && reads_secret(again)) escaped("%s opened the host's file", what);
  close(again);
  close(fd);
}

int main(void) {
  char first[256] = "data/fifo", second[256];
  const char *seconds[] = {outside("secret"), "/etc/shadow", "/proc/1/environ", "/dev/kmsg", "made-by-a-race", "data/locked/made"};
  int flags[] = {O_RDWR | O_NONBLOCK, O_RDWR | O_CREAT | O_NONBLOCK | O_TRUNC, O_PATH, O_RDONLY | O_NONBLOCK};
  for (unsigned i = 0; i < sizeof seconds / sizeof *seconds; i++) {
    memset(second, 0, sizeof second);
    snprintf(second, sizeof second, "%s", seconds[i]);
    struct racer racer;
    start_race(&racer, path, first, second, sizeof second);
    for (double end = now() + patience() / 2; now() < end;)
      for (unsigned j = 0; j < 4; j++) {
        // What natively truncates a file of the host's is not tried on what is not ours.
        if (j == 1 && (i == 1 || is_native())) continue;
        judge(open(path, flags[j], 0777), seconds[i]);
      }
    end_race(&racer);
  }
  // What a race has put into the way of the supervisor's own work.
  unlink("made-by-a-race");
  NEEDS(mkdir("made-by-a-race", 0755) == 0 && chdir("made-by-a-race") == 0 && chdir("..") == 0);

  // A lower file, opened for reading by flags that become others.
  struct open_how reads = {.flags = O_RDONLY}, writes = {.flags = O_RDWR | O_TRUNC, .resolve = RESOLVE_BENEATH};
  struct racer racer;
  start_race(&racer, &how, &reads, &writes, sizeof how);
  for (double end = now() + patience(); now() < end;) {
    int fd = (int)syscall(SYS_openat2, AT_FDCWD, "data/hello.txt", &how, sizeof how);
    if (fd >= 0) write(fd, "changed", 7);
    close(fd);
  }
  end_race(&racer);
  return verdict();
}
