// Shared by the files of this module.
#ifndef UWRX_GUEST_H
#define UWRX_GUEST_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "CGuest.h"
#include <errno.h>
#include <sys/types.h>
#include <unistd.h>

// In guest init's mount namespace the skeleton, the store of run-lived files and guest init's working space cover the host's
// /proc, the one directory that exists on every machine and is no one's source.
#define UWRX_BASE "/proc"
#define UWRX_SKELETON "/proc/skeleton"
#define UWRX_STORE "/proc/store"
#define UWRX_EMPTY "/proc/empty"

// MOUNT_ATTR_NOSYMFOLLOW, newer than some headers.
#define UWRX_NO_LINKS 0x00200000

// What guest init works on: descriptors of the skeleton root and of the guest's /proc, and the command's number.
struct uwrx_guest {
  int skeleton, proc;
  pid_t command;
};

// Sends one message with descriptors; `flags` as sendmsg(2) has them. Returns 0 or -errno.
int uwrx_send_descriptors(int socket, const struct uwrx_message *header, const char *path, const int *descriptors, int count,
                          int flags);
_Noreturn void uwrx_fail(int events, const char *step);
_Noreturn void uwrx_init_main(const struct uwrx_launch *launch, int control, int events, int go);
int uwrx_restrict_mount(int tree, uint64_t attributes, int recursive);
// `network` is what tells the guest's from every other. The supervisor gets its views.
void uwrx_build_mounts(const struct uwrx_launch *launch, int events, uint64_t network, struct uwrx_guest *guest);
// One request of the supervisor's.
void uwrx_serve(const struct uwrx_guest *guest, int control);
// Stops every process of the guest, and lets those go on that were not stopped before. `proc`: the guest's /proc.
void uwrx_stop_all(int proc);
void uwrx_continue_all(int proc);
// If every process is stopped there is nobody left who could continue one: they get what the kernel sends to the stopped jobs that a shell
// leaves behind (setpgid(2), orphaned process groups), which it does not do here, as guest init is of the command's session.
void uwrx_rouse_stranded(int proc);
// Gives the guest a network whose other side is the proxy at the other end of `channel`.
void uwrx_build_network(int events, int channel);
int uwrx_network_listen(int port);
// One request of the proxy's.
void uwrx_serve_network(int channel);
void uwrx_end_network(void);
void uwrx_write_settings(int proc, const char *const *settings);
_Noreturn void uwrx_command_main(const struct uwrx_launch *launch, int events, int proc);

#endif
