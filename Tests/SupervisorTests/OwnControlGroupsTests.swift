import Testing

@testable import Supervisor

/// A group of the run's own stands below the caller's, or nowhere.
@Suite("Control groups of the caller")
struct OwnControlGroupsTests {
  struct Example: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let groups: String
    let mounts: String
    var unified: String?
    var directories: [String: String] = [:]
  }

  static let examples = [
    Example(
      testDescription: "version 2", groups: "0::/user.slice/session-1.scope\n",
      mounts: "30 24 0:27 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
      unified: "/sys/fs/cgroup/user.slice/session-1.scope"),
    Example(
      testDescription: "the root", groups: "0::/\n", mounts: "30 24 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
      unified: "/sys/fs/cgroup"),
    Example(
      testDescription: "version 1, controllers together",
      groups: "4:memory:/a/b\n3:cpu,cpuacct:/\n1:name=systemd:/x\n0::/\n",
      mounts: """
        35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
        33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw shared:1 master:2 - cgroup cgroup rw,cpu,cpuacct
        40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd
        """,
      directories: [
        "memory": "/sys/fs/cgroup/memory/a/b", "cpu": "/sys/fs/cgroup/cpu,cpuacct",
        "cpuacct": "/sys/fs/cgroup/cpu,cpuacct",
        "name=systemd": "/sys/fs/cgroup/systemd/x",
      ]),
    Example(
      testDescription: "a container that sees its own part", groups: "4:memory:/docker/x/y\n",
      mounts: "35 31 0:32 /docker/x /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
      directories: ["memory": "/sys/fs/cgroup/memory/y"]),
    Example(
      testDescription: "a part that the caller is not in", groups: "4:memory:/docker/xy\n0::/other\n",
      mounts: """
        35 31 0:32 /docker/x /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
        30 24 0:27 /docker/x /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
        """),
    Example(
      testDescription: "outside of the cgroup namespace", groups: "0::/../elsewhere\n",
      mounts: "30 24 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"),
    Example(
      testDescription: "nothing is mounted", groups: "4:memory:/\n0::/\n",
      mounts: "30 24 0:27 / / rw - ext4 /dev/vda rw\n"),
  ]

  @Test(arguments: examples) func areFound(_ example: Example) {
    let own = OwnControlGroups(groups: example.groups, mounts: example.mounts)
    #expect(own.unified == example.unified)
    #expect(own.directories == example.directories)
  }
}
