/// The OCI image specification's whiteouts, layer.md.
extension TreeBuilder {
  /// What the names of AUFS's own files begin with, aufs(5).
  static let ownNames = Array(".wh..wh.".utf8)

  /// - Returns: whether the path is that of a whiteout.
  func takeWhiteout(_ path: ArraySlice<UInt8>) throws(ArchiveError) -> Bool {
    let start = path.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? path.startIndex
    let name = path[start...]
    guard name.starts(with: ".wh.".utf8) else { return false }
    if name.elementsEqual(".wh..wh..opq".utf8) {
      try makeOpaque(path[..<start])
    } else if name.starts(with: Self.ownNames) {
      // What it is to other names it is as a file or a directory; the tree does not show it.
      return false
    } else if name.count > 4 {
      try whiteOut(path[..<start] + name.dropFirst(4))
    }
    return true
  }

  /// A layer removes a name that the layers before it had.
  func whiteOut(_ path: some Collection<UInt8>) throws(ArchiveError) {
    let components = try Self.components(path)
    guard let last = components.last else { throw ArchiveError("a whiteout of the root") }
    recent = nil
    guard let parent = try walk(components.dropLast(), path, makes: false), let index = lookUp(parent, last) else {
      return
    }
    if entries[Int(index)].layer != layer {
      entries[Int(index)].isRemoved = true
    } else {
      try hideEarlier(in: entries[Int(index)].node)
    }
  }

  /// A layer hides all that the layers before it had in a directory.
  func makeOpaque(_ path: some Collection<UInt8>) throws(ArchiveError) {
    recent = nil
    guard let directory = try walk(try Self.components(path)[...], path, makes: false) else { return }
    try hideEarlier(in: directory)
  }

  private func hideEarlier(in directory: UInt32) throws(ArchiveError) {
    var pending = [directory]
    while let directory = pending.popLast() {
      var index = heads[Int(directory)]
      while index != Self.none {
        try step()
        let entry = entries[Int(index)]
        if entry.layer != layer {
          entries[Int(index)].isRemoved = true
        } else if !entry.isRemoved, nodes[Int(entry.node)].isDirectory {
          pending.append(entry.node)
        }
        index = entry.sibling
      }
    }
  }
}
