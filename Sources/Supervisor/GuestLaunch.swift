import CGuest
import CLinux
import Glibc
import SystemPackage
import Tracing
import VirtualKernel

/// A guest whose init runs and whose command waits for the virtual kernel.
struct GuestLaunch {
  let initPid: Int32
  let control: FileDescriptor
  let events: FileDescriptor
  let hasUserNamespace: Bool
  let pseudoTerminals = PseudoTerminals()
  /// The command's limit of open files, of which it has guest init's until it is given this.
  let openFiles: ResourceLimit

  /// Creates the namespaces and guest init, and lets it go on after `prepare` was called with its id: what must hold for the
  /// guest must hold for guest init before it forks. The process must not have made a thread yet.
  init(
    _ configuration: RunConfiguration, _ directory: RunDirectory, store: TemporaryDirectory?,
    filter: SyscallFilter, network: FileDescriptor?, terminal: Int32,
    prepare: (Int32) throws(SupervisorError) -> Void
  ) throws(SupervisorError) {
    let arguments = CStrings(configuration.command)
    let environment = CStrings(configuration.environment)
    let workingDirectory = strdup(configuration.workingDirectory ?? "/")!
    let runDirectory = strdup(directory.path)!
    let shownCommand = strdup(Escaping.shown(configuration.command[0]))!
    let shownDirectory = strdup(Escaping.shown(configuration.workingDirectory ?? "/"))!
    let hostname = strdup(configuration.hostname)!
    let storeDirectory = store.map { strdup($0.path)! }
    defer {
      free(workingDirectory)
      free(runDirectory)
      free(shownCommand)
      free(shownDirectory)
      free(hostname)
      free(storeDirectory)
    }
    let isRoot = geteuid() == 0
    var launch = uwrx_launch()
    launch.argv = arguments.pointer
    launch.envp = environment.pointer
    launch.working_directory = UnsafePointer(workingDirectory)
    launch.shown_command = UnsafePointer(shownCommand)
    launch.shown_directory = UnsafePointer(shownDirectory)
    launch.run_directory = UnsafePointer(runDirectory)
    launch.hostname = UnsafePointer(hostname)
    launch.store_directory = storeDirectory.map { UnsafePointer($0) }
    // Root's guest init makes mounts that only the host's root may; its command has a user namespace, too.
    launch.user_namespace = isRoot && configuration.uid == 0 && configuration.gid == 0 ? 0 : 1
    launch.inside_uid = configuration.uid
    launch.inside_gid = configuration.gid
    launch.network = network?.rawValue ?? -1
    launch.terminal = terminal
    launch.terminal_mode = pseudoTerminals.mode
    launch.fixed_addresses = configuration.seed == nil ? 0 : 1
    launch.umask = configuration.umask.map { Int32($0) } ?? -1
    launch.plain = configuration.machine == nil ? 0 : 1
    // A terminal that none of these is has not been given to the guest, which would find it at /dev/tty all the same.
    launch.new_session = (0...2).contains { tcgetsid($0) == getsid(0) } ? 0 : 1
    launch.filter_flags = KernelFeatures.filterFlags
    let settings = CStrings(NamespaceSettings.all(configuration.limits).flatMap { [$0, $1] })
    let userSettings = CStrings(NamespaceSettings.ofUser.flatMap { [$0, $1] })
    launch.user_settings = userSettings.pointer
    launch.settings = settings.pointer
    let memoryOptions = strdup(NamespaceSettings.memoryOptions(configuration.limits))!
    defer { free(memoryOptions) }
    launch.memory_options = UnsafePointer(memoryOptions)
    let isUniform = configuration.machine != nil
    let limits = ResourceLimits.all(configuration.limits, isUniform: isUniform)
    openFiles = ResourceLimits.openFiles(configuration.limits, isUniform: isUniform)
    // Guest init waits before it reads any of this, and has a copy of all.
    let result = filter.program.withUnsafeBytes { program in
      launch.filter = program.baseAddress
      launch.filter_length = UInt16(filter.program.count)
      return limits.withUnsafeBufferPointer { limits in
        launch.limits = limits.baseAddress
        launch.limit_count = limits.count
        return uwrx_guest_launch(&launch)
      }
    }
    if result < 0 {
      throw Self.failure(step: launch.failed_step.map { String(cString: $0) } ?? "start", Errno(rawValue: -result))
    }
    hasUserNamespace = launch.user_namespace != 0
    initPid = launch.init_pid
    control = FileDescriptor(rawValue: launch.control)
    events = FileDescriptor(rawValue: launch.events)
    do {
      try prepare(launch.init_pid)
    } catch {
      close(launch.go)
      waitpid(launch.init_pid, nil, 0)
      throw error
    }
    let started = uwrx_guest_start(&launch)
    if started < 0 { throw Self.failure(step: "start guest init", Errno(rawValue: -started)) }
  }

  /// Guest init takes the whole guest with it.
  func end() {
    kill(initPid, SIGKILL)
    var status: Int32 = 0
    while waitpid(initPid, &status, 0) < 0, uwrx_errno() == EINTR {}
  }

  /// A step of guest init's.
  private static let privateMounts = "make the mounts private"

  /// Says what refuses the namespaces, where that can be found out.
  static func failure(step: String, _ error: Errno) -> SupervisorError {
    var reasons: [String] = []
    func value(_ path: String) -> String? {
      guard let file = fopen(path, "re") else { return nil }
      defer { fclose(file) }
      var buffer = [CChar](repeating: 0, count: 64)
      guard fgets(&buffer, 64, file) != nil else { return nil }
      return String(decoding: buffer.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
    if value("/proc/sys/user/max_user_namespaces") == "0" {
      reasons.append("user.max_user_namespaces is 0: set it with sysctl to a number such as 10000")
    }
    if value("/proc/sys/kernel/unprivileged_userns_clone") == "0" {
      reasons.append("kernel.unprivileged_userns_clone is 0: set it to 1 with sysctl, or run uwrx as root")
    }
    if let restricted = value("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"), restricted != "0" {
      reasons.append(
        "kernel.apparmor_restrict_unprivileged_userns is \(restricted): give uwrx an AppArmor profile that allows userns, "
          + "or set it to 0 with sysctl")
    }
    if access("/proc/self/status", F_OK) < 0 {
      reasons.append("there is no /proc, as in a bare chroot: mount it with mount -t proc proc /proc")
    }
    // mount(2): only what is a mount can be made private.
    if error == .invalidArgument, step == Self.privateMounts {
      reasons.append(
        "uwrx runs in a chroot whose root is no mount: make it one before chroot, as with mount --bind DIRECTORY DIRECTORY"
      )
    }
    if reasons.isEmpty, error == .notPermitted {
      reasons.append("a container's seccomp profile or a security module may refuse namespaces")
    }
    let advice = reasons.isEmpty ? "" : "; " + reasons.joined(separator: "; ")
    return SupervisorError("cannot \(step): \(error)\(advice)")
  }
}

/// A NULL-terminated array of C strings, as execve takes it.
final class CStrings {
  private let strings: [UnsafeMutablePointer<CChar>?]
  private let array: UnsafeMutablePointer<UnsafePointer<CChar>?>

  init(_ values: [String]) {
    strings = values.map { strdup($0) }
    array = .allocate(capacity: values.count + 1)
    for (index, string) in strings.enumerated() { array[index] = UnsafePointer(string) }
    array[values.count] = nil
  }

  deinit {
    for string in strings { free(string) }
    array.deallocate()
  }

  var pointer: UnsafePointer<UnsafePointer<CChar>?> { UnsafePointer(array) }
}
