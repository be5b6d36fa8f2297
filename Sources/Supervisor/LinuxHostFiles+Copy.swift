import CLinux
import Glibc
import SystemPackage

// Copies of contents.
extension LinuxHostFiles {
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

  func write(_ file: FileDescriptor, _ bytes: UnsafeRawBufferPointer) throws(Errno) {
    var done = 0
    while done < bytes.count {
      let count = Glibc.write(file.rawValue, bytes.baseAddress! + done, bytes.count - done)
      if count < 0 { throw Errno(rawValue: uwrx_errno()) }
      done += count
    }
  }
}
