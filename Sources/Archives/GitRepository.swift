import CLinux
import Glibc
import SystemPackage

/// A tree of a git repository, whose objects `git cat-file` hands out.
final class GitRepository: ContentReader, @unchecked Sendable {
  private let path: String
  /// The repository itself, which git is not to look for.
  private let directory: String
  private let environment: [String]
  /// Of each file its object's name in hexadecimal, in the order of the listing.
  private var objects: [UInt8] = []
  private var objectLength = 0
  private var reader: Subprocess?
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)

  /// - Parameter path: the repository or its working tree, without symbolic links.
  /// - Throws: a message for what is no repository, or shows another one.
  init(_ path: String) throws(ArchiveError) {
    self.path = path
    directory = try GitDirectory(path).path
    pthread_mutex_init(mutex, nil)
    let search = getenv("PATH").map { String(cString: $0) } ?? "/usr/local/bin:/usr/bin:/bin"
    environment = [
      "PATH=\(search)", "LC_ALL=C", "HOME=/nonexistent", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
      // An object that is missing is missing: to fetch it would start what the repository's configuration says.
      "GIT_ALLOW_PROTOCOL=", "GIT_NO_LAZY_FETCH=1", "GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0",
    ]
  }

  deinit {
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }

  private func start(_ arguments: [String]) throws(ArchiveError) -> Subprocess {
    do throws(Errno) {
      return try Subprocess(
        // The user named the repository, whoever owns it.
        ["git", "--no-pager", "-c", "safe.directory=*", "-c", "core.fsmonitor=false", "--git-dir", directory]
          + arguments,
        environment: environment)
    } catch {
      throw ArchiveError(
        error == .noSuchFileOrDirectory
          ? "the program that reads git repositories is missing: install git" : "cannot start git: \(error)")
    }
  }

  private func line(_ arguments: [String]) throws(ArchiveError) -> String? {
    let git = try start(arguments)
    guard let line = try? git.read(until: 0x0a, limit: 4096), !line.isEmpty else { return nil }
    return String(decoding: line, as: UTF8.self)
  }

  // MARK: Entries

  /// The object that a name stands for now.
  func object(of treeish: String) throws(ArchiveError) -> String {
    guard try line(["rev-parse", "--absolute-git-dir"]) != nil else {
      throw ArchiveError("\(path) is not a git repository")
    }
    guard !treeish.hasPrefix("-"), let object = try self.object(treeish) else {
      throw ArchiveError("the git repository \(path) has no tree \(treeish)")
    }
    return object
  }

  /// The tree that a name stands for, and when it was committed; 0 if it is no commit's.
  func resolve(_ treeish: String) throws(ArchiveError) -> (tree: String, time: Int64) {
    let object = try object(of: treeish)
    guard let tree = try self.object(object + "^{tree}") else {
      throw ArchiveError("\(treeish) of the git repository \(path) is not a tree")
    }
    guard let commit = try self.object(object + "^{commit}"),
      let line = try line(["rev-list", "--max-count=1", "--timestamp", commit])
    else { return (tree, 0) }
    return (tree, line.split(separator: " ").first.flatMap { Int64($0) } ?? 0)
  }

  private func object(_ name: String) throws(ArchiveError) -> String? {
    guard let object = try line(["rev-parse", "--verify", "--quiet", name]) else { return nil }
    let isHexadecimal = object.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    return isHexadecimal && (object.utf8.count == 40 || object.utf8.count == 64) ? object : nil
  }

  /// Adds the files of a tree.
  func index(_ tree: String, time: Int64, into builder: TreeBuilder) throws(ArchiveError) {
    do throws(ArchiveError) {
      objectLength = tree.utf8.count
      builder.implied.modified = time
      try builder.add([], builder.implied)
      let git = try start(["ls-tree", "-r", "-l", "-z", "--full-tree", tree])
      var links: [(path: [UInt8], node: Node)] = []
      while let line = try Self.step({ () throws(Errno) in try git.read(until: 0, limit: 1 << 16) }) {
        guard let (path, node) = parse(line, time) else {
          throw ArchiveError(
            Self.isOfMissingObject(line)
              ? "objects of the tree \(tree) are missing: fetch them first" : "git ls-tree says \(printable(line))")
        }
        if node.isLink { links.append((path, node)) } else { try builder.add(path, node) }
      }
      guard git.finish() else { throw ArchiveError("objects of the tree \(tree) are missing or damaged") }
      for (path, node) in links {
        guard node.size <= ArchiveLimits.linkLength else {
          throw ArchiveError("the target of the link \(printable(path)) is too long")
        }
        var target: [UInt8] = []
        try Self.step { () throws(Errno) in try readObject(node.content) { (part, _) throws(Errno) in target += part } }
        try builder.add(path, node, target: target)
      }
      // Once the guest runs the supervisor can start no program any more.
      try Self.step { () throws(Errno) in _ = try startReader() }
    } catch {
      throw ArchiveError("the git repository \(path) cannot be used: \(error)")
    }
  }

  private static func step<Value>(_ body: () throws(Errno) -> Value) throws(ArchiveError) -> Value {
    do throws(Errno) { return try body() } catch { throw ArchiveError("objects are missing or damaged") }
  }

  /// git says BAD in the place of the size then, and that it has succeeded (findings/git_ls_tree_missing_blob.sh).
  private static func isOfMissingObject(_ line: [UInt8]) -> Bool {
    line.prefix { $0 != 0x09 }.split(separator: 0x20).last?.elementsEqual("BAD".utf8) ?? false
  }

  /// `<mode> <type> <object> <size>\t<path>`, git-ls-tree(1).
  private func parse(_ line: [UInt8], _ time: Int64) -> (path: [UInt8], node: Node)? {
    guard let tab = line.firstIndex(of: 0x09) else { return nil }
    let fields = line[..<tab].split(separator: 0x20)
    guard fields.count == 4, fields[2].count == objectLength else { return nil }
    var node: Node
    switch String(decoding: fields[0], as: UTF8.self) {
    case "100755": node = Node(mode: FileType.regular | 0o755)
    case "100644", "100664": node = Node(mode: FileType.regular | 0o644)
    case "120000": node = Node(mode: FileType.link | 0o777)
    // A submodule is an empty directory, as in a clone.
    case "160000": node = .directory
    default: return nil
    }
    node.modified = time
    if !node.isDirectory {
      guard let size = Int64(String(decoding: fields[3], as: UTF8.self)), size >= 0 else { return nil }
      node.size = size
      node.content = UInt64(objects.count / objectLength)
      objects += fields[2]
    }
    return (Array(line[(tab + 1)...]), node)
  }

  // MARK: Contents

  func copy(_ content: UInt64, path: [UInt8], to sink: FileSink) throws(Errno) {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    var size: Int64 = 0
    try readObject(content) { (part, offset) throws(Errno) in
      var failure: Errno?
      part.withUnsafeBytes { bytes in
        do throws(Errno) { try sink.put(bytes, at: offset) } catch { failure = error }
      }
      if let failure { throw failure }
      size = offset + Int64(part.count)
    }
    try sink.finish(size: size)
  }

  private func readObject(
    _ content: UInt64, _ body: (ArraySlice<UInt8>, Int64) throws(Errno) -> Void
  ) throws(Errno) {
    var failure: Errno?
    do throws(Errno) {
      let git = try startReader()
      let start = Int(content) * objectLength
      guard start + objectLength <= objects.count else { throw .ioError }
      try git.write(objects[start..<start + objectLength] + [0x0a])
      // `<object> blob <size>`, or `<object> missing`.
      guard let header = try git.read(until: 0x0a, limit: 4096) else { throw .ioError }
      let fields = header.split(separator: 0x20)
      if fields.count == 2, fields[1].elementsEqual("missing".utf8) {
        throw .noSuchFileOrDirectory
      }
      guard fields.count == 3, fields[1].elementsEqual("blob".utf8),
        let size = Int64(String(decoding: fields[2], as: UTF8.self))
      else { throw .ioError }
      var offset: Int64 = 0
      while offset < size {
        let part = try git.read(limit: Int(size - offset))
        guard !part.isEmpty else { throw .ioError }
        // The rest is read all the same: the next answer follows it.
        if failure == nil {
          do throws(Errno) { try body(part, offset) } catch { failure = error }
        }
        offset += Int64(part.count)
      }
      guard try git.read(limit: 1).elementsEqual([0x0a]) else { throw .ioError }
    } catch .noSuchFileOrDirectory {
      throw .ioError
    } catch {
      // What it says next would be taken for the answer to another question.
      reader = nil
      throw error
    }
    if let failure { throw failure }
  }

  private func startReader() throws(Errno) -> Subprocess {
    if let reader { return reader }
    do throws(ArchiveError) {
      let started = try start(["cat-file", "--batch"])
      reader = started
      return started
    } catch { throw .ioError }
  }
}
