import Glibc
import SystemPackage

// Requests of sockets (include/uapi/linux/sockios.h) that are neither native nor answered: what an ordinary user is told.
extension Syscalls {
  /// sock_do_ioctl() of net/socket.c, dev_ioctl() of net/core/dev_ioctl.c, inet_ioctl() of net/ipv4/af_inet.c.
  static func refuseOfSocket(_ call: Call, _ request: UInt32, _ family: Int32) throws(Errno) -> Never {
    // SIOCGIFVLAN, SIOCSIFVLAN: modules that are not there.
    if request == 0x8982 || request == 0x8983 { throw .init(rawValue: ENOPKG) }
    // SIOCUNIXFILE
    if request == 0x89e0, family == AF_UNIX { throw .notPermitted }
    // SIOCSPGRP and the like are native; every other request has a structure of at least so many bytes.
    let asked = try call.readBytes(at: call.arguments.2, count: 40)
    switch request {
    case 0x8946: try refuseEthernetTool(call, asked)
    case _ where privileged.contains(request): throw .notPermitted
    case _ where family == AF_INET && privilegedOfInternet.contains(request): throw .notPermitted
    case 0x8940, 0x8941: throw .notSupportedOnSocket  // SIOCGIFBR, SIOCSIFBR
    case _ where ofDevices.contains(request): throw .init(rawValue: ENODEV)
    default: throw .inappropriateIOCTLForDevice
    }
  }

  /// SIOCETHTOOL: no interface of the guest's is a piece of hardware that it could ask.
  private static func refuseEthernetTool(_ call: Call, _ asked: [UInt8]) throws(Errno) -> Never {
    let data = asked.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 16, as: UInt64.self) }
    _ = try call.read(UInt32.self, at: data)
    let descriptor = try requireSocket(call)
    var named = asked
    var failure: Errno?
    named.withUnsafeMutableBytes { buffer in
      do throws(Errno) {
        // SIOCGIFINDEX
        _ = try call.kernel.descriptors.askInterfaces(descriptor, of: call.thread.group, request: 0x8933, buffer)
      } catch { failure = error }
    }
    throw failure ?? .notSupportedOnSocket
  }

  /// Those that want CAP_NET_ADMIN before they look for the interface.
  private static let privileged: Set<UInt32> = [
    0x8914, 0x891e, 0x8922, 0x8923, 0x8924,  // SIOCSIFFLAGS, METRIC, MTU, NAME, HWADDR
    0x8930, 0x8931, 0x8932,  // SIOCSIFSLAVE, SIOCADDMULTI, SIOCDELMULTI
    0x8937, 0x8943,  // SIOCSIFHWBROADCAST, SIOCSIFTXQLEN
    0x8947, 0x8948, 0x8949, 0x8971,  // SIOCGMIIPHY, SIOCGMIIREG, SIOCSMIIREG, SIOCSIFMAP
    0x8990, 0x8991, 0x8992, 0x8995,  // SIOCBOND...
    0x89a0, 0x89a1, 0x89a2, 0x89a3, 0x89b0,  // SIOCBR..., SIOCSHWTSTAMP
  ]

  /// The same of IPv4's own: routes, addresses, the table of neighbours.
  private static let privilegedOfInternet: Set<UInt32> = [
    0x890b, 0x890c, 0x8916, 0x8918, 0x891a, 0x891c, 0x8953, 0x8955,
  ]

  /// SIOCGIFSLAVE, SIOCWANDEV, SIOCGHWTSTAMP and a driver's own: no driver of the guest's interfaces has them.
  private static let ofDevices: Set<UInt32> = Set([0x8929, 0x894a, 0x89b1] + (0x89f0...0x89ff))
}
