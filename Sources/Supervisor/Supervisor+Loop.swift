import CLinux
import Glibc
import SystemPackage
import VirtualKernel

// The main loop: what the guest, its processes and the user tell.
extension Supervisor {
  func loop() throws(SupervisorError) {
    var polled = [
      pollfd(fd: launch.events.rawValue, events: Int16(POLLIN), revents: 0),
      pollfd(fd: processes!.deaths.rawValue, events: Int16(POLLIN), revents: 0),
      pollfd(fd: signals?.rawValue ?? -1, events: Int16(POLLIN), revents: 0),
      pollfd(fd: network?.proxy.control.rawValue ?? -1, events: Int16(POLLIN), revents: 0),
    ]
    while true {
      // Deaths are not urgent: waking for each of a thousand short processes would cost as much as answering their calls. Whether
      // they are waited for, or the time when they will be, is one decision of one moment: who falls between sleeps for ever.
      let burial = buryTime <= ContinuousTime.now ? nil : buryTime
      polled[1].fd = burial == nil ? processes!.deaths.rawValue : -1
      if poll(&polled, nfds_t(polled.count), timeout(before: burial)) < 0, uwrx_errno() != EINTR {
        throw SupervisorError("cannot wait for the guest: \(Errno(rawValue: uwrx_errno()))")
      }
      if polled[1].revents != 0 {
        buryDead()
        buryTime = ContinuousTime.now + Self.buryInterval
      }
      if polled[2].revents != 0 { handleSignals() }
      if polled[3].revents != 0, !hearNetwork() { polled[3].fd = -1 }
      if polled[0].revents != 0, try handleEvent() { return }
      enforceLimits()
    }
  }

  /// - Returns: whether the run is over.
  func handleEvent() throws(SupervisorError) -> Bool {
    switch events.next() {
    case .status(let status): commandChanged(status)
    case .treeEnded: return true
    case .failed(let step, let error): throw GuestLaunch.failure(step: step, error)
    case .closed:
      enforceLimits()
      // Killed by a limit or by the user: the kernel has killed everything in the guest's pid namespace.
      if commandStatus == nil, endSignal == nil, limitHit == nil, reportLimits().isEmpty {
        throw SupervisorError("guest init was killed, and the guest with it")
      }
      return true
    default: break
    }
    return false
  }

  func buryDead() {
    // The dead can wait, limits and signals cannot: the receiver may be held up by something of the guest's.
    guard lock.lock(within: 0.1) else { return }
    defer { lock.unlock() }
    var happened = [epoll_event](repeating: epoll_event(), count: 64)
    for index in 0..<max(0, Int(epoll_wait(processes!.deaths.rawValue, &happened, Int32(happened.count), 0))) {
      kernel!.didEnd(AbsTgid(rawValue: Int32(truncatingIfNeeded: happened[index].data.u64)))
    }
  }

  func commandChanged(_ status: Int32) {
    guard uwrx_wait_stopped(status) != 0 else {
      if uwrx_wait_exited(status) != 0 || uwrx_wait_signal(status) > 0 && status != 0xffff { commandDidEnd(status) }
      return
    }
    if configuration.ownsProcess { job?.commandStopped(by: uwrx_wait_stop_signal(status)) }
  }

  func commandDidEnd(_ status: Int32) {
    commandStatus = status
    survivorsTime = ContinuousTime.now + Self.patience
  }

  func tellOfSurvivors() {
    survivorsTime = nil
    let signal = uwrx_wait_exited(commandStatus!) != 0 ? nil : uwrx_wait_signal(commandStatus!)
    let status =
      signal.map { "was killed by signal \($0)" } ?? "has ended with \(uwrx_wait_exit_status(commandStatus!))"
    configuration.warn?(
      "the command \(status), but other processes that it started go on, and the run with them: Ctrl-C ends them, once more kills "
        + "them")
  }

  /// The user does not want to wait for what the command has left.
  func endSurvivors() {
    survivorsTime = nil
    if killTime == nil {
      // What a shell has put into the background ignores SIGINT.
      job?.signalAll(SIGTERM)
      endLater(SIGINT)
    } else {
      killTime = ContinuousTime.now
    }
  }

  func handleSignals() {
    var info = signalfd_siginfo()
    while read(signals!.rawValue, &info, MemoryLayout<signalfd_siginfo>.size) > 0 {
      let signal = Int32(bitPattern: info.ssi_signo)
      switch signal {
      case SIGINT where commandStatus != nil: endSurvivors()
      case SIGINT, SIGQUIT:
        job?.signalCommand(signal)
        endLater(signal)
      case SIGTERM, SIGHUP:
        job?.signalAll(signal)
        endLater(signal)
      case SIGTSTP:
        job?.signalCommand(SIGTSTP)
        job?.stop()
      case SIGCONT: job?.wasContinued()
      default: job?.signalCommand(signal)
      }
    }
  }
}
