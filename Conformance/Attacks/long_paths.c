// Paths of 4095 bytes and directories deeper than any path reaches, with versions, links, sockets, programs and renames at their ends.
#include "attack.h"
#include <sys/un.h>

static char deep[PATH_MAX];

static void versions(const char *name) {
  IN_CHILD {
    int fd = open(name, O_CREAT | O_WRONLY, 0644);
    write(fd, "first", 5);
  }
  IN_CHILD close(open(name, O_RDONLY));
  IN_CHILD {
    int fd = open(name, O_WRONLY | O_TRUNC);
    write(fd, "second", 6);
  }
  IN_CHILD close(open(name, O_RDONLY));
  IN_CHILD close(open(name, O_WRONLY | O_APPEND));
  IN_CHILD {
    close(open(name, O_RDONLY));
    rename(name, "renamed");
    link("renamed", name);
    chmod(name, 0700);
    symlink(name, "link");
    struct sockaddr_un address = {AF_UNIX, "socket"};
    int s = socket(AF_UNIX, SOCK_STREAM, 0);
    bind(s, (void *)&address, sizeof address);
    mkfifo("fifo", 0600);
    close(open("fifo", O_RDWR));
    execl("renamed", name, NULL);
  }
}

int main(void) {
  char name[256];
  memset(name, 'n', 255);
  // 300 levels, as far as a path reaches, and further.
  for (int level = 0; level < 300 && mkdir("d", 0755) == 0 && chdir("d") == 0; level++)
    if (level % 50 == 0) versions("file");
  NEEDS(chdir(given("ATTACK_WORK")) == 0);
  for (size_t length = 200; length > 0; length /= 2) {
    name[length] = 0;
    while (mkdir(name, 0755) == 0 && chdir(name) == 0) {
    }
    versions("file");
    name[length] = 'n';
  }
  for (char c = 'a'; c < 'f'; c++) versions((char[]){c, 0});
  struct stat st;
  stat(".", &st);
  int bottom = open(".", O_RDONLY | O_DIRECTORY);
  NEEDS(chdir(given("ATTACK_WORK")) == 0);

  // A deep directory that goes to the bottom of another one.
  mkdir("other", 0755);
  NEEDS(chdir("other") == 0);
  for (int level = 0; level < 500 && mkdir("e", 0755) == 0 && chdir("e") == 0; level++) {
  }
  versions("file");
  NEEDS(chdir(given("ATTACK_WORK")) == 0);
  int moved = renameat(AT_FDCWD, "other", bottom, "o");
  if (moved == 0) say("moved");
  int inside = openat(bottom, "o", O_RDONLY | O_DIRECTORY);
  for (int level = 0; level < 500 && inside >= 0; level++) {
    int next = openat(inside, "e", O_RDONLY | O_DIRECTORY);
    if (next < 0) {
      int file = openat(inside, "file", O_RDWR);
      write(file, "third", 5);
      close(file);
      unlinkat(inside, "file", 0);
      mkdirat(inside, "made", 0755);
    }
    close(inside);
    inside = next;
  }
  // The whole of it with another name: every path in it becomes longer.
  name[255] = 0;
  rename("d", name);
  name[200] = 0;
  char longer[256];
  memset(longer, 'm', 255);
  longer[255] = 0;
  if (rename(name, longer) == 0) say("lengthened");
  fchdir(bottom);
  versions("after");
  char where[PATH_MAX];
  if (getcwd(where, sizeof where)) stat(where, &st);
  // Links that grow while they are walked.
  memset(deep, 0, sizeof deep);
  for (int i = 0; i < 4090; i++) deep[i] = i % 2 ? '/' : '.';
  deep[4090] = 0;
  NEEDS(chdir(given("ATTACK_WORK")) == 0);
  symlink(deep, "long-link");
  stat("long-link/data", &st);
  for (int i = 0; i < 45; i++) {
    char from[16], to[4096];
    snprintf(from, sizeof from, "chain%d", i);
    snprintf(to, sizeof to, "%schain%d", i % 2 ? "./././" : "", i + 1);
    symlink(to, from);
    stat(from, &st);
  }
  chdir("chain0");
  execl("chain3", "x", NULL);
  // Names that are no text.
  for (int c = 1; c < 256; c++) {
    if (c == '/') continue;
    char odd[16] = {'x', (char)c, '\t', '9', '\t', (char)c};
    close(open(odd, O_CREAT | O_WRONLY, 0644));
    IN_CHILD close(open(odd, O_RDWR));
    odd[0] = 'y';
    mkdir(odd, 0755);
    symlink(odd, "odd-link");
    unlink("odd-link");
  }
  close(open("name\n2\tcreate\t/bin/evil\n", O_CREAT | O_WRONLY, 0644));
  close(open("\xff\xfe\xed\xa0\x80", O_CREAT | O_WRONLY, 0644));
  return verdict();
}
