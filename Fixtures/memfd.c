// memfd_create and seals.
// calls: fcntl ftruncate memfd_create
#include "observe.h"

int main(void) {
  char text[32];
  int fd = SHOW(memfd_create("name", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  SHOW(write(fd, "content", 7));
  struct stat st;
  SHOW(fstat(fd, &st));
  say("type %s, size %ld, links %ld", type_name(st.st_mode), (long)st.st_size, (long)st.st_nlink);
  ssize_t n = readlink("/proc/self/fd/3", text, sizeof text);
  say("link %s", quote(text, n < 0 ? 0 : n));
  SHOW(ftruncate(fd, 4096));
  char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  page[0] = 'C';
  SHOW(pread(fd, text, 7, 0));
  say("%s", quote(text, 7));
  SHOW(fcntl(fd, F_GET_SEALS));
  SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
  munmap(page, 4096);
  SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW));
  SHOW(ftruncate(fd, 10));
  SHOW(ftruncate(fd, 10000));
  SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SEAL));
  SHOW(pwrite(fd, "x", 1, 0));
  SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
  SHOW(fcntl(fd, F_GET_SEALS));
  CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
  CHECK(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0));

  say("-- through /proc and in a child");
  int again = SHOW(open("/proc/self/fd/3", O_RDONLY));
  SHOW(read(again, text, 7));
  SHOW(open("/proc/self/fd/3", O_RDWR) < 0 ? -1 : 0);
  IN_CHILD {
    SHOW(pread(fd, text, 7, 0));
    say("%s", quote(text, 7));
  }
  say("-- refusals");
  char name[300];
  memset(name, 'n', sizeof name);
  name[250] = 0;
  CHECK(memfd_create(name, 0));
  name[249] = 0;
  CHECK(memfd_create(name, 0));
  SHOW(memfd_create("x", 0x1000));
  SHOW(memfd_create(bad_pointer(), 0));
  SHOW(fcntl(memfd_create("unsealable", 0), F_ADD_SEALS, F_SEAL_WRITE));
}
