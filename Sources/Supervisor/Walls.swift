import CLinux
import Glibc
import Tracing

/// One of the things on this machine that a run's promises rest on.
public struct Wall: Sendable {
  public enum State: String, Sendable {
    case stands
    /// Something else takes its place, less exactly or less deeply.
    case weaker
    /// Nothing takes its place.
    case missing
  }

  public let name: String
  public let state: State
  /// What holds here, or what does not and what would help.
  public let detail: String
}

/// What stands between a guest and this machine: asked of the kernel, not of its version where it can be asked.
public enum Walls {
  /// - Throws: what makes every run impossible.
  public static func inspect() throws(SupervisorError) -> [Wall] {
    try KernelFeatures.require()
    return [notifier, killable, landlock, supervisor, numbers] + controlGroups + [clocks, key]
  }

  private static var notifier: Wall {
    Wall(
      name: "system calls", state: .stands,
      detail: "seccomp's user notifier: what is not known harmless is answered by uwrx")
  }

  private static var clocks: Wall {
    VirtualDSO.canBePatched
      ? Wall(
        name: "--time", state: .stands, detail: "programs can be made to ask uwrx for the time, also for --reproducible"
      )
      : Wall(
        name: "--time", state: .missing,
        detail:
          "this kernel lets nobody write over the code by which programs read the time (proc_mem.force_override): only --time real"
      )
  }

  private static var killable: Wall {
    KernelFeatures.filterFlags != 0
      ? Wall(
        name: "received calls", state: .stands,
        detail: "interrupted by death alone (SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)")
      : Wall(
        name: "received calls", state: .weaker,
        detail: "a signal may interrupt them, and a handed-over file closes a moment late: needs Linux 6.0")
  }

  /// Whether the guest is in a Landlock domain, too.
  public static var hasLandlock: Bool { uwrx_landlock_version() > 0 }

  private static var landlock: Wall {
    let version = uwrx_landlock_version()
    return version > 0
      ? Wall(
        name: "Landlock", state: .stands,
        detail:
          "version \(version): the guest makes, removes and lists nothing outside its root, should the filter fail")
      : Wall(
        name: "Landlock", state: .weaker,
        detail: "not in this kernel (CONFIG_SECURITY_LANDLOCK, lsm=): the mount namespace and the filter stand alone")
  }

  private static var supervisor: Wall {
    Wall(
      name: "the supervisor", state: .stands,
      detail: "once the guest runs: no programs, network, mounts, namespaces or other users"
        + (geteuid() == 0 ? ", and six of root's capabilities" : ""))
  }

  private static var numbers: Wall {
    KernelFeatures.processNumbers > 0
      ? Wall(
        name: "process numbers", state: .stands,
        detail: "a guest has \(KernelFeatures.processNumbers) of the machine's without --pids")
      : Wall(
        name: "process numbers", state: .missing, detail: "a guest can use them all up without --pids: needs Linux 6.14"
      )
  }

  private static var controlGroups: [Wall] {
    var limits = Limits()
    limits.processes = 1 << 20
    limits.memory = 1 << 40
    limits.processorTime = 1e6
    let group = ControlGroup.make(limits)
    defer { group?.remove() }
    let counter = uwrx_open_processor_counter(getpid())
    if counter >= 0 { close(Int32(counter)) }
    let advice = "no control group can be made here (root; or cgroup v2 with its controllers handed down)"
    func wall(_ name: String, _ controller: ControlGroup.Controller, otherwise: (state: Wall.State, String)) -> Wall {
      group?.has(controller) == true
        ? Wall(name: name, state: .stands, detail: "held by the kernel, in a control group")
        : Wall(name: name, state: otherwise.state, detail: "\(otherwise.1): \(advice)")
    }
    return [
      wall(
        "--pids", .pids,
        otherwise: geteuid() == 0
          ? (.missing, "refused for root") : (.weaker, "counts all of the user's processes, not the run's alone")),
      wall("--memory", .memory, otherwise: (.weaker, "looked at twenty times a second")),
      wall(
        "--cpu-time", .cpuacct,
        otherwise: counter >= 0
          ? (.stands, "counted by perf_event_open")
          : (.weaker, "misses children that nobody waits for (kernel.perf_event_paranoid above 2)")),
    ]
  }

  private static var key: Wall {
    do throws(TraceError) {
      _ = try UserKey()
      return Wall(name: "signed traces", state: .stands, detail: "a run stands on traces that are yours and unchanged")
    } catch {
      return Wall(name: "signed traces", state: .weaker, detail: "--parent needs --trust-parent: \(error.description)")
    }
  }
}
