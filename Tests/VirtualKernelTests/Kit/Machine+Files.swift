import CLinux
import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

let currentDirectory = Int(AT_FDCWD)

// What a program does with files, in terms of the calls that its libc would make.
extension Machine {
  func open(
    _ path: String, _ flags: Int32 = O_RDONLY, _ mode: Int = 0o644, at directory: Int32 = AT_FDCWD
  ) throws(Errno) -> Int32 {
    switch call(.openat, directory, path, flags, mode) {
    case .descriptor(let number): return number
    case .continued: return try openNatively(path, flags, at: directory)
    case .error(let error): throw error
    case .value, .repeated:
      Issue.record("open returned a value")
      return -1
    }
  }

  /// The kernel runs the caller's own open, in the skeleton.
  private func openNatively(_ path: String, _ flags: Int32, at directory: Int32) throws(Errno) -> Int32 {
    let start = directory == AT_FDCWD ? process.workingDirectory! : process.files.files[directory]!.node
    return process.files.insert(
      OpenFile(try skeleton.walk(from: start, path, follow: flags & O_NOFOLLOW == 0), flags: flags))
  }

  func close(_ descriptor: Int32) {
    if process.files.files.removeValue(forKey: descriptor) == nil { Issue.record("\(descriptor) is not open") }
  }

  /// read(2) of everything, which is native.
  func text(of descriptor: Int32) -> String { process.files.files[descriptor]!.node.text }

  func text(_ path: String) throws(Errno) -> String {
    let descriptor = try open(path)
    defer { close(descriptor) }
    return text(of: descriptor)
  }

  /// write(2), which is native: nobody can stop it once the descriptor is given out.
  func write(_ text: String, to descriptor: Int32) {
    let file = process.files.files[descriptor]!
    if !file.isWritable || file.node.volume.isReadOnly { Issue.record("a write to \(descriptor) would have failed") }
    if file.flags & O_APPEND != 0 { file.position = file.node.bytes.count }
    file.node.write(text.utf8, at: file.position)
    file.position += text.utf8.count
  }

  func write(_ text: String, to path: String, _ flags: Int32 = O_WRONLY | O_CREAT | O_TRUNC) throws(Errno) {
    let descriptor = try open(path, flags)
    defer { close(descriptor) }
    write(text, to: descriptor)
  }

  func status(_ path: String, _ flags: Int32 = 0, at directory: Int32 = AT_FDCWD) throws(Errno) -> stat {
    let buffer = memory.allocate(MemoryLayout<stat>.size)
    try require(call(.newfstatat, directory, path, buffer, flags))
    return memory.load(stat.self, at: buffer)
  }

  func linkStatus(_ path: String) throws(Errno) -> stat { try status(path, AT_SYMLINK_NOFOLLOW) }

  func status(of descriptor: Int32) throws(Errno) -> stat {
    let buffer = memory.allocate(MemoryLayout<stat>.size)
    try require(call(.fstat, descriptor, buffer))
    return memory.load(stat.self, at: buffer)
  }

  func exists(_ path: String) -> Bool {
    do throws(Errno) {
      _ = try linkStatus(path)
      return true
    } catch {
      if error != .noSuchFileOrDirectory { Issue.record("lstat of \(path): \(error)") }
      return false
    }
  }

  /// The error of a call that must fail, or nil if it does not.
  func error(_ body: () throws -> Void) -> Errno? {
    do {
      try body()
      return nil
    } catch {
      return error as? Errno
    }
  }

  func require(_ reply: Reply) throws(Errno) {
    if case .error(let error) = reply { throw error }
  }

  func target(_ path: String, at directory: Int32 = AT_FDCWD) throws(Errno) -> String {
    let buffer = memory.allocate(4096)
    let reply = call(.readlinkat, Int64(directory), path, buffer, 4096)
    try require(reply)
    guard case .value(let count) = reply else { return "" }
    return String(decoding: memory.bytes(at: buffer, count: Int(count)), as: UTF8.self)
  }

  /// A directory entry as getdents64(2) tells it.
  struct Entry: Equatable {
    var name: String
    var number: UInt64
    var type: UInt8
    var cookie: UInt64
  }

  /// One getdents64 with a buffer of this size; empty at the end.
  func entries(of descriptor: Int32, size: Int = 32768) throws(Errno) -> [Entry] {
    let buffer = memory.allocate(size)
    let reply = call(.getdents64, descriptor, buffer, size)
    try require(reply)
    guard case .value(let count) = reply else { return [] }
    let bytes = memory.bytes(at: buffer, count: Int(count))
    var entries: [Entry] = []
    var offset = 0
    bytes.withUnsafeBytes { raw in
      while offset < raw.count {
        let length = Int(raw.loadUnaligned(fromByteOffset: offset + 16, as: UInt16.self))
        let name = raw[(offset + 19)..<(offset + length)].prefix { $0 != 0 }
        entries.append(
          Entry(
            name: String(decoding: name, as: UTF8.self),
            number: raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self),
            type: raw[offset + 18], cookie: raw.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self)))
        offset += length
      }
    }
    return entries
  }

  /// The names in a directory but `.` and `..`, sorted.
  func names(_ path: String) throws(Errno) -> [String] {
    let descriptor = try open(path, O_RDONLY | O_DIRECTORY)
    defer { close(descriptor) }
    var names: [String] = []
    while true {
      let some = try entries(of: descriptor)
      if some.isEmpty { return names.filter { $0 != "." && $0 != ".." }.sorted() }
      names += some.map(\.name)
    }
  }

  /// chdir(2), which the kernel runs in the skeleton after the virtual kernel.
  func changeDirectory(_ path: String) throws(Errno) {
    let reply = call(.chdir, path)
    try require(reply)
    #expect(reply == .continued)
    process.workingDirectory = try skeleton.walk(from: process.workingDirectory!, path)
  }

  /// What getcwd(2) returns, which is native.
  var workingDirectory: String {
    var names: [String] = []
    var node = process.workingDirectory!
    while let parent = node.parent {
      names.append(String(decoding: parent.entries.first { $0.node === node }?.name ?? [], as: UTF8.self))
      node = parent
    }
    return "/" + names.reversed().joined(separator: "/")
  }

  /// A descriptor to a file that is none of the tree's: one of the user's or, if it has a name, a pipe or a memory file.
  func inherit(
    _ text: String, mode: UInt32 = FileType.regular | 0o644, name: String? = nil, flags: Int32 = O_RDWR
  ) -> Int32 {
    let node = Node(name == nil ? inheritedFiles : Volume(device: 78, isReadOnly: false), mode: mode)
    node.bytes = Array(text.utf8)
    return process.files.insert(OpenFile(node, flags: flags, name: name))
  }
}
