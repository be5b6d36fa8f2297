import SystemPackage

// Sockets and System V and POSIX interprocess communication. The guest has a network and an IPC namespace of its own.

extension Registry {
  static var sockets: [SyscallEntry] {
    [
      .deny(
        .socket, .addressFamilyNotSupported, "Local, IP and route sockets are of the guest's own network namespace.",
        missing: "packet, Bluetooth, VSOCK and other families; netlink other than route",
        nativeWhen: .low32(0, isOneOf: socketFamilies) + .all(.low32(0, equals: 16), .low32(2, equals: 0)),
        before: Syscalls.requireSocketType
      ).strict(.addressFamilyNotSupported, nativeWhen: usualSockets),
      .deny(
        .socketpair, .addressFamilyNotSupported, "A local pair is reachable only through its descriptors.",
        nativeWhen: .low32(0, isOneOf: socketFamilies), before: Syscalls.requireSocketPair),
      .gate(.bind, Syscalls.bind, "A local name is made for the caller; an address is of the guest's network."),
      .gate(.connect, Syscalls.connect, "A local name is resolved in the tree; an address is of the guest's network."),
      .native(.listen, "A socket that the caller holds."),
      .native(
        .accept, "A socket that the caller holds; recorded, then the kernel waits.",
        observed: .from(.standard, Syscalls.accept)),
      .native(
        .accept4, "A socket that the caller holds; recorded, then the kernel waits.",
        observed: .from(.standard, Syscalls.accept)),
      .native(.getsockname, "A socket that the caller holds."),
      .native(.getpeername, "A socket that the caller holds."),
      .native(.shutdown, "A socket that the caller holds."),
      .native(
        .sendto, "Data at native speed; an address is of the guest's network or the skeleton root.",
        observed: output(.range)),
      .native(.recvfrom, "Data at native speed; the kernel waits.", observed: input(.range)),
      .native(
        .sendmsg, "As sendto; descriptors that are passed stay in the guest's tree.", observed: output(.message)),
      .native(
        .recvmsg, "As recvfrom; descriptors that arrive come from the guest's tree.", observed: input(.message)),
      .native(
        .sendmmsg, "As sendmsg, several at once; only seen for 1 and 2, as the guest tells of its listener with it.",
        observed: .from(
          .standard, descriptors: [1, 2], isAlwaysByDescriptor: true, Syscalls.writes(.messages))),
      .native(.recvmmsg, "As recvmsg, several at once.")
        .gated(.timed, Syscalls.pselect6, nativeWhen: .all(.clear(4, bits: .max))),
      .native(.setsockopt, "A socket that the caller holds; what reaches further needs a capability."),
      .native(.getsockopt, "A socket that the caller holds."),
    ]
  }

  /// AF_UNIX, AF_INET and AF_INET6 (include/linux/socket.h). The kernel refuses raw sockets for lack of CAP_NET_RAW, and
  /// a pair that is not AF_UNIX with EOPNOTSUPP.
  private static let socketFamilies: [UInt32] = [1, 2, 10]

  /// Of the strict profile: streams and datagrams by their usual protocols, TCP and UDP; neither MPTCP nor SCTP, nor netlink.
  private static let usualSockets: [[ArgumentCondition]] =
    .all(.low32(0, equals: 1), .low32(2, equals: 0))
    + [2, 10].flatMap { family in
      [0, 6, 17].map { [ArgumentCondition.low32(0, equals: family), .low32(2, equals: $0)] }
    }

  static var interprocess: [SyscallEntry] {
    [
      .native(.shmget, ipcReason),
      .native(.shmat, ipcReason),
      .native(.shmdt, ipcReason),
      .native(.shmctl, ipcReason),
      .native(.semget, ipcReason),
      .native(.semop, ipcReason),
      .native(.semtimedop, ipcReason)
        .gated(.timed, Syscalls.epoll_pwait2, nativeWhen: .all(.clear(3, bits: .max))),
      .native(.semctl, ipcReason),
      .native(.msgget, ipcReason),
      .native(.msgsnd, ipcReason),
      .native(.msgrcv, ipcReason),
      .native(.msgctl, ipcReason),
      .native(.mq_open, "The name is one of the guest's own IPC namespace, not a path.").strict(.noFunction),
      .native(.mq_unlink, "The name is one of the guest's own IPC namespace, not a path.").strict(.noFunction),
      .native(.mq_timedsend, "A queue that the caller holds; blocks, so must not be trapped.").strict(.noFunction)
        .gatedBelowStrict(.timed, Syscalls.mq_timed, nativeWhen: .all(.clear(4, bits: .max))),
      .native(.mq_timedreceive, "A queue that the caller holds; blocks, so must not be trapped.").strict(.noFunction)
        .gatedBelowStrict(.timed, Syscalls.mq_timed, nativeWhen: .all(.clear(4, bits: .max))),
      .native(.mq_notify, "A queue that the caller holds.").strict(.noFunction),
      .native(.mq_getsetattr, "A queue that the caller holds.").strict(.noFunction),
    ]
  }

  private static var ipcReason: StaticString { "The identifiers are of the guest's own IPC namespace." }
}
