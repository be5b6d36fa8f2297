import CGuest
import CLinux
import Glibc

/// The guest as one job of the user's shell: its signals, the terminal's foreground, stopping and going on.
///
/// Nothing here waits for the guest or for guest init.
struct JobControl {
  let terminal: Terminal
  let channel: InitChannel
  /// The command, whose first process group has the same number.
  let command: pid_t
  /// Whether the terminal's foreground group is this job's, uwrx's own or one of the guest's: the guest cannot take it from another job, and
  /// another job gets it only while this one is stopped.
  private(set) var ownsTerminal: Bool

  init(terminal: Terminal, channel: InitChannel, command: pid_t, ownsTerminal: Bool) {
    self.terminal = terminal
    self.channel = channel
    self.command = command
    self.ownsTerminal = ownsTerminal
  }

  func signalCommand(_ signal: Int32) { channel.tell(UWRX_SIGNAL_COMMAND, value: signal) }

  func signalAll(_ signal: Int32) {
    channel.tell(UWRX_SIGNAL_ALL, value: signal)
    // A stopped process acts on a signal only when it goes on.
    channel.tell(UWRX_SIGNAL_ALL, value: SIGCONT)
  }

  /// The command was stopped by a signal: gives it the terminal that it asks for, or stops as it does.
  mutating func commandStopped(by signal: Int32) {
    if signal == SIGTTIN || signal == SIGTTOU, terminal.isOurs {
      ownsTerminal = true
      terminal.give(to: command)
      signalCommand(SIGCONT)
    } else if terminal.descriptor >= 0 {
      stop()
    }
  }

  /// The user's shell takes over until it continues uwrx. All of the guest stops: nobody holds it to its limits meanwhile.
  mutating func stop() {
    let hadTerminal = ownsTerminal && !terminal.isOurs
    if hadTerminal { terminal.takeBack() }
    channel.tell(UWRX_STOP_ALL)
    let wasContinued = uwrx_stop_self() != 0
    ownsTerminal = terminal.isOurs
    if hadTerminal, ownsTerminal { terminal.give(to: command) }
    channel.tell(UWRX_CONTINUE_ALL)
    // Without a shell that could have continued this job its stopped command stays stopped, as it does natively.
    if wasContinued { signalCommand(SIGCONT) }
  }

  /// The user's shell may have brought this job into the foreground while it ran.
  mutating func wasContinued() {
    if terminal.isOurs { ownsTerminal = true }
  }
}
