import SystemPackage

// Calls on descriptors. A descriptor of the guest is a real one and safe by construction: what it may not change is
// opened read-only, on a read-only mount.

extension Registry {
  /// Data through a descriptor, and the descriptor itself.
  static var descriptors: [SyscallEntry] {
    [
      .native(.read, "Data of a real descriptor at native speed.", observed: input(.range))
        .gated(.skipping, Syscalls.reads(.range), nativeWhen: otherThanStandardInput),
      .native(
        .write, "Data of a real descriptor, recorded for 1 and 2; a lower file is never open for writing.",
        observed: output(.range)),
      .native(.readv, "As read, into several buffers.", observed: input(.vector))
        .gated(.skipping, Syscalls.reads(.vector), nativeWhen: otherThanStandardInput),
      .native(.writev, "As write, from several buffers.", observed: output(.vector)),
      .native(.pread64, "As read, at an offset.", observed: input(.range)),
      .native(.pwrite64, "As write, at an offset.", observed: output(.range)),
      .native(.preadv, "As read, at an offset into several buffers.", observed: input(.vector)),
      .native(.pwritev, "As write, at an offset from several buffers.", observed: output(.vector)),
      .native(.preadv2, "As preadv, with flags.", observed: input(.vector)),
      .native(.pwritev2, "As pwritev, with flags.", observed: output(.vector)),
      .native(.lseek, "Moves the position of the open file; a directory's cursor is that position too."),
      .native(
        .close, "Trapped only for --trace=io: an interrupted close leaves the caller not knowing whether it happened.",
        observed: .from(.io, Syscalls.close)),
      .native(.close_range, "As close; the supervisor's copy of the table is checked on use."),
      .native(.dup, "Never trapped; a copied descriptor is the same open file."),
      .native(.dup3, "As dup, onto a chosen number."),
      .native(.pipe2, "A pipe is reachable only through its descriptors."),
      .native(
        .sendfile, "Copies between descriptors that the caller holds.",
        observed: .from(.standard, descriptors: [1, 2], Syscalls.sendfile)),
      .native(
        .splice, "Moves data between descriptors that the caller holds.",
        observed: .from(.standard, descriptors: [1, 2], argument: 2, Syscalls.splice)),
      .native(
        .tee, "Copies between pipes that the caller holds.",
        observed: .from(.standard, descriptors: [1, 2], argument: 1, Syscalls.tee)
      ).strict(.noFunction),
      .native(.vmsplice, "Moves the caller's own pages into a pipe.", observed: output(.vector)).strict(.noFunction),
      .gate(
        .copy_file_range, Syscalls.copyFileRange,
        "Copies between descriptors that the caller holds; from a lower file, which is on a file system apart, the supervisor does."
      ),
      .native(.fsync, "Writes back a file that the caller has open."),
      .native(.fdatasync, "Writes back a file that the caller has open."),
      .native(.sync_file_range, "Writes back a range of a file that the caller has open."),
      .native(.syncfs, "Writes back the filesystem behind a descriptor, which holds this run's files."),
      .native(.sync, "What the guest wrote has to reach the disk; flushes the host's disks as for any user."),
      .native(
        .ftruncate, "Needs a descriptor open for writing, so not a lower file; recorded.",
        observed: .from(.standard, Syscalls.ftruncate)),
      .native(.fallocate, "Needs a descriptor open for writing, so not a lower file."),
      .native(.readahead, "Only fills the page cache."),
      .native(.fadvise64, "Only advises the page cache."),
      .native(.cachestat, "Counts cached pages of a file that the caller has open.").strict(.noFunction),
      .native(.flock, "Blocks, so must not be trapped; lower files have locks of their own, apart from the host's."),
      .native(.memfd_create, "An anonymous file, reachable only through its descriptor."),
      .gate(
        .io_setup, Syscalls.io_setup, "A ring of the caller's own; half of the machine's requests are left to the host."
      ).strict(.noFunction),
      .native(.io_destroy, "Ends a ring of the caller's own.").strict(.noFunction),
      .native(
        .io_submit, "Reads, writes and polls of descriptors that the caller holds; writes to 1 and 2 are recorded.",
        observed: .from(.standard, Syscalls.submit)
      ).strict(.noFunction),
      .native(.io_cancel, "Cancels a request of the caller's own.").strict(.noFunction),
      .native(.io_getevents, "Reads completions of the caller's own ring.").strict(.noFunction)
        .gatedBelowStrict(.timed, Syscalls.pselect6, nativeWhen: .all(.clear(4, bits: .max))),
      .native(.io_pgetevents, "As io_getevents, with a signal mask.").strict(.noFunction)
        .gatedBelowStrict(.timed, Syscalls.pselect6, nativeWhen: .all(.clear(4, bits: .max))),
      .deny(
        .fcntl, .invalidArgument, "Leases, dnotify and write hints act on a lower file or a skeleton directory.",
        missing: "leases, directory notification, write lifetime hints",
        nativeWhen: .low32(1, isOneOf: descriptorCommands), before: { call throws(Errno) in try call.requireOpen() }
      ).gated(.numbered, Syscalls.numberedOwner, nativeWhen: numberedCommands),
      .gate(
        .ioctl, Syscalls.ioctl, "Those of terminals, pipes and sockets are native; others could change a lower file.",
        missing: "inode flags, extent maps, requests of devices and filesystems",
        nativeWhen: .low32(1, isOneOf: ioctlRequests)
      ).gated(
        [.uniform, .numbered], Syscalls.reproducibleIoctl,
        // TIOCGPGRP and TIOCGSID tell numbers of processes.
        nativeWhen: .low32(1, isOneOf: ioctlRequests.filter { ![0x540f, 0x5429, Syscalls.windowSize].contains($0) })),
    ]
  }

  /// What a program reads there is no file's contents that a later run could compare.
  private static let otherThanStandardInput: [[ArgumentCondition]] = .all(.low32(0, differsFrom: 0))

  /// What comes in is counted where each read is to be recorded.
  static func input(_ bytes: TransferBytes) -> Observation { .from(.io, Syscalls.reads(bytes)) }

  /// What a process says to standard output and standard error is part of every trace.
  static func output(_ bytes: TransferBytes) -> Observation {
    .from(.standard, descriptors: [1, 2], Syscalls.writes(bytes))
  }

  /// Commands of `fcntl` (include/uapi/asm-generic/fcntl.h, include/uapi/linux/fcntl.h) that only touch the
  /// caller's descriptors, or locks that block. F_SETLEASE, F_NOTIFY, F_SET_RW_HINT and F_SET_FILE_RW_HINT are left out:
  /// an owner can set them on a file through a read-only descriptor.
  private static let descriptorCommands: [UInt32] = [
    0, 1, 2, 3, 4,  // F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL
    5, 6, 7,  // F_GETLK, F_SETLK, F_SETLKW
    8, 9, 10, 11,  // F_SETOWN, F_GETOWN, F_SETSIG, F_GETSIG
    15, 16, 17,  // F_SETOWN_EX, F_GETOWN_EX, F_GETOWNER_UIDS
    36, 37, 38,  // F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW
    1025,  // F_GETLEASE
    1027, 1028, 1030,  // F_DUPFD_QUERY, F_CREATED_QUERY, F_DUPFD_CLOEXEC
    1031, 1032,  // F_SETPIPE_SZ, F_GETPIPE_SZ
    1033, 1034,  // F_ADD_SEALS, F_GET_SEALS
    1035, 1037,  // F_GET_RW_HINT, F_GET_FILE_RW_HINT
  ]

  /// The same in a run with process numbers, one of which F_SETOWN may be given.
  private static var numberedCommands: [[ArgumentCondition]] {
    let setOwner = ArgumentCondition.low32(1, equals: 8)
    return .low32(1, isOneOf: descriptorCommands.filter { $0 != 8 })
      + ([[ArgumentCondition]].kernelNumbers([2]) + .kernelGroup(2)).map { [setOwner] + $0 }
  }

  /// Waiting for descriptors, and descriptors that are events.
  static var events: [SyscallEntry] {
    [
      .native(.ppoll, "Waits for descriptors that the caller holds; blocks, so must not be trapped.")
        .gated(.timed, Syscalls.ppoll, nativeWhen: .all(.clear(2, bits: .max))),
      .native(.pselect6, "Waits for descriptors that the caller holds; blocks, so must not be trapped.")
        .gated(.timed, Syscalls.pselect6, nativeWhen: .all(.clear(4, bits: .max))),
      .native(.epoll_create1, "A set of descriptors, reachable only through its own."),
      .native(.epoll_ctl, "Changes a set of descriptors that the caller holds."),
      .native(.epoll_pwait, "Waits for a set of descriptors; blocks, so must not be trapped.")
        .gated(.timed, Syscalls.epoll_wait, nativeWhen: .low32(3, isOneOf: [0, .max])),
      .native(.epoll_pwait2, "As epoll_pwait, with a finer timeout.")
        .gated(.timed, Syscalls.epoll_pwait2, nativeWhen: .all(.clear(3, bits: .max))),
      .native(.eventfd2, "A counter, reachable only through its descriptor."),
      .native(.signalfd4, "Reads the caller's own signals."),
      .native(.timerfd_create, "A timer, reachable only through its descriptor."),
      .native(.timerfd_settime, "Sets a timer that the caller holds.")
        .gated(.timed, Syscalls.timerfd_settime),
      .native(.timerfd_gettime, "Reads a timer that the caller holds."),
      .native(.inotify_init1, "An empty set of watches; what is watched is decided by inotify_add_watch."),
      .deny(.fanotify_init, .notPermitted, "Watches the host's mounts, not the virtual tree; needs CAP_SYS_ADMIN."),
      .deny(.fanotify_mark, .badFileDescriptor, "There is no fanotify descriptor that it could be called with."),
    ]
  }

  #if arch(x86_64)
    static var descriptorsOfX86: [SyscallEntry] {
      [
        .native(.dup2, "As dup, onto a chosen number."),
        .native(.pipe, "As pipe2 without flags."),
      ]
    }

    static var eventsOfX86: [SyscallEntry] {
      [
        .native(.poll, "Waits for descriptors that the caller holds; blocks, so must not be trapped.")
          .gated(.timed, Syscalls.poll, nativeWhen: .low32(2, isOneOf: [0, .max])),
        .native(.select, "Waits for descriptors that the caller holds; blocks, so must not be trapped.")
          .gated(.timed, Syscalls.select, nativeWhen: .all(.clear(4, bits: .max))),
        .native(.epoll_create, "As epoll_create1 without flags."),
        .native(.epoll_wait, "As epoll_pwait without a signal mask.")
          .gated(.timed, Syscalls.epoll_wait, nativeWhen: .low32(3, isOneOf: [0, .max])),
        .native(.eventfd, "As eventfd2 without flags."),
        .native(.signalfd, "As signalfd4 without flags."),
        .native(.inotify_init, "As inotify_init1 without flags."),
        .deny(.epoll_ctl_old, .noFunction, "Never implemented in Linux."),
        .deny(.epoll_wait_old, .noFunction, "Never implemented in Linux."),
      ]
    }
  #else
    static var descriptorsOfX86: [SyscallEntry] { [] }
    static var eventsOfX86: [SyscallEntry] { [] }
  #endif
}
