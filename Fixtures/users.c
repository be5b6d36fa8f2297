// Changes of user, group, groups and capabilities, and what they do to access to files and to children.
// calls: setuid setgid setreuid setregid setresuid setresgid setfsuid setfsgid setgroups getgroups capget capset
#include "observe.h"
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/fsuid.h>

// What the virtual kernel can give: chown, the two of modes, fowner, fsetid, kill, setgid, setuid, setpcap, net_bind_service.
#define GRANTED 0x5ff

static void who(void) {
  uid_t r, e, s;
  gid_t rg, eg, sg, groups[64];
  getresuid(&r, &e, &s);
  getresgid(&rg, &eg, &sg);
  say("uid %d %d %d, gid %d %d %d, groups %d", r, e, s, rg, eg, sg, getgroups(64, groups));
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2];
  SHOW(syscall(SYS_capget, &header, data));
  say("effective %#x permitted %#x inheritable %#x", data[0].effective & GRANTED, data[0].permitted & GRANTED, data[0].inheritable);
}

static void files(void) {
  SHOW(access("data/secret", R_OK));
  SHOW(faccessat(AT_FDCWD, "data/secret", R_OK, AT_EACCESS));
  SHOW(open("data/secret", O_RDONLY));
  SHOW(access("data/closed/inside", F_OK));
  SHOW(chmod("data/hello.txt", 0644));
  SHOW(chown("data/hello.txt", 1, 1));
  int fd = SHOW(open("made", O_CREAT | O_WRONLY | O_EXCL, 0644));
  struct stat st;
  if (!SHOW(stat("made", &st))) say("made by %d:%d", st.st_uid, st.st_gid);
  QUIET(unlink("made"));
  close(fd);
}

static void status(void) {
  FILE *f = fopen("/proc/self/status", "r");
  char line[256];
  while (f && fgets(line, sizeof line, f))
    if (!strncmp(line, "Uid:", 4) || !strncmp(line, "Gid:", 4) || !strncmp(line, "CapInh:", 7)) printf("%s", line);
  if (f) fclose(f);
}

int main(void) {
  QUIET(chmod(".", 0777));
  who();
  IN_CHILD {
    gid_t groups[3] = {30, 10, 20};
    SHOW(setgroups(3, groups));
    gid_t got[3] = {0};
    SHOW(getgroups(3, got));
    say("%d %d %d", got[0], got[1], got[2]);
    SHOW(getgroups(2, got));
    SHOW(syscall(SYS_setgroups, 65537, groups));
    SHOW(syscall(SYS_setgroups, 1, bad_pointer()));
    gid_t invalid = -1;
    SHOW(setgroups(1, &invalid));
    SHOW(setgroups(0, NULL));
  }
  IN_CHILD {
    SHOW(setgid(2000));
    SHOW(setuid(2000));
    who();
    files();
    status();
    SHOW(setuid(0));
    SHOW(setgid(0));
    SHOW(setgroups(0, NULL));
    IN_CHILD {
      who();
      execl("/usr/bin/id", "id", "-u", NULL);
    }
  }
  IN_CHILD {
    SHOW(setresuid(-1, 2000, -1));
    who();
    files();
    status();
    IN_CHILD execl("/bin/sh", "sh", "-c", "id -u; id -ru; cat data/secret 2>&1", NULL);
    SHOW(setresuid(-1, 0, -1));
    who();
  }
  IN_CHILD {
    SHOW(setreuid(2000, 3000));
    who();
    SHOW(setreuid(3000, 2000));
    SHOW(setreuid(4000, -1));
    SHOW(setreuid(-1, 4000));
    who();
  }
  IN_CHILD {
    SHOW(setregid(2000, 3000));
    SHOW(setresgid(1, 2, 3));
    SHOW(setresgid(-1, -1, -1));
    who();
    SHOW(setresuid(1, 2, 3));
    who();
    SHOW(setresuid(3, 1, 2));
    SHOW(setresuid(3, 1, 4));
    SHOW(setuid(2));
    who();
  }
  IN_CHILD {
    SHOW(setfsuid(2000));
    SHOW(setfsuid(-1));
    SHOW(setfsgid(2000));
    SHOW(setfsgid(-1));
    files();
    status();
    SHOW(setfsuid(0));
    SHOW(setfsuid(-1));
    files();
  }
  IN_CHILD {
    SHOW(prctl(PR_SET_KEEPCAPS, 1));
    SHOW(prctl(PR_SET_KEEPCAPS, 2));
    SHOW(prctl(PR_GET_KEEPCAPS));
    SHOW(setresuid(2000, 2000, 2000));
    who();
    files();
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{.effective = 2, .permitted = 2, .inheritable = 2}};
    SHOW(syscall(SYS_capset, &header, data));
    who();
    files();
    SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0));
    SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_DAC_OVERRIDE, 0, 0));
    SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0));
    SHOW(prctl(PR_CAP_AMBIENT, 9, CAP_CHOWN, 0, 0));
    IN_CHILD execl("/bin/sh", "sh", "-c", "cat data/secret", NULL);
    data[0].permitted = 3;
    SHOW(syscall(SYS_capset, &header, data));
    data[0].permitted = 0;
    SHOW(syscall(SYS_capset, &header, data));
    data[0].effective = 0;
    SHOW(syscall(SYS_capset, &header, data));
    who();
    header.pid = getppid();
    SHOW(syscall(SYS_capset, &header, data));
    SHOW(syscall(SYS_capget, &header, data));
    header.pid = -1;
    SHOW(syscall(SYS_capget, &header, data));
    header.pid = 1 << 22;
    SHOW(syscall(SYS_capget, &header, data));
    header.version = 1;
    SHOW(syscall(SYS_capget, &header, data));
    say("version %#x", header.version);
    header.version = 1;
    SHOW(syscall(SYS_capget, &header, NULL));
    SHOW(syscall(SYS_capget, bad_pointer(), data));
    SHOW(prctl(PR_CAPBSET_READ, CAP_CHOWN));
    SHOW(prctl(PR_CAPBSET_READ, 63));
    SHOW(prctl(PR_CAPBSET_DROP, CAP_CHOWN));
  }
  IN_CHILD {
    SHOW(prctl(PR_CAPBSET_DROP, CAP_CHOWN));
    SHOW(prctl(PR_CAPBSET_READ, CAP_CHOWN));
    SHOW(prctl(PR_CAPBSET_DROP, 63));
    IN_CHILD execl("/bin/sh", "sh", "-c", "chown 1 data/hello.txt 2>&1", NULL);
  }
}
