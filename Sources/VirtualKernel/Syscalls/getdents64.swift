import CLinux
import Glibc
import SystemPackage

extension Syscalls {
  /// struct linux_dirent64: d_ino 8, d_off 8, d_reclen 2, d_type 1, d_name.
  @Sendable static func getdents64(_ call: Call) throws(Errno) -> Outcome {
    try list(call, header: 19, typeAtEnd: false)
  }

  /// struct linux_dirent: d_ino 8, d_off 8, d_reclen 2, d_name, and d_type in the last byte.
  @Sendable static func getdents(_ call: Call) throws(Errno) -> Outcome {
    try list(call, header: 18, typeAtEnd: true)
  }

  private static func list(_ call: Call, header: Int, typeAtEnd: Bool) throws(Errno) -> Outcome {
    let descriptor = Int32(truncatingIfNeeded: call.arguments.0)
    let status = try call.kernel.descriptors.status(of: descriptor, in: call.thread)
    // The kernel keeps it in an int (struct dir_context), and no entry fits into less than nothing.
    let capacity = min(max(0, Int(Int32(truncatingIfNeeded: call.arguments.2))), 1 << 18)

    // The position is the open file description's own, so that descriptors that share it share the listing.
    let file = try call.kernel.descriptors.duplicate(descriptor, of: call.thread.group)
    defer { call.kernel.descriptors.release(file) }
    if try call.kernel.descriptors.flags(of: file) & O_PATH_ != 0 { throw .badFileDescriptor }
    guard let directory = call.files.objects.dentry(ofSkeletonDirectory: status) else { throw .notDirectory }
    var position = try call.kernel.descriptors.position(of: file)

    // A removed directory has no entries, not even its own (IS_DEADDIR).
    if call.files.nodes.inode(of: directory).pointee.links == 0 { throw .noSuchFileOrDirectory }
    if call.files.nodes.directory(of: directory).isProc {
      try call.kernel.listMade(directory, call)
    } else {
      try call.files.complete(directory)
      if position == 0 { call.files.events.record(.list, directory) }
      call.files.watches.tellDirectory(WatchEvents.access, directory)
    }
    let result: Result<Int, Errno> = withUnsafeTemporaryAllocation(byteCount: capacity, alignment: 8) { buffer in
      var used = 0
      var full = false
      func emit(_ number: UInt64, _ kind: FileKind, _ name: UnsafeBufferPointer<UInt8>) -> Bool {
        let length = (header + name.count + (typeAtEnd ? 2 : 1) + 7) & ~7
        guard used + length <= capacity else {
          full = true
          return false
        }
        let entry = buffer.baseAddress! + used
        memset(entry, 0, length)
        entry.storeBytes(of: number, as: UInt64.self)
        entry.storeBytes(of: UInt64(position + 1), toByteOffset: 8, as: UInt64.self)
        entry.storeBytes(of: UInt16(length), toByteOffset: 16, as: UInt16.self)
        if typeAtEnd {
          entry.storeBytes(of: kind.rawValue, toByteOffset: length - 1, as: UInt8.self)
        } else {
          entry.storeBytes(of: kind.rawValue, toByteOffset: 18, as: UInt8.self)
        }
        memcpy(entry + header, name.baseAddress!, name.count)
        used += length
        position += 1
        return true
      }
      call.files.forEachEntry(of: directory, from: position, skipped: { position = $0 }, emit)
      if used == 0, full { return .failure(.invalidArgument) }
      let entries = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer).prefix(used))
      do throws(Errno) {
        do throws(Errno) {
          try call.write(entries, at: call.arguments.1)
        } catch {
          guard error == .badAddress else { throw error }
          (used, position) = try writeOneByOne(call, entries)
        }
        try call.kernel.descriptors.setPosition(of: file, position)
      } catch { return .failure(error) }
      return .success(used)
    }
    return .value(Int64(try result.get()))
  }

  /// filldir64() of fs/readdir.c: entries before the one that memory has no place for are a result.
  /// - Returns: how many bytes were written, and the position after their last entry.
  private static func writeOneByOne(
    _ call: Call, _ entries: UnsafeRawBufferPointer
  ) throws(Errno) -> (used: Int, position: Int) {
    var used = 0
    var position = 0
    while used < entries.count {
      let length = Int(entries.loadUnaligned(fromByteOffset: used + 16, as: UInt16.self))
      do throws(Errno) {
        try call.write(
          UnsafeRawBufferPointer(rebasing: entries[used..<used + length]), at: call.arguments.1 &+ UInt64(used))
      } catch {
        if used == 0 { throw error }
        break
      }
      position = Int(entries.loadUnaligned(fromByteOffset: used + 8, as: UInt64.self))
      used += length
    }
    return (used, position)
  }
}

extension FileTree {
  /// Calls `body` for each entry from a position: 0 is `.`, 1 is `..`, and the children follow.
  /// `skipped` is told the position of the next entry that exists before each.
  func forEachEntry(
    of dentry: DentryID, from position: Int, skipped: (Int) -> Void,
    _ body: (UInt64, FileKind, UnsafeBufferPointer<UInt8>) -> Bool
  ) {
    let directory = nodes.directory(of: dentry)
    var next = position
    let dots: [UInt8] = [0x2e, 0x2e]
    while next < 2 {
      let target = next == 0 ? dentry : nodes[dentry].pointee.parent
      let more = dots.withUnsafeBufferPointer {
        body(nodes.inode(of: target).pointee.number, .directory, UnsafeBufferPointer(rebasing: $0.prefix(next + 1)))
      }
      guard more else { return }
      next += 1
    }
    if configuration.isUniform {
      return nodes.listingOrder(directory).forEach(from: next) { cookie, child in
        skipped(cookie)
        let record = nodes.inode(of: child)
        return body(record.pointee.number, record.pointee.kind, nodes.name(of: child))
      }
    }
    while next - 2 < directory.children.count {
      let child = directory.children[next - 2]
      if child != .none {
        skipped(next)
        let record = nodes.inode(of: child)
        guard body(record.pointee.number, record.pointee.kind, nodes.name(of: child)) else { return }
      }
      next += 1
    }
    skipped(next)
  }
}
