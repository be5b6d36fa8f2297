// Guest init: pid 1 of the guest. It builds the mounts (mounts.c), starts the command, reaps whatever is orphaned, and is the supervisor's
// hands inside the namespaces (service.c). It dies with the supervisor, and the kernel then kills the guest.
#include "guest.h"
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

static struct uwrx_guest guest;

// Returns what tells the guest's network namespace from every other (SO_NETNS_COOKIE).
static uint64_t bring_loopback_up(int events) {
  uint64_t network;
  struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
  int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (s < 0 || ioctl(s, SIOCSIFFLAGS, &request)) uwrx_fail(events, "bring the loopback interface up");
  socklen_t size = sizeof network;
  if (getsockopt(s, SOL_SOCKET, 71 /* SO_NETNS_COOKIE */, &network, &size)) uwrx_fail(events, "identify the guest's network");
  close(s);
  return network;
}

// Root of the guest has no such capability in the kernel, and yet may serve port 80, as CAP_NET_BIND_SERVICE would let it.
static void open_low_ports(int events) {
  int file = open("/proc/sys/net/ipv4/ip_unprivileged_port_start", O_WRONLY | O_CLOEXEC);
  if (file < 0 || write(file, "0", 1) != 1) uwrx_fail(events, "open the low ports to the guest");
  close(file);
}

// What the guest may use up of what is counted by namespace. What cannot be set is not: a container may have made the file
// read-only, and has limits of its own then.
void uwrx_write_settings(int proc, const char *const *settings) {
  for (; *settings; settings += 2) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "sys/%s", settings[0]);
    int file = openat(proc, path, O_WRONLY | O_CLOEXEC);
    if (file < 0) continue;
    ssize_t written = write(file, settings[1], strlen(settings[1]));
    (void)written;
    close(file);
  }
}

// The descriptors that a user's processes have sent and nobody has received yet are counted together, and each sender compares them with
// its own limit of open files (unix(7), ETOOMANYREFS): the guest's is lower than this, so that it cannot keep guest init from sending.
static void raise_descriptor_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit)) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// What the supervisor is to know is a level, not a stream: the guest can make statuses faster than anybody reads them, and a send that
// waited would keep guest init from its requests.
static struct {
  int has_status, status, tree_ended;
} untold;

static int command_ended;

// The kernel had no memory for what was to be told.
static int is_short;

// Returns whether it was sent, or there is nobody to tell any more. Without room or memory it is tried again: a status that were lost would
// make of the command one that was killed.
static int send_event(int events, int operation, int value) {
  struct uwrx_message header = {.operation = operation, .value = value};
  int sent = uwrx_send_descriptors(events, &header, "", NULL, 0, MSG_DONTWAIT);
  is_short = sent == -ENOBUFS || sent == -ENOMEM;
  return sent != -EAGAIN && sent != -ENOBUFS && sent != -ENOMEM && sent != -EINTR;
}

static void tell(int events) {
  if (untold.has_status) {
    if (!send_event(events, UWRX_STATUS, untold.status)) return;
    untold.has_status = 0;
  }
  if (untold.tree_ended && send_event(events, UWRX_TREE_ENDED, 0)) _exit(0);
}

// Returns whether there may be more: a guest that stops and continues its processes without end must not keep guest init here.
static int reap(void) {
  for (int budget = 256; budget > 0; budget--) {
    int status;
    pid_t pid = waitpid(-1, &status, __WALL | WNOHANG | WUNTRACED | WCONTINUED);
    if (pid == 0) {
      if (command_ended) uwrx_rouse_stranded(guest.proc);
      return 0;
    }
    if (pid < 0) {
      if (errno == EINTR) continue;
      // ECHILD: every process of the tree was a descendant and has been reaped.
      untold.tree_ended = 1;
      return 0;
    }
    if (pid == guest.command) {
      command_ended = WIFEXITED(status) || WIFSIGNALED(status);
      untold.has_status = 1;
      untold.status = status;
    }
  }
  return 1;
}

void uwrx_init_main(const struct uwrx_launch *launch, int control, int events, int go) {
  char byte;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (read(go, &byte, 1) != 1) _exit(125); // also if the supervisor died before PDEATHSIG was set
  close(go);
  // Only now: the supervisor could not have written the id maps of a process that is not dumpable.
  prctl(PR_SET_DUMPABLE, 0);
  prctl(PR_SET_NAME, "uwrx-init");
  sigset_t all, children;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS)) uwrx_fail(events, "create the namespaces");
  if (sethostname(launch->hostname, strlen(launch->hostname))) uwrx_fail(events, "set the host name");
  uint64_t network = bring_loopback_up(events);
  if (launch->network >= 0) uwrx_build_network(events, launch->network);
  if (launch->inside_uid == 0) open_low_ports(events);
  int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
  uwrx_write_settings(proc, launch->settings);
  if (launch->user_namespace) uwrx_write_settings(proc, launch->user_settings);
  close(proc);
  raise_descriptor_limit();
  // What the user takes from the modes of new files is the command's.
  mode_t mask = umask(0);
  uwrx_build_mounts(launch, events, network, &guest);

  guest.command = fork();
  if (guest.command < 0) uwrx_fail(events, "fork the command");
  if (guest.command == 0) {
    umask(mask);
    uwrx_command_main(launch, events, guest.proc);
  }

  // Held open here, a pipe on stdout would not end for its reader when the guest closes it.
  int null = open("/dev/null", O_RDWR);
  for (int fd = 0; fd <= 2 && null > 2; fd++) dup2(null, fd);
  if (null > 2) close(null);

  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  int signals = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signals < 0) uwrx_fail(events, "watch the processes of the guest");
  struct pollfd polled[4] = {
      {.fd = signals, .events = POLLIN}, {.fd = control, .events = POLLIN}, {.fd = events}, {.fd = launch->network, .events = POLLIN}};
  for (int more = 0;;) {
    // Where memory is short the socket may have room all the same.
    polled[2].events = !is_short && (untold.has_status || untold.tree_ended) ? POLLOUT : 0;
    if (poll(polled, 4, more ? 0 : is_short ? 10 : -1) < 0 && errno != EINTR) _exit(125);
    if (polled[0].revents || more) {
      struct signalfd_siginfo info;
      ssize_t length = read(signals, &info, sizeof info);
      (void)length;
      more = reap();
    }
    tell(events);
    if (polled[1].revents) uwrx_serve(&guest, control);
    if (polled[3].revents & POLLIN) uwrx_serve_network(launch->network);
    // Whatever happens to the proxy, the guest goes on: its connections end, and there are no new ones.
    if (polled[3].revents & (POLLHUP | POLLERR)) {
      uwrx_end_network();
      polled[3].fd = -1;
    }
  }
}
