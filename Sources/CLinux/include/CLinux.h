// What Swift cannot import: variadic calls, function-like macros, ioctl numbers, and globals that clash with strict
// concurrency. Every wrapper returns the call's result, or -errno.
//
// Nothing here needs _GNU_SOURCE: the importer reads these headers without it, and definitions that differ from those in
// other modules do not compile.
#ifndef UWRX_CLINUX_H
#define UWRX_CLINUX_H

#include <elf.h>
#include <fts.h>
#include <linux/limits.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/timerfd.h>
#include <sys/types.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <termios.h>
#include <time.h>
#include <utime.h>

// struct statx of statx(2), which glibc defines for _GNU_SOURCE only.
struct uwrx_statx_time {
  int64_t tv_sec;
  uint32_t tv_nsec;
  int32_t reserved;
};
struct uwrx_statx {
  uint32_t stx_mask, stx_blksize;
  uint64_t stx_attributes;
  uint32_t stx_nlink, stx_uid, stx_gid;
  uint16_t stx_mode, spare0;
  uint64_t stx_ino, stx_size, stx_blocks, stx_attributes_mask;
  struct uwrx_statx_time stx_atime, stx_btime, stx_ctime, stx_mtime;
  uint32_t stx_rdev_major, stx_rdev_minor, stx_dev_major, stx_dev_minor;
  uint64_t spare[14];
};

#pragma clang assume_nonnull begin

// The seccomp notifier (seccomp_unotify(2)).

long uwrx_notification_receive(int listener, struct seccomp_notif *n);
long uwrx_notification_send(int listener, struct seccomp_notif_resp *r);
long uwrx_notification_is_valid(int listener, uint64_t id);
long uwrx_notification_add_descriptor(int listener, struct seccomp_notif_addfd *a);
// The same, with the notification's thread and the calling one on one processor meanwhile.
long uwrx_notification_add_descriptor_here(int listener, int thread, struct seccomp_notif_addfd *a);
long uwrx_notification_sync_wake_up(int listener);
long uwrx_seccomp_action_available(uint32_t action);

// Processes and their memory.

// Two remote ranges, so that a string at the end of a page is read up to the fault in one call.
long uwrx_read_memory_split(int pid, void *to, size_t first, size_t second, uint64_t from);
long uwrx_system_information(void *words);
long uwrx_write_memory(int pid, const void *from, size_t length, uint64_t to);
long uwrx_pidfd_open(int pid);
long uwrx_pidfd_getfd(int pidfd, int fd);
// information: a siginfo_t, or null.
long uwrx_pidfd_send_signal(int pidfd, int signal, const void *_Nullable information, unsigned flags);
// Whether two descriptors of this process are of one open file description (kcmp(2)).
int uwrx_is_same_file(int one, int other);
// Whether two processes have one memory.
int uwrx_shares_memory(int pid, int other);
// PIDFD_GET_INFO, Linux 6.15: 1 and the wait status of a process that has been reaped, 0 if it has not been.
long uwrx_pidfd_exit_status(int pidfd, int *status);
// Whether the process is there, if only to be reaped: 0, or -ESRCH.
long uwrx_pidfd_probe(int pidfd);
// Nanoseconds of processor time of a process (clock_getcpuclockid(3)), or -errno.
enum uwrx_processor_clock { UWRX_CLOCK_ALL_TICKS, UWRX_CLOCK_USER_TICKS, UWRX_CLOCK_ALL };
int64_t uwrx_processor_time(int pid, enum uwrx_processor_clock clock);
// A counter of the nanoseconds of processor time of a process that has one thread and of all that it will be the parent of, dead ones
// too (perf_event_open(2)): a descriptor, or -errno.
long uwrx_open_processor_counter(int pid);
long uwrx_getsockname(int socket, void *address, size_t length);
// Reads a file of /proc/<tid> below `proc`: "status", "stat".
long uwrx_read_proc(int proc, int tid, const char *name, void *buffer, size_t length);
long uwrx_tgkill(int tgid, int tid, int signal);
// sched_getaffinity(2) and sched_setaffinity(2) as the kernel has them, 0 for the calling thread: the former gives the bytes that it wrote.
long uwrx_processors(int thread, void *mask, unsigned length);
long uwrx_set_processors(int thread, const void *_Nullable mask, unsigned length);

// Begins to trace a thread that waits for the answer to its call (ptrace(2)). The same thread of the supervisor's must then answer the call
// with any value and call uwrx_registers_repeat, which waits until that has come, and lets the thread make the call again with other
// arguments, traced no more.
// Returns 0, 1 for a thread that is not the one whose call this notification is and that must be let go by uwrx_registers_repeat with the
// number -1, and -errno for one that is not held.
long uwrx_registers_begin(int thread, int listener, uint64_t call);
// original: for a call that does not wait, what its registers are to hold afterwards, as the kernel leaves them; or null.
void uwrx_registers_repeat(
    int thread, long number, const uint64_t arguments[_Nonnull 6], const uint64_t *_Nullable original);
// prlimit(2): `pair` is the soft and the hard limit, the new ones if `sets`, and then what was.
long uwrx_exchange_limit(int pid, int resource, int sets, uint64_t *pair);
// Puts the calling thread under a filter, each instruction a struct sock_filter (seccomp(2)), and what it makes later.
long uwrx_install_filter(const uint64_t *instructions, size_t count);
// A child of a process that has one thread, which is killed when that ends. Returns its pid, 0 in it, or -errno.
long uwrx_fork_dependent(void);
// The version of Landlock's interface that the kernel has, or -errno.
long uwrx_landlock_version(void);
// Gives up every capability of the calling thread but these.
void uwrx_keep_capabilities(uint64_t wanted);
int uwrx_wait_exited(int s);
int uwrx_wait_exit_status(int s);
int uwrx_wait_signal(int s);
int uwrx_wait_stopped(int s);
int uwrx_wait_stop_signal(int s);

// Files.

long uwrx_openat(int dir, const char *path, int flags, unsigned mode);
long uwrx_openat2(int dir, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve);
long uwrx_fstatat(int dir, const char *path, struct stat *st, int flags);
long uwrx_getdents64(int fd, void *buffer, size_t length);
long uwrx_fcntl(int fd, int command, long argument);
long uwrx_clone_contents(int to, int from);
long uwrx_renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags);
long uwrx_copy_file_range(int from, int to, size_t length);
long uwrx_memfd_create(const char *name);
// Makes a memory file unchangeable for ever.
long uwrx_seal(int fd);
// Gives the blocks back that hold this part of a file, which reads as zeros from then on.
long uwrx_punch_hole(int fd, int64_t offset, int64_t length);
uint64_t uwrx_makedev(uint32_t major, uint32_t minor);
uint32_t uwrx_major(uint64_t device);
uint32_t uwrx_minor(uint64_t device);

// A counter of the kernel's (eventfd(2)); reading it waits until it is not 0 if `waits`.
long uwrx_eventfd(int waits);

// Words that other threads and processes see, too.

static inline uint64_t uwrx_load(const void *word) { return __atomic_load_n((const uint64_t *)word, __ATOMIC_ACQUIRE); }
static inline void uwrx_store(void *word, uint64_t value) { __atomic_store_n((uint64_t *)word, value, __ATOMIC_RELEASE); }

// SHA-256 (FIPS 180-4). The result has 32 bytes.

struct uwrx_digest {
  uint32_t state[8];
  uint64_t length; // of all bytes so far
  uint8_t block[64];
  int is_native; // the processor has instructions for it
};

void uwrx_digest_begin(struct uwrx_digest *digest);
void uwrx_digest_add(struct uwrx_digest *digest, const void *bytes, size_t length);
void uwrx_digest_finish(struct uwrx_digest *digest, uint8_t *result);

int uwrx_errno(void);
char *_Nullable *_Nonnull uwrx_environ(void);
// The arguments of this process. Swift's own CommandLine reads /proc, without which it finds none.
int uwrx_argc(void);
const char *_Nonnull uwrx_argv(int index);

// What was given to the run.

int uwrx_terminal_is_exclusive(int fd);
void uwrx_terminal_end_exclusive(int fd);
// Gives up the locks of the open file description, flock(2)'s and F_OFD_SETLK's.
void uwrx_unlock_description(int fd);
// An integer option of SOL_SOCKET, or -errno.
long uwrx_socket_option(int fd, int option);
int uwrx_is_connected(int fd);
long uwrx_stream_pair(int *pair);
// A request of netdevice(7) that asks for interfaces, on a socket of this network only (-ENODEV if it is of another). `buffer` is a struct ifreq;
// for SIOCGIFCONF the list, of which the length is returned, or null to ask how long it is.
long uwrx_interface_request(int fd, uint32_t request, uint64_t network, void *_Nullable buffer, size_t length);

// Receives one message and up to `capacity` descriptors. Returns the message's length. `sender`: the process that sent it, where the
// socket has SO_PASSCRED, else 0.
long uwrx_receive_message(int socket, void *buffer, size_t length, int *descriptors, int capacity, int *count, int *sender);

// memmem(3), which Swift does not see.
const void *_Nullable uwrx_memmem(const void *text, size_t length, const void *part, size_t partLength);

// The network of a guest (Sources/Proxy).

// A datagram's two ends: family AF_INET or AF_INET6, addresses in network order, ports as numbers.
struct uwrx_datagram_ends {
  int family, interface;
  uint16_t peer_port;
  uint8_t peer[16], own[16];
};

// Receives one from a socket with IP_PKTINFO or IPV6_RECVPKTINFO, without waiting. Returns its length, or -errno.
long uwrx_receive_datagram(int socket, void *buffer, size_t length, struct uwrx_datagram_ends *ends);

// Sends one back, from the very address that the other was sent to. Returns 0 or -errno.
long uwrx_send_datagram(int socket, const void *bytes, size_t length, const struct uwrx_datagram_ends *ends);

// Sends a packet without its link header from a packet socket (packet(7), SOCK_DGRAM). Returns 0 or -errno.
long uwrx_send_packet(int socket, int interface, int is_ipv6, const uint8_t *hardware, const void *bytes, size_t length);

// bind(2) to one address and port, and connect(2) to the other, without waiting; `length` bytes of each: 4 or 16. Returns 0, also where the
// connection is in progress, or -errno.
long uwrx_connect_from(int socket, size_t length, const uint8_t *own, uint16_t own_port, const uint8_t *peer, uint16_t peer_port);

// res_nquery(3): asks the host's name servers. Returns the length of the answer, or -h_errno (gethostbyname(3)), also where there is a negative one.
long uwrx_query_name(const char *name, int type, void *answer, size_t length);

// Landlock: from here on the caller reads below `readable` (paths, NULL at the end; those that are not there are left out), and makes, changes
// and removes files below the open directory `writable` alone, and runs no program. Returns 0, also where the kernel has no Landlock, or -errno.
long uwrx_restrict_files(const char *_Nullable const *_Nonnull readable, int writable);

#pragma clang assume_nonnull end

#endif
