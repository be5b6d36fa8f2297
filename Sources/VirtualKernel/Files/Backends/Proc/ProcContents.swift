import CLinux
import Glibc
import SystemPackage

// Files of /proc that the virtual kernel writes itself, because the kernel's own would tell of the host.
extension ProcFileSystem {
  func contents(_ name: String, _ id: Int32, _ call: Call) throws(Errno) -> [UInt8] {
    switch name {
    case "maps", "smaps", "smaps_rollup":
      var bytes: [UInt8] = []
      try call.kernel.information.readProc("\(id)/\(name)", into: &bytes)
      return rewriteMaps(bytes, call)
    case "mounts":
      return Array(mounts(call).map { "\($0.source) \($0.path) \($0.type) \($0.options) 0 0\n" }.joined().utf8)
    case "mountinfo":
      return Array(
        mounts(call).enumerated().map { index, mount in
          let parent = index == 0 ? 1 : 20
          return "\(20 + index) \(parent) 0:\(0x20 + mount.fileSystem) / \(mount.path) \(mount.options) - "
            + "\(mount.type) \(mount.source) \(mount.options)\n"
        }.joined().utf8)
    case "mountstats":
      return Array(
        mounts(call).map { "device \($0.source) mounted on \($0.path) with fstype \($0.type)\n" }.joined().utf8)
    case "cgroup": return Array("0::/\n".utf8)
    case "uid_map", "gid_map": return Array("         0          0 4294967295\n".utf8)
    case "setgroups": return Array("allow\n".utf8)
    case "cmdline" where id == 1: return Array("init\0".utf8)
    default: return []
    }
  }

  private struct Mount {
    var source: String
    var path: String
    var type: String
    var options: String
    var fileSystem: UInt8
  }

  private func mounts(_ call: Call) -> [Mount] {
    [
      Mount(source: "uwrx", path: "/", type: "overlay", options: "rw,relatime", fileSystem: FileSystemID.root),
      Mount(
        source: "proc", path: "/proc", type: "proc", options: "rw,nosuid,nodev,noexec,relatime",
        fileSystem: FileSystemID.proc),
      Mount(source: "tmpfs", path: "/dev", type: "tmpfs", options: "rw,nosuid,mode=755", fileSystem: FileSystemID.dev),
      Mount(
        source: "devpts", path: "/dev/pts", type: "devpts", options: "rw,nosuid,noexec,relatime,mode=620,ptmxmode=666",
        fileSystem: FileSystemID.pts),
      Mount(source: "tmpfs", path: "/dev/shm", type: "tmpfs", options: "rw,nosuid,nodev", fileSystem: FileSystemID.shm),
      Mount(source: "tmpfs", path: "/tmp", type: "tmpfs", options: "rw,nosuid,nodev", fileSystem: FileSystemID.tmp),
    ]
  }

  /// proc_pid_maps(5): address, permissions, offset, device, inode, path. Device, inode and path of a file are made those of
  /// the virtual tree.
  private func rewriteMaps(_ bytes: [UInt8], _ call: Call) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count)
    for line in bytes.split(separator: 0x0a) {
      // Most lines of a large process name no file.
      if line.firstIndex(of: UInt8(ascii: "/")) == nil {
        result += line
      } else {
        result += rewriteMapsLine(line, call)
      }
      result.append(0x0a)
    }
    return result
  }

  private func rewriteMapsLine(_ line: ArraySlice<UInt8>, _ call: Call) -> [UInt8] {
    // The first five fields have no spaces; a line of smaps has a colon after its first word.
    let fields = line.split(separator: 0x20, maxSplits: 5, omittingEmptySubsequences: true)
    guard fields.count == 6, fields[0].contains(UInt8(ascii: "-")),
      let slash = fields[5].firstIndex(of: UInt8(ascii: "/")),
      fields[5][..<slash].allSatisfy({ $0 == 0x20 })
    else { return Array(line) }
    let path = fields[5][slash...]
    let numbers = fields[3].split(separator: UInt8(ascii: ":"))
    guard numbers.count == 2, let major = UInt32(String(decoding: numbers[0], as: UTF8.self), radix: 16),
      let minor = UInt32(String(decoding: numbers[1], as: UTF8.self), radix: 16),
      let number = UInt64(String(decoding: fields[4], as: UTF8.self))
    else { return Array(line) }
    let files = call.files
    let seen = HostIdentity(device: uwrx_makedev(major, minor), inode: number)
    let identity = call.kernel.host.identity(behind: seen)
    let prefix = fields[0...2].map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ")
    guard let inode = files.identities[identity], files.inodes[inode.index].pointee.firstAlias != .none,
      let name = try? files.guestPath(of: files.inodes[inode.index].pointee.firstAlias)
    else {
      let isAnonymous = ["/memfd:", "/dev/zero", "/SYSV", "/[aio]", "/anon_hugepage"].contains {
        path.starts(with: $0.utf8)
      }
      if isAnonymous { return Array(line) }
      return Array("\(prefix) 00:00 \(number)".utf8)
    }
    let record = files.inodes[inode.index]
    let device =
      "00:" + (record.pointee.fileSystem + 0x20 < 16 ? "0" : "") + String(0x20 + record.pointee.fileSystem, radix: 16)
    var text = Array("\(prefix) \(device) \(record.pointee.number) ".utf8)
    // seq_file pads the path to column 73.
    while text.count < 73 { text.append(0x20) }
    text += name
    // A copy of a lower file has no name, which the guest is not to know.
    if identity == seen, path.reversed().starts(with: " (deleted)".utf8.reversed()) { text += Array(" (deleted)".utf8) }
    return text
  }
}
