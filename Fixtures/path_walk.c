// How a path is walked: trailing slashes, dots, links, lengths, odd bytes, bad pointers.
// calls: chdir mkdir newfstatat openat rmdir stat
#include "observe.h"

static void look(const char *path) {
  struct stat st;
  const char *name = quote(path, strlen(path));
  char follow[64], nofollow[64];
  snprintf(follow, sizeof follow, "%s", stat(path, &st) < 0 ? error_name(errno) : type_name(st.st_mode));
  snprintf(nofollow, sizeof nofollow, "%s", lstat(path, &st) < 0 ? error_name(errno) : type_name(st.st_mode));
  say("%s: stat %s, lstat %s", name, follow, nofollow);
}

static void look_long(const char *label, const char *path) {
  struct stat st;
  say("%s: %s", label, stat(path, &st) < 0 ? error_name(errno) : type_name(st.st_mode));
}

static void lengths(void) {
  say("-- lengths");
  char name[PATH_MAX + 16];
  memset(name, 'n', sizeof name);
  name[255] = 0;
  look_long("255 missing", name);
  int fd = open(name, O_CREAT | O_WRONLY, 0644);
  say("255 create %s", fd < 0 ? error_name(errno) : "done");
  look_long("255", name);
  name[255] = 'n';
  name[256] = 0;
  look_long("256 missing", name);
  fd = open(name, O_CREAT | O_WRONLY, 0644);
  say("256 create %s", fd < 0 ? error_name(errno) : "done");
  SHOW(mkdir(name, 0755) < 0 ? errno == ENAMETOOLONG : 0);
  SHOW(rename("data/empty", name) < 0 ? errno == ENAMETOOLONG : 0);
  SHOW(symlink("x", name) < 0 ? errno == ENAMETOOLONG : 0);

  // A path of exactly PATH_MAX bytes with its NUL is the longest that is taken.
  char path[PATH_MAX + 16];
  memset(path, '/', sizeof path);
  memcpy(path, "data", 4);
  strcpy(path + PATH_MAX - 1 - 9, "hello.txt");
  look_long("PATH_MAX - 1 characters", path);
  memset(path, '/', sizeof path);
  memcpy(path, "data", 4);
  strcpy(path + PATH_MAX - 9, "hello.txt");
  look_long("PATH_MAX characters", path);
  for (int i = 0; i < PATH_MAX - 16; i += 2) memcpy(path + i, "./", 2);
  strcpy(path + PATH_MAX - 16, "data/empty");
  look_long("thousands of dots", path);

  // Deeper than PATH_MAX: only reachable step by step.
  QUIET(mkdir("deep", 0755));
  int here = QUIET(open(".", O_RDONLY | O_DIRECTORY));
  QUIET(chdir("deep"));
  char step[101];
  memset(step, 'd', 100);
  step[100] = 0;
  int depth = 0;
  for (; depth < 60; depth++) {
    if (mkdir(step, 0755) < 0 || chdir(step) < 0) break;
  }
  say("depth %d", depth);
  char buffer[8192];
  SHOW(syscall(SYS_getcwd, buffer, PATH_MAX));
  SHOW(syscall(SYS_getcwd, buffer, sizeof buffer));
  put_file("bottom", "reached");
  show_file("bottom");
  SHOW(unlink("bottom"));
  for (; depth > 0; depth--) {
    if (chdir("..") < 0 || rmdir(step) < 0) break;
  }
  say("depth after removal %d", depth);
  QUIET(fchdir(here));
  closefrom(3);
}

static void at_the_edge(void) {
  // A path that ends right before unmapped memory must be read; one that runs into it must not.
  say("-- the edge of a page");
  char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(pages + 4096, 4096);
  char *path = pages + 4096 - 15;
  memcpy(path, "data/hello.txt", 15);
  look(path);
  path = pages + 4096 - 14;
  memcpy(path, "data/hello.txt", 14);
  struct stat st;
  SHOW(stat(path, &st));
  SHOW(open(path, O_RDONLY));
  SHOW(syscall(SYS_stat, path, pages + 4090));
  // Read-only memory is fine for a path.
  memcpy(pages, "data/empty", 11);
  mprotect(pages, 4096, PROT_READ);
  look(pages);
  SHOW(stat("data", (struct stat *)pages));
  mprotect(pages, 4096, PROT_NONE);
  SHOW(access(pages, F_OK));
  munmap(pages, 4096);
}

int main(void) {
  static const char *const paths[] = {
      "data/", "data//", "data/.", "data/./", "data/..", "data/../", "./././data", "data///dir///a", "data/hello.txt/",
      "data/hello.txt/.", "data/hello.txt/..", "data/hello.txt/../empty", "data/missing/..", "data/missing/../empty",
      "data/link/", "data/link/.", "data/dirlink", "data/dirlink/", "data/dirlink/.", "data/dirlink/..",
      "data/dirlink/../empty", "data/dirlink/sub/../a", "data/up/data/empty", "data/up/..", "data/dangling/",
      "data/dangling/x", "data/loop1/", "data/loop1/x", "data/absolute", "data/absolute/", "data/winding", "data/closed/..",
      "data/closed/.", "data/closed/", "data/fifo/", "data/fifo/x", "/", "//", "///", "/.", "/..", "/../..", "/../dev/null",
      "//dev//null", "/dev/null/", "/dev/null/x", "/proc/self/exe/x", "/proc/self/", "", " ", "data/a space", "data/a space ",
      "data/new\nline", "data/caf\351.txt", "data/caf\303\251-utf8.txt", "data/cafe.txt", "data/HELLO.TXT", "...", "data/...",
      "data/many/f000", "data/many/f000/", "data/many/f200"};
  for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) look(paths[i]);

  say("-- odd names");
  static const char *const names[] = {"\377\376", "a\nb", "\001\002", "-rf", "*", "a\\b", "tab\t", "\303\251", "e\314\201", "...", " "};
  QUIET(mkdir("odd", 0755));
  QUIET(chdir("odd"));
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    close(QUIET(open(names[i], O_CREAT | O_EXCL | O_WRONLY, 0644)));
    look(names[i]);
  }
  QUIET(rename("\377\376", "\376\377"));
  show_directory(".");
  QUIET(chdir(".."));

  lengths();
  at_the_edge();

  say("-- pointers");
  struct stat st;
  SHOW(syscall(SYS_stat, NULL, &st));
  SHOW(syscall(SYS_stat, -1L, &st));
  SHOW(syscall(SYS_stat, 0x7fffffffffffL, &st));
  SHOW(syscall(SYS_stat, 0x8000000000000000UL, &st));
  SHOW(syscall(SYS_openat, AT_FDCWD, NULL, O_RDONLY));
  SHOW(syscall(SYS_openat, 99, NULL, O_RDONLY));
  SHOW(syscall(SYS_openat, 99, "/dev/null", O_RDONLY));
  SHOW(syscall(SYS_openat, (1L << 32) | (unsigned)AT_FDCWD, "data", O_RDONLY));

  say("-- a long link");
  char target[PATH_MAX];
  memset(target, '/', sizeof target);
  memcpy(target, "data", 4);
  strcpy(target + 4000, "hello.txt");
  QUIET(symlink(target, "longlink"));
  look("longlink");
  look("longlink/");
  QUIET(symlink("data/dir/", "trailing"));
  look("trailing");
  QUIET(symlink("data/hello.txt/", "badtrailing"));
  look("badtrailing");
}
