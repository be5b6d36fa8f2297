import CLinux
import Glibc
import Tracing

/// Another copy of a project for a while: elsewhere, under another name, and with its files made in another order.
public final class ProjectCopy {
  /// The copy's directory.
  public let path: String
  private let place: TemporaryDirectory
  private let hidden: (dev_t, ino_t)?
  private let isExact: Bool
  /// Copies of files that have several names.
  private var names: [HostFile: String] = [:]
  private var room = ProjectCopy.mostBytes

  private struct HostFile: Hashable {
    var device: dev_t
    var inode: ino_t
  }

  /// What is copied at most where the file system cannot share the contents of two files.
  private static let mostBytes = 4 << 30

  /// - Parameters:
  ///   - build: the directory that holds the runs, where the copy is made; it is not copied itself.
  ///   - isExact: owners and times are those of the project, too.
  /// - Throws: a message for the user.
  public init(of project: String, in build: String, name: String, isExact: Bool) throws(SupervisorError) {
    var status = stat()
    hidden = stat(build, &status) == 0 ? (status.st_dev, status.st_ino) : nil
    place = try TemporaryDirectory(in: build, prefix: RunDirectory.verificationPrefix)
    path = "\(place.path)/\(name)"
    self.isExact = isExact
    var root = stat()
    guard stat(project, &root) == 0 else { throw Self.failure(project) }
    try copyDirectory(project, to: path, root)
    names = [:]
  }

  public func remove() { place.remove() }

  private static func failure(_ path: String) -> SupervisorError {
    SupervisorError("cannot copy \(path) for a run in another directory: \(String(cString: strerror(uwrx_errno())))")
  }

  private func copyDirectory(_ from: String, to: String, _ status: stat) throws(SupervisorError) {
    guard mkdir(to, 0o700) == 0 else { throw Self.failure(to) }
    guard let names = directoryEntries(from) else { throw Self.failure(from) }
    // Most file systems list files in an order that depends on that in which they were made.
    for name in names.sorted().reversed() where name != "." && name != ".." {
      try copy("\(from)/\(name)", to: "\(to)/\(name)")
    }
    try complete(to, status, from: from)
  }

  private func copy(_ from: String, to: String) throws(SupervisorError) {
    var status = stat()
    guard lstat(from, &status) == 0 else { throw Self.failure(from) }
    switch status.st_mode & S_IFMT {
    case S_IFDIR:
      if let hidden, hidden == (status.st_dev, status.st_ino) { return }
      try copyDirectory(from, to: to, status)
    case S_IFLNK:
      var target = [CChar](repeating: 0, count: Int(PATH_MAX))
      guard readlink(from, &target, target.count - 1) >= 0, symlink(target, to) == 0 else { throw Self.failure(from) }
    case S_IFREG: try copyFile(from, to: to, status)
    // A FIFO or a socket leads to who has the other end, who is not copied.
    default: break
    }
  }

  private func copyFile(_ from: String, to: String, _ status: stat) throws(SupervisorError) {
    let identity = HostFile(device: status.st_dev, inode: status.st_ino)
    if status.st_nlink > 1 {
      if let other = names[identity] {
        guard link(other, to) == 0 else { throw Self.failure(from) }
        return
      }
      names[identity] = to
    }
    let source = open(from, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    guard source >= 0 else { throw Self.failure(from) }
    defer { close(source) }
    let copy = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard copy >= 0 else { throw Self.failure(to) }
    defer { close(copy) }
    if uwrx_clone_contents(copy, source) < 0 { try copyContents(source, copy, from) }
    try complete(to, status, from: from)
  }

  private func copyContents(_ source: Int32, _ copy: Int32, _ path: String) throws(SupervisorError) {
    var buffer: [UInt8] = []
    while true {
      var count = buffer.isEmpty ? uwrx_copy_file_range(source, copy, 1 << 24) : -1
      if count < 0 {
        // Between file systems, or on one that cannot do it.
        if buffer.isEmpty { buffer = [UInt8](repeating: 0, count: 1 << 17) }
        count = read(source, &buffer, buffer.count)
        guard count >= 0, write(copy, buffer, count) == count else { throw Self.failure(path) }
      }
      if count == 0 { return }
      room -= count
      guard room >= 0 else {
        throw SupervisorError(
          "the project has more than \(Self.mostBytes >> 30) GiB, too much to be copied: --keep-place compares runs in its own directory"
        )
      }
    }
  }

  private func complete(_ path: String, _ status: stat, from: String) throws(SupervisorError) {
    copyAttributes(from, to: path)
    if isExact { _ = lchown(path, status.st_uid, status.st_gid) }
    guard chmod(path, status.st_mode & 0o7777) == 0 else { throw Self.failure(path) }
    if isExact { utimensat(AT_FDCWD, path, [status.st_atim, status.st_mtim], 0) }
  }

  /// What setxattr(2) has set, as far as the copy's file system keeps it.
  private func copyAttributes(_ from: String, to: String) {
    for (name, value) in UserAttributes.all(of: Array(from.utf8CString)) ?? [:] {
      guard let value else { continue }
      _ = lsetxattr(to, (name + [0]).map { CChar(bitPattern: $0) }, value, value.count, 0)
    }
  }
}
