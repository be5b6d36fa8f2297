import CLinux
import Glibc
import SystemPackage

/// The names in a directory of the host, `.` and `..` among them, in no order; nil if it cannot be read.
package func directoryEntries(_ path: String) -> [String]? {
  guard let stream = opendir(path) else { return nil }
  defer { closedir(stream) }
  var names: [String] = []
  while let entry = readdir(stream) {
    names.append(
      withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      })
  }
  return names
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
