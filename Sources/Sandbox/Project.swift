import Glibc

/// What the user works on: the working tree of a git repository, from any directory in it.
public struct Project: Sendable, Equatable {
  /// Which directory a run is given beside the system's.
  public enum Choice: Sendable, Equatable {
    /// The working tree that the current directory belongs to, or that directory.
    case found
    /// This directory.
    case directory(String)
    /// Just the current directory.
    case none
  }

  /// Without symbolic links.
  public let root: String
  /// What git keeps of it elsewhere: of a linked working tree and of a submodule.
  public private(set) var gitDirectories: [String] = []
  /// What git keeps of it and is not given, as a message for the user.
  public private(set) var remark: String?

  /// The project of a directory.
  /// - Parameter directory: absolute, without symbolic links.
  /// - Returns: nil if it belongs to none, or to one that is a home directory.
  public init?(of directory: String) {
    // Who may put a .git into a directory that all can write, such as /tmp, must not decide what the guest sees.
    let owners = Set([geteuid()] + [Self.status(directory)?.st_uid].compactMap { $0 })
    var root = directory
    while root != "/" {
      if let git = Self.status(root + "/.git"), let status = Self.status(root), owners.contains(git.st_uid),
        owners.contains(status.st_uid) || status.st_uid == 0
      {
        if HomeSecrets.isHome(root) { return nil }
        self.root = root
        if git.st_mode & S_IFMT == S_IFREG { addGitDirectory(owners) }
        return
      }
      root = ToolSources.parts(root).directory
    }
    return nil
  }

  /// gitrepository-layout(5). A file of that name may have come with files that nobody trusts: the directory that it names must name this
  /// working tree, too, as git has written it.
  private mutating func addGitDirectory(_ owners: Set<uid_t>) {
    let prefix = "gitdir: "
    guard let text = Self.line(root + "/.git"), text.hasPrefix(prefix),
      let directory = realPath(Self.path(String(text.dropFirst(prefix.count)), in: root))
    else { return remark = "\(root)/.git names no directory that there is: git does not work in the guest" }
    guard let status = Self.status(directory), owners.contains(status.st_uid), status.st_mode & S_IFMT == S_IFDIR,
      let whole = Self.linkedTree(directory, root) ?? Self.submodule(directory, root)
    else {
      return remark =
        "\(root)/.git names \(directory), which does not name \(root): it is not in the guest, --source \(directory)=\(directory) "
        + "gives it"
    }
    gitDirectories = [whole]
  }

  /// - Returns: the repository's directory if this one in it is of a linked working tree.
  private static func linkedTree(_ directory: String, _ root: String) -> String? {
    guard let back = line(directory + "/gitdir"), realPath(path(back, in: directory)) == root + "/.git",
      let common = line(directory + "/commondir"), let whole = realPath(path(common, in: directory)),
      directory.hasPrefix(whole + "/worktrees/")
    else { return nil }
    return whole
  }

  private static func submodule(_ directory: String, _ root: String) -> String? {
    guard status(directory + "/HEAD") != nil, let settings = lines(directory + "/config") else { return nil }
    for setting in settings {
      let parts = setting.split(separator: "=", maxSplits: 1).map(trimmed)
      if parts.count == 2, parts[0] == "worktree" {
        return realPath(path(parts[1], in: directory)) == root ? directory : nil
      }
    }
    return nil
  }

  private static func trimmed(_ text: Substring) -> String {
    func isBlank(_ character: Character) -> Bool { character == " " || character == "\t" }
    return String(text.drop(while: isBlank).reversed().drop(while: isBlank).reversed())
  }

  private static func path(_ path: String, in directory: String) -> String {
    path.hasPrefix("/") ? path : "\(directory)/\(path)"
  }

  private static func status(_ path: String) -> stat? {
    var result = stat()
    return lstat(path, &result) == 0 ? result : nil
  }

  private static func line(_ path: String) -> String? { lines(path)?.first }

  /// The first lines of a regular file.
  private static func lines(_ path: String) -> [String]? {
    let file = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    let count = read(file, &buffer, buffer.count)
    guard count > 0 else { return nil }
    return String(decoding: buffer.prefix(count), as: UTF8.self).split(separator: "\n").map(String.init)
  }
}
