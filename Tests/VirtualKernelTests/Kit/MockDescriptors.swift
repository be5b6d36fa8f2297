import CLinux
import Glibc
import SystemPackage

@testable import VirtualKernel

/// The guest's descriptor tables.
final class MockDescriptors: DescriptorBroker {
  let world: World
  private(set) var duplicates = 0
  /// What another thread of the guest does before a descriptor is duplicated; told how many have been.
  var beforeDuplicate: ((Int) -> Void)?

  init(_ world: World) { self.world = world }

  private func file(_ descriptor: Int32, _ thread: AbsTid) throws(Errno) -> OpenFile {
    guard let file = try world.process(of: thread).files.files[descriptor] else { throw .badFileDescriptor }
    return file
  }

  func status(of descriptor: Int32, in thread: AbsTid) throws(Errno) -> stat {
    try file(descriptor, thread).node.status
  }

  func count(in thread: AbsTid) throws(Errno) -> Int { try world.process(of: thread).files.files.count }

  func statusOfWorkingDirectory(of thread: AbsTid) throws(Errno) -> stat {
    guard let node = try world.process(of: thread).workingDirectory else { throw .noSuchFileOrDirectory }
    return node.status
  }

  func statusOfRootDirectory(of thread: AbsTid) throws(Errno) -> stat {
    guard let node = try world.process(of: thread).rootDirectory else { throw .noSuchFileOrDirectory }
    return node.status
  }

  func statusOfLink(_ descriptor: Int32, in thread: AbsTid) throws(Errno) -> stat {
    let file = try file(descriptor, thread)
    var status = stat()
    let access: UInt32 = file.flags & O_ACCMODE == O_RDONLY ? 0o500 : file.flags & O_ACCMODE == O_WRONLY ? 0o300 : 0o700
    status.st_mode = FileType.symbolicLink | access
    status.st_size = 64
    return status
  }

  func duplicate(_ descriptor: Int32, of group: ThreadGroup) throws(Errno) -> FileDescriptor {
    guard let process = world.processes[group.id], process.isAlive else { throw .noSuchProcess }
    beforeDuplicate?(duplicates)
    guard let file = process.files.files[descriptor] else { throw .badFileDescriptor }
    duplicates += 1
    return world.insert(file)
  }

  func release(_ file: FileDescriptor) { world.close(file) }

  func describe(
    _ descriptor: Int32, in thread: AbsTid, into buffer: UnsafeMutableRawBufferPointer
  ) throws(Errno) -> Int {
    let name = Array((try file(descriptor, thread).name ?? "/host/secret").utf8).prefix(buffer.count)
    buffer.copyBytes(from: name)
    return name.count
  }

  func socketName(
    of descriptor: Int32, of group: ThreadGroup, into buffer: UnsafeMutableRawBufferPointer
  ) throws(Errno) -> Int {
    guard let file = world.processes[group.id]?.files.files[descriptor] else { throw .badFileDescriptor }
    guard file.node.kind == FileType.socket else { throw .init(rawValue: ENOTSOCK) }
    buffer.copyBytes(from: file.node.bytes)
    return file.node.bytes.count
  }

  /// A network with the interface `lo` alone; sockets whose node has the name `host` are of another.
  func askInterfaces(
    _ descriptor: Int32, of group: ThreadGroup, request: UInt32, _ buffer: UnsafeMutableRawBufferPointer
  ) throws(Errno) -> Int {
    guard let file = world.processes[group.id]?.files.files[descriptor] else { throw .badFileDescriptor }
    if file.name == "host" { throw .init(rawValue: ENODEV) }
    if request == 0x8912 {
      buffer.copyBytes(from: Array("lo".utf8).prefix(buffer.count))
      return buffer.count == 0 ? 40 : min(40, buffer.count / 40 * 40)
    }
    guard buffer.starts(with: Array("lo\0".utf8)) else { throw .init(rawValue: ENODEV) }
    buffer.storeBytes(of: 65536, toByteOffset: 16, as: Int32.self)
    return 0
  }

  /// A socket's node says its family in its device number; AF_UNIX if it says none.
  /// Whether sockets are those of streams.
  var areStreams = true

  func isUnconnectedStream(_ socket: FileDescriptor) throws(Errno) -> Bool { areStreams }

  func domain(of socket: FileDescriptor) throws(Errno) -> Int32 {
    let node = world.file(socket).node
    guard node.kind == FileType.socket else { throw .init(rawValue: ENOTSOCK) }
    return node.device == 0 ? AF_UNIX : Int32(node.device)
  }

  /// A timer is a file of this name, `timer` or `monotonic timer`.
  private(set) var timers: [(first: UInt64, interval: UInt64)] = []
  func isMonotonicTimer(_ file: FileDescriptor) throws(Errno) -> Bool {
    guard world.file(file).name?.hasSuffix("timer") ?? false else { throw .invalidArgument }
    return world.file(file).name?.hasPrefix("monotonic") ?? false
  }

  /// What was written to each.
  var written: [Int32: [UInt8]] = [:]
  func write(_ bytes: [UInt8], to file: FileDescriptor, while goesOn: () -> Bool) throws(Errno) {
    written[file.rawValue, default: []] += bytes
  }

  func setTimer(_ file: FileDescriptor, first: UInt64, interval: UInt64) throws(Errno) -> SIMD4<Int64> {
    timers.append((first, interval))
    return SIMD4(0, 0, 7, 0)
  }

  func flags(of file: FileDescriptor) throws(Errno) -> Int32 { world.file(file).flags }

  func position(of file: FileDescriptor) throws(Errno) -> Int {
    let open = world.file(file)
    if open.flags & O_PATH_ != 0 { throw .badFileDescriptor }
    return open.position
  }

  func setPosition(of file: FileDescriptor, _ position: Int) throws(Errno) { world.file(file).position = position }
}
