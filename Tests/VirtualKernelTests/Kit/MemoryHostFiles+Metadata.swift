import CLinux
import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

// What stat and the xattr calls tell and change.
extension MemoryHostFiles {
  func setMode(_ directory: FileDescriptor, _ path: UnsafePointer<CChar>, _ mode: UInt32) throws(Errno) {
    try world.enter(.setMode)
    setMode(try changeable(directory, path), mode)
  }

  func setMode(of file: FileDescriptor, _ mode: UInt32) throws(Errno) {
    try world.enter(.setModeOfFile)
    try world.requireWritable(world.file(file).node)
    setMode(world.file(file).node, mode)
  }

  private func setMode(_ node: Node, _ mode: UInt32) {
    if node.kind == FileType.symbolicLink { Issue.record("the host would have followed a link") }
    node.mode = node.kind | mode & 0o7777
    node.changed = world.now()
  }

  func setTimes(
    _ directory: FileDescriptor, _ path: UnsafePointer<CChar>, access: timespec, modification: timespec
  ) throws(Errno) {
    try world.enter(.setTimes)
    setTimes(try changeable(directory, path), access, modification)
  }

  func setTimes(of file: FileDescriptor, access: timespec, modification: timespec) throws(Errno) {
    try world.enter(.setTimesOfFile)
    try world.requireWritable(world.file(file).node)
    setTimes(world.file(file).node, access, modification)
  }

  private func setTimes(_ node: Node, _ access: timespec, _ modification: timespec) {
    let now = world.now()
    func apply(_ time: timespec, _ old: timespec) -> timespec {
      time.tv_nsec == UTIME_OMIT_ ? old : time.tv_nsec == UTIME_NOW_ ? now : time
    }
    node.accessed = apply(access, node.accessed)
    node.modified = apply(modification, node.modified)
    node.changed = now
  }

  private func attributed(_ directory: FileDescriptor, _ path: UnsafePointer<CChar>) throws(Errno) -> Node {
    let node = try find(directory, path)
    if !hasAttributes { throw .notSupported }
    return node
  }

  private func bytes(_ name: UnsafePointer<CChar>) -> [UInt8] { (0..<strlen(name)).map { UInt8(bitPattern: name[$0]) } }

  func getAttribute(
    _ directory: FileDescriptor, _ path: UnsafePointer<CChar>, _ name: UnsafePointer<CChar>,
    into buffer: UnsafeMutableRawBufferPointer
  ) throws(Errno) -> Int {
    try world.enter(.getAttribute)
    guard let value = try attributed(directory, path).attributes[bytes(name)] else { throw .noData }
    return try answer(value, buffer)
  }

  func listAttributes(
    _ directory: FileDescriptor, _ path: UnsafePointer<CChar>, into buffer: UnsafeMutableRawBufferPointer
  ) throws(Errno) -> Int {
    try world.enter(.listAttributes)
    let names = try attributed(directory, path).attributes.keys.sorted { $0.lexicographicallyPrecedes($1) }
    return try answer(Array(names.map { $0 + [0] }.joined()), buffer)
  }

  private func answer(_ bytes: [UInt8], _ buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
    if buffer.count == 0 { return bytes.count }
    guard bytes.count <= buffer.count else { throw .outOfRange }
    buffer.copyBytes(from: bytes)
    return bytes.count
  }

  func setAttribute(
    _ directory: FileDescriptor, _ path: UnsafePointer<CChar>, _ name: UnsafePointer<CChar>,
    _ value: UnsafeRawBufferPointer, flags: Int32
  ) throws(Errno) {
    try world.enter(.setAttribute)
    let node = try attributed(directory, path)
    try world.requireWritable(node)
    let isKnown = node.attributes[bytes(name)] != nil
    if flags & 1 != 0, isKnown { throw .fileExists }
    if flags & 2 != 0, !isKnown { throw .noData }
    node.attributes[bytes(name)] = Array(value)
  }

  func removeAttribute(
    _ directory: FileDescriptor, _ path: UnsafePointer<CChar>, _ name: UnsafePointer<CChar>
  ) throws(Errno) {
    try world.enter(.removeAttribute)
    let node = try attributed(directory, path)
    try world.requireWritable(node)
    guard node.attributes.removeValue(forKey: bytes(name)) != nil else { throw .noData }
  }
}
