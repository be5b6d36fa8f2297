import CLinux
import Glibc
import SystemPackage
import VirtualKernel

/// The host's files, below directories that were opened before the guest began.
final class LinuxHostFiles: HostFiles {
  /// openat2(2): a component that is or becomes a symbolic link is an error, and so is a way out.
  static let resolve: UInt64 = 0x08 | 0x04 | 0x02  // RESOLVE_BENEATH, NO_SYMLINKS, NO_MAGICLINKS
  private static let emptyPath: Int32 = 0x1000  // AT_EMPTY_PATH
  /// What the kernel takes from the modes of new files: the guest's umask has had its say already, the supervisor's has none.
  private let umask: UInt32
  /// What the guest's files are opened through; nil without a guest.
  private let overlays: OverlayMounts?

  init(umask: UInt32, overlays: OverlayMounts?) {
    self.umask = umask
    self.overlays = overlays
  }

  func status(_ directory: FileDescriptor, _ path: UnsafePointer<CChar>) throws(Errno) -> stat {
    var status = stat()
    _ = try check(uwrx_fstatat(directory.rawValue, path, &status, AT_SYMLINK_NOFOLLOW | Self.emptyPath))
    return status
  }

  func status(of file: FileDescriptor) throws(Errno) -> stat {
    var status = stat()
    _ = try check(uwrx_fstatat(file.rawValue, "", &status, Self.emptyPath))
    overlays?.apart.resolve(&status)
    return status
  }

  func open(
    _ directory: FileDescriptor, _ path: UnsafePointer<CChar>, flags: Int32, mode: UInt32
  ) throws(Errno) -> FileDescriptor {
    let file = try openMasked(directory, path, flags: flags, mode: mode)
    if flags & (O_CREAT | 0o20000000) != 0, mode & umask != 0 { fchmod(file.rawValue, mode) }
    return file
  }

  private func openMasked(
    _ directory: FileDescriptor, _ path: UnsafePointer<CChar>, flags: Int32, mode: UInt32
  ) throws(Errno) -> FileDescriptor {
    // openat2 refuses what O_PATH ignores.
    let flags = flags | O_CLOEXEC | (flags & 0o10000000 == 0 ? O_NOCTTY : 0)
    if path[0] == 0 {
      let isDirectory = try status(of: directory).st_mode & 0o170000 == 0o040000
      if !isDirectory { return try reopen(directory, flags: flags & ~O_CREAT) }
      return FileDescriptor(
        rawValue: Int32(try check(uwrx_openat2(directory.rawValue, ".", UInt64(flags), UInt64(mode), Self.resolve))))
    }
    // openat2 refuses a mode that is not used.
    let mode = flags & (O_CREAT | 0o20000000) != 0 ? mode : 0
    return FileDescriptor(
      rawValue: Int32(
        try check(uwrx_openat2(directory.rawValue, path, UInt64(UInt32(bitPattern: flags)), UInt64(mode), Self.resolve))
      ))
  }

  func openApart(_ path: UnsafePointer<CChar>, identity: HostIdentity, flags: Int32) -> FileDescriptor? {
    overlays?.open(path, identity: identity, flags: flags, with: self)
  }

  func isApart(_ file: FileDescriptor) -> Bool {
    var status = stat()
    guard fstat(file.rawValue, &status) == 0 else { return false }
    let seen = HostIdentity(status)
    return self.identity(behind: seen) != seen
  }

  func identity(behind identity: HostIdentity) -> HostIdentity {
    overlays?.apart.identity(behind: identity) ?? identity
  }

  func reopen(_ file: FileDescriptor, flags: Int32) throws(Errno) -> FileDescriptor {
    let isFIFO = try status(of: file).st_mode & 0o170000 == 0o010000
    // The other end of a pipe may be gone, and the supervisor must not wait for one.
    let early = isFIFO ? flags | O_NONBLOCK : flags
    let result = try check(
      uwrx_openat(AT_FDCWD, "/proc/self/fd/\(file.rawValue)", (early | O_CLOEXEC | O_NOCTTY) & ~O_NOFOLLOW, 0))
    if isFIFO, flags & O_NONBLOCK == 0 { _ = uwrx_fcntl(Int32(result), F_SETFL, Int(flags & O_APPEND)) }
    return FileDescriptor(rawValue: Int32(result))
  }

  func close(_ file: FileDescriptor) {
    Glibc.close(file.rawValue)
  }

  func readLink(_ directory: FileDescriptor, _ path: UnsafePointer<CChar>) throws(Errno) -> [UInt8] {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = readlinkat(directory.rawValue, path, &buffer, buffer.count)
    if count < 0 { throw Errno(rawValue: uwrx_errno()) }
    return buffer.prefix(count).map { UInt8(bitPattern: $0) }
  }

  func list(
    _ directory: FileDescriptor, _ path: UnsafePointer<CChar>,
    _ body: (UnsafeBufferPointer<UInt8>, UInt8, UInt64) -> Void
  ) throws(Errno) {
    let file = try open(directory, path, flags: O_RDONLY | O_DIRECTORY, mode: 0)
    defer { close(file) }
    try forEachEntry(of: file, body)
  }

  func read(
    _ file: FileDescriptor, at offset: Int, into buffer: UnsafeMutableRawBufferPointer
  ) throws(Errno) -> Int {
    let count = pread(file.rawValue, buffer.baseAddress, buffer.count, offset)
    if count < 0 { throw Errno(rawValue: uwrx_errno()) }
    return count
  }

  func write(_ file: FileDescriptor, at offset: Int, _ bytes: UnsafeRawBufferPointer) throws(Errno) -> Int {
    let count = pwrite(file.rawValue, bytes.baseAddress, bytes.count, offset)
    if count < 0 { throw Errno(rawValue: uwrx_errno()) }
    return count
  }

  func nextData(of file: FileDescriptor, from offset: Int) -> Int? {
    let data = lseek(file.rawValue, offset, 3)  // SEEK_DATA
    if data >= 0 { return data }
    // A file system without SEEK_DATA says that all is data; ENXIO is the end.
    return uwrx_errno() == ENXIO ? nil : offset
  }

  func makeDirectory(_ directory: FileDescriptor, _ path: UnsafePointer<CChar>, mode: UInt32) throws(Errno) {
    try checkErrno(mkdirat(directory.rawValue, path, mode))
    if mode & umask != 0 { fchmodat(directory.rawValue, path, mode, 0) }
  }

  func makeNode(
    _ directory: FileDescriptor, _ path: UnsafePointer<CChar>, mode: UInt32, device: UInt64
  ) throws(Errno) {
    try checkErrno(mknodat(directory.rawValue, path, mode, dev_t(device)))
    if mode & umask != 0 { fchmodat(directory.rawValue, path, mode & 0o777, 0) }
  }

  func makeSymbolicLink(
    _ target: UnsafePointer<CChar>, _ directory: FileDescriptor, _ path: UnsafePointer<CChar>
  ) throws(Errno) {
    try checkErrno(symlinkat(target, directory.rawValue, path))
  }

  func link(
    _ fromDirectory: FileDescriptor, _ from: UnsafePointer<CChar>, _ toDirectory: FileDescriptor,
    _ to: UnsafePointer<CChar>
  ) throws(Errno) {
    try checkErrno(linkat(fromDirectory.rawValue, from, toDirectory.rawValue, to, 0))
  }

  func link(_ file: FileDescriptor, _ directory: FileDescriptor, _ to: UnsafePointer<CChar>) throws(Errno) {
    // AT_EMPTY_PATH would need CAP_DAC_READ_SEARCH.
    try checkErrno(
      linkat(AT_FDCWD, "/proc/self/fd/\(file.rawValue)", directory.rawValue, to, AT_SYMLINK_FOLLOW))
  }

  func isOpen(
    _ directory: FileDescriptor, _ path: UnsafePointer<CChar>, forWriting: Bool
  ) throws(Errno) -> Bool {
    let file = try open(directory, path, flags: O_RDONLY | O_NOFOLLOW, mode: 0)
    defer { close(file) }
    // fcntl(2): a write lease is given only if there is no other open description of the file, a read lease if none can write.
    let lease = Int(forWriting ? F_RDLCK : F_WRLCK)
    if uwrx_fcntl(file.rawValue, 1024 /* F_SETLEASE */, lease) < 0 { return true }
    _ = uwrx_fcntl(file.rawValue, 1024, Int(F_UNLCK))
    return false
  }

  func rename(
    _ fromDirectory: FileDescriptor, _ from: UnsafePointer<CChar>, _ toDirectory: FileDescriptor,
    _ to: UnsafePointer<CChar>, flags: UInt32
  ) throws(Errno) {
    _ = try check(uwrx_renameat2(fromDirectory.rawValue, from, toDirectory.rawValue, to, flags))
  }

  func remove(_ directory: FileDescriptor, _ path: UnsafePointer<CChar>, isDirectory: Bool) throws(Errno) {
    try checkErrno(unlinkat(directory.rawValue, path, isDirectory ? AT_REMOVEDIR : 0))
  }

  func setMode(_ directory: FileDescriptor, _ path: UnsafePointer<CChar>, _ mode: UInt32) throws(Errno) {
    try checkErrno(path[0] == 0 ? fchmod(directory.rawValue, mode) : fchmodat(directory.rawValue, path, mode, 0))
  }

  func setMode(of file: FileDescriptor, _ mode: UInt32) throws(Errno) {
    try checkErrno(fchmod(file.rawValue, mode))
  }

  func setTimes(
    _ directory: FileDescriptor, _ path: UnsafePointer<CChar>, access: timespec, modification: timespec
  ) throws(Errno) {
    let times = [access, modification]
    try checkErrno(utimensat(directory.rawValue, path, times, AT_SYMLINK_NOFOLLOW | Self.emptyPath))
  }

  func setTimes(of file: FileDescriptor, access: timespec, modification: timespec) throws(Errno) {
    let times = [access, modification]
    try checkErrno(futimens(file.rawValue, times))
  }

  func truncate(_ file: FileDescriptor, to length: Int64) throws(Errno) {
    try checkErrno(ftruncate(file.rawValue, off_t(length)))
  }

  func fileSystemStatus(_ directory: FileDescriptor) throws(Errno) -> statfs {
    var status = statfs()
    try checkErrno(fstatfs(directory.rawValue, &status))
    return status
  }

  func isSame(_ one: FileDescriptor, _ other: FileDescriptor) -> Bool {
    uwrx_is_same_file(one.rawValue, other.rawValue) != 0
  }

  func sealedFile(_ name: String, _ contents: [UInt8], flags: Int32) throws(Errno) -> FileDescriptor {
    let file = FileDescriptor(rawValue: Int32(try check(uwrx_memfd_create(name))))
    defer { close(file) }
    let result: Result<Void, Errno> = contents.withUnsafeBytes { bytes in
      do throws(Errno) { return .success(try write(file, bytes)) } catch { return .failure(error) }
    }
    try result.get()
    try setMode(of: file, flags & O_ACCMODE == O_RDONLY ? 0o444 : 0o644)
    _ = try check(uwrx_seal(file.rawValue))
    return try reopen(file, flags: flags & O_ACCMODE)
  }

  func now() -> timespec {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return time
  }
}
