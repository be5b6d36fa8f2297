import CLinux
import Glibc
import SystemPackage
import Tracing
import TrustStores
import VirtualKernel

/// A layer whose trust stores have the certificate of the run's own authority beside what they had.
///
/// Which files those are is told by their names, wherever they are: a program brings its own. A store that must be taken out of an archive
/// first is as it was.
final class SplicedTree: LowerTree {
  private struct Spliced {
    let path: String
    let status: stat
  }

  private let base: any LowerTree
  /// The guest's path of the layer's root, without a slash at its end.
  private let destination: [UInt8]
  private let stores: TrustedStores
  /// By path; nil for what turned out to be none.
  private var spliced: [[UInt8]: Spliced?] = [:]

  init(_ base: any LowerTree, at destination: [[UInt8]], _ stores: TrustedStores) {
    self.base = base
    self.destination = destination.flatMap { [UInt8(ascii: "/")] + $0 }
    self.stores = stores
  }

  var listingIsTentative: Bool { base.listingIsTentative }
  var origin: LowerBases.Origin { base.origin }

  func entry(_ path: UnsafePointer<CChar>) throws(Errno) -> LowerEntry? {
    guard var entry = try base.entry(path) else { return nil }
    guard entry.status.st_mode & S_IFMT == S_IFREG, let spliced = try store(path) else { return entry }
    entry.status.st_dev = spliced.status.st_dev
    entry.status.st_ino = spliced.status.st_ino
    entry.status.st_size = spliced.status.st_size
    entry.status.st_blocks = spliced.status.st_blocks
    return entry
  }

  private func store(_ path: UnsafePointer<CChar>) throws(Errno) -> Spliced? {
    let bytes = UnsafeRawBufferPointer(start: path, count: strlen(path))
    guard TrustedStores.mayBeOne(bytes) else { return nil }
    let key = Array(bytes)
    if let known = spliced[key] { return known }
    let guestPath = key.isEmpty ? destination : destination + [UInt8(ascii: "/")] + key
    // The guest sees the store as it is where there is no room for another.
    let made = TrustStore.isCandidate(path: guestPath) ? try? splice(path, guestPath) : nil
    spliced[key] = .some(made)
    return made
  }

  private func splice(_ path: UnsafePointer<CChar>, _ guestPath: [UInt8]) throws -> Spliced? {
    guard try base.fetch(path) == nil else { return nil }
    let file = try base.open(path, flags: O_RDONLY | O_CLOEXEC)
    defer { close(file.rawValue) }
    guard let made = try stores.splice(file, at: guestPath) else { return nil }
    var status = stat()
    guard lstat(made, &status) == 0 else { throw Errno(rawValue: uwrx_errno()) }
    return Spliced(path: made, status: status)
  }

  func list(_ path: UnsafePointer<CChar>, _ body: (LowerName) -> Void) throws(Errno) { try base.list(path, body) }

  func readLink(_ path: UnsafePointer<CChar>) throws(Errno) -> [UInt8] { try base.readLink(path) }

  func fetch(_ path: UnsafePointer<CChar>) throws(Errno) -> (any BlockingWork)? {
    try store(path) == nil ? try base.fetch(path) : nil
  }

  func contents(_ path: UnsafePointer<CChar>) throws(Errno) -> HostIdentity? {
    try store(path) == nil ? try base.contents(path) : nil
  }

  func open(_ path: UnsafePointer<CChar>, flags: Int32) throws(Errno) -> FileDescriptor {
    guard let spliced = try store(path) else { return try base.open(path, flags: flags) }
    let file = Glibc.open(spliced.path, flags)
    guard file >= 0 else { throw Errno(rawValue: uwrx_errno()) }
    return FileDescriptor(rawValue: file)
  }

  func appendHostPath(of path: UnsafePointer<CChar>, to buffer: inout PathBuffer) throws(Errno) {
    guard let spliced = try store(path) else { return try base.appendHostPath(of: path, to: &buffer) }
    try buffer.append(Array(spliced.path.utf8))
  }

  func listAttributes(
    _ path: UnsafePointer<CChar>, into buffer: UnsafeMutableRawBufferPointer
  ) throws(Errno) -> Int { try base.listAttributes(path, into: buffer) }

  func getAttribute(
    _ path: UnsafePointer<CChar>, _ name: UnsafePointer<CChar>, into buffer: UnsafeMutableRawBufferPointer
  ) throws(Errno) -> Int { try base.getAttribute(path, name, into: buffer) }
}
