import CLinux
import Glibc
import SystemPackage

// Extended attributes.
extension LinuxHostFiles {
  // There are no *at forms before Linux 6.13; a path below /proc/self/fd is one.

  /// Calls `body` with an absolute path of the file that goes through the directory's descriptor.
  func withAttributePath<Value>(
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
}
