import CLinux
import Glibc
import SystemPackage

/// The files of an OCI image layout: a directory of the host, or a tar archive of one.
enum OCILayout {
  case directory(FileDescriptor, path: String)
  case archive(TreeIndex, ContentStore, path: String)

  init(_ path: String, _ cache: (String) throws(ArchiveError) -> CacheDirectory, number: UInt64) throws(ArchiveError) {
    let result = uwrx_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
    if result >= 0 {
      self = .directory(FileDescriptor(rawValue: Int32(result)), path: path)
      return
    }
    guard result == -Int(ENOTDIR) else {
      throw ArchiveError("cannot open \(path): \(Errno(rawValue: CInt(-result)))")
    }
    let file = try ArchiveFile(path)
    let directory = try cache("oci-\(file.key)")
    let builder = TreeBuilder()
    let tar = try TarReader.open(file, directory)
    try tar.index(into: builder, store: 0)
    self = .archive(builder.finish(), ContentStore(directory, tar, number: number), path: path)
  }

  var path: String {
    switch self {
    case .directory(_, let path), .archive(_, _, let path): path
    }
  }

  /// A file of the layout; its place there is never led elsewhere by a link.
  func open(_ name: String) throws(ArchiveError) -> ArchiveFile {
    switch self {
    case .directory(let directory, let path):
      let flags = UInt64(O_RDONLY | O_NONBLOCK | O_CLOEXEC)
      let result = uwrx_openat2(directory.rawValue, name, flags, 0, 0x08 | 0x04)  // RESOLVE_BENEATH, NO_SYMLINKS
      guard result >= 0 else {
        throw ArchiveError("cannot open \(path)/\(name): \(Errno(rawValue: CInt(-result)))")
      }
      return try ArchiveFile(FileDescriptor(rawValue: Int32(result)), "\(path)/\(name)")
    case .archive(let index, let store, let path):
      let bytes = Array(name.utf8)
      guard let found = bytes.withUnsafeBufferPointer({ index.find($0, from: TreeIndex.root) }) else {
        throw ArchiveError("\(path) has no \(name)")
      }
      let node = index.nodes[Int(found)]
      guard node.isRegular else { throw ArchiveError("\(name) of \(path) is not a file") }
      let file: FileDescriptor
      do throws(Errno) { file = try store.openNow(node.content, path: bytes, size: node.size) } catch {
        throw ArchiveError("cannot read \(name) of \(path): \(error)")
      }
      return try ArchiveFile(file, "\(path)!/\(name)")
    }
  }
}
