import Glibc
import SystemPackage
import Tracing
import VirtualKernel

/// What a stack of layers shows as one tree, as a run that stands on them sees it: the first that has a name wins, directories are
/// merged, whiteouts, opaque and renamed directories mean what they do in overlayfs.
final class MergedView {
  /// A directory of one layer.
  struct Part: Hashable {
    var layer: Int
    /// Below the layer's root, without a leading slash.
    var path: [UInt8]
    /// How many components of the layer's destination lead to the directory above it; nil inside of the layer.
    var depth: Int?
  }

  /// What stands at a name.
  struct Found {
    var entry: LowerEntry
    /// Where it is.
    var part: Part
    /// Of a directory: all that are merged into it, the first wins.
    var parts: [Part] = []
    /// One of the layers says that the directory is not what stands there below it.
    var isReplaced = false

    var mode: UInt32 { UInt32(entry.status.st_mode) }
    var type: UInt32 { mode & S_IFMT }
    var isDirectory: Bool { type == S_IFDIR }
    var size: Int64 { Int64(entry.status.st_size) }
  }

  let layers: [Layer]
  /// Layers that are taken for empty.
  private let hidden: Set<Int>

  init(_ layers: [Layer], hiding hidden: Set<Int> = []) {
    self.layers = layers
    self.hidden = hidden
  }

  /// The parts of the root.
  func root(from first: Int = 0) -> [Part] {
    layers.indices.dropFirst(first).filter { !hidden.contains($0) }.map {
      Part(layer: $0, path: [], depth: layers[$0].destination.isEmpty ? nil : 0)
    }
  }

  func find(_ name: [UInt8], in parts: [Part]) throws(Errno) -> Found? {
    var found: Found?
    for part in parts {
      guard let (entry, inside) = try look(for: name, in: part) else { continue }
      if entry.kind == .whiteout { break }
      let isDirectory = entry.status.st_mode & S_IFMT == S_IFDIR
      if found == nil {
        found = Found(entry: entry, part: inside, parts: isDirectory ? [inside] : [])
        if !isDirectory { break }
      } else if isDirectory {
        found!.parts.append(inside)
      } else {
        break
      }
      switch entry.kind {
      case .plain, .whiteout: continue
      case .opaque: break
      case .redirect(let origin): found!.parts += try directories(at: origin, below: part.layer)
      }
      found!.isReplaced = true
      break
    }
    return found
  }

  /// What stands at a path without a leading slash, below the first layers.
  func find(path: [UInt8], from first: Int = 0) throws(Errno) -> Found? {
    var parts = root(from: first)
    var found: Found?
    for component in path.split(separator: UInt8(ascii: "/")) {
      found = try find(Array(component), in: parts)
      guard let found else { return nil }
      parts = found.parts
    }
    return found
  }

  private func directories(at origin: [UInt8], below layer: Int) throws(Errno) -> [Part] {
    try find(path: Array(origin.drop { $0 == UInt8(ascii: "/") }), from: layer + 1)?.parts ?? []
  }

  private func look(for name: [UInt8], in part: Part) throws(Errno) -> (LowerEntry, Part)? {
    let layer = layers[part.layer]
    guard let depth = part.depth else {
      let path = part.path.isEmpty ? name : part.path + [UInt8(ascii: "/")] + name
      guard let entry = try layer.tree.entry(Self.cString(path)) else { return nil }
      return (entry, Part(layer: part.layer, path: path))
    }
    guard layer.destination[depth] == name else { return nil }
    if depth + 1 < layer.destination.count {
      var status = stat()
      status.st_mode = S_IFDIR | 0o755
      return (LowerEntry(status: status), Part(layer: part.layer, path: [], depth: depth + 1))
    }
    guard let entry = try layer.tree.entry(Self.cString([])) else { return nil }
    return (entry, Part(layer: part.layer, path: []))
  }

  /// The names that the parts list, those that the layers above hide among them.
  func names(in parts: [Part]) throws(Errno) -> Set<[UInt8]> {
    var names: Set<[UInt8]> = []
    for part in parts {
      if let depth = part.depth {
        names.insert(layers[part.layer].destination[depth])
      } else {
        try layers[part.layer].tree.list(Self.cString(part.path)) { names.insert(Array($0.name)) }
      }
    }
    return names
  }

  func linkTarget(_ found: Found) throws(Errno) -> [UInt8] {
    try layers[found.part.layer].tree.readLink(Self.cString(found.part.path))
  }

  /// A regular file, for reading.
  func open(_ found: Found) throws(Errno) -> FileDescriptor {
    let tree = layers[found.part.layer].tree
    let path = Self.cString(found.part.path)
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
    let tree = layers[found.part.layer].tree
    let path = Self.cString(found.part.path)
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
