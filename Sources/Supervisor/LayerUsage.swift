import CLinux
import Glibc
import SystemPackage
import VirtualKernel

/// What a run has written so far, as the file system counts it.
struct LayerUsage {
  /// Of all files, directories and symbolic links together, without holes.
  var bytes = 0
  /// The size of the largest file.
  var largest = 0

  /// A directory is told before what is in it (fts(3)).
  private static let counted = [FTS_F, FTS_D, FTS_SL, FTS_SLNONE, FTS_DEFAULT]

  /// Looks at every file and kept version of a run, on a mount that follows no symbolic link: the guest changes the tree meanwhile.
  /// - Parameter directory: the run's own.
  init(of directory: FileDescriptor) {
    self.init(trees: ["files", "archive"].map { "/proc/self/fd/\(directory.rawValue)/\($0)" })
  }

  init(trees: [String]) {
    let paths = trees.map { strdup($0) }
    defer { paths.forEach { free($0) } }
    var roots = paths + [nil]
    guard let stream = fts_open(&roots, FTS_PHYSICAL | FTS_NOCHDIR, nil) else { return }
    defer { fts_close(stream) }
    // Several names of one file are one file.
    var linked: Set<HostIdentity> = []
    while let entry = fts_read(stream) {
      guard Self.counted.contains(Int32(entry.pointee.fts_info)), let status = entry.pointee.fts_statp?.pointee else {
        continue
      }
      let isFile = status.st_mode & S_IFMT == S_IFREG
      if isFile, status.st_nlink > 1, !linked.insert(HostIdentity(status)).inserted { continue }
      bytes += Int(status.st_blocks) * 512
      if isFile { largest = max(largest, Int(status.st_size)) }
    }
  }
}
