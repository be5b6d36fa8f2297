import Glibc
import SystemPackage

/// Paths that a user names.
struct Selection {
  private let paths: [[UInt8]]
  private final class Matches { var paths: Set<[UInt8]> = [] }
  private let matches = Matches()

  init(_ paths: [String]) {
    let directory = Display.currentDirectory ?? []
    self.paths = paths.map { path in
      let whole = path.hasPrefix("/") ? Array(path.utf8) : directory + [UInt8(ascii: "/")] + Array(path.utf8)
      return [UInt8(ascii: "/")] + Self.components(whole)
    }
  }

  /// A path without a leading slash, and without `.` and `..`, for which no link is asked.
  static func components(_ path: [UInt8]) -> [UInt8] {
    var parts: [ArraySlice<UInt8>] = []
    for part in path.split(separator: UInt8(ascii: "/")) {
      if part.elementsEqual("..".utf8) {
        _ = parts.popLast()
      } else if !part.elementsEqual(".".utf8) {
        parts.append(part)
      }
    }
    return Array(parts.joined(separator: [UInt8(ascii: "/")]))
  }

  private func isBelow(_ path: [UInt8], _ directory: [UInt8]) -> Bool {
    directory == [UInt8(ascii: "/")] || HostPlaces.isBelow(path, directory)
  }

  /// By its path on the host or in the guest.
  private func match(_ change: Change) -> [[UInt8]] {
    let guest = [UInt8(ascii: "/")] + change.path
    let found = paths.filter { isBelow(change.place.fullPath, $0) || isBelow(guest, $0) }
    matches.paths.formUnion(found)
    return found
  }

  func contains(_ change: Change) -> Bool { !match(change).isEmpty }

  /// Whether what is outside of the project is asked for by a path in it.
  func isIn(_ root: HostPlaces.Root, _ change: Change) -> Bool {
    match(change).contains {
      isBelow($0, root.directory.fullPath([])) || isBelow($0, [UInt8(ascii: "/")] + root.destination)
    }
  }

  /// Whether the very path is named, or a directory that holds nothing else than such.
  func names(_ change: Change) -> Bool {
    match(change).contains { path in
      if path == change.place.fullPath || path == [UInt8(ascii: "/")] + change.path { return true }
      let parts = path.split(separator: UInt8(ascii: "/")).map { String(decoding: $0, as: UTF8.self) }
      return parts.contains(".git") || parts.contains(".ssh") || parts.last == ".vscode"
    }
  }

  /// The first of them that no change is at.
  var unmatched: [UInt8]? { paths.first { !matches.paths.contains($0) } }
}
