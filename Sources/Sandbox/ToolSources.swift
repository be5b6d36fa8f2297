import Glibc
import Supervisor

/// The programs of PATH that stand outside of the system's directories, with what they are made of and nothing that lies beside it.
struct ToolSources {
  private(set) var sources: [Source] = []
  private(set) var links: [Link] = []
  /// The entries of PATH that the guest does not have.
  private(set) var missing: [String] = []
  /// What the guest has.
  private var covered: [String]
  private let given: [String]

  /// Each source is a layer, of which there may be 254.
  private static let mostSources = 100
  private static let mostLinks = 1000
  /// From a link in a directory of programs to the program of an environment, and on to the interpreter of that.
  private static let depth = 3
  /// What programs in `bin` use beside it.
  private static let parts = ["bin", "lib", "lib64", "libexec", "share", "include", "conf", "pyvenv.cfg"]
  /// What tools of home directories consist of. Beside it lie logins, histories and caches.
  private static let tools: [(directory: String, parts: [String])] = [
    (".cargo/bin", [".cargo/bin", ".rustup/toolchains", ".rustup/settings.toml"]),
    (
      ".pyenv",
      ["bin", "shims", "libexec", "versions", "plugins", "completions", "pyenv.d", "src", "version"].map {
        ".pyenv/" + $0
      }
    ),
    (".rbenv", ["bin", "shims", "libexec", "versions", "plugins", "rbenv.d", "version"].map { ".rbenv/" + $0 }),
    (".asdf", ["bin", "shims", "lib", "installs", "plugins", "asdf.sh"].map { ".asdf/" + $0 }),
    (".nvm", ["versions", "alias", "nvm.sh", "nvm-exec"].map { ".nvm/" + $0 }),
    (".local/bin", [".local/bin"]),
  ]
  /// Directories of home directories that are no tool's own.
  private static let shared = [".local", ".config", ".cache", ".local/share", ".local/state", ".var"]

  /// - Parameters:
  ///   - path: the variable PATH.
  ///   - covered: absolute paths of directories that the guest has.
  init(path: String, covered: [String]) {
    self.covered = covered
    given = covered
    for entry in path.split(separator: ":") { add(entry: Self.withoutEnd(entry)) }
  }

  private static func withoutEnd(_ path: Substring) -> String {
    var path = path
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    return String(path)
  }

  private mutating func add(entry: String) {
    guard entry.hasPrefix("/"), let real = realPath(entry), Self.isDirectory(real) else { return }
    // The thousands of programs of the system lead nowhere else, but for what an administrator has put there.
    if given.contains(where: { HomeSecrets.isWithin(real, $0) }) {
      if HomeSecrets.isWithin(real, "/usr/local") { follow(real, 0) }
      return addLinks(on: entry)
    }
    if !isCovered(real) {
      offer(around: real)
      guard isCovered(real) else {
        if !missing.contains(entry) { missing.append(entry) }
        return
      }
    }
    addLinks(on: entry)
    follow(real, 0)
  }

  /// Offers what a directory of programs needs, if it is a place of tools.
  private mutating func offer(around directory: String) {
    if let place = Self.systemPlace(directory) { return offer(place, isPublic: true) }
    guard let home = HomeSecrets.home(of: directory), home != directory else { return }
    let relative = String(directory.dropFirst(home.count + 1))
    if let tool = Self.tools.first(where: { HomeSecrets.isWithin(relative, $0.directory) }) {
      for part in tool.parts { offer("\(home)/\(part)") }
      if tool.directory == ".local/bin" { offerLibraries(of: home) }
      return
    }
    let (prefix, name) = Self.parts(directory)
    let isShared = prefix == home || Self.shared.contains { prefix == "\(home)/\($0)" }
    if name == "bin", !isShared {
      for part in Self.parts { offer("\(prefix)/\(part)") }
    } else {
      offer(directory)
    }
  }

  /// What is installed for all users, as far as all may read it.
  private static func systemPlace(_ path: String) -> String? {
    let components = path.split(separator: "/")
    switch components.first {
    case "opt" where components.count > 1: return "/opt/\(components[1])"
    case "nix" where components.count > 1 && components[1] == "store": return "/nix/store"
    case "snap": return "/snap"
    default: return nil
    }
  }

  /// What `pip install --user` has put beside the programs.
  private mutating func offerLibraries(of home: String) {
    for name in (directoryEntries(home + "/.local/lib") ?? []).sorted() where name.hasPrefix("python") {
      offer("\(home)/.local/lib/\(name)")
    }
  }

  private mutating func offer(_ path: String, isPublic: Bool = false) {
    guard !isCovered(path), sources.count < Self.mostSources, access(path, R_OK) == 0, realPath(path) == path,
      !HomeSecrets.isSecret(path), !HomeSecrets.isNear(path)
    else { return }
    var source = Source(destination: path, hostPath: path, hidesPrivate: isPublic)
    source.isTool = true
    sources.append(source)
    covered.append(path)
  }

  private func isCovered(_ path: String) -> Bool { covered.contains { HomeSecrets.isWithin(path, $0) } }

  /// Offers the programs that links in a directory lead to.
  private mutating func follow(_ directory: String, _ depth: Int) {
    guard depth < Self.depth else { return }
    for name in Self.links(in: directory) {
      let link = "\(directory)/\(name)"
      // One to its neighbour needs nothing.
      guard let target = Self.target(link), target.contains("/"), links.count < Self.mostLinks,
        let real = realPath(link)
      else { continue }
      if !isCovered(real) {
        guard Self.isProgram(real), !HomeSecrets.isSecret(real) else { continue }
        let (place, _) = Self.parts(real)
        if Self.systemPlace(real) != nil || Self.parts(place).name == "bin" {
          offer(around: place)
          if isCovered(place) { follow(place, depth + 1) }
        }
        // A program that is one file.
        if !isCovered(real), HomeSecrets.home(of: real) != nil { offer(real) }
      }
      if isCovered(real) { addLinks(on: link) }
    }
  }

  /// Adds the symbolic links that lie on a path and that no source has.
  private mutating func addLinks(on path: String) {
    var rest = path.split(separator: "/").map(String.init)[...]
    var done = ""
    var count = 0
    while let name = rest.popFirst() {
      if name == "." { continue }
      if name == ".." {
        done = Self.parts(done).directory
        continue
      }
      let next = "\(done == "/" ? "" : done)/\(name)"
      guard let target = Self.target(next) else {
        done = next
        continue
      }
      count += 1
      // path_resolution(7)
      guard count <= 40 else { return }
      if !isCovered(next), !links.contains(where: { $0.path == next }) {
        links.append(Link(path: next, target: target))
      }
      if target.hasPrefix("/") { done = "" }
      rest = target.split(separator: "/").map(String.init) + rest
    }
  }

  // MARK: The host

  static func parts(_ path: String) -> (directory: String, name: String) {
    guard let slash = path.lastIndex(of: "/") else { return ("/", path) }
    return (slash == path.startIndex ? "/" : String(path[..<slash]), String(path[path.index(after: slash)...]))
  }

  private static func isDirectory(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  private static func isProgram(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && status.st_mode & 0o111 != 0
  }

  static func target(_ path: String) -> String? {
    withUnsafeTemporaryAllocation(byteCount: Int(PATH_MAX), alignment: 1) { target in
      let count = readlink(path, target.bindMemory(to: CChar.self).baseAddress!, target.count)
      return count > 0 ? String(decoding: target[..<count], as: UTF8.self) : nil
    }
  }

  /// The names of the symbolic links in a directory.
  private static func links(in directory: String) -> [String] {
    guard let stream = opendir(directory) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    // There may be thousands of programs, which are not asked one by one.
    while let entry = readdir(stream) {
      if entry.pointee.d_type != UInt8(DT_LNK) { continue }
      names.append(withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
    }
    return names.sorted()
  }
}
