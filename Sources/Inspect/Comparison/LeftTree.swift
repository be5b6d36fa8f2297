import CLinux
import Glibc
import SystemPackage
import Tracing

/// What a run's layer holds at its end: the last version of each path, with its whiteouts, opaque and renamed directories.
struct LeftTree {
  /// By absolute path in the guest; directories that only lead to what was changed are among them.
  private(set) var entries: [[UInt8]: LeftEntry] = [:]
  /// What stood there before is gone.
  private(set) var removed: Set<[UInt8]> = []
  /// Directories that have nothing of what stood there before.
  private(set) var opaque: Set<[UInt8]> = []
  /// Directories that were renamed, by what they were called before the run.
  private(set) var origins: [[UInt8]: [UInt8]] = [:]

  private static let slash = UInt8(ascii: "/")
  /// overlayfs' own, in which a layer tells of directories.
  private static let ownPrefix = Array("user.overlay.".utf8)

  /// - Parameter index: nil if the run has not ended.
  init(_ trace: TraceDirectory, _ index: LayerIndex?) {
    let root = Array(trace.path.utf8) + [Self.slash]
    walk(root + LayerIndex.files, index)
    let descriptor = open(trace.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    defer { if descriptor >= 0 { close(descriptor) } }
    // A last version that is not the first one of its path is elsewhere.
    for line in index?.lines.values.map({ $0 }) ?? [] where line.directory != LayerIndex.files {
      let path = [Self.slash] + line.path
      if line.directory == LayerIndex.absent {
        entries[path] = nil
        removed.insert(path)
      } else if Self.isBelow(descriptor, line), let entry = LeftEntry(at: root + line.directory + path + [0]) {
        take(entry, path, index)
      }
    }
  }

  /// Whether no link leads to what a line names.
  private static func isBelow(_ trace: Int32, _ line: LayerIndex.Line) -> Bool {
    let path = line.directory + [slash] + line.path
    let above = path[..<(path.lastIndex(of: slash) ?? 0)].map { CChar(bitPattern: $0) } + [0]
    let flags = UInt64(0o10000000 | O_DIRECTORY | O_CLOEXEC)  // O_PATH
    let result = uwrx_openat2(trace, above, flags, 0, 0x0c)  // RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS
    if result >= 0 { close(Int32(result)) }
    return result >= 0
  }

  private mutating func walk(_ files: [UInt8], _ index: LayerIndex?) {
    // A trace may hold anything: no link is followed.
    let directory = open((files + [0]).map { CChar(bitPattern: $0) }, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard directory >= 0 else { return }
    // What cannot be read is not compared.
    try? DirectoryWalk.forEach(in: directory, failure: .skipped) { entry throws(Errno) in
      let path = [Self.slash] + entry.path
      take(LeftEntry(entry, at: files + path + [0]), path, index)
    }
  }

  private mutating func take(_ entry: LeftEntry, _ path: [UInt8], _ index: LayerIndex?) {
    // A whiteout is a character device, and nobody can make another.
    if entry.kind == .device {
      removed.insert(path)
      return
    }
    var entry = entry
    let line = index?[Array(path.dropFirst())]
    if let line { entry.mode = line.mode }
    entry.user = line?.uid ?? index?.uid
    entry.group = line?.gid ?? index?.gid
    if let line, entry.kind == .file { entry.names = line.links }
    if let attributes = entry.attributes, !attributes.isEmpty {
      if attributes[Self.ownPrefix + "opaque".utf8] == [UInt8(ascii: "y")] { opaque.insert(path) }
      if let origin = attributes[Self.ownPrefix + "redirect".utf8], origin.first == Self.slash {
        origins[path] = origin
      }
      entry.attributes = attributes.filter { !$0.key.starts(with: Self.ownPrefix) }
    }
    removed.remove(path)
    entries[path] = entry
  }

  /// Where the layers below have what the run shows at a path that its own has not; nil if they have it no more.
  func below(_ path: [UInt8]) -> [UInt8]? {
    if removed.contains(path) { return nil }
    var directory = path[...]
    while let slash = directory.lastIndex(of: Self.slash), slash > 0 {
      directory = directory[..<slash]
      let above = Array(directory)
      if removed.contains(above) { return nil }
      guard let entry = entries[above] else { continue }
      if entry.kind != .directory || opaque.contains(above) { return nil }
      if let origin = origins[above] { return origin + path[slash...] }
    }
    return path
  }
}
