import SystemPackage

extension Syscalls {
  /// Answers the requests that are not native. None of them ever runs: a request that the filter does not know could
  /// change a lower file through a read-only descriptor, or push input into the terminal that the run was started from.
  @Sendable static func ioctl(_ call: Call) throws(Errno) -> Outcome {
    // The kernel takes the request from the low half of the register.
    switch UInt32(truncatingIfNeeded: call.arguments.1) {
    case 0x5412, 0x541c, 0x541d:  // TIOCSTI, TIOCLINUX, TIOCCONS: Linux, too, wants a privilege for these
      throw .notPermitted
    default:
      throw .inappropriateIOCTLForDevice
    }
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
      0x540e, 0x5422, 0x540f, 0x5410, 0x5429,  // TIOCSCTTY, TIOCNOTTY, TIOCGPGRP, TIOCSPGRP, TIOCGSID
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
      0x8910, 0x8912, 0x8913, 0x8915,  // SIOCGIFNAME, SIOCGIFCONF, SIOCGIFFLAGS, SIOCGIFADDR
      0x8917, 0x8919, 0x891b, 0x891d,  // SIOCGIFDSTADDR, SIOCGIFBRDADDR, SIOCGIFNETMASK, SIOCGIFMETRIC
      0x8921, 0x8927, 0x8933, 0x8942, 0x8970,  // SIOCGIFMTU, SIOCGIFHWADDR, SIOCGIFINDEX, SIOCGIFTXQLEN, SIOCGIFMAP
    ]
  }
}
