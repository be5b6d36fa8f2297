import CLinux
import Glibc
import Reproducibility
import SystemPackage

/// The devices that are handed through: those that hold no state of the host's.
final class DeviceTable {
  struct Device {
    var name: String
    var major: UInt32
    var minor: UInt32
    var isRandom = false
  }

  /// mem(4), random(4), tty(4).
  static let devices = [
    Device(name: "null", major: 1, minor: 3), Device(name: "zero", major: 1, minor: 5),
    Device(name: "full", major: 1, minor: 7), Device(name: "random", major: 1, minor: 8, isRandom: true),
    Device(name: "urandom", major: 1, minor: 9, isRandom: true), Device(name: "tty", major: 5, minor: 0),
  ]

  private static let mostStreams = 4096
  private var streams: [(identity: HostIdentity, inode: InodeID)] = []
  private var oldestStream = 0
  private let directory: FileDescriptor
  private let terminal: InheritedTerminal?

  init(_ directory: FileDescriptor, terminal: InheritedTerminal?) {
    self.directory = directory
    self.terminal = terminal
  }

  func open(
    _ inode: UnsafeMutablePointer<Inode>, _ call: Call, _ flags: Int32, _ dentry: DentryID
  ) throws(Errno) -> Outcome {
    let number = inode.pointee.device
    if number == terminal?.device {
      try materialise(dentry, call)
      return .continue
    }
    guard let device = Self.devices.first(where: { uwrx_makedev($0.major, $0.minor) == number }) else {
      throw .init(rawValue: ENXIO)
    }
    if device.name == "tty" {
      // Which terminal this is depends on the session of the one who opens it.
      try materialise(dentry, call)
      return .continue
    }
    if device.isRandom, flags & O_ACCMODE != O_WRONLY, let randomness = call.kernel.reproduction.randomness,
      let identity = call.thread.group.identity
    {
      return try open(randomness, identity, call, flags, dentry)
    }
    let wanted = flags & (O_ACCMODE | O_APPEND | O_NONBLOCK)
    let file: FileDescriptor
    do throws(Errno) {
      file = try call.kernel.host.open(directory, device.name, flags: wanted | O_CLOEXEC | O_NOCTTY, mode: 0)
    } catch {
      throw error == .noSuchFileOrDirectory ? .init(rawValue: ENXIO) : error
    }
    do throws(Errno) {
      let status = try call.kernel.host.status(of: file)
      guard status.st_rdev == number else { throw .init(rawValue: ENXIO) }
      call.files.objects.register(status, as: call.files.nodes[dentry].pointee.inode)
    } catch {
      call.kernel.host.close(file)
      throw error
    }
    return Syscalls.give(call, file, flags, dentry)
  }

  /// What the seed gives, in the place of a random device. stat(2) takes it for the device all the same.
  private func open(
    _ randomness: Randomness, _ identity: ProcessIdentity, _ call: Call, _ flags: Int32, _ dentry: DentryID
  ) throws(Errno) -> Outcome {
    let file = try randomness.devices.open(identity.openDevice(), isNonBlocking: flags & O_NONBLOCK != 0)
    do throws(Errno) {
      let stream = HostIdentity(try call.kernel.host.status(of: file))
      let inode = call.files.nodes[dentry].pointee.inode
      remember(stream, inode, call)
      call.files.objects.register(alias: stream, of: inode)
      call.opened = (stream, dentry)
    } catch {
      call.kernel.host.close(file)
      throw error
    }
    return .descriptor(file, closeOnExec: flags & O_CLOEXEC != 0, keep: false)
  }

  /// Nobody tells when a file of this kind is no more: of many the oldest is forgotten.
  private func remember(_ stream: HostIdentity, _ inode: InodeID, _ call: Call) {
    guard streams.count == Self.mostStreams else { return streams.append((stream, inode)) }
    let oldest = streams[oldestStream]
    call.files.objects.forget(oldest.identity, of: oldest.inode)
    streams[oldestStream] = (stream, inode)
    oldestStream = (oldestStream + 1) % Self.mostStreams
  }

  /// Makes the device one that the guest opens itself.
  func materialise(_ dentry: DentryID, _ call: Call) throws(Errno) {
    let files = call.files
    if files.nodes[dentry].pointee.flags.contains(.inSkeleton) { return }
    let number = files.nodes.inode(of: dentry).pointee.device
    if let terminal, number == terminal.device {
      try bind(dentry, terminal.hostPath, terminal.identity, call)
      return
    }
    guard let device = Self.devices.first(where: { uwrx_makedev($0.major, $0.minor) == number }) else {
      throw .init(rawValue: ENXIO)
    }
    let status = try call.kernel.host.status(directory, device.name)
    files.objects.register(status, as: files.nodes[dentry].pointee.inode)
    try bind(dentry, "/dev/\(device.name)", HostIdentity(status), call)
  }

  private func bind(
    _ dentry: DentryID, _ hostPath: String, _ identity: HostIdentity, _ call: Call
  ) throws(Errno) {
    try call.files.mirror.bind(hostPath, identity: identity, at: dentry, isDevice: true)
  }
}
