import CLinux
import Glibc
import SystemPackage
import VirtualKernel

/// What a run has written so far, as the file system counts it.
package struct LayerUsage {
  /// Of all files, directories and symbolic links together, without holes.
  package private(set) var bytes = 0
  /// The size of the largest file.
  var largest = 0

  /// What a file without a block of its own takes of a file system: its inode and its name.
  private static let bytesOfInode = 512
  /// Several names of one file are one file.
  private var linked: Set<HostIdentity> = []

  /// Looks at every file and kept version of a run, on a mount that follows no symbolic link: the guest changes the tree meanwhile.
  /// - Parameters:
  ///   - directory: the run's own.
  ///   - store: where /tmp and /dev/shm are, if that is on a disk.
  init(of directory: FileDescriptor, store: FileDescriptor? = nil) {
    for name in ["files", "archive"] { add(directory, Array(name.utf8)) }
    if let store { add(store, [UInt8(ascii: ".")]) }
  }

  package init(tree path: String) {
    let file = uwrx_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
    guard file >= 0 else { return }
    let root = FileDescriptor(rawValue: Int32(file))
    add(root, [UInt8(ascii: ".")])
    Glibc.close(root.rawValue)
  }

  /// Adds all that is in a directory. What cannot be opened is passed over: the guest may just have removed it.
  private mutating func add(_ root: FileDescriptor, _ directory: [UInt8]) {
    var pending = [directory]
    while let path = pending.popLast() {
      guard let file = Self.open(root, path) else { continue }
      defer { Glibc.close(file.rawValue) }
      var status = stat()
      if fstat(file.rawValue, &status) == 0 { add(status) }
      try? forEachEntry(of: file) { name, _, _ in
        var entry = stat()
        let cName = name.map { CChar(bitPattern: $0) } + [0]
        guard uwrx_fstatat(file.rawValue, cName, &entry, 0x100) == 0 else { return }  // AT_SYMLINK_NOFOLLOW
        if entry.st_mode & S_IFMT == S_IFDIR {
          pending.append(path + [UInt8(ascii: "/")] + name)
        } else {
          add(entry)
        }
      }
    }
  }

  private mutating func add(_ status: stat) {
    let isFile = status.st_mode & S_IFMT == S_IFREG
    if isFile, status.st_nlink > 1, !linked.insert(HostIdentity(status)).inserted { return }
    bytes += Int(status.st_blocks) * 512 + Self.bytesOfInode
    if isFile { largest = max(largest, Int(status.st_size)) }
  }

  /// A path of the guest's that is nearly as long as the kernel takes is longer here: it is walked in pieces.
  private static func open(_ root: FileDescriptor, _ path: [UInt8]) -> FileDescriptor? {
    var rest = path[...]
    var directory = root
    while true {
      var piece = rest
      if rest.count > 2048 {
        // A name has at most 255 bytes.
        guard let end = rest.prefix(2048).lastIndex(of: UInt8(ascii: "/")) else { return nil }
        piece = rest[..<end]
      }
      rest = rest[piece.endIndex...].drop { $0 == UInt8(ascii: "/") }
      let result = uwrx_openat2(
        directory.rawValue, piece.map { CChar(bitPattern: $0) } + [0], UInt64(O_RDONLY | O_DIRECTORY | O_CLOEXEC), 0,
        LinuxHostFiles.resolve)
      if directory != root { Glibc.close(directory.rawValue) }
      guard result >= 0 else { return nil }
      directory = FileDescriptor(rawValue: Int32(result))
      if rest.isEmpty { return directory }
    }
  }
}
