// Operations on open files.
#include "model.h"
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>

static int index_of(struct slot *slot, int self) { return slot - model.state->workers[self].slots; }

// Where paths may not lead, lest the steps work their way up and out.
static bool is_outside(int fd) {
  char link[64], path[path_size];
  sprintf(link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return true;
  path[length] = 0;
  return strncmp(path, model.base, strlen(model.base)) != 0;
}

static void fill_slot(struct slot *slot, int fd, bool is_writable, bool was_open_for_writing) {
  struct stat status = {0};
  drop_slot(slot);
  if (fd < 0) return;
  fstat(fd, &status);
  if (S_ISDIR(status.st_mode) && is_outside(fd)) {
    say("  outside");
    close(fd);
    return;
  }
  *slot = (struct slot){fd, status.st_dev, status.st_ino, is_writable,
      S_ISREG(status.st_mode) && !is_writable && !model.is_made && !was_open_for_writing};
}

static bool has_writer(const struct stat *status) {
  for (int i = 0; i < workers; i++)
    for (int j = 0; j < slots; j++) {
      struct slot *slot = &model.state->workers[i].slots[j];
      if (slot->fd >= 0 && slot->device == status->st_dev && slot->inode == status->st_ino &&
          (slot->is_writable || (S_ISREG(status->st_mode) && !slot->may_be_lower)))
        return true;
    }
  return false;
}

static void open_step(struct chance *chance, int self) {
  static const struct {
    int flag;
    const char *name;
    int rarity;
  } flags[] = {{O_CREAT, "CREAT", 2}, {O_EXCL, "EXCL", 5}, {O_TRUNC, "TRUNC", 4}, {O_APPEND, "APPEND", 5},
      {O_DIRECTORY, "DIRECTORY", 8}, {O_NOFOLLOW, "NOFOLLOW", 6}, {O_PATH, "PATH", 12}, {O_CLOEXEC, "CLOEXEC", 2},
      {O_NOATIME, "NOATIME", 12}, {O_TMPFILE, "TMPFILE", 12}, {O_SYNC, "SYNC", 20}};
  static const char *const access[] = {"RDONLY", "WRONLY", "RDWR"};
  static const int modes[] = {0644, 0600, 0666, 0755, 04755, 0444, 0777, 0640};
  char path[path_size], text[256], directory[32];
  struct slot *slot = &model.state->workers[self].slots[draw(chance, slots)];
  int kind = draw(chance, 3), flag = kind == 0 ? O_RDONLY : kind == 1 ? O_WRONLY : O_RDWR, mode = modes[draw(chance, 8)] & (getuid() ? 01777 : 07777);
  strcpy(text, access[kind]);
  for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
    if (draw(chance, flags[i].rarity)) continue;
    flag |= flags[i].flag;
    strcat(strcat(text, "|"), flags[i].name);
  }
  make_path(chance, path);
  if ((flag & O_TMPFILE) == O_TMPFILE && draw(chance, 2)) strcpy(path, ".");
  int at = pick_directory(chance, self, directory);
  bool touches = !model.is_made && draw(chance, 3) == 0;

  struct stat status;
  bool exists = fstatat(at, path, &status, 0) == 0, is_regular = exists && S_ISREG(status.st_mode);
  bool writes = (flag & O_ACCMODE) != O_RDONLY || flag & O_TRUNC;
  if (is_regular && writes && !may_write(&status)) {
    say("  a reader holds %s", quote_path(path));
    return;
  }
  bool was_open = is_regular && (writes || has_writer(&status));
  if (is_regular && !writes && touches && may_write(&status)) {
    int fd = openat(at, path, O_WRONLY | O_CLOEXEC);
    if (fd >= 0) close(fd), was_open = true;
  }
  // What is not opened for reading and writing makes no difference between below and above.
  if (flag & O_PATH || (exists && !is_regular)) was_open = true;
  if (!exists) was_open = true;
  int result = openat(at, path, flag | O_NONBLOCK | O_NOCTTY, mode);
  int error = errno;
  if (result < 0) say("  slot %d = open(%s%s, %s, %o) = %s", index_of(slot, self), directory, quote_path(path), text, mode, error_name(error));
  else say("  slot %d = open(%s%s, %s, %o)", index_of(slot, self), directory, quote_path(path), text, mode);
  if (result >= 0) fill_slot(slot, result, !(flag & O_PATH) && (flag & O_ACCMODE) != O_RDONLY, was_open);
}

static void read_step(struct chance *chance, int self) {
  static char bytes[300000];
  struct slot *slot = pick_slot(chance, self);
  size_t length = draw(chance, 3) ? draw(chance, 5000) : draw(chance, sizeof bytes);
  off_t offset = draw(chance, 30000);
  bool at = draw(chance, 2);
  struct stat status;
  // Where a directory's position stands decides the error, and is the file system's own business.
  if (fstat(slot->fd, &status) == 0 && S_ISDIR(status.st_mode)) return;
  ssize_t result = at ? pread(slot->fd, bytes, length, offset) : read(slot->fd, bytes, length);
  RESULT("  %s(slot %d, %zu, %ld) hash %x", at ? "pread" : "read", index_of(slot, self), length, at ? (long)offset : -1L,
      hash_bytes(0, bytes, result > 0 ? result : 0));
}

static void write_step(struct chance *chance, int self) {
  static char bytes[300000];
  struct slot *slot = pick_slot(chance, self);
  size_t length = draw(chance, 8) ? draw(chance, 3000) : draw(chance, sizeof bytes);
  off_t offset = draw(chance, 30000);
  fill_bytes(chance, bytes, length);
  bool at = draw(chance, 2);
  ssize_t result = at ? pwrite(slot->fd, bytes, length, offset) : write(slot->fd, bytes, length);
  RESULT("  %s(slot %d, %zu, %ld)", at ? "pwrite" : "write", index_of(slot, self), length, at ? (long)offset : -1L);
}

static void size_step(struct chance *chance, int self, int kind) {
  static const int modes[] = {0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_ZERO_RANGE,
      FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_COLLAPSE_RANGE, FALLOC_FL_INSERT_RANGE, FALLOC_FL_PUNCH_HOLE};
  static const char *const names[] = {"SET", "CUR", "END", "DATA", "HOLE"};
  struct slot *slot = pick_slot(chance, self);
  off_t length = draw(chance, 3) ? (off_t)draw(chance, 20000) : (off_t)draw(chance, 20) * 4096;
  off_t offset = draw(chance, 2) ? (off_t)draw(chance, 20000) : (off_t)draw(chance, 10) * 4096;
  if (kind == 0) {
    int result = ftruncate(slot->fd, length);
    RESULT("  ftruncate(slot %d, %ld)", index_of(slot, self), (long)length);
  } else if (kind == 1) {
    int mode = modes[draw(chance, 8)], result = fallocate(slot->fd, mode, offset, length);
    RESULT("  fallocate(slot %d, %#x, %ld, %ld)", index_of(slot, self), mode, (long)offset, (long)length);
  } else {
    int whence = draw(chance, 5);
    struct stat status;
    // A directory's positions and where the file system has put holes into a copy are nobody's business.
    if (fstat(slot->fd, &status) == 0 && S_ISDIR(status.st_mode)) return;
    if (draw(chance, 4) == 0) offset = -offset;
    off_t result = lseek(slot->fd, offset, whence);
    RESULT("  lseek(slot %d, %ld, %s)", index_of(slot, self), (long)offset, names[whence]);
  }
}

static void copy_step(struct chance *chance, int self) {
  struct slot *from = pick_slot(chance, self), *to = pick_slot(chance, self);
  size_t length = draw(chance, 20000);
  off_t in = draw(chance, 10000), out = draw(chance, 10000);
  bool positions = draw(chance, 2);
  struct stat status;
  // Into a FIFO it would wait for a reader, and a directory's position is the file system's own business.
  if (fstat(to->fd, &status) == 0 && !S_ISREG(status.st_mode)) return;
  if (fstat(from->fd, &status) == 0 && S_ISDIR(status.st_mode)) return;
  if (draw(chance, 2)) {
    ssize_t result = copy_file_range(from->fd, positions ? &in : NULL, to->fd, positions ? &out : NULL, length, 0);
    RESULT("  copy_file_range(slot %d, %ld, slot %d, %ld, %zu)", index_of(from, self), positions ? (long)in : -1L,
        index_of(to, self), positions ? (long)out : -1L, length);
  } else {
    ssize_t result = sendfile(to->fd, from->fd, positions ? &in : NULL, length);
    RESULT("  sendfile(slot %d, slot %d, %ld, %zu)", index_of(to, self), index_of(from, self), positions ? (long)in : -1L, length);
  }
}

static const char *owner_of_lock(pid_t pid) {
  static char text[16];
  for (int i = 0; i < workers; i++)
    if (model.state->workers[i].pid == pid) return sprintf(text, "worker %d", i), text;
  return pid == -1 ? "open file" : "nobody";
}

static void lock_step(struct chance *chance, int self) {
  static const int commands[] = {F_SETLK, F_GETLK, F_OFD_SETLK, F_OFD_GETLK}, types[] = {F_RDLCK, F_WRLCK, F_UNLCK};
  static const int operations[] = {LOCK_SH, LOCK_EX, LOCK_UN};
  struct slot *slot = pick_slot(chance, self);
  uint64_t type = draw(chance, 3);
  off_t start = draw(chance, 100), length = draw(chance, 50);
  // A lock that is taken on a lower file stays there (Conformance/differences.txt).
  if (slot->fd >= 0 && slot->may_be_lower) return;
  if (draw(chance, 3) == 0) {
    int result = flock(slot->fd, operations[type] | LOCK_NB);
    RESULT("  flock(slot %d, %d)", index_of(slot, self), operations[type]);
    return;
  }
  int command = commands[draw(chance, 4)];
  struct flock lock = {.l_type = types[type], .l_whence = SEEK_SET, .l_start = start, .l_len = length};
  int result = fcntl(slot->fd, command, &lock);
  RESULT("  lock(slot %d, %d, %d, %ld, %ld)", index_of(slot, self), command, types[type], (long)start, (long)length);
  if (result == 0 && (command == F_GETLK || command == F_OFD_GETLK) && lock.l_type != F_UNLCK)
    say("  held: %d from %ld, %ld bytes, by %s", lock.l_type, (long)lock.l_start, (long)lock.l_len, owner_of_lock(lock.l_pid));
}

static void map_step(struct chance *chance, int self) {
  struct mapping *map = &model.state->workers[self].maps[draw(chance, maps)];
  size_t length = 4096 * (1 + draw(chance, 5)), at = draw(chance, length - 64);
  int number = map - model.state->workers[self].maps;
  if (draw(chance, 3) == 0) {
    struct slot *slot = pick_slot(chance, self);
    bool writes = draw(chance, 3);
    if (map->address) munmap(map->address, map->length), close(map->file.fd);
    map->address = NULL;
    void *address = mmap(NULL, length, writes ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, slot->fd, 0);
    int error = errno;
    say("  map %d = mmap(slot %d, %zu, %s) = %s", number, index_of(slot, self), length, writes ? "write" : "read",
        address == MAP_FAILED ? error_name(error) : "mapped");
    if (address == MAP_FAILED) return;
    *map = (struct mapping){address, length, *slot};
    // The size decides how far the mapping can be touched, and the slot may be closed before it.
    map->file.fd = fcntl(slot->fd, F_DUPFD_CLOEXEC, 0);
    map->file.is_writable = writes;
    return;
  }
  struct stat status;
  if (!map->address || fstat(map->file.fd, &status) < 0) return;
  size_t end = (size_t)status.st_size < map->length ? (size_t)status.st_size : map->length;
  if (map->file.is_writable && at + 64 <= end) {
    fill_bytes(chance, (char *)map->address + at, 64);
    say("  map %d: 64 bytes at %zu", number, at);
  }
  say("  map %d: hash %x of %zu", number, hash_bytes(0, map->address, end), end);
}

// The steps of the other workers wait meanwhile, so the descriptor is in the channel when it is looked for.
static void pass_step(struct chance *chance, int self) {
  struct slot *slot = pick_slot(chance, self), *copy = &model.state->workers[self].slots[draw(chance, slots)];
  char byte = 0, control[CMSG_SPACE(sizeof(int) + sizeof(struct slot))];
  struct slot told = *slot;
  struct iovec vector = {&told, sizeof told};
  struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(sizeof(int))};
  if (draw(chance, 2)) {
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &slot->fd, sizeof(int));
    ssize_t result = sendmsg(model.channel[0], &message, MSG_DONTWAIT);
    RESULT("  send slot %d", index_of(slot, self));
    if (result < 0) return;
    // A lower file would be held by the channel, where no one sees it.
    if (slot->may_be_lower && read(model.channel[1], &byte, 1) >= 0) say("  taken back");
    return;
  }
  ssize_t result = recvmsg(model.channel[1], &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  struct cmsghdr *header = result < 0 ? NULL : CMSG_FIRSTHDR(&message);
  say("  slot %d = received %s", index_of(copy, self), header ? "a descriptor" : "nothing");
  if (!header) return;
  drop_slot(copy);
  *copy = told;
  memcpy(&copy->fd, CMSG_DATA(header), sizeof(int));
}

static void duplicate_step(struct chance *chance, int self) {
  struct slot *slot = pick_slot(chance, self), *copy = &model.state->workers[self].slots[draw(chance, slots)];
  if (slot == copy) return;
  struct slot kept = *slot;
  int result = dup(slot->fd);
  drop_slot(copy);
  if (result >= 0) *copy = kept, copy->fd = result;
  say("  slot %d = dup(slot %d) = %s", index_of(copy, self), index_of(slot, self), result < 0 ? error_name(errno) : "");
}

void descriptor_step(struct chance *chance, int self, int kind) {
  if (kind < 14) return open_step(chance, self);
  if (kind < 17) return read_step(chance, self);
  if (kind < 22) return write_step(chance, self);
  if (kind < 28) return size_step(chance, self, (kind - 22) / 2);
  if (kind < 31) return copy_step(chance, self);
  if (kind < 34) return lock_step(chance, self);
  if (kind < 38) return map_step(chance, self);
  if (kind < 40) return pass_step(chance, self);
  if (kind < 41) return duplicate_step(chance, self);
  struct slot *slot = pick_slot(chance, self);
  if (kind < 43) {
    say("  close(slot %d)", index_of(slot, self));
    drop_slot(slot);
  } else if (kind < 44) {
    int result = fsync(slot->fd);
    RESULT("  fsync(slot %d)", index_of(slot, self));
  } else {
    struct stat status;
    if (fstat(slot->fd, &status) < 0 || !S_ISDIR(status.st_mode) || fcntl(slot->fd, F_GETFL) & O_PATH) return;
    say("  list slot %d", index_of(slot, self));
    show_listing(slot->fd);
  }
}
