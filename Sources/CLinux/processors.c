// The processors on which threads may run (sched_setaffinity(2)).
#include "CLinux.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

long uwrx_processors(int thread, void *mask, unsigned length) {
  long size = syscall(SYS_sched_getaffinity, thread, length, mask);
  return size < 0 ? -errno : size;
}

long uwrx_set_processors(int thread, const void *mask, unsigned length) {
  return syscall(SYS_sched_setaffinity, thread, length, mask) < 0 ? -errno : 0;
}

// libc's own has room for 1,024; no kernel is built for more than 8,192 (CONFIG_NR_CPUS). The kernel says how much of it there is.
enum { BITS = sizeof(long) * CHAR_BIT };
struct mask {
  unsigned long words[8192 / BITS];
};

static bool has(const struct mask *mask, long size, int processor) {
  return processor >= 0 && processor < size * CHAR_BIT && mask->words[processor / BITS] >> processor % BITS & 1;
}

static bool has_several(const struct mask *mask, long size) {
  int count = 0;
  for (long i = 0; i < size / (long)sizeof(long); i++) count += __builtin_popcountl(mask->words[i]);
  return count > 1;
}

static const struct mask every = {{[0 ... 8192 / BITS - 1] = ~0UL}};
// What the calling thread may run on, and whether that is every processor that there is for it.
static _Thread_local struct {
  struct mask mask;
  bool is_every;
} known;

// What a thread was given by a call stays its own when its cpuset(7) grows or a processor is switched on; who was given none may run there,
// too. To the kernel who is given every processor is like the latter, so it must be known which of both is to be restored: for the calling
// thread, whose mask is `own`. Anybody may change it from outside, such as by taskset(1).
static bool is_every(const struct mask *own, long size) {
  if (memcmp(&known.mask, own, (size_t)size) == 0) return known.is_every;
  struct mask after;
  memcpy(&known.mask, own, (size_t)size);
  known.is_every = uwrx_set_processors(0, &every, sizeof every) == 0 && uwrx_processors(0, &after, sizeof after) == size &&
                   memcmp(own, &after, (size_t)size) == 0;
  if (!known.is_every) uwrx_set_processors(0, own, (unsigned)size);
  return known.is_every;
}

static void restore(int thread, const struct mask *mask, long size, bool all) {
  // EINVAL: its cpuset has none of them any more. Then the kernel itself gives a thread all that are left.
  if (all || uwrx_set_processors(thread, mask, (unsigned)size) == -EINVAL) uwrx_set_processors(thread, &every, sizeof every);
}

// The kernel has the thread itself put the file into its table (kernel/seccomp.c, seccomp_do_user_notification): ADDFD wakes it and waits
// until it has. Where another processor is idle the scheduler would run it there, and then us on the one that it has left: twice the time
// that a processor takes to wake up. So both stay on this one meanwhile. The thread waits for us all the time, so it cannot see it, but one
// that goes on with the same step (SECCOMP_ADDFD_FLAG_SEND) could. To others sched_getaffinity(2) and /proc are answered under the lock that
// is held here.
long uwrx_notification_add_descriptor_here(int listener, int thread, struct seccomp_notif_addfd *a) {
  struct mask its, own, here;
  int processor = sched_getcpu();
  long size = uwrx_processors(thread, &its, sizeof its);
  if (a->flags & SECCOMP_ADDFD_FLAG_SEND || size <= 0 || !has(&its, size, processor) || !has_several(&its, size) ||
      uwrx_processors(0, &own, sizeof own) != size)
    return uwrx_notification_add_descriptor(listener, a);
  bool all = is_every(&own, size);
  memset(&here, 0, (size_t)size);
  here.words[processor / BITS] = 1UL << processor % BITS;
  // EPERM: a supervisor of another user than the guest, without CAP_SYS_NICE. To stay here alone gains nothing.
  if (uwrx_set_processors(thread, &here, (unsigned)size)) return uwrx_notification_add_descriptor(listener, a);
  bool bound = uwrx_set_processors(0, &here, (unsigned)size) == 0;
  long result = uwrx_notification_add_descriptor(listener, a);
  restore(thread, &its, size, all && memcmp(&its, &own, (size_t)size) == 0);
  if (bound) restore(0, &own, size, all);
  return result;
}
