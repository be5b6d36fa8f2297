import CLinux
import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

// Paths of the host as the virtual kernel may give them: relative, canonical, and without a link on the way.
extension World {
  private func components(_ path: UnsafePointer<CChar>) -> [ArraySlice<UInt8>] {
    let bytes = (0..<strlen(path)).map { UInt8(bitPattern: path[$0]) }
    let parts = bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    if bytes.isEmpty { return [] }
    if parts.contains(where: { $0.isEmpty || $0.elementsEqual(".".utf8) || $0.elementsEqual("..".utf8) }) {
      Issue.record("a path of the host is not canonical: \(String(decoding: bytes, as: UTF8.self))")
    }
    return parts
  }

  func find(_ start: Node, _ path: UnsafePointer<CChar>) throws(Errno) -> Node {
    var current = start
    for name in components(path) { current = try step(current, name) }
    return current
  }

  /// The directory of the last component, and its name.
  func findParent(_ start: Node, _ path: UnsafePointer<CChar>) throws(Errno) -> (Node, [UInt8]) {
    var parts = components(path)
    guard let last = parts.popLast() else { throw .fileExists }
    var current = start
    for name in parts { current = try step(current, name) }
    guard current.isDirectory else { throw .notDirectory }
    if last.count > 255 { throw .fileNameTooLong }
    return (current, Array(last))
  }

  private func step(_ current: Node, _ name: ArraySlice<UInt8>) throws(Errno) -> Node {
    if current.kind == FileType.symbolicLink {
      Issue.record("the host would have followed a link")
      throw .tooManySymbolicLinkLevels
    }
    guard current.isDirectory else { throw .notDirectory }
    if name.count > 255 { throw .fileNameTooLong }
    guard let next = current.child(name) else { throw .noSuchFileOrDirectory }
    return next
  }

  /// rename(2) and renameat2(2), for the host and for the skeleton.
  func rename(_ from: (Node, [UInt8]), _ to: (Node, [UInt8]), flags: UInt32) throws(Errno) {
    guard let source = from.0.child(from.1) else { throw .noSuchFileOrDirectory }
    let target = to.0.child(to.1)
    if source.volume !== to.0.volume { throw .init(rawValue: EXDEV) }
    if flags & 2 != 0 {
      guard let target else { throw .noSuchFileOrDirectory }
      from.0.removeEntry(from.1)
      to.0.removeEntry(to.1)
      from.0.insert(from.1, target)
      to.0.insert(to.1, source)
      return
    }
    if let target {
      if flags & 1 != 0 { throw .fileExists }
      if target === source { return }
      if target.isDirectory {
        if !source.isDirectory { throw .isDirectory }
        if !target.entries.isEmpty { throw .directoryNotEmpty }
      } else if source.isDirectory {
        throw .notDirectory
      }
      to.0.removeEntry(to.1)
      target.links = target.isDirectory ? 0 : target.links - 1
    }
    from.0.removeEntry(from.1)
    to.0.insert(to.1, source)
    if flags & renameWhiteout != 0 { from.0.insert(from.1, Node(source.volume, mode: FileType.characterDevice)) }
    source.changed = now()
  }
}
