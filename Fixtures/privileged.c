// What root may do natively, and nobody may do under uwrx: the kernel's answers to an ordinary user are the oracle.
// As root each call is an intended difference; each runs in a child that owns its mount namespace, so that nothing
// of it reaches the host.
// calls: chroot mknodat mount prlimit64 sched_setscheduler setgid setgroups setpriority setresuid setuid socket
// calls: umount2
#include "observe.h"
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

int main(void) {
  IN_CHILD {
    unshare(CLONE_NEWNS | CLONE_NEWUTS);
    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
    SHOW(mount("none", "data/emptydir", "tmpfs", 0, NULL));
    SHOW(mount("data/dir", "data/emptydir", NULL, MS_BIND, NULL));
    SHOW(umount2("data/emptydir", MNT_DETACH));
    SHOW(chroot("data"));
  }
  IN_CHILD {
    SHOW(mknod("null", S_IFCHR | 0666, makedev(1, 3)));
    SHOW(mknod("disk", S_IFBLK | 0600, makedev(8, 0)));
    SHOW(mknod("whiteout", S_IFCHR | 0600, 0));
  }
  IN_CHILD {
    SHOW(setgid(12345));
    SHOW(setuid(12345));
    SHOW(setuid(0));
    SHOW(setresuid(0, 0, 0));
  }
  IN_CHILD SHOW(setgroups(1, (gid_t[]){12345}));
  IN_CHILD {
    SHOW(setpriority(PRIO_PROCESS, 0, -5));
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_max++;
    SHOW(setrlimit(RLIMIT_NOFILE, &limit));
    SHOW(sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 1}));
    SHOW(socket(AF_INET, SOCK_RAW, 1));
    SHOW(socket(AF_PACKET, SOCK_RAW, 0));
  }
}
