import Glibc
import SystemPackage
import Tracing

// What stood below where the run has changed something: whoever brings the run's files to where they came from sees by it whether
// that has changed meanwhile.
extension FileTree {
  /// Keeps what the layers below have at a name that is about to be hidden.
  func noteBase(_ dentry: DentryID) throws(Errno) {
    let parent = dentries[dentry].pointee.parent
    guard dentries[dentry].pointee.flags.contains(.inLower), let origin = origin(of: parent),
      directory(of: parent).store == .run
    else { return }
    let name = dentries.name(of: dentry)
    if bases[Self.path(origin, name)] == nil { try noteBase(name, in: directory(of: parent).lowers, origin) }
  }

  /// Without a leading slash.
  private static func path(_ directory: [UInt8], _ name: UnsafeBufferPointer<UInt8>) -> [UInt8] {
    Array((directory + [UInt8(ascii: "/")] + name).drop { $0 == UInt8(ascii: "/") })
  }

  /// - Parameter origin: the path of the directory as the run has found it.
  /// - Returns: what stands there.
  @discardableResult
  private func noteBase(
    _ name: UnsafeBufferPointer<UInt8>, in lowers: [LowerDirectory], _ origin: [UInt8]
  ) throws(Errno) -> LowerMatch? {
    guard let found = try merge.find(name, in: lowers) else { return nil }
    let path = Self.path(origin, name)
    let tree = layers[found.place.layer].tree
    // What an earlier run has moved is at another path of the host's.
    let isMoved = self.origin(of: lowers[found.index]) != origin
    let status = found.entry.status
    bases.note(
      path,
      LowerBases.Base(
        origin: tree is HostTree && !isMoved ? .host : tree is HostTree || tree is TraceTree ? .run : .archive,
        mode: UInt32(status.st_mode), size: Int64(status.st_size),
        modified: Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec)))
    return found
  }

  /// All that is in directories that the run has given another name: it is not there any more, though nobody has looked at it.
  func noteMovedBases() {
    var pending = movedDirectories.map { (origin: origin(of: $0[0]), lowers: $0) }
    movedDirectories = []
    // A directory may have been moved more than once.
    var seen: Set<[UInt8]> = []
    while let (origin, lowers) = pending.popLast() {
      guard seen.insert(origin).inserted else { continue }
      var names: Set<[UInt8]> = []
      for lower in lowers { names.formUnion((try? merge.names(in: lower)) ?? []) }
      for name in names {
        // What cannot be asked for is taken for changed by who asks for it.
        let found = name.withUnsafeBufferPointer { try? noteBase($0, in: lowers, origin) }
        if let found, !found.lowers.isEmpty { pending.append((origin + [UInt8(ascii: "/")] + name, found.lowers)) }
      }
    }
  }
}
