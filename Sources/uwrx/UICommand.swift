import ArgumentParser
import Glibc
import TraceViewer
import VirtualKernel

struct UICommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ui", abstract: "Shows a run on the whole terminal: its processes, and what each of them did.",
    discussion: "It follows a run in progress. The key ? lists the keys, q quits.")

  @Argument(help: TraceArgument.help)
  var trace: TraceArgument

  func run() throws {
    // It is shown as the user has named it.
    var path = trace.text
    if trace.isReference { try reportingTraceErrors { path = try trace.resolve().path } }
    let signal: Int32?
    do {
      var viewer = try TraceViewer(path) { number in
        SyscallNumber.name(of: number) ?? "call \(number)"
      }
      signal = viewer.run()
    } catch {
      printError(error.description)
      throw ExitCode(125)
    }
    guard let signal else { return }
    // Whoever waits is to see what has ended it.
    var set = sigset_t()
    sigemptyset(&set)
    sigaddset(&set, signal)
    raise(signal)
    sigprocmask(SIG_UNBLOCK, &set, nil)
  }
}
