// Namespaces and mount calls. Without a user namespace an ordinary user gets EPERM; with one Linux allows most,
// uwrx none: those lines are in the list of differences.
// calls: clone setns unshare
#include "observe.h"
#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>

int main(void) {
  IN_CHILD SHOW(unshare(CLONE_FILES));
  IN_CHILD SHOW(unshare(CLONE_FS));
  IN_CHILD SHOW(unshare(0));
  IN_CHILD SHOW(unshare(0x1));
  IN_CHILD SHOW(unshare(CLONE_NEWNS));
  IN_CHILD SHOW(unshare(CLONE_NEWPID));
  IN_CHILD SHOW(unshare(CLONE_NEWNET));
  IN_CHILD SHOW(unshare(CLONE_NEWUTS));
  IN_CHILD SHOW(unshare(CLONE_NEWIPC));
  IN_CHILD SHOW(unshare(CLONE_NEWCGROUP));
  IN_CHILD SHOW(unshare(CLONE_NEWUSER));
  IN_CHILD SHOW(unshare(CLONE_NEWUSER | CLONE_NEWNS));
  IN_CHILD SHOW(setns(99, 0));
  IN_CHILD SHOW(setns(STDIN_FILENO, 0));
  IN_CHILD SHOW(setns(open("/proc/self/ns/mnt", O_RDONLY), CLONE_NEWNS));
  IN_CHILD {
    // Shared again by nobody: a chdir after unshare stays with the one who made it.
    QUIET(unshare(CLONE_FS | CLONE_FILES));
    QUIET(chdir("data"));
    QUIET(open("hello.txt", O_RDONLY));
  }
  SHOW(access("data", F_OK));
  SHOW(fcntl(3, F_GETFD));
}
