// The values that combinations.c puts into the arguments of calls: descriptors, paths, buffers and numbers of every kind, and the files
// that they lead to. A set's first value is the one that nothing is wrong with.
#ifndef COMBINATIONS_H
#define COMBINATIONS_H

#include "observe.h"
#include <linux/capability.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <sys/un.h>

#define PAGE 4096L
// What the kernel takes from the lower half of the register, with something else in the upper one.
#define UPPER(value) ((long)(0x5a5a5a5a00000000UL | (uint32_t)(value)))

struct value {
  char label[40];
  long value;
};
struct set {
  int count;
  struct value values[160];
};

__attribute__((format(printf, 3, 4))) static void add(struct set *set, long value, const char *format, ...) {
  if (set->count == sizeof set->values / sizeof *set->values) _exit(97);
  struct value *new = &set->values[set->count++];
  new->value = value;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(new->label, sizeof new->label, format, arguments);
  va_end(arguments);
}
#define ADD(set, value) add(set, (long)(value), "%s", #value)

// A copy that stays.
static void *keep(const void *bytes, size_t size) { return memcpy(malloc(size), bytes, size); }
#define KEEP(type, ...) (long)keep(&(type)__VA_ARGS__, sizeof(type))

static char *edge;    // The end of the last page that is mapped and writable.
static char *sealed;  // A page that can only be read.
static char *scratch; // A page for results.

// A page whose last bytes are these.
static void *at_edge(const void *bytes, size_t size) {
  char *memory = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  mprotect(memory + PAGE, PAGE, PROT_NONE);
  return memcpy(memory + PAGE - size, bytes, size);
}

static int base; // The directory that the fresh ones are made in.

static int on(int number, int fd) {
  if (fd < 0) say("cannot open what is to be %d: %s", number, error_name(errno));
  if (fd >= 0 && fd != number) dup2(fd, number), close(fd);
  return number;
}

// The numbers of the descriptors.
enum {
  FILE_RW = 20, FILE_R, FILE_W, DIRECTORY, FILE_PATH, DIRECTORY_PATH, PIPE_R, PIPE_W, STREAM, DATAGRAM, EPOLL, EVENT, WATCHES, GONE, GONE_DIRECTORY, MEMORY,
  LINK_PATH, TIMER, FIFO, CLOSED, APPEND, SEQPACKET, PROC_FILE, PROC_DIRECTORY, LOWER, LOWER_DIRECTORY, END_OF_DESCRIPTORS
};

// A fresh directory, which becomes the current one, and fresh descriptors.
static void fresh(void) {
  static int turn;
  char name[32];
  umask(022);
  close_range(3, FILE_RW - 1, 0), close_range(END_OF_DESCRIPTORS, base - 1, 0), close_range(base + 1, ~0U, 0);
  fchdir(base);
  snprintf(name, sizeof name, "fresh-%d", turn++);
  if (mkdir(name, 0755) < 0 || chdir(name) < 0) say("%s: %s", name, error_name(errno));
  put_file("file", "contents\n");
  put_file("other", "other\n");
  put_file("secret", "secret\n");
  put_file("gone", "gone\n");
  put_file("script", "#!/bin/true\n");
  mkdir("empty", 0755), mkdir("full", 0755), mkdir("closed", 0755), mkdir("removed", 0755);
  put_file("full/inside", "inside\n"), put_file("closed/inside", "inside\n");
  symlink("file", "link"), symlink("full", "dirlink"), symlink("loop", "loop"), symlink("nowhere", "dangling");
  mknod("fifo", S_IFIFO | 0644, 0), mknod("socket", S_IFSOCK | 0755, 0);
  chmod("script", 0755);
  on(FILE_RW, open("file", O_RDWR)), on(FILE_R, open("file", O_RDONLY)), on(FILE_W, open("file", O_WRONLY));
  on(DIRECTORY, open(".", O_RDONLY | O_DIRECTORY));
  on(FILE_PATH, open("file", O_PATH)), on(DIRECTORY_PATH, open("full", O_PATH));
  int ends[2];
  if (pipe2(ends, O_NONBLOCK) == 0) on(PIPE_R, ends[0]), on(PIPE_W, ends[1]);
  on(STREAM, socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)), on(DATAGRAM, socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0));
  on(SEQPACKET, socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0));
  if (turn == 1) {
    // These have nothing to do with the files, and an inotify descriptor takes milliseconds to close.
    on(EPOLL, epoll_create1(0)), on(EVENT, eventfd(0, EFD_NONBLOCK)), on(WATCHES, inotify_init1(IN_NONBLOCK)), on(TIMER, timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK));
    on(PROC_FILE, open("/proc/self/status", O_RDONLY)), on(PROC_DIRECTORY, open("/proc/self", O_RDONLY | O_DIRECTORY));
    on(LOWER, openat(base, "data/hello.txt", O_RDONLY)), on(LOWER_DIRECTORY, openat(base, "data/dir", O_RDONLY | O_DIRECTORY));
  }
  on(GONE, open("gone", O_RDWR)), on(GONE_DIRECTORY, open("removed", O_RDONLY | O_DIRECTORY));
  unlink("gone"), rmdir("removed");
  on(MEMORY, memfd_create("memory", 0));
  on(LINK_PATH, open("link", O_PATH | O_NOFOLLOW));
  on(FIFO, open("fifo", O_RDWR | O_NONBLOCK)), on(APPEND, open("file", O_RDWR | O_APPEND));
  close(CLOSED);
  chmod("secret", 0), chmod("closed", 0);
}

static struct set fds, paths, own_paths, names, open_flags, bits, at_flags, modes, node_modes, devices, results, sizes, lengths, ids, times, old_times, seconds;
static struct set hows, how_sizes, inputs, addresses, address_sizes, masks, offsets, requests, ioctl_arguments, commands, options, any, signals;
static struct set limits, headers, data_sets, attribute_arguments, attribute_sizes, resources, zeros, values, groups, dirs, sockets, directories, watches;

static void add_bits(struct set *set, long with) {
  for (int i = 0; i < 32; i++) add(set, (long)(uint32_t)(with | 1u << i), "%#x", (uint32_t)(with | 1u << i));
  add(set, 0xffffffffL, "all"), add(set, -1L, "all 64"), add(set, UPPER(with), "upper and %#lx", with), add(set, with | 1L << 32, "bit 32 and %#lx", with);
}

static void add_paths(struct set *set, bool only_own) {
  static const char *texts[] = {"file", "file/", "file/x", "file/.", "file/..", "empty", "empty/", "full", "full/", "full/.", "full/..", "full/inside", "missing", "missing/", "missing/x",
                                "missing/..", "link", "link/", "dirlink", "dirlink/", "dirlink/inside", "loop", "loop/", "loop/x", "dangling", "dangling/", "dangling/x", "fifo", "socket",
                                "secret", "closed", "closed/inside", "closed/missing", "script", "", ".", "./", "other", "fifo/", "socket/x"};
  for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) add(set, (long)texts[i], "\"%s\"", texts[i]);
  for (int i = FILE_RW; i < END_OF_DESCRIPTORS; i++) {
    if (i == PROC_FILE || i == PROC_DIRECTORY || i == LOWER || i == LOWER_DIRECTORY) continue;
    char text[32];
    int length = snprintf(text, sizeof text, "/proc/self/fd/%d", i);
    add(set, (long)keep(text, length + 1), "%s", text);
  }
  char *long_name = malloc(2 * PAGE);
  memset(long_name, 'n', 2 * PAGE);
  long_name[255] = 0;
  add(set, (long)long_name, "name of 255");
  add(set, (long)(long_name + 256 + PAGE - 512), "unended"), long_name[2 * PAGE - 1] = 0;
  char *longer = keep(long_name + 300, PAGE);
  longer[256] = 0;
  add(set, (long)longer, "name of 256");
  char *path = malloc(2 * PAGE);
  for (int i = 0; i < PAGE; i += 2) memcpy(path + i, "./", 2);
  memcpy(path + PAGE - 6, "/file", 6);
  add(set, (long)path, "path of 4095");
  path = keep(path, PAGE + 8);
  memcpy(path + PAGE - 6, "./file", 7);
  add(set, (long)path, "path of 4096");
  add(set, (long)at_edge("file", 5), "\"file\" at the edge"), add(set, (long)at_edge("file", 4), "\"file\" cut off"), add(set, (long)at_edge("x", 1), "\"x\" cut off");
  add(set, (long)at_edge("", 1), "\"\" at the edge");
  add(set, (long)sealed, "\"file\" read-only");
  add(set, 0, "NULL"), add(set, 8, "8"), add(set, -1, "-1"), add(set, (long)0xffff888000000000UL, "kernel"), add(set, 1L << 47, "1 << 47");
  if (only_own) return;
  static const char *others[] = {"/", "..", "/dev/full", "/dev/full/", "/dev/full/x", "/proc/version", "/proc/version/x", "/proc/missing", "/proc/self/cwd", "/proc/self/cwd/file",
                                 "../data/hello.txt", "../data/dir", "../data/foreign/private", "../data/dir/../hello.txt/x"};
  for (unsigned i = 0; i < sizeof others / sizeof *others; i++) add(set, (long)others[i], "\"%s\"", others[i]);
}

static void add_results(struct set *set) {
  add(set, (long)scratch, "page"), add(set, 0, "NULL"), add(set, 8, "8"), add(set, (long)(edge - 8), "8 bytes"), add(set, (long)(edge - 1), "1 byte"), add(set, (long)edge, "edge");
  add(set, (long)sealed, "read-only"), add(set, (long)0xffff888000000000UL, "kernel"), add(set, -1, "-1"), add(set, (long)scratch + 1, "odd");
}

// The descriptors, beginning with another one.
static void put_first(struct set *set, const char *label) {
  *set = fds;
  for (int i = 0; i < set->count; i++)
    if (strcmp(set->values[i].label, label) == 0) {
      struct value value = set->values[i];
      set->values[i] = set->values[0], set->values[0] = value;
    }
}

static void make_values(void) {
  char *memory = mmap(NULL, 5 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  strcpy(memory, "file");
  mprotect(sealed = memory, PAGE, PROT_READ);
  scratch = memory + PAGE, edge = memory + 4 * PAGE;
  mprotect(edge, PAGE, PROT_NONE);

  add(&fds, FILE_RW, "file"), add(&fds, AT_FDCWD, "AT_FDCWD");
  static const char *kinds[] = {"file", "file read-only", "file write-only", "directory", "O_PATH file", "O_PATH directory", "pipe", "pipe's end", "unix socket", "datagram socket", "epoll",
                                "eventfd", "inotify", "deleted file", "removed directory", "memfd", "O_PATH link", "timerfd", "fifo", "closed", "append", "inet6 socket", "proc file",
                                "proc directory", "lower file", "lower directory"};
  for (int i = FILE_R; i < END_OF_DESCRIPTORS; i++) add(&fds, i, "%s", kinds[i - FILE_RW]);
  add(&fds, -1, "-1"), add(&fds, -2, "-2"), add(&fds, 999999, "999999"), add(&fds, INT_MAX, "INT_MAX"), add(&fds, INT_MIN, "INT_MIN"), add(&fds, UPPER(FILE_RW), "upper and file");
  add(&fds, UPPER(AT_FDCWD), "upper and AT_FDCWD"), add(&fds, -99, "-99");
  put_first(&dirs, "AT_FDCWD"), put_first(&sockets, "unix socket"), put_first(&directories, "directory"), put_first(&watches, "inotify");
  add_paths(&own_paths, true), add_paths(&paths, false);
  static const int flags[] = {O_RDONLY, O_RDWR, O_WRONLY, O_ACCMODE, O_CREAT, O_CREAT | O_EXCL, O_CREAT | O_DIRECTORY, O_CREAT | O_RDWR, O_TRUNC, O_RDWR | O_TRUNC, O_CREAT | O_TRUNC | O_WRONLY,
                              O_PATH, O_PATH | O_NOFOLLOW, O_PATH | O_DIRECTORY, O_NOFOLLOW, O_DIRECTORY, O_TMPFILE, O_TMPFILE | O_RDWR, O_TMPFILE | O_WRONLY | O_EXCL, O_TMPFILE | O_CREAT | O_RDWR,
                              O_NOATIME, O_DIRECT, O_DIRECTORY | O_RDWR, O_CREAT | O_NOFOLLOW, O_NONBLOCK | O_WRONLY, O_EXCL, O_EXCL | O_TRUNC | O_CREAT, O_SYNC | O_APPEND | O_RDWR};
  for (unsigned i = 0; i < sizeof flags / sizeof *flags; i++) add(&open_flags, flags[i], "%#o", flags[i]);
  add_bits(&open_flags, 0);
  add(&bits, 0, "0"), add_bits(&bits, 0);
  add(&at_flags, 0, "0"), add(&at_flags, AT_SYMLINK_NOFOLLOW, "NOFOLLOW"), add(&at_flags, AT_EMPTY_PATH, "EMPTY"), add(&at_flags, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, "EMPTY NOFOLLOW");
  add(&at_flags, AT_SYMLINK_FOLLOW | AT_EMPTY_PATH, "EMPTY FOLLOW"), add_bits(&at_flags, 0);
  static const long numbers[] = {0, 1, 7, 8, 18, 63, 64, 4096, INT_MAX, 0x80000000L, 0xffffffffL, 0x100000000L, LONG_MAX, LONG_MIN, -1, -4096, 0x7ffffffffffff000L, LONG_MAX / 1000000000 + 1};
  add(&lengths, 5, "5"), add(&sizes, 256, "256"), add(&attribute_sizes, 64, "64"), add(&seconds, 1, "1");
  for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    add(&lengths, numbers[i], "%ld", numbers[i]), add(&sizes, numbers[i], "%ld", numbers[i]), add(&any, numbers[i], "%ld", numbers[i]);
    add(&seconds, numbers[i], "%ld", numbers[i]);
  }
  static const long small[] = {0, 1, 3, 255, 256, 65536, 65537, INT_MAX, 0x80000000L, 0xffffffffL, 0x100000000L, -1};
  for (unsigned i = 0; i < sizeof small / sizeof *small; i++) add(&attribute_sizes, small[i], "%ld", small[i]);
  static const unsigned permissions[] = {0644, 0, 0777, 01777, 06755, 07777, 010000, 0177777, 0xffffffff};
  for (unsigned i = 0; i < sizeof permissions / sizeof *permissions; i++) add(&modes, permissions[i], "%#o", permissions[i]), add(&node_modes, permissions[i], "%#o", permissions[i]);
  add(&modes, UPPER(0640), "upper and 0640"), add(&node_modes, UPPER(S_IFIFO | 0640), "upper and fifo");
  for (unsigned type = 0; type < 16; type++) add(&node_modes, type << 12 | 0644, "type %u", type);
  add(&devices, 0, "0"), add(&devices, 0x103, "1:3"), add(&devices, -1, "-1"), add(&devices, UPPER(0), "upper");
  add_results(&results), add_results(&inputs);
  static const long users[] = {-1, 0, 1, 1000, 12345, 65534, 0x7fffffff, 0xfffffffe, UPPER(1000), UPPER(-1), 0x100000000L};
  for (unsigned i = 0; i < sizeof users / sizeof *users; i++) add(&ids, users[i], "%#lx", users[i]);
}

#endif
