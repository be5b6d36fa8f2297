// chroot: where absolute paths begin, where `..` ends, who may, and what else goes by it.
// calls: chroot getcwd
#include "observe.h"
#include <linux/capability.h>
#include <pthread.h>
#include <sys/un.h>

static void where(const char *label) {
  char path[PATH_MAX];
  long n = syscall(SYS_getcwd, path, sizeof path);
  if (n < 0) say("%s: %s", label, error_name(errno));
  else say("%s: %s", label, relative(path));
}

static void look(const char *path) {
  struct stat st;
  if (stat(path, &st)) say("%s: %s", path, error_name(errno));
  else say("%s: %s", path, type_name(st.st_mode));
}

static void *in_thread(void *unused) {
  (void)unused;
  look("/inside");
  SHOW(chdir("/sub"));
  return NULL;
}

static void prepare(void) {
  QUIET(mkdir("jail", 0755));
  QUIET(mkdir("jail/sub", 0755));
  QUIET(mkdir("jail/sub/deep", 0755));
  QUIET(mkdir("jail/closed", 0));
  put_file("jail/inside", "inside\n");
  put_file("outside", "outside\n");
  QUIET(symlink("/inside", "jail/absolute"));
  QUIET(symlink("../../../../inside", "jail/sub/up"));
  QUIET(symlink("/sub", "jail/sublink"));
  QUIET(symlink("jail", "jaillink"));
}

static void errors(void) {
  SHOW(chroot("nothing"));
  SHOW(chroot("outside"));
  SHOW(chroot(""));
  SHOW(chroot("jail/closed"));
  SHOW(chroot(bad_pointer()));
  SHOW(chroot("outside/x"));
}

static void names(void) {
  where("still there");
  look("/inside");
  look("jail/inside");
  SHOW(chdir("/"));
  where("entered");
  look("absolute");
  look("/sub/up");
  look("/../../inside");
  look("..");
  show_file("/sublink/../absolute");
  SHOW(chdir("sublink/deep"));
  where("deep");
  SHOW(chdir("../../../.."));
  where("up");
  char target[PATH_MAX];
  SHOW(readlink("/absolute", target, sizeof target));
  SHOW(mkdir("/made", 0755));
  put_file("/made/file", "made\n");
  SHOW(rename("/made", "/sub/moved"));
  SHOW(link("/sub/moved/file", "/linked"));
  SHOW(unlink("../../sub/moved/file"));
  show_file("/linked");
  SHOW(rmdir("/"));
  SHOW(mkfifo("/fifo", 0600));
  int both = open("/fifo", O_RDWR);
  SHOW(write(both, "x", 1));
  close(both);
}

static void sockets(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/sub/socket"}, name;
  socklen_t size = sizeof name;
  int server = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
  SHOW(bind(server, (struct sockaddr *)&address, sizeof address));
  SHOW(listen(server, 1));
  SHOW(connect(client, (struct sockaddr *)&address, sizeof address));
  if (!getsockname(server, (struct sockaddr *)&name, &size)) say("name %s", name.sun_path);
  look("/sub/socket");
  close(server);
  close(client);
}

static void programs(void) {
  // What runs says itself where it is.
  SHOW(execl("/gone", "gone", NULL));
  SHOW(execl("/inside", "inside", NULL));
  SHOW(execl("/program", "program", "inside", NULL));
}

// A program of the jail that needs no library's file, if this one is such a program.
static void copy_program(void) {
  static char bytes[1 << 16];
  int from = open("/proc/self/exe", O_RDONLY), to = open("jail/program", O_WRONLY | O_CREAT, 0755);
  for (ssize_t n; (n = read(from, bytes, sizeof bytes)) > 0;)
    if (write(to, bytes, n) != n) _exit(97);
  close(from);
  close(to);
}

int main(int argc, char **argv) {
  if (argc > 1) {
    say("a program %s", argv[1]);
    where("its directory");
    look("/inside");
    return 0;
  }
  relative("/");
  prepare();
  copy_program();

  say("-- errors");
  IN_CHILD errors();

  say("-- names");
  IN_CHILD {
    if (!SHOW(chroot("jaillink"))) names();
  }
  say("-- a name, a slash, a dot");
  IN_CHILD {
    SHOW(chroot("jail/"));
    SHOW(chroot("."));
    look("/outside");
    SHOW(chroot("/"));
    SHOW(chroot("jail/sub/.."));
    look("/inside");
  }
  say("-- one below the other");
  IN_CHILD {
    SHOW(chroot("jail"));
    SHOW(chdir("/"));
    SHOW(chroot("sub"));
    look("/deep");
    look("../inside");
    where("above");
    SHOW(chdir("/"));
    where("below");
    look("../inside");
  }
  say("-- a descriptor from outside");
  IN_CHILD {
    int here = open(".", O_RDONLY | O_DIRECTORY), jail = open("jail", O_RDONLY | O_DIRECTORY);
    SHOW(chroot("jail"));
    struct stat st;
    SHOW(fstatat(here, "outside", &st, 0));
    SHOW(fstatat(jail, "../outside", &st, 0));
    SHOW(fstatat(jail, "../jail/absolute", &st, 0));
    SHOW(fchdir(here));
    where("back outside");
    show_file("outside");
  }
  say("-- children, threads, programs");
  IN_CHILD {
    if (SHOW(chroot("jail"))) _exit(0);
    SHOW(chdir("/"));
    IN_CHILD look("/inside");
    pthread_t thread;
    pthread_create(&thread, NULL, in_thread, NULL);
    pthread_join(thread, NULL);
    where("moved by a thread");
    sockets();
    IN_CHILD programs();
  }
  look("outside");
  look("/inside");

  say("-- what becomes of the directory");
  IN_CHILD {
    if (SHOW(chroot("jail/sub"))) _exit(0);
    SHOW(chdir("/deep"));
    SHOW(rmdir("/deep"));
    where("removed");
    SHOW(chdir("/"));
    look("deep");
  }
  SHOW(rename("jail", "prison"));
  look("prison/inside");

  say("-- who may");
  IN_CHILD {
    QUIET(setgid(1000));
    QUIET(setuid(1000));
    SHOW(chroot("prison"));
    SHOW(chroot("nothing"));
    SHOW(chroot("prison/closed"));
  }
  IN_CHILD {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    QUIET(syscall(SYS_capget, &header, data));
    data[0].effective &= ~(1U << CAP_SYS_CHROOT);
    QUIET(syscall(SYS_capset, &header, data));
    SHOW(chroot("prison"));
    data[0].effective |= data[0].permitted & 1U << CAP_SYS_CHROOT;
    QUIET(syscall(SYS_capset, &header, data));
    SHOW(chroot("prison"));
  }
  return 0;
}
