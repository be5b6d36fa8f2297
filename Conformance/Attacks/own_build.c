// Finds its own run's directory in its current directory, and changes, runs, links, removes and lists what the supervisor keeps there.
// build: here
#include "attack.h"
#include <dirent.h>
#include <ftw.h>

static int touch(const char *path, const struct stat *st, int type, struct FTW *ftw) {
  (void)ftw;
  if (type == FTW_F && S_ISREG(st->st_mode)) {
    int fd = open(path, O_RDWR);
    if (fd >= 0) {
      write(fd, "changed", 7);
      ftruncate(fd, 3);
      close(fd);
    }
    fd = open(path, O_RDONLY);
    char *map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    if (map != MAP_FAILED) munmap(map, 4096);
    close(fd);
    chmod(path, 0777);
    IN_CHILD execl(path, path, NULL);
  }
  return 0;
}

int main(void) {
  // A reproducible run does not show it; then the guest can only make one of its own.
  DIR *directory = opendir("build");
  NEEDS(directory || strstr(given("ATTACK_WITH"), "--reproducible"));
  if (directory) closedir(directory);
  close(open("mine", O_CREAT | O_WRONLY, 0644));
  for (int i = 0; i < 3; i++) {
    // Every look makes copies of what is there, which are there at the next look.
    nftw("build", touch, 32, FTW_PHYS);
    mkdir("build/0/0/files/made", 0755);
    close(open("build/0/0/files/mine", O_CREAT | O_WRONLY | O_TRUNC, 0644));
    close(open("build/0/0/status", O_CREAT | O_WRONLY | O_TRUNC, 0644));
    close(open("build/0/0/files.index", O_CREAT | O_WRONLY | O_TRUNC, 0644));
    rename("build/0/0/events", "build/0/0/stolen");
    link("build/0/0/files.meta", "build/0/0/files/linked");
    symlink("/", "build/0/0/files/root");
  }
  rename("build/0/0", "build/0/1");
  rename("build/0", "moved");
  rename("moved", "build/10");
  IN_CHILD execl("/bin/rm", "rm", "-rf", "build", NULL);
  mkdir("build", 0755);
  mkdir("build/0", 0755);
  symlink(given("ATTACK_OUTSIDE"), "build/0/0");
  return verdict();
}
