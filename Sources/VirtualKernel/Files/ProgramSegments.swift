import Glibc
import SystemPackage

/// A program header (elf(5)).
struct ProgramSegment {
  var type: UInt32
  var flags: UInt32
  var offset: UInt64
  var address: UInt64
  var fileSize: UInt64
  var memorySize: UInt64

  static let load: UInt32 = 1  // PT_LOAD
  static let interpreter: UInt32 = 3  // PT_INTERP
  static let executable: UInt32 = 1  // PF_X
}

/// The program headers of a 64-bit executable or library of this machine's byte order. All of it is what a file says, and may be a lie.
struct ProgramSegments {
  var all: [ProgramSegment] = []
  /// Where the table is in the file.
  var tableOffset: UInt64 = 0

  /// The start of a file, of which so much says what it is: BINPRM_BUF_SIZE, include/uapi/linux/binfmts.h.
  static let headSize = 256

  /// - Parameter head: the first bytes of the file.
  /// - Returns: nil if it is no such file.
  /// - Throws: ENOEXEC for a 32-bit program, as a kernel that cannot run such; what reading fails with.
  init?(_ file: FileDescriptor, head: UnsafeRawBufferPointer, _ host: any HostFiles) throws(Errno) {
    if head.count >= 5, head.starts(with: [0x7f, 0x45, 0x4c, 0x46, 1]) { throw .init(rawValue: ENOEXEC) }
    guard head.count >= 64, head.starts(with: [0x7f, 0x45, 0x4c, 0x46, 2]) else { return nil }
    tableOffset = head.loadUnaligned(fromByteOffset: 32, as: UInt64.self)
    let entrySize = Int(head.loadUnaligned(fromByteOffset: 54, as: UInt16.self))
    let count = Int(head.loadUnaligned(fromByteOffset: 56, as: UInt16.self))
    guard entrySize == 56, (1...512).contains(count), tableOffset < 1 << 31 else { return nil }
    let table = UnsafeMutableRawBufferPointer.allocate(byteCount: entrySize * count, alignment: 8)
    defer { table.deallocate() }
    guard try host.read(file, at: Int(tableOffset), into: table) == table.count else { return nil }
    for start in stride(from: 0, to: table.count, by: entrySize) {
      all.append(
        ProgramSegment(
          type: table.loadUnaligned(fromByteOffset: start, as: UInt32.self),
          flags: table.loadUnaligned(fromByteOffset: start + 4, as: UInt32.self),
          offset: table.loadUnaligned(fromByteOffset: start + 8, as: UInt64.self),
          address: table.loadUnaligned(fromByteOffset: start + 16, as: UInt64.self),
          fileSize: table.loadUnaligned(fromByteOffset: start + 32, as: UInt64.self),
          memorySize: table.loadUnaligned(fromByteOffset: start + 40, as: UInt64.self)))
    }
  }
}
