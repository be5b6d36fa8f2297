import Glibc
import SystemPackage
import VirtualKernel

/// The controlling terminal's foreground group, which uwrx hands to the guest as a shell does to a job.
struct Terminal {
  /// A descriptor of the terminal, or -1 if the run has none.
  let descriptor: Int32
  private let ownGroup = getpgrp()

  init(enabled: Bool) {
    descriptor = enabled ? (0...2).first { tcgetsid($0) == getsid(0) } ?? -1 : -1
  }

  /// Whether the guest gets the terminal from the start. In a pipeline the neighbours may need it, and the guest gets it
  /// when it asks.
  var isInteractive: Bool { isOurs && isatty(0) == 1 && isatty(1) == 1 }

  /// What the guest is to know of the terminal, or nil if no standard descriptor is one.
  static var inherited: InheritedTerminal? {
    for descriptor in Int32(0)...2 where isatty(descriptor) == 1 {
      var status = stat()
      guard fstat(descriptor, &status) == 0, let name = ttyname(descriptor) else { continue }
      return InheritedTerminal(
        hostPath: String(cString: name), identity: HostIdentity(status), device: UInt64(status.st_rdev))
    }
    return nil
  }

  var isOurs: Bool { descriptor >= 0 && tcgetpgrp(descriptor) == ownGroup }

  /// SIGTTOU is blocked, so a process of the background may do this.
  func give(to group: pid_t) {
    if descriptor >= 0 { tcsetpgrp(descriptor, group) }
  }

  func takeBack() {
    if descriptor >= 0 { tcsetpgrp(descriptor, ownGroup) }
  }
}
