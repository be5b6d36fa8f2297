import CLinux
import Glibc
import SystemPackage

extension FileTree {
  /// The program that the kernel starts to run this file.
  func interpreter(of dentry: DentryID) throws(Errno) -> [UInt8]? {
    let id = nodes[dentry].pointee.inode
    let isImmutable = nodes[id].pointee.backing == .lower
    if isImmutable, let known = interpreters.known(for: id) { return known.isEmpty ? nil : known }
    watches.hush(dentry)
    defer { watches.settle() }
    let file = try openHost(dentry, flags: O_RDONLY | O_CLOEXEC)
    defer { host.close(file) }
    let found = try interpreters.interpreter(of: file)
    if isImmutable { interpreters.remember(found, for: id) }
    return found
  }
}

/// The programs that the kernel starts to run others: of a `#!` line, or the dynamic loader of an ELF header.
final class Interpreters {
  private let host: any HostFiles
  /// What runs an executable of a lower layer; empty if it needs nothing.
  private var known: [InodeID: [UInt8]] = [:]

  init(_ host: any HostFiles) { self.host = host }

  /// - Returns: nil if nobody has looked yet, empty if it needs none.
  func known(for id: InodeID) -> [UInt8]? { known[id] }

  func remember(_ interpreter: [UInt8]?, for id: InodeID) { known[id] = interpreter ?? [] }

  func forget(_ id: InodeID) { known[id] = nil }

  func interpreter(of file: FileDescriptor) throws(Errno) -> [UInt8]? {
    // BINPRM_BUF_SIZE, include/uapi/linux/binfmts.h.
    var head = [UInt8](repeating: 0, count: 256)
    let count = try read(file, at: 0, &head)
    if count >= 2, head[0] == UInt8(ascii: "#"), head[1] == UInt8(ascii: "!") {
      let isBlank: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 }
      let line = head[2..<count].prefix { $0 != 0x0a && $0 != 0 }.drop(while: isBlank)
      let path = line.prefix { !isBlank($0) }
      // A path that the buffer cuts off is ENOEXEC, which the kernel finds for itself.
      if path.endIndex == count, count == head.count { return nil }
      return path.isEmpty ? nil : Array(path)
    }
    return try parseELF(file, head, count)
  }

  /// elf(5), 64-bit, of this machine's byte order.
  /// - Throws: ENOEXEC for a 32-bit program, as a kernel that cannot run such.
  private func parseELF(_ file: FileDescriptor, _ head: [UInt8], _ count: Int) throws(Errno) -> [UInt8]? {
    if count >= 5, head.starts(with: [0x7f, 0x45, 0x4c, 0x46, 1]) { throw .init(rawValue: ENOEXEC) }
    guard count >= 64, head.starts(with: [0x7f, 0x45, 0x4c, 0x46, 2]) else { return nil }
    let (tableOffset, entrySize, entries) = head.withUnsafeBytes {
      (
        Int($0.loadUnaligned(fromByteOffset: 32, as: UInt64.self) & 0x7fff_ffff),
        Int($0.loadUnaligned(fromByteOffset: 54, as: UInt16.self)),
        Int($0.loadUnaligned(fromByteOffset: 56, as: UInt16.self))
      )
    }
    guard entrySize == 56, entries > 0, entries <= 512 else { return nil }
    var table = [UInt8](repeating: 0, count: entrySize * entries)
    guard try read(file, at: tableOffset, &table) == table.count else { return nil }
    for index in 0..<entries {
      let (type, offset, size) = table.withUnsafeBytes {
        (
          $0.loadUnaligned(fromByteOffset: index * entrySize, as: UInt32.self),
          $0.loadUnaligned(fromByteOffset: index * entrySize + 8, as: UInt64.self),
          $0.loadUnaligned(fromByteOffset: index * entrySize + 32, as: UInt64.self)
        )
      }
      guard type == 3 else { continue }  // PT_INTERP
      guard size > 1, size <= UInt64(PATH_MAX), offset <= UInt64(Int.max) else { return nil }
      var path = [UInt8](repeating: 0, count: Int(size))
      guard try read(file, at: Int(offset), &path) == path.count else { return nil }
      // Without its NUL it is ENOEXEC, which the kernel finds for itself (fs/binfmt_elf.c).
      guard path.last == 0, let end = path.firstIndex(of: 0), end > 0 else { return nil }
      return Array(path[..<end])
    }
    return nil
  }

  private func read(_ file: FileDescriptor, at offset: Int, _ bytes: inout [UInt8]) throws(Errno) -> Int {
    let result: Result<Int, Errno> = bytes.withUnsafeMutableBytes { buffer in
      do throws(Errno) { return .success(try host.read(file, at: offset, into: buffer)) } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }
}
