// The part of uwrx that runs where no Swift runtime may run: between fork and exec, and in guest init (pid 1 of the
// guest). Everything here is single-threaded and was forked before the supervisor made its first thread.
#ifndef UWRX_CGUEST_H
#define UWRX_CGUEST_H

#include <stdint.h>
#include <stddef.h>

enum uwrx_operation {
  // Guest init or the command to the supervisor, on the event socket.
  UWRX_READY = 1,      // with descriptors: see uwrx_view
  UWRX_LISTENER,       // with descriptors: the seccomp listener, the skeleton root
  UWRX_STATUS,         // value: wait status of the command, which stopped, continued or ended
  UWRX_TREE_ENDED,     // the last process of the tree has been reaped
  UWRX_FAILED,         // value: errno; path: the step that failed
  // Supervisor to guest init, on the control socket; each is answered by one message with value 0 or -errno.
  UWRX_BIND_FILE = 16, // read-only bind of the file `path` of the host at `second` of the skeleton
  UWRX_BIND_DEVICE,    // the same for a device node
  UWRX_OVERLAY,        // the answer comes with a read-only overlay mount of the host's directory `path`
  UWRX_SIGNAL_ALL,     // value: signal for every process of the guest
  UWRX_SIGNAL_COMMAND, // value: signal for the command's process group
};

// The descriptors of UWRX_READY. All but the last are mounts of their own on which no symbolic link is followed, so that
// not even a supervisor whose idea of a path is wrong is led out of them.
enum uwrx_view { UWRX_VIEW_HOST, UWRX_VIEW_RUN, UWRX_VIEW_STORE, UWRX_VIEW_SKELETON, UWRX_VIEW_PROC, UWRX_VIEWS };

// A message is this header and then two NUL-terminated strings, `path` and `second`.
struct uwrx_message {
  uint32_t operation;
  int32_t value;
  uint64_t device, inode; // UWRX_BIND_*, UWRX_OVERLAY: what must be found at `path`
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
  int user_namespace;     // 1: make one, mapping inside_* to the caller's ids
  uint32_t inside_uid, inside_gid;
  uint32_t process_numbers; // how many the guest's processes and threads have; 0: as many as the host's
  int terminal; // descriptor of the terminal whose foreground group the command becomes, or -1
  // UINT64_MAX: inherit.
  uint64_t limit_processes;  // RLIMIT_NPROC
  uint64_t limit_file_size;  // RLIMIT_FSIZE, bytes
  uint64_t limit_open_files; // RLIMIT_NOFILE
  uint64_t limit_seconds;    // RLIMIT_CPU
  // Results.
  int init_pid;
  int control, events; // socket ends of the supervisor
  int go;              // what guest init waits for
  const char *failed_step;
};

// Creates the namespaces and guest init, which waits. Returns 0, or -errno with failed_step set.
int uwrx_guest_launch(struct uwrx_launch *launch);

// Lets guest init go on to fork the command. Returns 0 or -errno.
int uwrx_guest_start(struct uwrx_launch *launch);

// Sends one message; returns 0 or -errno. A null path is an empty one.
int uwrx_guest_send(int socket, uint32_t operation, int32_t value, uint64_t device, uint64_t inode, const char *path,
                    const char *second);

#endif
