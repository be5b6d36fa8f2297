import Glibc
import SystemPackage
import Tracing
import VirtualKernel

/// A stack of layers as a run that stands on them sees them.
final class MergedView {
  typealias Found = LowerMatch

  let layers: [Layer]
  private let merge: LayerMerge

  /// - Parameter hidden: layers that are taken for empty.
  init(_ layers: [Layer], hiding hidden: Set<Int> = []) {
    self.layers = layers
    merge = LayerMerge(layers) { !hidden.contains($0) }
  }

  /// The parts of the root.
  var root: [LowerDirectory] { merge.roots }

  func find(_ name: [UInt8], in parts: [LowerDirectory]) throws(Errno) -> Found? {
    try name.withUnsafeBufferPointer { name throws(Errno) in try merge.find(name, in: parts) }
  }

  /// What stands at a path without a leading slash.
  func find(path: [UInt8]) throws(Errno) -> Found? { try merge.find(path: path, in: root) }

  /// The names that the parts list, those that the layers above hide among them.
  func names(in parts: [LowerDirectory]) throws(Errno) -> Set<[UInt8]> {
    var names: Set<[UInt8]> = []
    for part in parts { names.formUnion(try merge.names(in: part)) }
    return names
  }

  func linkTarget(_ found: Found) throws(Errno) -> [UInt8] {
    try layers[found.place.layer].tree.readLink(Self.cString(found.place.path))
  }

  /// A regular file, for reading.
  func open(_ found: Found) throws(Errno) -> FileDescriptor {
    let tree = layers[found.place.layer].tree
    let path = Self.cString(found.place.path)
    if let work = try tree.fetch(path) {
      try work.perform()
      try work.publish(failed: false)
    }
    // What the record says is a file may have become something else.
    let file = try tree.open(path, flags: O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    var status = stat()
    guard fstat(file.rawValue, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(file.rawValue)
      throw .noSuchAddressOrDevice
    }
    return file
  }

  /// The user's attributes, without those that say how a layer is read.
  func attributes(_ found: Found) throws(Errno) -> [(name: [UInt8], value: [UInt8])] {
    let tree = layers[found.place.layer].tree
    let path = Self.cString(found.place.path)
    var names = [UInt8](repeating: 0, count: 1 << 16)
    let count: Int
    do throws(Errno) {
      count = try Self.fill(&names) { buffer throws(Errno) in try tree.listAttributes(path, into: buffer) }
    } catch { return [] }
    var attributes: [(name: [UInt8], value: [UInt8])] = []
    for name in names.prefix(count).split(separator: 0)
    where name.starts(with: "user.".utf8) && !name.starts(with: "user.overlay.".utf8) {
      var value = [UInt8](repeating: 0, count: 1 << 16)
      let cName = Self.cString(Array(name))
      let size = try Self.fill(&value) { buffer throws(Errno) in try tree.getAttribute(path, cName, into: buffer) }
      attributes.append((Array(name), Array(value.prefix(size))))
    }
    return attributes.sorted { $0.name.lexicographicallyPrecedes($1.name) }
  }

  private static func fill(
    _ bytes: inout [UInt8], _ body: (UnsafeMutableRawBufferPointer) throws(Errno) -> Int
  ) throws(Errno) -> Int {
    let result: Result<Int, Errno> = bytes.withUnsafeMutableBytes { buffer in
      do throws(Errno) { return .success(try body(buffer)) } catch { return .failure(error) }
    }
    return try result.get()
  }

  static func cString(_ path: [UInt8]) -> [CChar] { path.map { CChar(bitPattern: $0) } + [0] }
}

extension LowerMatch {
  var mode: UInt32 { UInt32(entry.status.st_mode) }
  var type: UInt32 { mode & S_IFMT }
  var isDirectory: Bool { type == S_IFDIR }
  var size: Int64 { Int64(entry.status.st_size) }
}
