// umask, across fork, exec and threads.
// calls: umask
#include "observe.h"
#include <pthread.h>

static void *in_thread(void *unused) {
  (void)unused;
  say("thread sees %04o", umask(0027));
  return NULL;
}

int main(void) {
  say("first %04o", umask(0));
  close(QUIET(open("u000", O_CREAT | O_WRONLY, 0666)));
  show_stat("u000");
  static const mode_t masks[] = {0777, 0027, 0077, 0111, 02022, 07777};
  for (int i = 0; i < 6; i++) {
    char file[16], directory[16], fifo[16];
    umask(masks[i]);
    snprintf(file, sizeof file, "f%d", i);
    snprintf(directory, sizeof directory, "d%d", i);
    snprintf(fifo, sizeof fifo, "p%d", i);
    say("umask now %04o", umask(masks[i]));
    close(QUIET(open(file, O_CREAT | O_WRONLY, 0777)));
    QUIET(mkdir(directory, 01777));
    QUIET(mkfifo(fifo, 0666));
    QUIET(symlink("x", i == 0 ? "l0" : i == 1 ? "l1" : i == 2 ? "l2" : i == 3 ? "l3" : i == 4 ? "l4" : "l5"));
    show_stat(file);
    show_stat(directory);
    show_stat(fifo);
  }
  show_stat("l0");

  say("-- fork and exec");
  umask(0033);
  IN_CHILD {
    say("child sees %04o", umask(0055));
  }
  say("parent still %04o", umask(0033));
  IN_CHILD {
    execl("/bin/sh", "sh", "-c", "umask; : > from-shell; umask 077; : > private", NULL);
  }
  show_stat("from-shell");
  show_stat("private");

  say("-- threads share it");
  pthread_t thread;
  pthread_create(&thread, NULL, in_thread, NULL);
  pthread_join(thread, NULL);
  say("main sees %04o", umask(022));
  close(QUIET(open("data/new", O_CREAT | O_WRONLY, 0666)));
  show_stat("data/new");
  say("copy up keeps the mode whatever the umask");
  umask(0777);
  int fd = QUIET(open("data/hello.txt", O_WRONLY));
  close(fd);
  show_stat("data/hello.txt");
  fd = QUIET(open("data/script.sh", O_WRONLY));
  close(fd);
  show_stat("data/script.sh");
}
