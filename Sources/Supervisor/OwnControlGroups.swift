/// The directories of the control groups that a process is in (cgroups(7)).
struct OwnControlGroups: Equatable {
  /// Of a controller of version 1.
  private(set) var directories: [String: String] = [:]
  /// Of version 2.
  private(set) var unified: String?

  /// - Parameters:
  ///   - groups: /proc/self/cgroup: `4:memory:/path`, `0::/path`.
  ///   - mounts: /proc/self/mountinfo.
  init(groups: String, mounts: String) {
    for line in mounts.split(separator: "\n") {
      // proc_pid_mountinfo(5): optional fields end with a hyphen.
      let fields = line.split(separator: " ")
      guard let end = fields.firstIndex(of: "-"), end >= 6, fields.count > end + 3 else { continue }
      let (root, point, type) = (String(fields[3]), String(fields[4]), fields[end + 1])
      let options = fields[end + 3].split(separator: ",")
      for group in groups.split(separator: "\n") {
        let parts = group.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let directory = Self.directory(String(parts[2]), root: root, point: point) else {
          continue
        }
        switch type {
        case "cgroup2" where parts[0] == "0" && parts[1].isEmpty: unified = unified ?? directory
        case "cgroup":
          for controller in parts[1].split(separator: ",") where options.contains(controller) {
            directories[String(controller)] = directories[String(controller)] ?? directory
          }
        default: break
        }
      }
    }
  }

  /// Where a group is whose hierarchy is mounted from `root` on; nil if it is not in what is mounted, or if the name is an odd one.
  private static func directory(_ path: String, root: String, point: String) -> String? {
    guard !path.contains("/.."), !point.contains("\\"), !root.contains("\\") else { return nil }
    if root == "/" { return path == "/" ? point : point + path }
    if path == root { return point }
    return path.hasPrefix(root + "/") ? point + path.dropFirst(root.count) : nil
  }
}
