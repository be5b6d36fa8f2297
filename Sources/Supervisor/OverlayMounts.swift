import CGuest
import CLinux
import Glibc
import SystemPackage
import VirtualKernel

/// Read-only overlay mounts of the host's directories, each made when a file below it is first opened.
///
/// Locks belong to inodes, and a file that is opened through an overlay has an inode of the overlay's: what the guest locks
/// is locked among its own processes, while a plain descriptor would let it stop a program of the host's for good.
final class OverlayMounts {
  private struct Cover {
    /// Of the directory, absolute; empty for the root.
    var path: [CChar]
    var device: UInt64
    /// The mount; nil if there can be none.
    var root: FileDescriptor?
  }

  let apart = ApartFiles()
  private let copies: ApartCopies
  private let channel: InitChannel
  /// An overlay must not show what a mount covers: the kernel refuses one of a directory with mounts below it that a user
  /// namespace has inherited.
  private let avoidsMounts: Bool
  private var covers: [Cover] = []
  private lazy var mountPoints = Self.readMountPoints()

  /// - Parameters:
  ///   - host: the read-only clone of the host's mounts.
  ///   - store: a directory for files that live as long as the run.
  init(_ channel: InitChannel, inUserNamespace: Bool, host: FileDescriptor, store: FileDescriptor) {
    self.channel = channel
    copies = ApartCopies(host: host, store: store, apart: apart)
    avoidsMounts = inUserNamespace
  }

  /// Opens a file that must be `identity`.
  /// - Returns: nil if no overlay can show it and it is too large to be copied.
  func open(
    _ path: UnsafePointer<CChar>, identity: HostIdentity, flags: Int32, with host: any HostFiles
  ) -> FileDescriptor? {
    openOverlaid(path, identity, flags) ?? copies.open(path, identity, flags, with: host)
  }

  private func openOverlaid(_ path: UnsafePointer<CChar>, _ identity: HostIdentity, _ flags: Int32) -> FileDescriptor? {
    guard let length = coverLength(path), let cover = cover(UnsafeBufferPointer(start: path, count: length)),
      let root = covers[cover].root
    else { return nil }
    let result = uwrx_openat2(
      root.rawValue, path + length + 1, UInt64(UInt32(bitPattern: flags | O_CLOEXEC | O_NOCTTY)), 0,
      LinuxHostFiles.resolve)
    guard result >= 0 else { return nil }
    let file = FileDescriptor(rawValue: Int32(result))
    if isExpected(file, identity, below: covers[cover].device) { return file }
    Glibc.close(file.rawValue)
    return nil
  }

  /// Whether the overlay shows the file that the host has now: it may have been replaced since the overlay has looked.
  private func isExpected(_ file: FileDescriptor, _ identity: HostIdentity, below device: UInt64) -> Bool {
    var status = stat()
    guard fstat(file.rawValue, &status) == 0, UInt64(status.st_ino) == identity.inode else { return false }
    let seen = UInt64(status.st_dev)
    if apart.device(behind: seen) == identity.device { return true }
    // An overlay shows one mount only, so that all of its files are on one device.
    return identity.device == device && apart.device(behind: seen) == seen && apart.add(seen, below: device)
  }

  // MARK: Covers

  private func cover(_ directory: UnsafeBufferPointer<CChar>) -> Int? {
    for index in covers.indices where covers[index].path.count == directory.count {
      if memcmp(covers[index].path, directory.baseAddress!, directory.count) == 0 { return index }
    }
    guard covers.count < ApartFiles.capacity / 2 else { return nil }
    let path = Array(directory)
    var cover = Cover(path: path, device: 0, root: nil)
    let name = path.isEmpty ? [CChar(UInt8(ascii: "/")), 0] : path + [0]
    var status = stat()
    if lstat(name, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
      cover.device = UInt64(status.st_dev)
      cover.root = try? channel.request(UWRX_OVERLAY, device: cover.device, inode: UInt64(status.st_ino), name)
      // What proc_pid_maps(5) tells of a file is not the device that stat(2) tells, but that of the overlay itself.
      if let root = cover.root, fstat(root.rawValue, &status) == 0 {
        _ = apart.add(UInt64(status.st_dev), below: cover.device)
      }
    }
    covers.append(cover)
    return covers.count - 1
  }

  /// The length of the path of the topmost directory above the file of which an overlay shows the file.
  /// - Returns: nil if there is none.
  private func coverLength(_ path: UnsafePointer<CChar>) -> Int? {
    var depth = 0
    for point in mountPoints { depth = max(depth, self.depth(of: path, beside: point)) }
    var end = 0
    for _ in 0..<depth {
      end += 1
      while path[end] != 0, path[end] != slash { end += 1 }
      if path[end] == 0 { return nil }
    }
    return end
  }

  /// How many components a directory above the file must have at least, so that an overlay of it shows the file although
  /// there is a mount at `point`.
  private func depth(of path: UnsafePointer<CChar>, beside point: [CChar]) -> Int {
    var matched = 0
    var slashes = 0
    while matched < point.count, path[matched] == point[matched] {
      if point[matched] == slash { slashes += 1 }
      matched += 1
    }
    // The file is in the mount, or is it.
    if matched == point.count, path[matched] == slash || path[matched] == 0 { return slashes }
    return avoidsMounts ? slashes : 0
  }

  /// proc_pid_mountinfo(5). The root's mount is not among them.
  private static func readMountPoints() -> [[CChar]] {
    guard let file = fopen("/proc/self/mountinfo", "re") else { return [] }
    defer { fclose(file) }
    var line: UnsafeMutablePointer<CChar>?
    var capacity = 0
    defer { free(line) }
    var points: [[CChar]] = []
    while getline(&line, &capacity, file) > 0 {
      let fields = String(cString: line!).utf8.split(separator: UInt8(ascii: " "), maxSplits: 5)
      guard fields.count == 6 else { continue }
      let point = unescape(fields[4])
      if point.count > 1 { points.append(point) }
    }
    return points
  }

  /// Blanks, tabs, newlines and backslashes are octal.
  private static func unescape(_ field: Substring.UTF8View) -> [CChar] {
    var result: [CChar] = []
    var rest = Array(field)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "\\"), rest.count >= 3,
        let value = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8)
      {
        rest = rest.dropFirst(3)
        result.append(CChar(bitPattern: value))
      } else {
        result.append(CChar(bitPattern: byte))
      }
    }
    return result
  }
}

private let slash = CChar(UInt8(ascii: "/"))
