import CLinux
import Glibc
import SystemPackage

/// What the guest sees of the host's /sys: the processors and memory that it runs on, and what of devices exists in it.
///
/// The files are the kernel's own and say at each read what is so then. Which they are stands in one table.
public final class SystemTree: LowerTree {
  private let host: any HostFiles
  private let root: FileDescriptor
  private let patterns: [[Substring.UTF8View]]

  /// Directories below /sys and what is shown of each; `#` is a number, `*` any name. One of which nothing is shown is empty: something
  /// that a kernel always has and of which nothing exists here, such as block devices.
  ///
  /// Sources: Documentation/ABI/{stable,testing}/sysfs-* and what lscpu(1), numactl(8), hwloc, glibc's sysconf(3), the JVM and Go read.
  private static let table: KeyValuePairs = [
    "block": "", "bus/pci/devices": "", "class/block": "", "class/dmi": "", "dev/block": "", "dev/char": "",
    "devices/virtual/block": "", "firmware": "", "fs/cgroup": "", "module": "", "power": "",
    "bus/cpu/devices": "cpu#", "bus/node/devices": "node#", "class/net": "lo",
    "devices/virtual/net/lo": """
    addr_assign_type addr_len address broadcast carrier dev_id dev_port dormant flags ifindex iflink link_mode mtu operstate \
    tx_queue_len type
    """,
    "devices/system/cpu": "enabled isolated kernel_max nohz_full offline online possible present",
    "devices/system/cpu/smt": "*", "devices/system/cpu/vulnerabilities": "*", "devices/system/cpu/cpufreq/policy#": "*",
    "devices/system/cpu/cpu#": "cpu_capacity cpufreq node# online",
    "devices/system/cpu/cpu#/cache/index#": "*", "devices/system/cpu/cpu#/cpufreq": "*",
    "devices/system/cpu/cpu#/topology": "*",
    "devices/system/memory": "block_size_bytes",
    "devices/system/memory/memory#": "online phys_device phys_index removable state valid_zones",
    "devices/system/node": "has_cpu has_memory has_normal_memory online possible",
    "devices/system/node/node#": "cpu# cpulist cpumap distance meminfo numastat vmstat",
    "devices/system/node/node#/hugepages/*": "*",
    "kernel/mm/hugepages/*": "*", "kernel/mm/numa": "*", "kernel/mm/transparent_hugepage": "*",
  ]

  /// - Parameter root: the host's /sys.
  public init(host: any HostFiles, root: FileDescriptor) {
    self.host = host
    self.root = root
    patterns = Self.table.flatMap { directory, names in
      let directory = directory.utf8.split(separator: UInt8(ascii: "/"))
      // What no name is.
      if names.isEmpty { return [directory + [""[...].utf8]] }
      return names.utf8.split(separator: UInt8(ascii: " ")).map { directory + [$0] }
    }
  }

  public var listingIsTentative: Bool { false }

  public func entry(_ path: UnsafePointer<CChar>) throws(Errno) -> LowerEntry? {
    let bytes = Bytes(start: UnsafeRawPointer(path).assumingMemoryBound(to: UInt8.self), count: strlen(path))
    guard let isDirectory = visibility(bytes, nil) else { return nil }
    var status: stat
    do throws(Errno) {
      status = try host.status(root, path)
    } catch {
      if error == .noSuchFileOrDirectory || error == .notDirectory { return nil }
      throw error
    }
    switch status.st_mode & S_IFMT {
    case S_IFDIR:
      guard isDirectory else { return nil }
      // Not all of the subdirectories that the host counts are here.
      status.st_nlink = 1
    case S_IFREG, S_IFLNK: break
    default: return nil
    }
    return LowerEntry(status: status)
  }

  public func list(_ path: UnsafePointer<CChar>, _ body: (LowerName) -> Void) throws(Errno) {
    let device = UInt64(try host.status(root, path).st_dev)
    let directory = Bytes(start: UnsafeRawPointer(path).assumingMemoryBound(to: UInt8.self), count: strlen(path))
    try host.list(root, path) { name, type, number in
      guard let isDirectory = visibility(directory, name) else { return }
      if type == FileKind.directory.rawValue, !isDirectory { return }
      body(LowerName(name: name, type: type, identity: HostIdentity(device: device, inode: number)))
    }
  }

  private typealias Bytes = UnsafeBufferPointer<UInt8>

  /// - Parameter name: of something in the directory at `path`; nil for the directory itself.
  /// - Returns: nil for what is not shown, else whether it may be a directory.
  private func visibility(_ path: Bytes, _ name: Bytes?) -> Bool? {
    var isFile = false
    for pattern in patterns {
      guard let rest = match(pattern, path, name) else { continue }
      if rest > 0 { return true }
      isFile = true
    }
    return isFile ? false : nil
  }

  /// - Returns: nil unless the pattern begins with the path, else how many components it has beyond.
  private func match(_ pattern: [Substring.UTF8View], _ path: Bytes, _ name: Bytes?) -> Int? {
    var index = 0
    var next = path.startIndex
    while next < path.endIndex {
      let end = path[next...].firstIndex(of: UInt8(ascii: "/")) ?? path.endIndex
      guard index < pattern.count, Self.matches(pattern[index], path[next..<end]) else { return nil }
      index += 1
      next = end + 1
    }
    if let name {
      guard index < pattern.count, Self.matches(pattern[index], name[...]) else { return nil }
      index += 1
    }
    return pattern.count - index
  }

  private static func matches(_ pattern: Substring.UTF8View, _ name: Slice<Bytes>) -> Bool {
    if pattern.elementsEqual("*".utf8) { return true }
    guard pattern.last == UInt8(ascii: "#") else { return pattern.elementsEqual(name) }
    let stem = pattern.dropLast()
    return name.count > stem.count && name.prefix(stem.count).elementsEqual(stem)
      && name.dropFirst(stem.count).allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
  }

  public func readLink(_ path: UnsafePointer<CChar>) throws(Errno) -> [UInt8] { try host.readLink(root, path) }

  public func fetch(_ path: UnsafePointer<CChar>) throws(Errno) -> (any BlockingWork)? { nil }

  public func contents(_ path: UnsafePointer<CChar>) throws(Errno) -> HostIdentity? { nil }

  public func open(_ path: UnsafePointer<CChar>, flags: Int32) throws(Errno) -> FileDescriptor {
    try host.open(root, path, flags: flags, mode: 0)
  }

  /// For O_PATH. No file of /sys is a program.
  public func appendHostPath(of path: UnsafePointer<CChar>, to buffer: inout PathBuffer) throws(Errno) {
    try buffer.append(Array("/sys".utf8))
    try buffer.append(below: path)
  }

  public func listAttributes(
    _ path: UnsafePointer<CChar>, into buffer: UnsafeMutableRawBufferPointer
  ) throws(Errno) -> Int { 0 }

  public func getAttribute(
    _ path: UnsafePointer<CChar>, _ name: UnsafePointer<CChar>, into buffer: UnsafeMutableRawBufferPointer
  ) throws(Errno) -> Int { throw .init(rawValue: ENODATA) }
}
