import SystemPackage

extension Syscalls {
  /// Answers the requests that are not native. None of them ever runs but that for the terminal's foreground: a request that the filter does
  /// not know could change a lower file through a read-only descriptor, or push input into the terminal that the run was started from.
  @Sendable static func ioctl(_ call: Call) throws(Errno) -> Outcome {
    // The kernel takes the request from the low half of the register.
    let request = UInt32(truncatingIfNeeded: call.arguments.1)
    switch request {
    case 0x5412, 0x541c, 0x541d:  // TIOCSTI, TIOCLINUX, TIOCCONS: Linux, too, wants a privilege for these
      try call.requireOpen()
      let status = try call.kernel.descriptors.status(of: Int32(truncatingIfNeeded: call.arguments.0), in: call.thread)
      throw status.st_mode & S_IFMT == S_IFCHR ? .notPermitted : .inappropriateIOCTLForDevice
    case 0x5410:  // TIOCSPGRP
      // A guest of the background that ignores SIGTTOU could take the terminal from the user's other job and read what is typed for it. The
      // answer does not depend on the descriptor, which another thread may exchange before the kernel runs the call.
      if call.kernel.information.isBehindAnotherJob(
        call.thread.group.id, guests: Array(call.kernel.processes.groups.keys))
      {
        throw .notPermitted
      }
      return .continue
    case interfaceList: try listInterfaces(call)
    case _ where Registry.interfaceRequests.contains(request): try askInterface(call, request)
    default:
      try call.requireOpen()
      try refuse(call, request)
    }
    return .value(0)
  }

  /// - Throws: what Linux says to a program without capabilities.
  private static func refuse(_ call: Call, _ request: UInt32) throws(Errno) -> Never {
    let descriptor = Int32(truncatingIfNeeded: call.arguments.0)
    let status = try call.kernel.descriptors.status(of: descriptor, in: call.thread)
    switch status.st_mode & S_IFMT {
    case S_IFSOCK where request >> 8 == 0x89:
      let family = try call.kernel.descriptors.socketFamily(of: descriptor, of: call.thread.group)
      try refuseOfSocket(call, request, family)
    case S_IFREG where request == 1: throw .notPermitted  // FIBMAP
    default: throw .inappropriateIOCTLForDevice
    }
  }

  private static let interfaceList: UInt32 = 0x8912  // SIOCGIFCONF

  static func requireSocket(_ call: Call) throws(Errno) -> Int32 {
    let descriptor = Int32(truncatingIfNeeded: call.arguments.0)
    let status = try call.kernel.descriptors.status(of: descriptor, in: call.thread)
    guard status.st_mode & S_IFMT == S_IFSOCK else {
      try call.requireOpen()
      throw .inappropriateIOCTLForDevice
    }
    return descriptor
  }

  /// `struct ifreq` is 40 bytes, of which the kernel reads and writes all (include/uapi/linux/if.h, net/core/dev_ioctl.c).
  static func askInterface(_ call: Call, _ request: UInt32) throws(Errno) {
    let descriptor = try requireSocket(call)
    var asked = try call.readBytes(at: call.arguments.2, count: 40)
    var failure: Errno?
    asked.withUnsafeMutableBytes { buffer in
      do throws(Errno) {
        _ = try call.kernel.descriptors.askInterfaces(descriptor, of: call.thread.group, request: request, buffer)
      } catch { failure = error }
    }
    if let failure { throw failure }
    try call.write(contentsOf: asked, at: call.arguments.2)
  }

  /// `struct ifconf`: the length of a buffer, which becomes that of the list, and its address; a null one asks how long the list is.
  private static func listInterfaces(_ call: Call) throws(Errno) {
    let descriptor = try requireSocket(call)
    let capacity = try call.read(Int32.self, at: call.arguments.2)
    let address = try call.read(UInt64.self, at: call.arguments.2 &+ 8)
    // A guest has as many interfaces as uwrx gave it.
    var list = [UInt8](repeating: 0, count: address == 0 ? 0 : Int(min(max(0, capacity), 1 << 14)))
    var length = 0
    var failure: Errno?
    list.withUnsafeMutableBytes { buffer in
      do throws(Errno) {
        length = try call.kernel.descriptors.askInterfaces(
          descriptor, of: call.thread.group, request: interfaceList,
          address == 0 ? UnsafeMutableRawBufferPointer(start: nil, count: 0) : buffer)
      } catch { failure = error }
    }
    if let failure { throw failure }
    if address != 0 { try call.write(contentsOf: Array(list.prefix(length)), at: address) }
    try call.write(Int32(truncatingIfNeeded: length), at: call.arguments.2)
  }
}

extension Registry {
  /// The requests that the kernel runs unseen. The numbers are those of include/uapi/asm-generic/ioctls.h, which x86-64
  /// and arm64 share; include/uapi/linux/sockios.h; include/uapi/linux/fs.h; include/uapi/linux/pidfd.h and random.h.
  ///
  /// Left out on purpose: TIOCSTI, TIOCLINUX and TIOCCONS (input and output of somebody else's terminal), TIOCSETD (loads
  /// a line discipline), FS_IOC_* and FIDEDUPERANGE (change a file through a read-only descriptor), FIEMAP (tells
  /// of the host's disk), PIDFD_GET_*_NAMESPACE.
  static var ioctlRequests: [UInt32] { terminalRequests + descriptorRequests + socketRequests }

  private static var terminalRequests: [UInt32] {
    [
      0x5401, 0x5402, 0x5403, 0x5404,  // TCGETS, TCSETS, TCSETSW, TCSETSF
      0x5405, 0x5406, 0x5407, 0x5408,  // TCGETA, TCSETA, TCSETAW, TCSETAF
      0x802c_542a, 0x402c_542b, 0x402c_542c, 0x402c_542d,  // TCGETS2, TCSETS2, TCSETSW2, TCSETSF2
      0x5409, 0x5425, 0x540a, 0x540b,  // TCSBRK, TCSBRKP, TCXONC, TCFLSH
      0x540c, 0x540d, 0x8004_5440,  // TIOCEXCL, TIOCNXCL, TIOCGEXCL
      0x540e, 0x5422, 0x540f, 0x5429,  // TIOCSCTTY, TIOCNOTTY, TIOCGPGRP, TIOCGSID
      0x5413, 0x5414,  // TIOCGWINSZ, TIOCSWINSZ
      0x5411, 0x541b,  // TIOCOUTQ, FIONREAD; of sockets: SIOCOUTQ, SIOCINQ
      0x5415, 0x5424,  // TIOCMGET, TIOCGETD
      0x5420, 0x8004_5438,  // TIOCPKT, TIOCGPKT
      0x8004_5430, 0x4004_5431, 0x8004_5439,  // TIOCGPTN, TIOCSPTLCK, TIOCGPTLCK
      0x5441,  // TIOCGPTPEER: opens the other side of a pair whose master the guest holds
      0x4004_5436,  // TIOCSIG: a signal to the other side of such a pair
    ]
  }

  private static var descriptorRequests: [UInt32] {
    [
      0x5421, 0x5452, 0x5451, 0x5450,  // FIONBIO, FIOASYNC, FIOCLEX, FIONCLEX
      0x5460, 0x2,  // FIOQSIZE, FIGETBSZ
      0x4004_9409, 0x4020_940d,  // FICLONE, FICLONERANGE: as copy_file_range, into a file open for writing
      0xc040_ff0b, 0xc048_ff0b, 0xc050_ff0b,  // PIDFD_GET_INFO, with the three sizes of its structure
      0x8004_5200,  // RNDGETENTCNT
    ]
  }

  private static var socketRequests: [UInt32] {
    [
      0x8901, 0x8902, 0x8903, 0x8904,  // FIOSETOWN, SIOCSPGRP, FIOGETOWN, SIOCGPGRP
      0x8905, 0x894b,  // SIOCATMARK, SIOCOUTQNSD
      0x8906, 0x8907, 0x8010_8906, 0x8010_8907,  // SIOCGSTAMP and SIOCGSTAMPNS, old and new
    ]
  }

  /// Requests that tell of the interfaces of the socket's network (include/uapi/linux/sockios.h), beside SIOCGIFCONF: answered for sockets of
  /// the guest's own network only, since a standard descriptor may be one of the host's.
  static var interfaceRequests: [UInt32] {
    [
      0x8910, 0x8913, 0x8915, 0x8917,  // SIOCGIFNAME, SIOCGIFFLAGS, SIOCGIFADDR, SIOCGIFDSTADDR
      0x8919, 0x891b, 0x891d, 0x8921,  // SIOCGIFBRDADDR, SIOCGIFNETMASK, SIOCGIFMETRIC, SIOCGIFMTU
      0x8927, 0x8933, 0x8942, 0x8970,  // SIOCGIFHWADDR, SIOCGIFINDEX, SIOCGIFTXQLEN, SIOCGIFMAP
    ]
  }
}
