// Pushes input into a terminal: TIOCSTI and its relatives, with high bits, on every descriptor and on a terminal of its own.
#include "attack.h"
#include <pty.h>
#include <sys/ioctl.h>

static void push(int fd, const char *what) {
  static const unsigned long requests[] = {TIOCSTI, TIOCLINUX, TIOCCONS, TIOCSETD, TIOCSTI | 1ul << 32, TIOCSTI | 0xffffffff00000000ul, TIOCSTI | 1ul << 63};
  for (unsigned i = 0; i < sizeof requests / sizeof *requests; i++) {
    int discipline = 0;
    char byte = i == 1 ? 3 : 'x';
    void *argument = i == 3 ? (void *)&discipline : (void *)&byte;
    if (syscall(SYS_ioctl, fd, requests[i], argument) == 0) escaped("ioctl(%s, %#lx)", what, requests[i]);
    // The descriptor, too, is 32 bits.
    if (syscall(SYS_ioctl, 0xabcdef0000000000ul | fd, requests[i], argument) == 0) escaped("ioctl(%s with high bits, %#lx)", what, requests[i]);
  }
}

int main(void) {
  for (int fd = 0; fd < 3; fd++) push(fd, "an inherited descriptor");
  push(open("/dev/tty", O_RDWR), "/dev/tty");
  push(open("/dev/console", O_RDWR), "/dev/console");
  IN_CHILD {
    int master, slave;
    NEEDS(openpty(&master, &slave, NULL, NULL, NULL) == 0);
    setsid();
    NEEDS(ioctl(slave, TIOCSCTTY, 0) == 0);
    push(slave, "a terminal of its own");
    push(open("/dev/tty", O_RDWR), "/dev/tty of its own");
    char bytes[16];
    fcntl(slave, F_SETFL, O_NONBLOCK);
    if (read(slave, bytes, sizeof bytes) > 0) escaped("input in a terminal of its own");
    // A terminal of the host's, by number.
    for (int i = 0; i < 64; i++) {
      char path[32];
      snprintf(path, sizeof path, "/dev/pts/%d", i);
      int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK);
      struct stat st, own;
      if (fd >= 0 && fstat(fd, &st) == 0 && fstat(slave, &own) == 0 && st.st_rdev != own.st_rdev) escaped("%s", path);
    }
  }
  return verdict();
}
