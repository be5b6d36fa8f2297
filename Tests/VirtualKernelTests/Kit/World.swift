import CLinux
import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

/// What the mocks share: the host's file systems, the supervisor's descriptors, and the guest's processes.
final class World {
  /// Calls of the host, by the names of the protocol's members.
  enum Operation: Hashable {
    case status, statusOfFile, open, reopen, readLink, list, read, makeDirectory, makeNode, makeSymbolicLink, link
    case linkFile, rename, remove, setMode, setModeOfFile, setTimes, setTimesOfFile, truncate, write, copyContents
    case fileSystemStatus, getAttribute, listAttributes, setAttribute, removeAttribute, addWatch, sealedFile
    case skeletonMakeDirectory, skeletonMakeSymbolicLink, skeletonMakeNode, skeletonOpenDirectory, skeletonStatus
    case skeletonRename, skeletonLink, skeletonRemove, skeletonBind, skeletonBindSocket, skeletonBindRemovedDirectory
  }

  private(set) var volumes: [Volume] = []
  /// The supervisor's descriptors. A number is never used again, so that a use after close is found.
  private var table: [Int32: OpenFile] = [:]
  private var nextNumber: Int32 = 1000
  var processes: [AbsTgid: GuestProcess] = [:]
  private var clock = Int64(1_700_000_000) * 1_000_000_000

  /// Every call of the host so far.
  var log: [Operation] = []
  private var faults: [Operation: (skip: Int, error: Errno)] = [:]
  /// The call that fails next, counted from now, whatever it is.
  var failingCall: (index: Int, error: Errno)?
  /// Paths of the host as guest init knows them.
  var roots: [(path: [UInt8], node: Node)] = []

  /// What stands at an absolute path of the host.
  func node(ofHost path: [UInt8]) -> Node? {
    for (prefix, node) in roots {
      if path == prefix { return node }
      if path.starts(with: prefix + [UInt8(ascii: "/")]) {
        return node.at(String(decoding: path.dropFirst(prefix.count), as: UTF8.self))
      }
    }
    return nil
  }

  func makeVolume(isReadOnly: Bool) -> Volume {
    let volume = Volume(device: UInt64(100 + volumes.count), isReadOnly: isReadOnly)
    if !isReadOnly { volume.now = { [unowned self] in self.now() } }
    volumes.append(volume)
    return volume
  }

  /// Always later than before.
  func now() -> timespec {
    clock += 1_000_000
    return timespec(tv_sec: Int(clock / 1_000_000_000), tv_nsec: Int(clock % 1_000_000_000))
  }

  // MARK: Faults

  /// The call of this operation after `skip` others fails.
  func fail(_ operation: Operation, with error: Errno, after skip: Int = 0) { faults[operation] = (skip, error) }

  func enter(_ operation: Operation) throws(Errno) {
    log.append(operation)
    if let failing = failingCall {
      if failing.index == 0 {
        failingCall = nil
        throw failing.error
      }
      failingCall = (failing.index - 1, failing.error)
    }
    guard let fault = faults[operation] else { return }
    if fault.skip > 0 {
      faults[operation] = (fault.skip - 1, fault.error)
      return
    }
    faults[operation] = nil
    throw fault.error
  }

  // MARK: Descriptors

  var openDescriptors: Set<Int32> { Set(table.keys) }

  func insert(_ file: OpenFile) -> FileDescriptor {
    defer { nextNumber += 1 }
    table[nextNumber] = file
    return FileDescriptor(rawValue: nextNumber)
  }

  func file(_ descriptor: FileDescriptor) -> OpenFile {
    guard let file = table[descriptor.rawValue] else {
      Issue.record("the supervisor used a descriptor that is not open")
      return OpenFile(Node(Volume(device: 1, isReadOnly: true), mode: 0), flags: 0)
    }
    return file
  }

  func close(_ descriptor: FileDescriptor) {
    if table.removeValue(forKey: descriptor.rawValue) == nil {
      Issue.record("the supervisor closed a descriptor that is not open")
    }
  }

  /// - Throws: EROFS. No lower layer may ever be changed, so this is a failure of the test, too.
  func requireWritable(_ node: Node) throws(Errno) {
    guard node.volume.isReadOnly else { return }
    Issue.record("a lower layer would have been changed")
    throw .readOnlyFileSystem
  }

  /// Whether anyone has the file open.
  func isOpen(_ node: Node, forWriting: Bool) -> Bool {
    let files = Array(table.values) + processes.values.filter(\.isAlive).flatMap { $0.files.files.values }
    return files.contains { $0.node === node && (!forWriting || $0.flags & O_ACCMODE != O_RDONLY) }
  }

  // MARK: Processes

  func process(of thread: AbsTid) throws(Errno) -> GuestProcess {
    for process in processes.values where process.isAlive && process.threads[thread] != nil { return process }
    throw .noSuchProcess
  }
}

/// A process as the kernel knows it.
final class GuestProcess {
  let id: AbsTgid
  let nsID: NsTgid
  var parent: AbsTgid
  var threads: [AbsTid: NsTid]
  var umask: UInt32 = 0o022
  /// The timer slack of threads that have another than the usual.
  var slack: [AbsTid: UInt64] = [:]
  var files: DescriptorTable
  var workingDirectory: Node?
  var rootDirectory: Node?
  var executable: Node?
  /// What an execve(2) has made of it: another number for each.
  var image: UInt64 = 0
  var isAlive = true

  init(id: AbsTgid, nsID: NsTgid, parent: AbsTgid, files: DescriptorTable) {
    self.id = id
    self.nsID = nsID
    self.parent = parent
    self.files = files
    threads = [id.leader: NsTid(rawValue: nsID.rawValue)]
  }
}

/// A class because CLONE_FILES shares it.
final class DescriptorTable {
  var files: [Int32: OpenFile] = [:]

  func insert(_ file: OpenFile) -> Int32 {
    var number: Int32 = 3
    while files[number] != nil { number += 1 }
    files[number] = file
    return number
  }
}
