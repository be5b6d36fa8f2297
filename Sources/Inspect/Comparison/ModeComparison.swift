import Glibc
import Tracing

extension TraceComparison {
  /// The files that both runs have left, with other modes, owners or numbers of names.
  /// - Throws: a message if one of the traces cannot be read.
  public func differentModes() throws(TraceError) -> [[UInt8]] {
    let (one, other) = (try first.layerIndex(), try second.layerIndex())
    let theirs = Dictionary(
      uniqueKeysWithValues: second.lastVersions.map { (second.history.paths.path(of: $0), (version: $1, path: $0)) })
    var different: [[UInt8]] = []
    for (place, version) in first.lastVersions {
      let path = first.history.paths.path(of: place)
      guard let its = theirs[path] else { continue }
      let name = Array(path.drop { $0 == UInt8(ascii: "/") })
      let ours = first.attributes(one[name], ofVersion: version, at: place)
      let others = second.attributes(other[name], ofVersion: its.version, at: its.path)
      if let ours, let others, ours != others { different.append(path) }
    }
    return different.sorted { $0.lexicographicallyPrecedes($1) }
  }
}

extension RunFiles {
  /// Mode, user, group and number of names.
  /// - Parameter line: what the host's file does not tell.
  /// - Returns: nil if the version is not kept.
  fileprivate func attributes(
    _ line: LayerIndex.Line?, ofVersion version: UInt32, at path: PathTable.ID
  ) -> SIMD4<UInt32>? {
    if let line { return SIMD4(line.mode, line.uid, line.gid, line.links) }
    guard let file = file(ofVersion: version, at: path) else { return nil }
    var status = stat()
    guard lstat(file.map { CChar(bitPattern: $0) }, &status) == 0 else { return nil }
    // Whose it is the first line of the index says for all.
    return SIMD4(status.st_mode & 0o7777, .max, .max, UInt32(status.st_nlink))
  }
}
