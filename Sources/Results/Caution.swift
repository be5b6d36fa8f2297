import Glibc

/// Names by which a run could have programs start on the host later, unasked: they are brought there only if the user names them.
struct Caution {
  var reason: String
  /// Whether it is done if the user names the path.
  var mayBeNamed = true

  /// Files that shells and editors run or read commands from.
  private static let startFiles: Set<String> = [
    ".bashrc", ".bash_profile", ".bash_login", ".bash_logout", ".profile", ".zshrc", ".zshenv", ".zprofile", ".zlogin",
    ".envrc", ".gitconfig", ".gdbinit", ".pam_environment", ".xprofile", ".xinitrc",
  ]

  /// - Returns: nil for what is as any other.
  static func of(_ change: Change, build: [UInt8]) -> Caution? {
    let full = change.place.fullPath
    if isRun(full, build) { return Caution(reason: "it would be a run of uwrx's own", mayBeNamed: false) }
    // What is only taken away starts nothing.
    return change.new.flatMap { reason(full, isDirectory: $0.isDirectory) }.map { Caution(reason: $0) }
  }

  private static func reason(_ path: [UInt8], isDirectory: Bool) -> String? {
    let parts = path.split(separator: UInt8(ascii: "/")).map { String(decoding: $0, as: UTF8.self) }
    guard let last = parts.last else { return nil }
    if let git = parts.lastIndex(where: { $0 == ".git" || $0.hasSuffix(".git") }) {
      let inside = parts[(git + 1)...]
      if inside.contains("hooks") { return "git runs it" }
      if last == "config" || last == "config.worktree" { return "git runs what it names" }
      if inside.isEmpty, !isDirectory, last == ".git" { return "git runs what it leads to" }
    }
    if startFiles.contains(last) { return "a program of yours runs it at its start" }
    if parts.contains(".ssh") { return "it says who may log in" }
    if parts.dropLast().last == ".vscode", ["tasks.json", "settings.json", "launch.json"].contains(last) {
      return "an editor runs what it names"
    }
    return nil
  }

  /// Whether it is where runs are kept, whose names are uwrx's.
  private static func isRun(_ path: [UInt8], _ build: [UInt8]) -> Bool {
    guard !build.isEmpty, HostPlaces.isBelow(path, build), path != build else { return false }
    let name = path.dropFirst(build.count + 1).prefix { $0 != UInt8(ascii: "/") }
    return name.elementsEqual("last".utf8) || name.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
  }

  /// Whether a symbolic link leads out of the directory that it is in the tree of.
  static func leadsOut(_ target: [UInt8], from path: [UInt8]) -> Bool {
    if target.first == UInt8(ascii: "/") { return true }
    var depth = path.split(separator: UInt8(ascii: "/")).count - 1
    for component in target.split(separator: UInt8(ascii: "/")) {
      if component.elementsEqual("..".utf8) { depth -= 1 } else if !component.elementsEqual(".".utf8) { depth += 1 }
      if depth < 0 { return true }
    }
    return false
  }
}
