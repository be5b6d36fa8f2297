import CZlib
import Foundation
import Glibc

/// A process of the host as /proc/<pid>/stat shows it.
struct HostProcess {
  let pid: pid_t
  let parent: pid_t
  let group: pid_t
  let session: pid_t
  let isZombie: Bool

  static func all() -> [HostProcess] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return names.compactMap { pid_t($0) }.compactMap { pid in
      // The name, between parentheses, may hold anything; what follows the last one is regular.
      guard let line = readFile("/proc/\(pid)/stat"), let end = line.lastIndex(of: ")") else { return nil }
      let fields = line[line.index(after: end)...].split(separator: " ")
      guard fields.count > 4, let parent = pid_t(fields[1]), let group = pid_t(fields[2]),
        let session = pid_t(fields[3])
      else { return nil }
      return HostProcess(pid: pid, parent: parent, group: group, session: session, isZombie: fields[0] == "Z")
    }
  }

  /// Everything below a process, however deep. A zombie counts only for `includingZombies`: who reaps it is its parent's affair.
  static func descendants(of root: pid_t) -> [HostProcess] {
    let processes = all()
    var found: [HostProcess] = []
    var parents: Set<pid_t> = [root]
    while true {
      let next = processes.filter { parents.contains($0.parent) && !$0.isZombie }
      if next.isEmpty { return found }
      found += next
      parents = Set(next.map(\.pid))
    }
  }

  /// Processes that have the text among their arguments: a tree that lost its parents can still be found by it.
  static func mentioning(_ marker: String) -> [pid_t] {
    all().filter { !$0.isZombie && (readFile("/proc/\($0.pid)/cmdline") ?? "").contains(marker) }.map(\.pid)
  }
}

/// A small file of /proc; nil if its process has gone.
func readFile(_ path: String) -> String? {
  guard let data = FileManager.default.contents(atPath: path) else { return nil }
  return String(decoding: data, as: UTF8.self)
}

/// What a run must leave as it was: mounts of the host and its temporary directories.
struct HostState {
  private let mounts = readFile("/proc/self/mountinfo")
  private let temporary = HostState.ours()

  private static func ours() -> Set<String> {
    Set(((try? FileManager.default.contentsOfDirectory(atPath: "/tmp")) ?? []).filter { $0.hasPrefix("uwrx") })
  }

  /// What is different now, in words; empty if nothing is. Another suite's run may be seen in passing, and the kernel
  /// ends namespaces a moment after their last process: only what lasts counts.
  func differences(temporaryDirectory: String) -> [String] {
    var found = differencesNow(temporaryDirectory)
    for _ in 0..<50 where !found.isEmpty {
      usleep(100_000)
      found = differencesNow(temporaryDirectory)
    }
    return found
  }

  private func differencesNow(_ temporaryDirectory: String) -> [String] {
    var found: [String] = []
    if readFile("/proc/self/mountinfo") != mounts { found.append("the host's mounts changed") }
    for name in HostState.ours().subtracting(temporary).sorted() { found.append("/tmp/\(name) was left") }
    for name in (try? FileManager.default.contentsOfDirectory(atPath: temporaryDirectory)) ?? [] {
      found.append("\(name) was left in TMPDIR")
    }
    return found
  }
}

/// A directory tree as one line for each entry, with all that a careless supervisor could change.
func snapshot(of root: String) -> [String] {
  let names = [""] + ((try? FileManager.default.subpathsOfDirectory(atPath: root)) ?? []).sorted()
  return names.map { name in
    let path = name.isEmpty ? root : root + "/" + name
    var info = stat()
    guard lstat(path, &info) == 0 else { return "\(name) cannot be examined" }
    var content = ""
    if info.st_mode & S_IFMT == S_IFREG, let data = FileManager.default.contents(atPath: path) {
      content = data.withUnsafeBytes { bytes in
        String(crc32_z(0, bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count), radix: 16)
      }
    } else if info.st_mode & S_IFMT == S_IFLNK {
      content = (try? FileManager.default.destinationOfSymbolicLink(atPath: path)) ?? "?"
    }
    let times = "\(info.st_mtim.tv_sec).\(info.st_mtim.tv_nsec) \(info.st_ctim.tv_sec).\(info.st_ctim.tv_nsec)"
    return "\(name) \(String(info.st_mode, radix: 8)) \(info.st_uid):\(info.st_gid) \(info.st_nlink) \(info.st_ino) "
      + "\(info.st_size) \(times) \(content)"
  }
}
