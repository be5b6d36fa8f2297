import Glibc
import SystemPackage

/// What the lower directories of a merged one have at a name.
package struct LowerMatch {
  /// Of a directory above a layer's destination, which no layer has, just a type and a mode.
  package var entry: LowerEntry
  /// Which of the directories has it.
  var index: Int
  /// Where it is.
  package var place: LowerDirectory
  /// Of a directory: all that are merged into it, the first wins.
  package var lowers: [LowerDirectory]
  /// One of the layers says that the directory is not what stands there below it.
  package var isReplaced = false
}

/// A stack of layers as one tree: the first that has a name wins, directories are merged, whiteouts, opaque and renamed directories mean
/// what they do in overlayfs.
package final class LayerMerge {
  package let layers: [Layer]
  /// The parts of the root.
  package let roots: [LowerDirectory]
  private var path = PathBuffer()

  /// - Parameter isIncluded: whether a layer, told by its index, is a part of the root.
  package init(_ layers: [Layer], where isIncluded: (Int) -> Bool) {
    self.layers = layers
    roots = layers.indices.filter(isIncluded).map {
      LowerDirectory(layer: $0, path: [], prefixDepth: layers[$0].destination.isEmpty ? nil : 0)
    }
  }

  package func find(
    _ name: UnsafeBufferPointer<UInt8>, in lowers: [LowerDirectory]
  ) throws(Errno) -> LowerMatch? {
    var match: LowerMatch?
    for (index, lower) in lowers.enumerated() {
      guard let (entry, place) = try look(in: lower, for: name) else { continue }
      if entry.kind == .whiteout { break }
      let isDirectory = entry.status.st_mode & S_IFMT == S_IFDIR
      if match == nil {
        match = LowerMatch(entry: entry, index: index, place: place, lowers: isDirectory ? [place] : [])
        if !isDirectory { break }
      } else if isDirectory {
        match!.lowers.append(place)
      } else {
        break
      }
      if entry.kind == .plain { continue }
      match!.isReplaced = true
      if case .redirect(let origin) = entry.kind {
        // Where the lower part of a directory is that an earlier run has renamed.
        match!.lowers += try find(path: origin, in: roots.filter { $0.layer > lower.layer })?.lowers ?? []
      }
      break
    }
    return match
  }

  /// What stands at a path of several names.
  package func find(path: [UInt8], in lowers: [LowerDirectory]) throws(Errno) -> LowerMatch? {
    var lowers = lowers
    var match: LowerMatch?
    for component in path.split(separator: UInt8(ascii: "/")) {
      match = try Array(component).withUnsafeBufferPointer { name throws(Errno) in try find(name, in: lowers) }
      guard let match else { return nil }
      lowers = match.lowers
    }
    return match
  }

  private func look(
    in lower: LowerDirectory, for name: UnsafeBufferPointer<UInt8>
  ) throws(Errno) -> (LowerEntry, LowerDirectory)? {
    let layer = layers[lower.layer]
    path.clear()
    guard let depth = lower.prefixDepth else {
      try path.append(lower.path)
      try path.appendComponent(name)
      guard let entry = try layer.tree.entry(path.cString) else { return nil }
      return (entry, LowerDirectory(layer: lower.layer, path: Array(path.bytes), prefixDepth: nil))
    }
    guard layer.destination[depth].elementsEqual(name) else { return nil }
    if depth + 1 < layer.destination.count {
      var status = stat()
      status.st_mode = S_IFDIR | 0o755
      return (LowerEntry(status: status), LowerDirectory(layer: lower.layer, path: [], prefixDepth: depth + 1))
    }
    guard let entry = try layer.tree.entry(path.cString) else { return nil }
    return (entry, LowerDirectory(layer: lower.layer, path: [], prefixDepth: nil))
  }

  /// The names that a directory of one layer lists, those that the layers above hide among them.
  package func names(in lower: LowerDirectory) throws(Errno) -> Set<[UInt8]> {
    let layer = layers[lower.layer]
    if let depth = lower.prefixDepth { return [layer.destination[depth]] }
    var names: Set<[UInt8]> = []
    path.clear()
    try path.append(lower.path)
    try layer.tree.list(path.cString) { names.insert(Array($0.name)) }
    return names
  }
}
