// Calls that look past the tree of files and processes: the kernel's own tables, events, quotas, handles.
// calls: fanotify_init fanotify_mark file_getattr file_setattr memfd_secret open_by_handle_at
// calls: perf_event_open quotactl quotactl_fd sysfs userfaultfd ustat
#include "unprivileged.h"
#include <linux/fanotify.h>
#include <linux/perf_event.h>
#include <linux/quota.h>

#define QUOTACTL_FD 443
#define MEMFD_SECRET 447
#define FILE_GETATTR 468
#define FILE_SETATTR 469

static void handles(void) {
  struct { unsigned length; int type; unsigned char bytes[128]; } handle = {8, 0, ""};
  SHOW(syscall(SYS_open_by_handle_at, AT_FDCWD, &handle, O_RDONLY));
}

static void events(void) {
  struct perf_event_attr event = {
      .type = PERF_TYPE_SOFTWARE, .size = sizeof event, .config = PERF_COUNT_SW_TASK_CLOCK};
  SHOW(syscall(SYS_perf_event_open, &event, -1, 0, -1, 0));
  event.exclude_kernel = 1;
  SHOW(syscall(SYS_perf_event_open, &event, 0, -1, -1, 0));
  SHOW(syscall(SYS_fanotify_init, FAN_CLASS_CONTENT, O_RDONLY));
  SHOW(syscall(SYS_fanotify_init, FAN_CLASS_NOTIF | FAN_REPORT_FID, O_RDONLY));
  SHOW(syscall(SYS_fanotify_mark, -1, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "data"));
  SHOW(syscall(SYS_userfaultfd, 0));
  SHOW(syscall(SYS_userfaultfd, 1));
}

int main(void) {
  drop_privilege();
  handles();
  events();
  SHOW(syscall(MEMFD_SECRET, 0));
  SHOW(syscall(MEMFD_SECRET, 0x40));
  SHOW(syscall(SYS_quotactl, QCMD(Q_GETQUOTA, USRQUOTA), "missing", 0, NULL));
  SHOW(syscall(QUOTACTL_FD, -1, QCMD(Q_GETQUOTA, USRQUOTA), 0, NULL));
  char buffer[64];
  SHOW(syscall(SYS_ustat, 0xffff, buffer));
  CHECK(syscall(SYS_sysfs, 3));
  SHOW(syscall(SYS_sysfs, 9));
  SHOW(syscall(FILE_GETATTR, AT_FDCWD, "data/hello.txt", buffer, 24, 0));
  SHOW(syscall(FILE_SETATTR, AT_FDCWD, "missing", buffer, 24, 0));
}
