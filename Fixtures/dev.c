// /dev: the few devices that every program expects.
// calls: ftruncate ioctl lseek openat read write
#include "observe.h"
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <termios.h>

int main(void) {
  static const char *const names[] = {"null", "zero", "full", "random", "urandom", "tty", "ptmx", "stdin", "stdout",
                                      "stderr", "fd", "pts", "shm"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    char path[64];
    struct stat st;
    snprintf(path, sizeof path, "/dev/%s", names[i]);
    if (stat(path, &st) < 0) say("%s: %s", path, error_name(errno));
    else if (i < 6) say("%s: %s %u:%u", path, type_name(st.st_mode), major(st.st_rdev), minor(st.st_rdev));
    else say("%s: there", path);
  }

  char text[256] = "unchanged";
  say("-- null");
  int null = SHOW(open("/dev/null", O_RDWR | O_TRUNC | O_CREAT, 0666));
  SHOW(write(null, text, 100));
  SHOW(read(null, text, 100));
  SHOW(lseek(null, 1000, SEEK_SET));
  SHOW(ftruncate(null, 0));
  SHOW(isatty(null));
  SHOW(ioctl(null, TCGETS, &(struct termios){0}));
  SHOW(open("/dev/null", O_WRONLY | O_EXCL | O_CREAT, 0666));

  say("-- zero");
  int zero = SHOW(open("/dev/zero", O_RDWR));
  SHOW(read(zero, text, 9));
  say("%s", quote(text, 9));
  SHOW(write(zero, text, 9));
  char *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, zero, 0);
  say("mapped %d", map != MAP_FAILED && map[100] == 0);

  say("-- full");
  int full = SHOW(open("/dev/full", O_RDWR));
  SHOW(read(full, text, 4));
  SHOW(write(full, text, 4));

  say("-- random");
  unsigned char one[64] = {0}, two[64] = {0};
  for (int i = 0; i < 2; i++) {
    int random = SHOW(open(i ? "/dev/urandom" : "/dev/random", O_RDONLY));
    SHOW(read(random, one, sizeof one));
    SHOW(read(random, two, sizeof two));
    say("different %d", memcmp(one, two, sizeof one) != 0);
    SHOW(isatty(random));
  }
  closefrom(3);

  say("-- standard streams");
  IN_CHILD {
    int fd = QUIET(open("data/hello.txt", O_RDONLY));
    dup2(fd, 0);
    close(fd);
    fd = SHOW(open("/dev/stdin", O_RDONLY));
    SHOW(read(fd, text, 5));
    say("%s", quote(text, 5));
    fd = SHOW(open("/dev/fd/0", O_RDONLY));
    SHOW(read(fd, text, 5));
    int out = QUIET(open("out", O_RDWR | O_CREAT, 0644));
    fd = QUIET(open("/dev/null", O_WRONLY));
    dup2(out, 9);
    fd = SHOW(open("/dev/fd/9", O_WRONLY | O_APPEND));
    SHOW(write(fd, "by fd", 5));
    show_file("out");
    SHOW(open("/dev/fd/77", O_RDONLY));
  }
  IN_CHILD {
    int out = QUIET(open("out2", O_RDWR | O_CREAT, 0644));
    dup2(out, 1);
    execl("/bin/sh", "sh", "-c", "echo lost; echo one > /dev/stdout; echo two >> /dev/stdout; echo 3 >> /dev/fd/1", NULL);
  }
  show_file("out2");

  say("-- ptmx");
  int master = SHOW(open("/dev/ptmx", O_RDWR | O_NOCTTY));
  SHOW(unlockpt(master));
  SHOW(isatty(master));
  char name[64];
  SHOW(ptsname_r(master, name, sizeof name));
  int slave = SHOW(open(name, O_RDWR | O_NOCTTY));
  SHOW(isatty(slave));
  struct stat st;
  SHOW(stat(name, &st));
  say("%s, major %u", type_name(st.st_mode), major(st.st_rdev));
  struct termios settings;
  SHOW(tcgetattr(slave, &settings));
  SHOW(write(master, "line\n", 5));
  SHOW(read(slave, text, sizeof text));
  SHOW(read(master, text, sizeof text));
  say("echo %s", quote(text, 6));
  cfmakeraw(&settings);
  SHOW(tcsetattr(slave, TCSANOW, &settings));
  SHOW(write(slave, "raw\n", 4));
  SHOW(read(master, text, sizeof text));
  struct winsize size = {24, 80, 0, 0}, back;
  SHOW(ioctl(master, TIOCSWINSZ, &size));
  SHOW(ioctl(slave, TIOCGWINSZ, &back));
  say("window %d %d", back.ws_row, back.ws_col);
  SHOW(close(slave));
  SHOW(read(master, text, sizeof text));

  say("-- refusals");
  SHOW(open("/dev/missing", O_RDONLY));
  SHOW(open("/dev/null/x", O_RDONLY));
  SHOW(rmdir("/dev/null"));
  SHOW(mkdir("/dev/null", 0755));
  SHOW(rename("/dev/zero", "/dev/null/x"));
}
