// alone: uses up what the kernel has
// Uses up what there is: descriptors in many processes, names, inodes, missing names, links, watches, arguments, memory files.
#include "attack.h"
#include <sys/inotify.h>

int main(void) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  // Descriptors: as many as there may be in one process, in several at once.
  pid_t pids[8];
  for (int i = 0; i < 8; i++)
    if ((pids[i] = fork()) == 0) {
      int count = 0;
      while (count < 12000 && open(count % 3 ? "data/hello.txt" : "data", O_RDONLY) >= 0) count++;
      // One more than there is: the supervisor must take back what it made for it.
      char own[32];
      snprintf(own, sizeof own, "too-many%d", i);
      int fd = open(own, O_CREAT | O_EXCL | O_RDWR, 0644);
      struct stat st;
      if (fd < 0 && stat(own, &st) == 0) escaped("a file was left by an open that failed");
      if (fd >= 0) unlink(own);
      // The numbers are gone, calls go on.
      stat("data/hello.txt", &st);
      _exit(0);
    }
  for (int i = 0; i < 8; i++) waitpid(pids[i], NULL, 0);
  char name[300];
  // Small files, links, directories, and what is not there.
  mkdir("many", 0755);
  for (int i = 0; i < 10000; i++) {
    snprintf(name, sizeof name, "many/%d", i);
    close(open(name, O_CREAT | O_WRONLY, 0644));
    if (i % 10 == 0) {
      char other[300];
      snprintf(other, sizeof other, "many/link%d", i);
      link("many/0", other);
    }
  }
  struct stat st;
  for (int i = 0; i < 60000; i++) {
    snprintf(name, sizeof name, "data/many/%d%0200d", i, i);
    stat(name, &st);
  }
  for (int i = 0; i < 15000; i++) {
    // A name that comes and goes.
    close(open("/tmp/comes", O_CREAT | O_WRONLY, 0644));
    unlink("/tmp/comes");
  }
  for (int i = 0; i < 3000; i++) {
    snprintf(name, sizeof name, "directory%d", i);
    mkdir(name, 0755);
    if (chdir(name) == 0) chdir("..");
  }
  int watches = inotify_init1(IN_NONBLOCK);
  for (int i = 0; i < 3000; i++) {
    snprintf(name, sizeof name, "many/%d", i);
    inotify_add_watch(watches, name, IN_ALL_EVENTS);
  }
  // Arguments and an environment of megabytes, one string after the other as long as may be.
  char *big = malloc(131072);
  memset(big, 'a', 131071);
  big[131071] = 0;
  char *arguments[64] = {"true"};
  for (int i = 1; i < 14; i++) arguments[i] = big;
  IN_CHILD {
    execv("/bin/true", arguments);
    for (int i = 14; i < 63; i++) arguments[i] = big;
    execve("/bin/true", arguments, arguments);
    execl("/bin/true", "true", NULL);
  }
  if (child_status) escaped("an execve with large arguments: %#x", child_status);
  // A script whose first line is longer than any, and one that calls itself.
  FILE *script = fopen("script", "w");
  fprintf(script, "#!%s/script %s\n", given("ATTACK_WORK"), "x");
  fclose(script);
  chmod("script", 0755);
  IN_CHILD execl("./script", "script", NULL);
  script = fopen("long", "w");
  fprintf(script, "#!/");
  for (int i = 0; i < 100000; i++) fputc('/', script);
  fclose(script);
  chmod("long", 0755);
  IN_CHILD execl("./long", "long", NULL);
  // Memory files and what is behind /tmp, within reason.
  for (int i = 0; i < 200; i++) {
    int memory = memfd_create("exhaustion", 0);
    write(memory, big, 131072);
  }
  IN_CHILD execl("/bin/true", "true", NULL);
  if (child_status) escaped("nothing runs any more: %#x", child_status);
  return verdict();
}
