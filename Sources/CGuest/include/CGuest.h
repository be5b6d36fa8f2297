// The part of uwrx that runs where no Swift runtime may run: between fork and exec, and in guest init (pid 1 of the
// guest). Everything here is single-threaded and was forked before the supervisor made its first thread.
#ifndef UWRX_CGUEST_H
#define UWRX_CGUEST_H

#include <stdint.h>
#include <stddef.h>

enum uwrx_operation {
  // Guest init or the command to the supervisor, on the event socket.
  UWRX_READY = 1,      // with descriptors: see uwrx_view; inode: the SO_NETNS_COOKIE of the guest's network
  UWRX_LISTENER,       // with descriptors: the seccomp listener, the skeleton root
  UWRX_STATUS,         // value: wait status of the command, which stopped, continued or ended
  UWRX_TREE_ENDED,     // the last process of the tree has been reaped
  UWRX_FAILED,         // value: errno; path: the step that failed
  // Supervisor to guest init, on the control socket; each is answered by one message of the same serial with value 0 or -errno.
  UWRX_BIND_FILE = 16, // read-only bind of the file `path` of the host at `second` of the skeleton
  UWRX_BIND_DEVICE,    // the same for a device node
  UWRX_OVERLAY,        // the answer comes with a read-only overlay mount of the host's directory `path`
  UWRX_OPEN_PROC,      // the answer comes with the file `path` of the guest's /proc, opened for reading
  UWRX_BIND_SOCKET,    // bind(2) of the local socket that comes with it to the address `second`, as if from the directory or, for an absolute address, the root `path` of the skeleton
  UWRX_NETWORK_LISTEN, // connection requests of the guest's for the port `value` wait for what the proxy makes of them
  UWRX_BIND_REMOVED,   // the directory `path` of the skeleton is removed, and then bound at `second` of the skeleton
  // The same way, and never answered: nobody waits for guest init to end or to stop the guest.
  UWRX_SIGNAL_ALL = 32, // value: signal for every process of the guest
  UWRX_SIGNAL_COMMAND,  // value: signal for the command's process group
  UWRX_STOP_ALL,        // every process of the guest stops
  UWRX_CONTINUE_ALL,    // and goes on, but for those that were stopped before
  // On the channel between guest init and the proxy.
  UWRX_NETWORK_READY = 48, // guest init: value: the interface to the guest; with descriptors for IPv4, then IPv6: the packet socket that sees connection requests, port 53 for datagrams, port 53 for connections
  UWRX_NETWORK_SOCKETS,    // the proxy asks for `value` sockets of TCP, device: 4 or 6, inode: 1 for the guest's own network, 0 for the second; the answer comes with them
};

// So many descriptors a message holds.
#define UWRX_NETWORK_MOST_SOCKETS 8

// The descriptors of UWRX_READY. All but the last two are mounts of their own on which no symbolic link is followed, so that
// not even a supervisor whose idea of a path is wrong is led out of them. The last is the list of the guest's System V memory.
enum uwrx_view { UWRX_VIEW_HOST, UWRX_VIEW_RUN, UWRX_VIEW_STORE, UWRX_VIEW_SKELETON, UWRX_VIEW_PROC, UWRX_VIEW_SHARED, UWRX_VIEWS };

// A message is this header and then two NUL-terminated strings, `path` and `second`.
struct uwrx_message {
  uint32_t operation;
  int32_t value;
  uint64_t device, inode; // UWRX_BIND_*, UWRX_OVERLAY: what must be found at `path`
  uint64_t serial;        // of a request: the answer to one that was given up for its time is nobody's
};

// A resource limit of the guest's (setrlimit(2)).
struct uwrx_limit {
  int32_t resource;
  uint64_t soft, hard;
};

struct uwrx_launch {
  const char *const *argv;
  const char *const *envp;
  const char *working_directory; // in the guest
  const char *shown_command, *shown_directory; // for messages: without control characters
  const char *hostname;
  const char *store_directory; // on the host: where /tmp and /dev/shm are kept; NULL for memory
  const char *run_directory; // on the host: where what the guest writes is kept
  const void *filter; // struct sock_filter[]
  uint16_t filter_length; // in instructions
  uint64_t filter_flags;
  int user_namespace;     // 1: make one, mapping inside_* to the caller's ids; 0: the command makes one, of root alone
  uint32_t inside_uid, inside_gid;
  int fixed_addresses; // 1: without address space randomization
  int umask; // of the command, or -1 for the caller's own
  int plain; // 1: what the caller's priority and ignored signals are makes no difference
  int new_session; // 1: the command leads a session without a terminal
  const char *const *settings; // pairs of a path below /proc/sys and what is written there in the namespaces; NULL at the end
  const char *const *user_settings; // the same for the guest's user namespace, whichever process makes it
  const char *memory_options; // of the tmpfs that the guest fills: "" or ",size=..."
  unsigned terminal_mode; // of new pseudo-terminals
  int network;  // guest init's end of the channel to the proxy, or -1: the guest has its own loopback and nothing else
  int terminal; // descriptor 0, 1 or 2, of the terminal whose foreground group the command becomes, or -1
  const struct uwrx_limit *limits;
  size_t limit_count;
  // Results.
  int init_pid;
  int control, events; // socket ends of the supervisor
  int go;              // what guest init waits for
  const char *failed_step;
};

// Creates guest init, which waits, and makes the namespaces when it is let go on. Returns 0, or -errno with failed_step set.
int uwrx_guest_launch(struct uwrx_launch *launch);

// Lets guest init go on to fork the command. Returns 0 or -errno.
int uwrx_guest_start(struct uwrx_launch *launch);

// Sends one message without waiting, with a descriptor unless that is negative; returns 0 or -errno. A null path is an empty one.
int uwrx_guest_send(int socket, const struct uwrx_message *header, const char *path, const char *second, int descriptor);

// Makes a process that kills guest init, and so all of the guest, after this time, whatever the supervisor is about: also one that
// is stopped or waits for something. It ends with guest init or the supervisor, whichever is first. Returns its pid, or -errno.
int uwrx_watchdog_start(int init_pid, double seconds);

// Stops this process as a terminal's suspend character does. Returns 1 when it was continued, 0 at once if there is no shell that
// could ever continue it (an orphaned process group).
int uwrx_stop_self(void);

#endif
