import CLinux
import Glibc
import SystemPackage

// Files of /proc that the virtual kernel writes itself, because the kernel's own would tell of the host.
extension ProcFileSystem {
  func contents(_ entry: ProcEntry, _ node: ProcNode, _ call: Call) throws(Errno) -> [UInt8] {
    switch entry.name.description {
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
    case "cpuset": return Array("/\n".utf8)
    case "uid_map", "gid_map", "projid_map": return Array("         0          0 4294967295\n".utf8)
    case "setgroups": return Array("allow\n".utf8)
    // The machine was started for the host, and its modules are the host's.
    case "cmdline": return [0x0a]
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

  /// What a file that is mapped is to the guest; nil if it is none of the tree's.
  func mappedFile(_ seen: HostIdentity, _ kernel: VirtualKernel) -> MappedFile? {
    let files = kernel.files
    let identity = kernel.host.identity(behind: seen)
    guard let inode = files.objects[identity], files.nodes[inode].pointee.firstAlias != .none,
      let name = try? files.nodes.guestPath(of: files.nodes[inode].pointee.firstAlias)
    else { return nil }
    let record = files.nodes[inode]
    let minor = String(0x20 + record.pointee.fileSystem, radix: 16)
    return MappedFile(
      device: "00:" + (minor.utf8.count < 2 ? "0" : "") + minor, number: record.pointee.number, name: name,
      isItself: identity == seen)
  }
}
