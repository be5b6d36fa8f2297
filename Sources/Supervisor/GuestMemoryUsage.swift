import CLinux
import Glibc
import SystemPackage

/// Memory that a guest takes and that no control group, or not the guest's, counts.
struct GuestMemoryUsage {
  /// The guest's tmpfs: its root, and /tmp and /dev/shm if they are in memory.
  private let fileSystems: [FileDescriptor]
  /// /proc/sysvipc/shm of the guest's.
  private let shared: FileDescriptor
  /// What the supervisor has at the start.
  private let ownAtStart: Int
  /// The device of memory files.
  let memoryDevice: UInt64

  /// The supervisor's names, events and buffers for the guest may grow to this before they count as the guest's.
  static let allowance = 64 << 20

  init(_ views: Views, storeIsMemory: Bool) {
    fileSystems = [views.skeleton] + (storeIsMemory ? [views.store] : [])
    shared = views.shared
    ownAtStart = Self.ownMemory
    var status = stat()
    let file = uwrx_memfd_create("uwrx")
    if file >= 0 {
      fstat(Int32(file), &status)
      close(Int32(file))
    }
    memoryDevice = UInt64(status.st_dev)
  }

  /// Bytes of contents in the guest's tmpfs.
  var files: Int {
    statistics.reduce(0) { sum, status in sum + Int(status.f_blocks - status.f_bfree) * Int(status.f_bsize) }
  }

  /// Bytes of the kernel's that the names in the guest's tmpfs take.
  var names: Int {
    statistics.reduce(0) { sum, status in sum + Int(status.f_files - status.f_ffree) * NamespaceSettings.bytesOfInode }
  }

  /// By how much the supervisor has grown beyond what it may need.
  var supervisorGrowth: Int { max(0, Self.ownMemory - ownAtStart - Self.allowance) }

  private static var ownMemory: Int { ProcessTreeUsage.memory("/proc/self/status").anonymous }

  private var statistics: [statfs] {
    fileSystems.compactMap { directory in
      var status = statfs()
      return fstatfs(directory.rawValue, &status) == 0 ? status : nil
    }
  }

  /// Bytes of System V memory, mapped or not: the columns `rss` and `swap` (sysvipc(7)).
  var systemV: Int {
    var text: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = pread(shared.rawValue, &buffer, buffer.count, off_t(text.count))
      guard count > 0 else { break }
      text += buffer.prefix(count)
    }
    return String(decoding: text, as: UTF8.self).split(separator: "\n").dropFirst().reduce(0) { sum, line in
      sum + line.split(separator: " ").suffix(2).reduce(0) { $0 + (Int($1) ?? 0) }
    }
  }
}
