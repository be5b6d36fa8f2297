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
    var head = [UInt8](repeating: 0, count: ProgramSegments.headSize)
    let count = try read(file, at: 0, &head)
    if count >= 2, head[0] == UInt8(ascii: "#"), head[1] == UInt8(ascii: "!") {
      let isBlank: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 }
      let line = head[2..<count].prefix { $0 != 0x0a && $0 != 0 }.drop(while: isBlank)
      let path = line.prefix { !isBlank($0) }
      // A path that the buffer cuts off is ENOEXEC, which the kernel finds for itself.
      if path.endIndex == count, count == head.count { return nil }
      return path.isEmpty ? nil : Array(path)
    }
    let segments: Result<ProgramSegments?, Errno> = head.withUnsafeBytes { bytes in
      do throws(Errno) {
        return .success(try ProgramSegments(file, head: UnsafeRawBufferPointer(rebasing: bytes.prefix(count)), host))
      } catch { return .failure(error) }
    }
    return try segments.get().flatMap { segments throws(Errno) in try interpreter(of: file, segments) }
  }

  private func interpreter(of file: FileDescriptor, _ segments: ProgramSegments) throws(Errno) -> [UInt8]? {
    guard let segment = segments.all.first(where: { $0.type == ProgramSegment.interpreter }) else { return nil }
    guard segment.fileSize > 1, segment.fileSize <= UInt64(PATH_MAX), segment.offset <= UInt64(Int.max) else {
      return nil
    }
    var path = [UInt8](repeating: 0, count: Int(segment.fileSize))
    guard try read(file, at: Int(segment.offset), &path) == path.count else { return nil }
    // Without its NUL it is ENOEXEC, which the kernel finds for itself (fs/binfmt_elf.c).
    guard path.last == 0, let end = path.firstIndex(of: 0), end > 0 else { return nil }
    return Array(path[..<end])
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
