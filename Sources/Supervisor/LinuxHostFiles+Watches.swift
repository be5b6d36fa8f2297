import CLinux
import Glibc
import SystemPackage

// inotify(7).
extension LinuxHostFiles {
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
}
