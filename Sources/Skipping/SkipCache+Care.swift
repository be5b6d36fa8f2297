import Glibc
import SystemPackage
import Tracing

// What a cache takes, and what is taken out of it. Runs may go on meanwhile: what is gone is a miss.
extension SkipCache {
  public struct Usage: Sendable, Equatable {
    public var records = 0
    public var contents = 0
    /// Of files, on the disk.
    public var bytes: Int64 = 0

    public init() {}

    fileprivate mutating func add(_ kind: Kind) {
      switch kind {
      case .records: records += 1
      case .contents: contents += 1
      case .steps: break
      }
    }
  }

  fileprivate enum Kind: String, CaseIterable {
    case records, contents
    /// No part of what others can use, and so not counted.
    case steps

    /// Directories between it and the files.
    var depth: Int { self == .records ? 2 : 1 }
  }

  fileprivate struct Entry {
    let path: String
    let kind: Kind
    let bytes: Int64
    /// When it was last read or written, in seconds since 1970.
    let used: Int
  }

  public func usage() -> Usage {
    entries().reduce(into: Usage()) { usage, entry in
      usage.add(entry.kind)
      usage.bytes += entry.bytes
    }
  }

  /// Takes out what was used longest ago until no more than `size` bytes are left.
  /// - Returns: what was taken out.
  public func prune(to size: Int64) -> Usage {
    var removed = Usage()
    let all = entries()
    var left = all.reduce(0) { $0 + $1.bytes }
    for entry in all.sorted(by: { $0.used < $1.used }) {
      if left <= size { break }
      guard unlinkat(descriptor, entry.path, 0) == 0 else { continue }
      left -= entry.bytes
      removed.bytes += entry.bytes
      removed.add(entry.kind)
    }
    removeAbandoned()
    return removed
  }

  /// Reads all that there is, and takes out what is damaged.
  /// - Returns: what was taken out.
  public func verify() -> Usage {
    var removed = Usage()
    for entry in entries() where entry.kind != .steps {
      let name = entry.path.split(separator: "/").last.map(String.init) ?? ""
      let file = openat(descriptor, entry.path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
      let digest = file < 0 ? nil : try? self.digest(of: FileDescriptor(rawValue: file)).bytes
      if file >= 0 { close(file) }
      if let digest, digest == (entry.kind == .records ? Self.recordDigest(name) : Self.digest(text: name.utf8)) {
        continue
      }
      guard unlinkat(descriptor, entry.path, 0) == 0 else { continue }
      removed.bytes += entry.bytes
      removed.add(entry.kind)
    }
    return removed
  }

  fileprivate func entries() -> [Entry] {
    var entries: [Entry] = []
    for kind in Kind.allCases {
      var places = [kind.rawValue]
      for _ in 0..<kind.depth { places = places.flatMap { place in names(in: place).map { "\(place)/\($0)" } } }
      for place in places {
        for name in names(in: place) {
          var status = stat()
          guard fstatat(descriptor, "\(place)/\(name)", &status, AT_SYMLINK_NOFOLLOW) == 0,
            status.st_mode & S_IFMT == S_IFREG
          else { continue }
          entries.append(
            Entry(
              path: "\(place)/\(name)", kind: kind, bytes: Int64(status.st_blocks) * 512,
              used: max(status.st_atim.tv_sec, status.st_mtim.tv_sec)))
        }
      }
    }
    return entries
  }

  private func names(in place: String) -> [String] {
    Self.names(in: openat(descriptor, place, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW))
  }

  /// What runs that were killed have left half.
  private func removeAbandoned() {
    let yesterday = time(nil) - 86_400
    for name in names(in: "new") {
      var status = stat()
      if fstatat(descriptor, "new/\(name)", &status, AT_SYMLINK_NOFOLLOW) == 0, status.st_mtim.tv_sec < yesterday {
        unlinkat(descriptor, "new/\(name)", 0)
      }
    }
  }
}
