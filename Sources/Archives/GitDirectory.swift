import CLinux
import Glibc

/// Where the objects of a repository are. A checkout, or an archive that was unpacked, may name other repositories of the user's as
/// its own (gitrepository-layout(5)): nothing outside the directory that the user named is believed to be part of it.
struct GitDirectory {
  /// The directory that git(1) is to use, without symbolic links.
  let path: String
  private let named: String

  /// - Parameter named: a repository or its working tree, without symbolic links.
  /// - Throws: a message for what is no repository, or leads outside the directory.
  init(_ named: String) throws(ArchiveError) {
    self.named = named
    path = try Self.find(named)
    // A linked working tree's own directory lies below the repository's, and so names it.
    let common = try Self.common(path)
    let isNamed = common != path && Self.parent(of: Self.parent(of: path)) == common && path == named
    let boundary = isNamed ? common : named
    guard Self.isBelow(common, boundary) else {
      throw Self.outside("\(path)/commondir", common, "name that repository: git:\(common)")
    }
    try Self.checkLinks([path, common], below: boundary)
    var visited: Set<String> = []
    try Self.checkObjects("\(common)/objects", below: boundary, &visited)
  }

  private static func find(_ named: String) throws(ArchiveError) -> String {
    let place = named + "/.git"
    var status = stat()
    guard lstat(place, &status) == 0 else {
      guard access(named + "/HEAD", F_OK) == 0 else { throw ArchiveError("\(named) is not a git repository") }
      return named
    }
    switch status.st_mode & S_IFMT {
    case S_IFDIR: return place
    case S_IFLNK, S_IFREG:
      let isLink = status.st_mode & S_IFMT == S_IFLNK
      var target: String? = place
      if !isLink {
        target = text(place).flatMap { $0.hasPrefix("gitdir: ") ? absolute(String($0.dropFirst(8)), in: named) : nil }
      }
      guard let real = target.flatMap({ realPath($0) }) else {
        throw ArchiveError("\(named) is not a git repository: its .git leads nowhere")
      }
      guard isBelow(real, named) else {
        throw outside(place, real, "if its objects are meant, name that directory: git:\(real)")
      }
      return real
    default: throw ArchiveError("\(named) is not a git repository")
    }
  }

  private static func common(_ path: String) throws(ArchiveError) -> String {
    var status = stat()
    guard lstat(path + "/commondir", &status) == 0 else { return path }
    guard let text = text(path + "/commondir"), let real = realPath(absolute(text, in: path)) else {
      throw ArchiveError("\(path) is not a git repository: its commondir leads nowhere")
    }
    return real
  }

  /// All that is or could be objects: git opens packs and indexes by any name.
  private static func checkObjects(
    _ objects: String, below boundary: String, _ visited: inout Set<String>
  ) throws(ArchiveError) {
    guard let real = realPath(objects) else {
      throw ArchiveError("\(boundary) is not a git repository: it has no objects")
    }
    guard isBelow(real, boundary) else {
      throw outside(objects, real, "remove the link, or name the repository that has them")
    }
    // alternates may name one another.
    guard visited.insert(real).inserted else { return }
    guard visited.count < 100 else { throw ArchiveError("\(boundary) has too many alternates of its objects") }
    for directory in [real] + directories(in: real) { try checkLinks([directory], below: boundary) }
    guard let text = text(real + "/info/alternates") else { return }
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
      let place = absolute(String(line), in: real)
      guard let alternate = realPath(place), isBelow(alternate, boundary) else {
        throw outside(
          real + "/info/alternates", place,
          "copy the objects with `git -C \(printable(boundary.utf8)) repack -a -d` and remove that file")
      }
      try checkObjects(alternate, below: boundary, &visited)
    }
  }

  private static func checkLinks(_ directories: [String], below boundary: String) throws(ArchiveError) {
    for directory in directories {
      for (name, type) in entries(directory) where type == UInt8(DT_LNK) {
        let place = "\(directory)/\(name)"
        guard let real = realPath(place), isBelow(real, boundary) else {
          throw outside(place, realPath(place) ?? "nowhere", "remove the link")
        }
      }
    }
  }

  /// Of objects two levels are known: `pack`, `info` and those of the first byte, and below `info` the chain of commit graphs.
  private static func directories(in objects: String, depth: Int = 0) -> [String] {
    entries(objects).filter { $0.type == UInt8(DT_DIR) }.flatMap { entry in
      let place = "\(objects)/\(entry.name)"
      return [place] + (depth < 3 ? directories(in: place, depth: depth + 1) : [])
    }
  }

  // MARK: Parts

  private static func outside(_ place: String, _ target: String, _ advice: String) -> ArchiveError {
    ArchiveError(
      "\(printable(place.utf8)) leads to \(printable(target.utf8)), outside the directory that was named; \(advice)")
  }

  private static func isBelow(_ path: String, _ directory: String) -> Bool {
    path == directory || path.hasPrefix(directory == "/" ? "/" : directory + "/")
  }

  private static func parent(of path: String) -> String { path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "" }

  private static func absolute(_ path: String, in directory: String) -> String {
    path.hasPrefix("/") ? path : "\(directory)/\(path)"
  }

  private static func realPath(_ path: String) -> String? {
    guard let real = realpath(path, nil) else { return nil }
    defer { free(real) }
    return String(cString: real)
  }

  /// A small text file, without its last newline.
  private static func text(_ path: String) -> String? {
    guard let file = try? ArchiveFile(path), var bytes = try? file.contents(limit: 1 << 20) else { return nil }
    while bytes.last == 0x0a || bytes.last == 0x0d { bytes.removeLast() }
    return bytes.contains(0) ? nil : String(decoding: bytes, as: UTF8.self)
  }

  private static func entries(_ path: String) -> [(name: String, type: UInt8)] {
    guard let stream = opendir(path) else { return [] }
    defer { closedir(stream) }
    var entries: [(name: String, type: UInt8)] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name == "." || name == ".." { continue }
      var type = entry.pointee.d_type
      // Not all file systems tell.
      var status = stat()
      if type == UInt8(DT_UNKNOWN), lstat("\(path)/\(name)", &status) == 0 { type = UInt8(status.st_mode >> 12 & 15) }
      entries.append((name, type))
    }
    return entries
  }
}
