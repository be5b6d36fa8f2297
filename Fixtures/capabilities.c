// capget and capset: versions, other processes, giving up, and that nothing comes back.
// calls: capget capset
#include "unprivileged.h"

static struct __user_cap_data_struct data[2];

static long get(uint32_t version, int pid) {
  struct __user_cap_header_struct header = {version, pid};
  long result = syscall(SYS_capget, &header, data);
  int error = errno;
  if (header.version != version) say("  version %#x is preferred", header.version);
  errno = error;
  return result;
}

static long set(int pid) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, pid};
  return syscall(SYS_capset, &header, data);
}

int main(void) {
  SHOW(get(_LINUX_CAPABILITY_VERSION_3, 0));
  SHOW(set(0));
  SHOW(get(_LINUX_CAPABILITY_VERSION_1, 0));
  SHOW(get(_LINUX_CAPABILITY_VERSION_2, getpid()));
  SHOW(get(1, 0));
  SHOW(get(_LINUX_CAPABILITY_VERSION_3, -1));
  SHOW(get(_LINUX_CAPABILITY_VERSION_3, 4194303));
  SHOW(syscall(SYS_capget, bad_pointer(), data));
  struct __user_cap_header_struct probe = {0, 0};
  SHOW(syscall(SYS_capget, &probe, NULL));
  say("version %#x", probe.version);
  drop_privilege();
  SHOW(get(_LINUX_CAPABILITY_VERSION_3, 0));
  say("effective %#x permitted %#x inheritable %#x", data[0].effective, data[0].permitted, data[0].inheritable);
  data[0].effective = 1;
  SHOW(set(0));
  data[0].permitted = 1;
  SHOW(set(0));
  data[0].effective = 0;
  SHOW(set(0));
  data[0].permitted = 0;
  data[0].inheritable = 1;
  SHOW(set(0));
  data[0].inheritable = 0;
  SHOW(set(0));
  SHOW(set(getpid()));
  SHOW(set(getppid()));
  struct __user_cap_header_struct header = {1, 0};
  SHOW(syscall(SYS_capset, &header, data));
  SHOW(syscall(SYS_capset, bad_pointer(), data));
}
