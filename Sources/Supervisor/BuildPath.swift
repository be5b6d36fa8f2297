import Glibc
import Tracing

/// The path of the directory that holds the runs, as the user gave it or as it is by default: what a checkout has of that name, or
/// another user has put there, must not lead elsewhere unnoticed.
struct BuildPath {
  private let path: String

  init(_ path: String) { self.path = path }

  /// - Throws: a message that names the link, and where it leads.
  func check() throws(SupervisorError) {
    guard let link = try Self.firstLink(in: path, isWhole: true, depth: 0) else { return }
    let place = realPath(path).map { Self.text($0) }
    let advice = place.map { "if runs are to be kept there, name it: --build \($0)" } ?? "it leads nowhere: remove it"
    throw SupervisorError("the build directory \(Self.text(path)) \(link); \(advice)")
  }

  private static func text(_ path: String) -> String { String(decoding: Escaping.escape(path.utf8), as: UTF8.self) }

  /// What is wrong with the first link of a path that the user may not know of: the path itself, or one that another user could
  /// have made. Root's links and the user's own above it are taken for part of the machine.
  private static func firstLink(in path: String, isWhole: Bool, depth: Int) throws(SupervisorError) -> String? {
    // path_resolution(7)
    guard depth < 40 else { return "leads through too many symbolic links" }
    var made = path.hasPrefix("/") ? "/" : ""
    let components = path.split(separator: "/")
    for (index, component) in components.enumerated() {
      let directory = made.isEmpty ? "." : made
      made += component
      var status = stat()
      guard lstat(made, &status) == 0 else { return nil }
      if status.st_mode & S_IFMT == S_IFLNK {
        if isWhole, index == components.count - 1 { return "is a symbolic link" }
        if isOthers(status, in: directory) { return "leads through \(text(made)), which another user can change" }
        if let target = readLink(made),
          let found = try firstLink(
            in: target.hasPrefix("/") ? target : "\(directory)/\(target)", isWhole: false, depth: depth + 1)
        {
          return found
        }
      }
      made += "/"
    }
    return nil
  }

  private static func isOthers(_ link: stat, in directory: String) -> Bool {
    func isTrusted(_ status: stat) -> Bool { status.st_uid == geteuid() || status.st_uid == 0 }
    var status = stat()
    guard isTrusted(link), stat(directory, &status) == 0, isTrusted(status) else { return true }
    // In a sticky directory only a link's owner can replace it.
    return status.st_mode & 0o022 != 0 && status.st_mode & 0o1000 == 0
  }

  private static func readLink(_ path: String) -> String? {
    var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = buffer.withUnsafeMutableBytes { readlink(path, $0.baseAddress!, $0.count) }
    return count < 0 ? nil : String(decoding: buffer.prefix(count), as: UTF8.self)
  }
}
