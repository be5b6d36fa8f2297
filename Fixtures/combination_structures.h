// The structures that combinations.c hands over, each valid in some way or in none.
#ifndef COMBINATION_STRUCTURES_H
#define COMBINATION_STRUCTURES_H

#include "combinations.h"
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <linux/sockios.h>

static struct set vectors, tasks, processors;
static char *request_page;
// More than a call takes of them.
static const unsigned many_groups[70000] = {1000, 1000, 5}, bad_groups[70000] = {0xffffffff, 1};

// All but those of files, which the guest's root has: natively the machine is real.
static void keep_only_file_capabilities(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2];
  if (syscall(SYS_capget, &header, data) < 0) _exit(98);
  // CHOWN to SETUID, but for KILL.
  unsigned kept = data[0].permitted & 0xdf;
  data[0] = data[1] = (struct __user_cap_data_struct){0};
  data[0].effective = data[0].permitted = kept;
  for (int i = 8; i < 41; i++) prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
  if (syscall(SYS_capset, &header, data) < 0 || syscall(SYS_capget, &header, data) < 0 || data[0].permitted != kept || data[1].permitted) _exit(98);
}

static void add_hows(void) {
  add(&hows, KEEP(struct open_how, {0}), "{}");
  static const long flags[] = {O_CREAT, O_TRUNC, O_PATH, O_PATH | O_CREAT, O_PATH | O_RDWR, O_TMPFILE | O_RDWR, O_TMPFILE, O_CREAT | O_DIRECTORY, O_ACCMODE, O_DIRECTORY, O_NOFOLLOW, O_RDWR | O_CREAT};
  for (unsigned i = 0; i < sizeof flags / sizeof *flags; i++) {
    add(&hows, KEEP(struct open_how, {.flags = flags[i]}), "{%#lo}", flags[i]);
    add(&hows, KEEP(struct open_how, {.flags = flags[i], .mode = 0644}), "{%#lo 0644}", flags[i]);
  }
  static const uint64_t modes[] = {07777, 010000, 1UL << 32, UINT64_MAX};
  for (unsigned i = 0; i < 4; i++) {
    add(&hows, KEEP(struct open_how, {.flags = O_CREAT | O_RDWR, .mode = modes[i]}), "{O_CREAT %#lo}", modes[i]);
    add(&hows, KEEP(struct open_how, {.mode = modes[i]}), "{0 %#lo}", modes[i]);
  }
  for (int i = 0; i < 34; i++) {
    add(&hows, KEEP(struct open_how, {.flags = 1UL << i}), "{flag %d}", i);
    if (i != 5) add(&hows, KEEP(struct open_how, {.resolve = 1UL << i}), "{resolve %d}", i);
  }
  add(&hows, KEEP(struct open_how, {.flags = UINT64_MAX}), "{all flags}");
  add(&hows, KEEP(struct open_how, {.resolve = RESOLVE_BENEATH | RESOLVE_IN_ROOT}), "{beneath in root}");
  add(&hows, KEEP(struct open_how, {.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS, .flags = O_CREAT | O_EXCL}), "{beneath O_EXCL}");
  struct open_how how[4] = {{0}};
  add(&hows, (long)keep(how, sizeof how), "longer, zero"), how[3].mode = 1, add(&hows, (long)keep(how, sizeof how), "longer"), how[1].flags = 1;
  add(&hows, (long)at_edge(how, 24), "at the edge"), add(&hows, (long)at_edge(how, 23), "cut off"), add(&hows, 0, "NULL"), add(&hows, 8, "8");
  static const long sizes[] = {24, 0, 1, 16, 23, 25, 32, 96, 4096, 4097, INT_MAX, 0x100000018L, -1};
  for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) add(&how_sizes, sizes[i], "%ld", sizes[i]);
}

static void add_times(void) {
  add(&times, 0, "NULL"), add(&old_times, 0, "NULL");
  static const long nanoseconds[] = {0, 1, UTIME_NOW, UTIME_OMIT, 999999999, 1000000000, -1, UTIME_NOW - 1, UTIME_OMIT + 1L, LONG_MAX, LONG_MIN, 1L << 32, UTIME_NOW | 1L << 32};
  static const long when[] = {0, -1, 1L << 33, LONG_MAX, LONG_MIN, LONG_MAX / 1000000000};
  for (unsigned i = 0; i < sizeof nanoseconds / sizeof *nanoseconds; i++) {
    struct timespec one = {1, nanoseconds[i]};
    long array[2][2] = {{1, nanoseconds[i]}, {1, 2}};
    add(&times, (long)keep(array, sizeof array), "{1.%ld 1.2}", one.tv_nsec), array[1][1] = UTIME_OMIT;
    add(&times, (long)keep(array, sizeof array), "{1.%ld omit}", one.tv_nsec), array[1][1] = UTIME_NOW;
    add(&times, (long)keep(array, sizeof array), "{1.%ld now}", one.tv_nsec);
    long swapped[2][2] = {{1, 2}, {1, nanoseconds[i]}};
    add(&times, (long)keep(swapped, sizeof swapped), "{1.2 1.%ld}", one.tv_nsec);
    add(&old_times, (long)keep(swapped, sizeof swapped), "{1.2 1.%ld}", one.tv_nsec);
    array[1][1] = 999999, add(&old_times, (long)keep(array, sizeof array), "{1.%ld 1.999999}", one.tv_nsec);
  }
  for (unsigned i = 0; i < sizeof when / sizeof *when; i++) {
    long array[2][2] = {{when[i], 1}, {when[i], 999999}};
    add(&times, (long)keep(array, sizeof array), "{%ld.1 .999999}", when[i]), add(&old_times, (long)keep(array, sizeof array), "{%ld.1 .999999}", when[i]);
    array[1][1] = UTIME_NOW, add(&times, (long)keep(array, sizeof array), "{%ld.1 now}", when[i]);
  }
  struct set *sets[] = {&times, &old_times};
  for (int i = 0; i < 2; i++) {
    long array[2][2] = {{1, 1}, {1, 1}};
    add(sets[i], (long)at_edge(array, sizeof array), "at the edge"), add(sets[i], (long)at_edge(array, 31), "cut off"), add(sets[i], (long)at_edge(array, 16), "16 bytes");
    add(sets[i], 8, "8"), add(sets[i], -1, "-1"), add(sets[i], (long)sealed, "read-only");
  }
}

static void add_addresses(void) {
  static const char *names[] = {"new", "file", "socket", "missing/x", "file/x", "full", "closed/x", "loop", "dangling", "link", "new/", "secret", "", ".", "fifo"};
  add(&address_sizes, sizeof(struct sockaddr_un), "110");
  for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    strcpy(local.sun_path, names[i]);
    add(&addresses, (long)keep(&local, 256 < sizeof local ? 256 : sizeof local), "unix \"%s\"", names[i]);
  }
  struct sockaddr_storage all = {0};
  for (int family = 0; family < 48; family += family < 4 ? 1 : family == 10 ? 6 : 3) all.ss_family = (sa_family_t)family, add(&addresses, (long)keep(&all, sizeof all), "family %d", family);
  struct sockaddr_un full = {.sun_family = AF_UNIX};
  memset(full.sun_path, 'p', sizeof full.sun_path);
  add(&addresses, (long)keep(&full, sizeof full), "unix of 108"), full.sun_path[0] = 0, add(&addresses, (long)keep(&full, sizeof full), "abstract");
  add(&addresses, KEEP(struct sockaddr_in, {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}}), "inet :0");
  add(&addresses, (long)at_edge(&full, 2), "2 bytes"), add(&addresses, (long)at_edge(&full, 16), "16 bytes"), add(&addresses, (long)at_edge(&full, 1), "1 byte");
  add(&addresses, 0, "NULL"), add(&addresses, 8, "8"), add(&addresses, -1, "-1");
  static const long sizes[] = {0, 1, 2, 3, 6, 8, 16, 28, 109, 111, 128, 129, INT_MAX, 0x80000000L, -1, 0x10000006eL};
  for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) add(&address_sizes, sizes[i], "%ld", sizes[i]);
}

static void add_requests(void) {
  static const unsigned known[] = {FIONREAD, FIONBIO, FIOASYNC, FIOCLEX, FIONCLEX, FIOQSIZE, FIGETBSZ, FIBMAP, FS_IOC_GETFLAGS, FS_IOC_SETFLAGS, FS_IOC_GETVERSION, FS_IOC_FSGETXATTR, FS_IOC_FSSETXATTR,
                                   FS_IOC_FIEMAP, FICLONE, FICLONERANGE, FIDEDUPERANGE, FS_IOC_GETFSLABEL, 0x1501 /* FS_IOC_GETFSUUID */, TCGETS, TCSETS, TIOCGWINSZ, TIOCSWINSZ, TIOCSTI, TIOCGPGRP, TIOCSPGRP,
                                   TIOCSCTTY, TIOCNOTTY, TIOCGSID, TIOCSETD, TIOCGETD, TIOCOUTQ, TIOCGPTN, TIOCMGET, TIOCCONS, TIOCLINUX, TIOCEXCL, TCXONC, TCFLSH, TCSBRK, TIOCPKT, TIOCVHANGUP, TIOCGDEV,
                                   BLKGETSIZE, BLKROGET, BLKFLSBUF, SIOCATMARK, SIOCGSTAMP_OLD, SIOCADDRT, SIOCDELRT, SIOCGIFNAME, SIOCSIFLINK, SIOCGIFCONF, SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCGIFADDR, SIOCSIFADDR,
                                   SIOCSIFDSTADDR, SIOCSIFBRDADDR, SIOCSIFNETMASK, SIOCSIFMETRIC, SIOCGIFMEM, SIOCSIFMEM, SIOCGIFMTU, SIOCSIFMTU, SIOCSIFNAME, SIOCSIFHWADDR, SIOCGIFENCAP, SIOCSIFENCAP,
                                   SIOCGIFHWADDR, SIOCGIFSLAVE, SIOCSIFSLAVE, SIOCADDMULTI, SIOCDELMULTI, SIOCGIFINDEX, SIOCSIFPFLAGS, SIOCGIFPFLAGS, SIOCDIFADDR, SIOCSIFHWBROADCAST, SIOCGIFCOUNT, SIOCGIFBR,
                                   SIOCSIFBR, SIOCGIFTXQLEN, SIOCSIFTXQLEN, SIOCETHTOOL, SIOCGMIIPHY, SIOCGMIIREG, SIOCSMIIREG, SIOCWANDEV, SIOCDARP, SIOCGARP, SIOCSARP, SIOCDRARP, SIOCGIFMAP, SIOCSIFMAP,
                                   SIOCADDDLCI, SIOCGIFVLAN, SIOCSIFVLAN, SIOCBONDENSLAVE, SIOCBRADDBR, SIOCBRDELBR, SIOCSHWTSTAMP, SIOCGHWTSTAMP, SIOCPROTOPRIVATE, SIOCDEVPRIVATE, SIOCOUTQNSD, SIOCGPGRP, SIOCSPGRP,
                                   0x8940 /* none */, 0, 1, 2, 0x541e, 0x5499, 0xdeadbeef, 0xffffffff, 0x7fffffff, 0x80000000};
  for (unsigned i = 0; i < sizeof known / sizeof *known; i++) add(&requests, known[i], "%#x", known[i]);
  add(&requests, UPPER(FIONREAD), "upper and FIONREAD"), add(&requests, UPPER(SIOCGIFFLAGS), "upper and SIOCGIFFLAGS"), add(&requests, -1, "all 64");
  struct ifreq none = {.ifr_name = "nosuch0"};
  request_page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  add(&ioctl_arguments, (long)request_page, "nosuch0"), add(&ioctl_arguments, 0, "0"), add(&ioctl_arguments, 1, "1"), add(&ioctl_arguments, 8, "8"), add(&ioctl_arguments, -1, "-1");
  add(&ioctl_arguments, FILE_RW, "file's number"), add(&ioctl_arguments, (long)sealed, "read-only"), add(&ioctl_arguments, (long)at_edge(&none, 4), "4 bytes"), add(&ioctl_arguments, (long)at_edge(&none, 40), "at the edge");
  strcpy(none.ifr_name, "lo"), add(&ioctl_arguments, (long)at_edge(&none, 40), "lo at the edge"), memset(none.ifr_name, 'n', 16), add(&ioctl_arguments, (long)keep(&none, 40), "long name");
  for (int i = 0; i < 18; i++) add(&commands, i, "%d", i);
  for (int i = 34; i < 40; i++) add(&commands, i, "%d", i);
  for (int i = 1024; i < 1042; i++) add(&commands, i, "%d", i);
  add(&commands, -1, "-1"), add(&commands, INT_MIN, "INT_MIN"), add(&commands, UPPER(F_GETFD), "upper and F_GETFD");
  // Not those that end or stop the caller's kind of process, or change what a later call is answered.
  for (int i = 1; i < 80; i++)
    if (i != PR_SET_SECCOMP && i != PR_SET_SYSCALL_USER_DISPATCH && i != PR_SET_TSC && i != PR_SET_MM) add(&options, i, "%d", i);
  add(&options, 0, "0"), add(&options, -1, "-1"), add(&options, UPPER(PR_GET_DUMPABLE), "upper and PR_GET_DUMPABLE"), add(&options, 0x53564d41, "PR_SET_VMA"), add(&options, 0x59616d61, "PR_SET_PTRACER");
}

static void make_structures(void) {
  add_hows(), add_times(), add_addresses(), add_requests();
  static const long offset_values[] = {0, 5, 9, 100, LONG_MAX, LONG_MIN, -1, LONG_MAX - 4, 1L << 32};
  add(&offsets, 0, "NULL");
  for (unsigned i = 0; i < sizeof offset_values / sizeof *offset_values; i++) add(&offsets, (long)keep(&offset_values[i], 8), "&%ld", offset_values[i]);
  add(&offsets, 8, "8"), add(&offsets, (long)(edge - 4), "cut off"), add(&offsets, (long)sealed, "read-only");
  static const char *texts[] = {"user.own", "user.", "user", "", "trusted.x", "security.x", "system.x", "user.missing", "nosuch.x", "security.capability"};
  for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) add(&names, (long)texts[i], "\"%s\"", texts[i]);
  char *name = malloc(300);
  memset(name, 'n', 299), memcpy(name, "user.", 5), name[299] = 0, add(&names, (long)name, "name of 299"), name = keep(name, 256), name[255] = 0, add(&names, (long)name, "name of 255");
  add(&names, (long)at_edge("user.own", 9), "at the edge"), add(&names, (long)at_edge("user.own", 8), "cut off"), add(&names, 0, "NULL"), add(&names, 8, "8");
  char *zero = mmap(NULL, 32 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  add(&values, (long)zero, "zeros"), add(&values, 0, "NULL"), add(&values, 8, "8"), add(&values, (long)(edge - 8), "8 bytes");
  struct arguments { uint64_t value; uint32_t size, flags; };
  add(&attribute_arguments, KEEP(struct arguments, {(uint64_t)scratch, 16, 0}), "{page 16}"), add(&attribute_arguments, KEEP(struct arguments, {(uint64_t)scratch, 0, 0}), "{page 0}");
  add(&attribute_arguments, KEEP(struct arguments, {0, 16, 0}), "{NULL 16}"), add(&attribute_arguments, KEEP(struct arguments, {(uint64_t)scratch, 65537, 0}), "{page 65537}");
  for (int i = 0; i < 4; i++) add(&attribute_arguments, KEEP(struct arguments, {(uint64_t)scratch, 4, 1u << i}), "{page 4 %#x}", 1u << i);
  add(&attribute_arguments, 0, "NULL"), add(&attribute_arguments, 8, "8"), add(&attribute_arguments, (long)(edge - 8), "8 bytes");
  add(&masks, 0x7ff, "basic"), add_bits(&masks, 0);
  for (int i = 0; i < 18; i++) add(&resources, i == 0 ? RLIMIT_NOFILE : i, "%d", i == 0 ? RLIMIT_NOFILE : i);
  add(&resources, -1, "-1"), add(&resources, UPPER(RLIMIT_CORE), "upper and RLIMIT_CORE"), add(&zeros, 0, "0"), add(&zeros, -1, "-1"), add(&zeros, 4194303, "no process"), add(&zeros, 1L << 32, "bit 32");
  add(&limits, 0, "NULL"), add(&limits, 8, "8"), add(&limits, KEEP(struct rlimit, {1, 0}), "{1 0}"), add(&limits, (long)(edge - 8), "8 bytes"), add(&limits, KEEP(struct rlimit, {0, 0}), "{0 0}");
  add(&tasks, getpid(), "parent"), add(&tasks, UPPER(getpid()), "upper and parent"), add(&tasks, 0, "0"), add(&tasks, -1, "-1"), add(&tasks, 4194303, "no process"), add(&tasks, UPPER(0), "upper and 0"), add(&tasks, INT_MIN, "INT_MIN");
  void *ones = malloc(PAGE);
  memset(ones, 0xff, PAGE);
  add(&processors, (long)ones, "all"), add(&processors, (long)zero, "none"), add(&processors, 0, "NULL"), add(&processors, 8, "8"), add(&processors, (long)(edge - 4), "4 bytes"), add(&processors, (long)at_edge(ones, 8), "8 bytes");
  static char *strings[] = {"program", "argument", NULL}, *broken[] = {"program", (char *)8, NULL};
  add(&vectors, (long)strings, "strings"), add(&vectors, 0, "NULL"), add(&vectors, 8, "8"), add(&vectors, (long)broken, "{string 8}"), add(&vectors, (long)(edge - 8), "8 bytes"), add(&vectors, (long)at_edge(strings, 16), "unended");
  static const long numbers[] = {SIGCHLD, SIGUSR1, 0, 1, SIGKILL, SIGSTOP, 32, 33, 64, 65, -1, INT_MIN, UPPER(SIGCHLD)};
  for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++) add(&signals, numbers[i], "%#lx", numbers[i]);
  add(&groups, (long)many_groups, "groups"), add(&groups, (long)bad_groups, "bad groups"), add(&groups, 0, "NULL"), add(&groups, 8, "8"), add(&groups, (long)(edge - 8), "8 bytes"), add(&groups, (long)zero, "zeros");
  static const struct __user_cap_header_struct versions[] = {{_LINUX_CAPABILITY_VERSION_3, 0}, {_LINUX_CAPABILITY_VERSION_1, 0}, {_LINUX_CAPABILITY_VERSION_2, 0}, {0, 0}, {1, 0}, {_LINUX_CAPABILITY_VERSION_3, -1}, {_LINUX_CAPABILITY_VERSION_3, 4194303}, {_LINUX_CAPABILITY_VERSION_3, INT_MIN}};
  for (unsigned i = 0; i < sizeof versions / sizeof *versions; i++) add(&headers, (long)keep(&versions[i], 8), "{%#x %d}", versions[i].version, versions[i].pid);
  add(&headers, 0, "NULL"), add(&headers, 8, "8"), add(&headers, (long)(edge - 4), "cut off"), add(&headers, (long)sealed, "read-only");
  add(&data_sets, (long)zero, "none"), add(&data_sets, 0, "NULL"), add(&data_sets, 8, "8"), add(&data_sets, (long)(edge - 12), "12 bytes");
  struct __user_cap_data_struct all[2] = {{~0u, ~0u, ~0u}, {~0u, ~0u, ~0u}}, one[2] = {{1, 0, 0}}, inherit[2] = {{0, 0, 1}};
  add(&data_sets, (long)keep(all, sizeof all), "all"), add(&data_sets, (long)keep(one, sizeof one), "effective alone"), add(&data_sets, (long)keep(inherit, sizeof inherit), "inheritable");
}

#endif
