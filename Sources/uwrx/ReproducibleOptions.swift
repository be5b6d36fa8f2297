import ArgumentParser
import Sandbox

/// `uwrx run --reproducible` and its parts.
struct ReproducibleOptions: ParsableArguments {
  /// Where the project is in the guest: the path is in debug information, in __FILE__ and in what tools print.
  static let place = "/project"

  @Flag(
    help: ArgumentHelp(
      """
      Give the same bytes whatever the day, the directory, the user, the load and the machine: random numbers of seed 0 unless --seed says \
      another, process numbers, one processor and a fixed machine, squashed times, a small environment, and the project at /project.
      """))
  var reproducible = false

  @Option(
    help: ArgumentHelp(
      """
      Make so many reproducible runs, in other directories and surroundings, and compare them: the exit status is 1 if they differ, and \
      who made the difference is named.
      """, valueName: "runs"))
  var verify: Int?

  @Flag(help: "In a reproducible run: random numbers and addresses are the kernel's.")
  var noSeed = false

  @Flag(help: "In a reproducible run: processors, memory, limits and file systems are the machine's.")
  var noMachine = false

  @Flag(help: "In a reproducible run: the environment, the umask and the groups are the user's.")
  var keepEnv = false

  @Flag(help: "In a reproducible run: the project is in the guest where it is.")
  var keepPlace = false

  @Option(help: ArgumentHelp("How many processors a reproducible run has (default: 1).", valueName: "number"))
  var cpus: PositiveArgument?

  @Option(
    help: ArgumentHelp(
      "The kernel's release that a reproducible run is told (default: \(UniformMachine.usualRelease)).",
      valueName: "release"))
  var kernelVersion: String?

  var isOn: Bool { reproducible || verify != nil }
  var hasPlace: Bool { isOn && !keepPlace }
  var hasMachine: Bool { isOn && !noMachine }

  private var omissions: [(String, Bool)] {
    [
      ("--no-seed", noSeed), ("--no-machine", noMachine), ("--keep-env", keepEnv), ("--keep-place", keepPlace),
    ]
  }

  /// What is given beside `--reproducible`.
  var parts: [(String, Bool)] { omissions + [("--cpus", cpus != nil), ("--kernel-version", kernelVersion != nil)] }

  /// For a run that is no replay.
  func check() throws {
    if !isOn, let (name, _) = omissions.first(where: { $0.1 }) {
      throw ValidationError("\(name) leaves out a part of --reproducible: add --reproducible")
    }
    for (name, isGiven) in [("--cpus", cpus != nil), ("--kernel-version", kernelVersion != nil)]
    where isGiven && !hasMachine {
      throw ValidationError(
        isOn
          ? "--no-machine excludes \(name)"
          : "\(name) says what the machine of a reproducible run is: add --reproducible"
      )
    }
    if let cpus, cpus.value > UniformMachine.mostProcessors {
      throw ValidationError("--cpus \(cpus.value): the largest number is \(UniformMachine.mostProcessors)")
    }
    if let kernelVersion {
      let isName = !kernelVersion.isEmpty && kernelVersion.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }
      guard isName, kernelVersion.utf8.count <= UniformMachine.longestName else {
        throw ValidationError(
          "--kernel-version \(kernelVersion): write a release such as \(UniformMachine.usualRelease)")
      }
    }
    if let verify, !(2...100).contains(verify) {
      throw ValidationError("--verify \(verify): two runs are compared at least, and 100 at most")
    }
  }

  /// Sets what is asked for.
  func apply(to configuration: inout RunConfiguration, hasTimes: Bool) {
    guard isOn else { return }
    if !noSeed, configuration.seed == nil { configuration.seed = RunSeed(0) }
    if hasMachine {
      configuration.machine = UniformMachine(
        processors: cpus?.value ?? 1, release: kernelVersion ?? UniformMachine.usualRelease)
    }
    if !hasTimes { configuration.times = .squashed }
    if !keepEnv {
      configuration.umask = 0o022
      configuration.keepsGroups = false
    }
  }

  /// The same environment whoever the user is; nil if it is to be the user's. Its length is the same, too, on which the addresses of the
  /// stack depend.
  /// - Parameter epoch: seconds since 1970, for SOURCE_DATE_EPOCH (reproducible-builds.org).
  func environment(uid: UInt32, epoch: UInt64) -> [String]? {
    guard isOn, !keepEnv else { return nil }
    let name = uid == 0 ? "root" : "user"
    return [
      // sin(3), exp(3), pow(3) and the like differ in the last bits between processors with these instructions and without.
      "GLIBC_TUNABLES=glibc.cpu.hwcaps=-FMA,-FMA4",
      "HOME=\(uid == 0 ? "/root" : "/home/user")", "LANG=C.UTF-8", "LC_ALL=C.UTF-8", "LOGNAME=\(name)",
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "SHELL=/bin/sh",
      "SOURCE_DATE_EPOCH=\(epoch)", "TERM=dumb", "TZ=UTC", "USER=\(name)",
    ]
  }
}
