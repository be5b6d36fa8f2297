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

  func copyContents(from: FileDescriptor, to: FileDescriptor) throws(Errno) {
    if uwrx_clone_contents(to.rawValue, from.rawValue) == 0 { return }
    let size = try status(of: from).st_size
    try truncate(to, to: Int64(size))
    var position: off_t = 0
    while position < size {
      // Holes stay holes.
      guard let data = nextData(of: from, from: Int(position)) else { return }
      var end = lseek(from.rawValue, off_t(data), 4)  // SEEK_HOLE
      if end < 0 { end = off_t(size) }
      try copyRange(from, to, off_t(data), end)
      position = end
    }
  }

  private func copyRange(_ from: FileDescriptor, _ to: FileDescriptor, _ start: off_t, _ end: off_t) throws(Errno) {
    guard lseek(from.rawValue, start, SEEK_SET) >= 0, lseek(to.rawValue, start, SEEK_SET) >= 0 else {
      throw Errno(rawValue: uwrx_errno())
    }
    var left = Int(end - start)
    while left > 0 {
      let copied = uwrx_copy_file_range(from.rawValue, to.rawValue, left)
      if copied > 0 {
        left -= copied
        continue
      }
      if copied == 0 { return }
      guard [-Int(EXDEV), -Int(EINVAL), -Int(ENOSYS), -Int(EOPNOTSUPP)].contains(copied) else {
        throw Errno(rawValue: CInt(-copied))
      }
      try copyByHand(from, to, left)
      return
    }
  }

  private func copyByHand(_ from: FileDescriptor, _ to: FileDescriptor, _ length: Int) throws(Errno) {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 17, alignment: 16)
    defer { buffer.deallocate() }
    var left = length
    while left > 0 {
      let count = Glibc.read(from.rawValue, buffer.baseAddress, min(left, buffer.count))
      if count < 0 { throw Errno(rawValue: uwrx_errno()) }
      if count == 0 { return }
      try write(to, UnsafeRawBufferPointer(UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(count))))
      left -= count
    }
  }

  private func write(_ file: FileDescriptor, _ bytes: UnsafeRawBufferPointer) throws(Errno) {
    var done = 0
    while done < bytes.count {
      let count = Glibc.write(file.rawValue, bytes.baseAddress! + done, bytes.count - done)
      if count < 0 { throw Errno(rawValue: uwrx_errno()) }
      done += count
    }
  }

  func fileSystemStatus(_ directory: FileDescriptor) throws(Errno) -> statfs {
    var status = statfs()
    try checkErrno(fstatfs(directory.rawValue, &status))
    return status
  }

  // There are no *at forms before Linux 6.13; a path below /proc/self/fd is one.

  /// Calls `body` with an absolute path of the file that goes through the directory's descriptor.
  private func withAttributePath<Value>(
    _ directory: FileDescriptor, _ path: UnsafePointer<CChar>, _ body: (UnsafePointer<CChar>) -> Value
  ) -> Value {
    // Bytes, because a name need not be UTF-8.
    var bytes = Array("/proc/self/fd/\(directory.rawValue)".utf8).map { CChar(bitPattern: $0) }
    if path[0] != 0 {
      bytes.append(CChar(UInt8(ascii: "/")))
      bytes.append(contentsOf: UnsafeBufferPointer(start: path, count: strlen(path)))
    }
    bytes.append(0)
    return body(bytes)
  }

  func getAttribute(
    _ directory: FileDescriptor, _ path: UnsafePointer<CChar>, _ name: UnsafePointer<CChar>,
    into buffer: UnsafeMutableRawBufferPointer
  ) throws(Errno) -> Int {
    let count = withAttributePath(directory, path) { getxattr($0, name, buffer.baseAddress, buffer.count) }
    if count < 0 { throw Errno(rawValue: uwrx_errno()) }
    return count
  }

  func listAttributes(
    _ directory: FileDescriptor, _ path: UnsafePointer<CChar>, into buffer: UnsafeMutableRawBufferPointer
  ) throws(Errno) -> Int {
    let count = withAttributePath(directory, path) {
      listxattr($0, buffer.baseAddress?.assumingMemoryBound(to: CChar.self), buffer.count)
    }
    if count < 0 { throw Errno(rawValue: uwrx_errno()) }
    return count
  }

  func setAttribute(
    _ directory: FileDescriptor, _ path: UnsafePointer<CChar>, _ name: UnsafePointer<CChar>,
    _ value: UnsafeRawBufferPointer, flags: Int32
  ) throws(Errno) {
    try checkErrno(
      withAttributePath(directory, path) { setxattr($0, name, value.baseAddress, value.count, flags) })
  }

  func removeAttribute(
    _ directory: FileDescriptor, _ path: UnsafePointer<CChar>, _ name: UnsafePointer<CChar>
  ) throws(Errno) {
    try checkErrno(withAttributePath(directory, path) { removexattr($0, name) })
  }

  func addWatch(
    _ inotify: FileDescriptor, _ directory: FileDescriptor, _ path: UnsafePointer<CChar>, mask: UInt32
  ) throws(Errno) -> Int32 {
    let watch = withAttributePath(directory, path) { inotify_add_watch(inotify.rawValue, $0, mask) }
    try checkErrno(watch)
    return watch
  }

  func touch(_ directory: FileDescriptor, _ path: UnsafePointer<CChar>) throws(Errno) {
    let file = try open(directory, path, flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW, mode: 0)
    defer { close(file) }
    try withUnsafeTemporaryAllocation(byteCount: 512, alignment: 8) { buffer throws(Errno) in
      _ = try check(uwrx_getdents64(file.rawValue, buffer.baseAddress!, buffer.count))
    }
  }

  func takeEvents(_ inotify: FileDescriptor, _ body: (Int32, UInt32) -> Void) {
    withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 8) { buffer in
      while true {
        let count = Glibc.read(inotify.rawValue, buffer.baseAddress, buffer.count)
        guard count > 0 else { return }
        var position = 0
        while position < count {
          let event = buffer.loadUnaligned(fromByteOffset: position, as: inotify_event.self)
          position += MemoryLayout<inotify_event>.size + Int(event.len)
          // What happens to a name in the directory has the name.
          if event.len == 0 { body(event.wd, event.mask) }
        }
      }
    }
  }

  func makeInotify() throws(Errno) -> FileDescriptor {
    let file = inotify_init1(Int32(O_CLOEXEC | O_NONBLOCK))
    try checkErrno(file)
    return FileDescriptor(rawValue: file)
  }

  func removeWatch(_ inotify: FileDescriptor, _ number: Int32) throws(Errno) {
    try checkErrno(inotify_rm_watch(inotify.rawValue, number))
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

/// getdents64(2) of an open directory, without `.` and `..`.
func forEachEntry(
  of file: FileDescriptor, _ body: (UnsafeBufferPointer<UInt8>, UInt8, UInt64) -> Void
) throws(Errno) {
  let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 15, alignment: 8)
  defer { buffer.deallocate() }
  while true {
    let count = try check(uwrx_getdents64(file.rawValue, buffer.baseAddress!, buffer.count))
    if count == 0 { return }
    var offset = 0
    while offset < count {
      let entry = buffer.baseAddress! + offset
      let length = Int(entry.load(fromByteOffset: 16, as: UInt16.self))
      let name = (entry + 19).assumingMemoryBound(to: UInt8.self)
      let nameLength = strlen((entry + 19).assumingMemoryBound(to: CChar.self))
      let isDots = name[0] == 0x2e && (nameLength == 1 || (nameLength == 2 && name[1] == 0x2e))
      if !isDots {
        body(
          UnsafeBufferPointer(start: name, count: nameLength), entry.load(fromByteOffset: 18, as: UInt8.self),
          entry.load(as: UInt64.self))
      }
      offset += length
    }
  }
}
